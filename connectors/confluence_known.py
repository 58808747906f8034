"""What is known of a site while its documents are read: spaces, restrictions, people's names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.atlassian import Deployment, Json
from connectors.confluence_access import PageAccess
from connectors.confluence_api import ConfluenceApi
from connectors.confluence_pages import blogpost_url, page_url
from connectors.confluence_spaces import Spaces
from connectors.markup.storage import mentioned_users
from connectors.times import parse_time


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a site while it is read, shared by threads."""

    api: ConfluenceApi
    spaces: Spaces
    access: PageAccess
    source: str
    deployment: Deployment
    #: Where people open the site.
    url: str
    #: Names of people by the ids that mentions carry, None where the site tells none.
    names: dict[str, str | None] = field(default_factory=dict)

    def learn_names(self, bodies: Iterable[str]) -> None:
        """Ask for the people whom these bodies mention."""
        wanted = {user for body in bodies for user in mentioned_users(body)} - self.names.keys()
        if wanted:
            self.names.update(dict.fromkeys(wanted) | dict(self.api.user_names(sorted(wanted))))

    def link_to(self, row: Json) -> str:
        """Where people read a page or blog post."""
        place = {"space": row["space"]["key"], "page_id": str(row["id"]), "title": row["title"]}
        if row["type"] == "blogpost" and self.deployment is Deployment.CLOUD:
            created = parse_time((row.get("history") or {}).get("createdDate"))
            return blogpost_url(self.url, created=created, **place)
        return page_url(self.url, self.deployment, **place)
