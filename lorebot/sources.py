"""The ``[[sources]]`` tables of the configuration: what each kind of source takes, and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from lorebot.tables import Secret, Table, WebAddress

Auth = Literal["token", "scoped", "oauth", "pat", "basic"]

KINDS = ("confluence", "jira", "files")

_CLOUD_AUTHS = ("token", "scoped", "oauth")
_DATACENTER_AUTHS = ("pat", "basic")
_OAUTH_KEYS = ("client_id", "client_secret", "refresh_token")
_GATEWAY_KEYS = ("cloud_id", "gateway_url")
_GATEWAY_HOST = "api.atlassian.com"


class AtlassianTable(Table):
    """What Confluence and Jira have in common."""

    name: Annotated[str, Field(min_length=1)]
    url: WebAddress
    deployment: Literal["cloud", "datacenter"] = "cloud"
    #: Absent: "token" on Cloud; on Data Center "basic" with an e-mail or user, else "pat".
    auth: Auth | None = None
    email: str | None = None
    user: str | None = None
    token: Secret | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    cloud_id: str | None = None
    gateway_url: WebAddress | None = None
    auth_url: WebAddress | None = None
    ca_bundle: Path | None = None
    proxy: Secret | None = None
    requests_at_once: Annotated[int, Field(ge=1, le=32)] = 4
    webhook_secret: Secret | None = None

    @property
    def way_in(self) -> Auth:
        """How the account signs in."""
        if self.auth is not None:
            return self.auth
        if self.deployment == "cloud":
            return "token"
        return "basic" if self.login else "pat"

    @property
    def login(self) -> str | None:
        """Whose token or password it is."""
        return self.email or self.user

    @property
    def takes_gateway(self) -> bool:
        """Whether requests go through Atlassian's gateway."""
        return self.way_in in ("scoped", "oauth")

    @model_validator(mode="after")
    def _auth_is_whole(self) -> AtlassianTable:
        auth, given = self.way_in, self.model_fields_set
        if auth not in (_CLOUD_AUTHS if self.deployment == "cloud" else _DATACENTER_AUTHS):
            raise ValueError(
                f'auth = "{auth}" does not go with deployment = "{self.deployment}": Cloud has token, scoped and '
                "oauth, Data Center has pat and basic"
            )
        if urlsplit(self.url).hostname == _GATEWAY_HOST:
            raise ValueError(
                'url has to be the site\'s own address (https://acme.atlassian.net); with auth = "scoped" or '
                '"oauth" the gateway is found from it'
            )
        if auth == "oauth":
            self._need(*_OAUTH_KEYS)
        else:
            self._need("token")
        if auth in ("token", "scoped") and not self.login:
            raise ValueError("email is missing: Cloud wants the account's e-mail address beside its token")
        if auth == "basic" and not self.login:
            raise ValueError('user is missing: auth = "basic" wants a user name beside the password in token')
        unfit = set() if auth == "oauth" else {*_OAUTH_KEYS, "auth_url"}
        unfit |= {"token", "email", "user"} if auth == "oauth" else set()
        unfit |= {"email", "user"} if auth == "pat" else set()
        unfit |= set() if self.takes_gateway else set(_GATEWAY_KEYS)
        for key in sorted(unfit & given):
            if getattr(self, key) is not None:
                raise ValueError(f'{key} does not go with auth = "{auth}"')
        return self

    def _need(self, *keys: str) -> None:
        for key in keys:
            if getattr(self, key) is None:
                raise ValueError(f'{key} is missing: auth = "{self.way_in}" needs it')


class ConfluenceTable(AtlassianTable):
    """A Confluence."""

    kind: Literal["confluence"]
    #: Keys; absent: all that the account may read.
    spaces: tuple[str, ...] | None = None


class JiraTable(AtlassianTable):
    """A Jira."""

    kind: Literal["jira"]
    #: Keys; absent: all that the account may browse.
    projects: tuple[str, ...] | None = None
    #: Custom fields to read, by id or name; as a table with what documents call them.
    fields: tuple[str, ...] | dict[str, str] = ()
    #: Whether comments that only some roles may see are read, for those who may.
    restricted_comments: bool = False
    #: Whether a service desk's internal notes are read, for its agents.
    internal_notes: bool = False


class FilesTable(Table):
    """A folder of files."""

    kind: Literal["files"]
    name: Annotated[str, Field(min_length=1)]
    path: Path
    #: Where people find the folder; absent: ``file://``.
    url: WebAddress | None = None


SourceTable = Annotated[ConfluenceTable | JiraTable | FilesTable, Field(discriminator="kind")]
