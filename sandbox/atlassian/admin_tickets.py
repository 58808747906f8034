"""The admin API for tickets, their comments, attachments and security levels."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox import site_changes
from sandbox.atlassian.admin_wire import Table, an_object, issue_of, principals_of
from sandbox.site_records import IssueRow
from sandbox.site_state import Site


def ticket_table(site: Site) -> Table:
    """The routes for Jira's issues."""
    admin = _TicketAdmin(site)
    return [
        ("GET", "/issues", admin.list_issues),
        ("POST", "/issues", admin.post_issue),
        ("GET", "/issues/{issue}", admin.get_issue),
        ("PUT", "/issues/{issue}", admin.put_issue),
        ("DELETE", "/issues/{issue}", admin.delete_issue),
        ("PUT", "/issues/{issue}/project", admin.put_project),
        ("PUT", "/issues/{issue}/security", admin.put_security),
        ("POST", "/issues/{issue}/comments", admin.post_comment),
        ("PUT", "/issues/{issue}/comments/{comment}", admin.put_comment),
        ("DELETE", "/issues/{issue}/comments/{comment}", admin.delete_comment),
        ("POST", "/issues/{issue}/attachments", admin.post_attachment),
        ("DELETE", "/issues/{issue}/attachments/{attachment}", admin.delete_attachment),
    ]


class _TicketAdmin:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def list_issues(self, _: web.Request) -> Any:
        return [_names(issue) for issue in list(self._site.issues.values())]

    async def post_issue(self, request: web.Request) -> Any:
        return _names(site_changes.create_issue(self._site, await an_object(request)))

    async def get_issue(self, request: web.Request) -> Any:
        return self._issue(request).document()

    async def put_issue(self, request: web.Request) -> Any:
        issue, data = self._issue(request), await an_object(request)
        site_changes.update_issue(self._site, issue, data.get("fields", {}))
        return _names(issue)

    async def delete_issue(self, request: web.Request) -> Any:
        issue = self._issue(request)
        site_changes.delete_issue(self._site, issue)
        return {**_names(issue), "status": "deleted"}

    async def put_project(self, request: web.Request) -> Any:
        """Move the issue: `{"project": KEY}`; answers its new key."""
        issue, data = self._issue(request), await an_object(request)
        return _names(site_changes.move_issue(self._site, issue, str(data.get("project"))))

    async def put_security(self, request: web.Request) -> Any:
        issue, principals = self._issue(request), await principals_of(request, jira=True)
        site_changes.set_security(self._site, issue, principals)
        return {"principals": principals}

    async def post_comment(self, request: web.Request) -> Any:
        issue = self._issue(request)
        return {"id": site_changes.add_issue_comment(self._site, issue, await an_object(request))}

    async def put_comment(self, request: web.Request) -> Any:
        issue, data = self._issue(request), await an_object(request)
        site_changes.update_issue_comment(self._site, issue, request.match_info["comment"], data)
        return {"id": request.match_info["comment"]}

    async def delete_comment(self, request: web.Request) -> Any:
        site_changes.delete_issue_comment(self._site, self._issue(request), request.match_info["comment"])
        return {"id": request.match_info["comment"], "status": "deleted"}

    async def post_attachment(self, request: web.Request) -> Any:
        issue = self._issue(request)
        return {"id": site_changes.add_issue_attachment(self._site, issue, await an_object(request))}

    async def delete_attachment(self, request: web.Request) -> Any:
        number = request.match_info["attachment"]
        site_changes.delete_issue_attachment(self._site, self._issue(request), number)
        return {"id": number, "status": "deleted"}

    def _issue(self, request: web.Request) -> IssueRow:
        return issue_of(self._site, request.match_info["issue"])


def _names(issue: IssueRow) -> dict[str, str]:
    return {"id": issue.id, "key": issue.key}
