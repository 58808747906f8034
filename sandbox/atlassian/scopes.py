"""Which scopes a token needs for a resource of Cloud's APIs: one of the sets is enough, and all of that set.

Confluence's v2 resources take granular scopes alone; Jira's and Confluence's v1 take classic ones as well.
https://developer.atlassian.com/cloud/jira/platform/scopes-for-oauth-2-3LO-and-forge-apps/ and the vendor's API specs
"""

from __future__ import annotations

import re

Alternatives = tuple[frozenset[str], ...]


def _any(*sets: str) -> Alternatives:
    """Each text is one set of scopes, separated by blanks."""
    return tuple(frozenset(each.split()) for each in sets)


ISSUE = _any(
    "read:jira-work",
    "read:issue-meta:jira read:issue-security-level:jira read:issue.vote:jira read:issue.changelog:jira "
    "read:avatar:jira read:issue:jira read:status:jira read:user:jira read:field-configuration:jira",
)
CONFIGURATION = "manage:jira-configuration"
SCHEME = "read:issue-security-level:jira read:issue-security-scheme:jira"
JIRA: list[tuple[str, Alternatives]] = [
    (r"/serverInfo|/permissions/check", _any("")),
    (
        r"/search/jql",
        _any(
            "read:jira-work",
            "read:issue-details:jira read:audit-log:jira read:avatar:jira read:field-configuration:jira "
            "read:issue-meta:jira",
        ),
    ),
    (r"/issue/[^/]+/comment.*", _any("read:jira-work", "read:comment:jira read:user:jira read:group:jira")),
    (r"/issue/[^/]+/remotelink", _any("read:jira-work", "read:issue.remote-link:jira read:status:jira")),
    (r"/issue/[^/]+", ISSUE),
    (r"/attachment/.*", _any("read:jira-work", "read:attachment:jira")),
    (
        r"/project(/search|/[^/]+)?",
        _any("read:jira-work", "read:project:jira read:issue-type:jira read:user:jira"),
    ),
    (r"/project/[^/]+/role.*", _any("read:jira-work", "read:project-role:jira")),
    (r"/project/[^/]+/(issuesecuritylevelscheme|securitylevel)", _any("read:jira-work", SCHEME)),
    (r"(/project/[^/]+)?/permissionscheme.*", _any("read:jira-work", "read:permission-scheme:jira")),
    (r"/issuesecurityschemes/level.*", _any(CONFIGURATION, SCHEME)),
    (r"/issuesecurityschemes.*", _any("manage:jira-project", SCHEME)),
    (r"/securitylevel/.*", _any(CONFIGURATION, "read:issue-security-level:jira read:project-role:jira")),
    (r"/role", _any(CONFIGURATION, "read:project-role:jira read:user:jira read:group:jira")),
    (r"/applicationrole.*", _any(CONFIGURATION, "read:application-role:jira")),
    (r"/group/member", _any(CONFIGURATION, "read:group:jira read:user:jira read:avatar:jira")),
    (r"/group.*", _any("read:jira-user", "read:group:jira")),
    (r"/(myself|user.*)", _any("read:jira-user", "read:user:jira")),
    (r"/mypermissions", _any("read:jira-work", "read:permission:jira")),
    (r"/.*", _any("read:jira-work")),
]
DETAILS = "read:content-details:confluence"
CONFLUENCE_V1: list[tuple[str, Alternatives]] = [
    (r"/search/user", _any(DETAILS)),
    (r"/(content/)?search", _any("search:confluence", DETAILS)),
    (
        r"/content/[^/]+/child/attachment/[^/]+/download",
        _any("readonly:content.attachment:confluence", "read:attachment:confluence"),
    ),
    (r"/content.*", _any("read:confluence-content.all", DETAILS)),
    (
        r"/group/[^/]+/membersByGroupId",
        _any("read:confluence-groups", "read:group:confluence read:user:confluence"),
    ),
    (r"/group.*", _any("read:confluence-groups", "read:group:confluence")),
    (r"/user/memberof", _any("read:confluence-user", "read:user:confluence read:group:confluence")),
    (r"/user.*", _any("read:confluence-user", DETAILS)),
    (r"/space.*", _any("read:confluence-space.summary")),
    (r"/.*", _any("read:confluence-content.all")),
]
CONFLUENCE_V2: list[tuple[str, Alternatives]] = [
    (r"/users-bulk", _any("read:user:confluence")),
    (r"/spaces/[^/]+/role-assignments", _any("read:space.permission:confluence")),
    (r"/spaces(/[^/]+)?(/permissions)?", _any("read:space:confluence")),
    (r"(/[^/]+/[^/]+)?/attachments.*", _any("read:attachment:confluence")),
    (r".*/?(footer|inline)-comments.*", _any("read:comment:confluence")),
    (r"/pages/[^/]+/ancestors", _any("read:content.metadata:confluence")),
    (r"/.*", _any("read:page:confluence")),
]
APIS = [
    (re.compile(r"/ex/jira/[^/]+/rest/api/[^/]+(/.*)"), JIRA),
    (re.compile(r"/ex/confluence/[^/]+/wiki/rest/api(/.*)"), CONFLUENCE_V1),
    (re.compile(r"/ex/confluence/[^/]+/wiki/api/v2(/.*)"), CONFLUENCE_V2),
]


def allows(scopes: frozenset[str], path: str) -> bool:
    """Whether a token with these scopes may call this path of the gateway."""
    for pattern, table in APIS:
        if match := pattern.fullmatch(path):
            needed = next(sets for resource, sets in table if re.fullmatch(resource, match[1]))
            return any(each <= scopes for each in needed)
    return True
