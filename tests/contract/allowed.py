"""What may deviate from the vendor's files, each with its reason. Keys are regular expressions over the whole text."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Routes of the sandbox that are no API -> why.
NOT_AN_API = {
    r".*/browse/\{key\}": "a page for people",
    r".*/pages/view(page|pageattachments)\.action": "a page for people",
    r".*/(spaces|display)/.*": "a page for people",
    r".*/download/attachments/.*": "bytes of a file, at the address that answers give",
    r".*/login\.jsp": "a page for people",
    r"/_media/.*": "bytes of a file, at the address to which Cloud sends a download on",
    r".*/secure/attachment/.*": "bytes of a file, at the address that answers give",
}

_OWN_API = "https://support.atlassian.com/confluence: the id of a site, which the gateway's addresses need"
_OAUTH = "https://developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens"
#: `<method> <route>` of an API that no file names -> where it is known from.
UNDOCUMENTED_ROUTES = {
    r"GET /_edge/tenant_info": _OWN_API,
    r"(POST|GET) /oauth/token(/accessible-resources)?": _OAUTH,
    r"GET /confluence/rest/mobile/1\.0/profile/\{user\}": "Confluence's mobile plug-in; the only resource of Data "
    "Center that tells an e-mail address (Onyx reads it too)",
    r"GET /wiki/rest/api/(space|space/\{space\}|content)": "removed in 2025: it answers 410, so that a client that "
    "still asks for it fails here as it does there",
    r"GET /wiki/rest/api/content/\{content\}(/label|/child/(comment|page|attachment))?": "version 1 on Cloud: out "
    "of the file since version 2, still answered",
}

#: `<file> <method> <path> <status>` -> why the status is right though the file does not list it.
UNDOCUMENTED_STATUSES = {
    r"confluence-\S+ GET \S+ 401": "the files list 401 for some resources; without credentials all answer so",
    r"jira-v3 (GET|POST) /rest/api/3/search 410": "CHANGE-2046: removed in 2025, deprecated in the file",
    r"confluence-\S+ GET \S+/restriction/byOperation/\{operationKey\} 404": "listed for its neighbour byOperation: "
    "there is no such content",
    r"confluence-dc-\S+ GET /rest/api/content/search 400": "listed for its neighbour /rest/api/search: CQL that "
    "cannot be read",
}

#: `<file> <path of the property>` that an answer has and its schema has not -> where it is known from.
UNDOCUMENTED_PROPERTIES = {
    r"confluence-dc-\S+ (.*\.)?_(links|expandable)(\..*)?": "every bean names its address and what can be expanded; "
    "the reference's examples show both (docs.atlassian.com/ConfluenceServer/rest)",
    r"confluence-dc-\S+ (.*\.)?version\.friendlyWhen": "the reference's example of a version",
    r"confluence-dc-\S+ (.*\.)?history\.lastUpdated\.\w+": "a reference in the file; expanded it is a Version",
    r"confluence-dc-\S+ (totalSize|cqlQuery|searchDuration)": "the reference's example of a search",
    r"confluence-dc-\S+ results\[\]\.(content|breadcrumbs|score)": "the reference's example of a search result",
    r"confluence-dc-\S+ (read|update)": "byOperation answers with a map; the file describes its values",
    r"jira-dc-\S+ groups\.items": "expand=groups: the reference's example of a user",
    r"jira-dc-\S+ (issues\[\]\.)?expand": "the reference's example of an issue",
    r"jira-dc-\S+ (permissions\[\]\.)?holder\.expand": "the reference's example of a permission grant",
    r"jira-dc-\S+ (\[\]\.)?(projectTypeKey|lead|roles)": "the reference's example of a project",
}

#: `<method> <path>` that the connectors send and no file names -> where it is known from.
UNDOCUMENTED_REQUESTS = {
    r"GET /_edge/tenant_info": _OWN_API,
    r"POST /oauth/token": _OAUTH,
    r"GET /confluence/rest/mobile/1\.0/profile/\{user\}": "the only resource of Data Center that tells an e-mail "
    "address",
    r"GET (/wiki|/confluence)/download/attachments/\{page\}/\{title\}": "the address of a file's bytes, as the "
    "attachment's `_links.download` gives it",
    r"GET /_media/\{kind\}/\{attachment\}": "where Cloud sends a download on to (in life another host)",
    r"GET /jira/secure/attachment/\{attachment\}/\{name\}": "the address of a file's bytes, as the attachment's "
    "`content` gives it",
}


def is_among(allowed: Iterable[str], text: str) -> bool:
    """Whether one of the expressions means this text."""
    return any(re.fullmatch(pattern, text) for pattern in allowed)
