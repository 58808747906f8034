"""Where the vendor's files are known to be wrong beyond the patches that come with them, with what tells so.

The Data Center files are made from the Java beans: a method that answers with a list is described by its element,
and a map by the type of its values.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def _schema_of(path: str) -> str:
    return f"/paths/{path.replace('/', '~1')}/get/responses/200/content/application~1json/schema"


def _listed(path: str, bean: str) -> tuple[str, Json]:
    """The resource answers with a list; its own description and example say so."""
    return _schema_of(path), {"type": "array", "items": {"$ref": f"#/components/schemas/{bean}"}}


_TEXT: Json = {"type": "string"}
_FILES = "/paths/~1rest~1api~1content~1{id}~1child~1attachment/get/responses"
_MEMBERS = "/api/2/group/member"
_PAGE_OF_USERS: Json = {
    "allOf": [
        {"$ref": "#/components/schemas/PageBean"},
        {
            "type": "object",
            "properties": {
                "values": {"type": "array", "items": {"$ref": "#/components/schemas/UserJsonBean"}}
            },
        },
    ]
}

#: File -> (JSON pointer, what stands there in truth).
CORRECTIONS: dict[str, list[tuple[str, Any]]] = {
    "jira-v3": [
        # `expand=user,group,projectRole` adds these, as its description says; the schema is closed without them.
        ("/components/schemas/PermissionHolder/properties/user", {"$ref": "#/components/schemas/User"}),
        ("/components/schemas/PermissionHolder/properties/group", {"$ref": "#/components/schemas/GroupName"}),
        (
            "/components/schemas/PermissionHolder/properties/projectRole",
            {"$ref": "#/components/schemas/ProjectRole"},
        ),
    ],
    "confluence-v1": [
        # "A list of accountId's": given once for each person.
        (
            "/paths/~1wiki~1rest~1api~1user~1bulk/get/parameters/0/schema",
            {"type": "array", "items": _TEXT},
        ),
    ],
    "jira-dc-10.3": [
        _listed("/api/2/field", "FieldBean"),
        _listed("/api/2/applicationrole", "ApplicationRoleBean"),
        _listed("/api/2/project", "ProjectBean"),
        _listed("/api/2/role", "ProjectRoleBean"),
        _listed("/api/2/user/search", "UserBean"),
        _listed("/api/2/user/viewissue/search", "UserBean"),
        _listed("/api/2/issue/{issueIdOrKey}/remotelink", "RemoteIssueLinkBean"),
        # "Returns a paginated list of users in the group", by a name that the path has no place for.
        (_schema_of(_MEMBERS), _PAGE_OF_USERS),
        ("/paths/~1api~12~1group~1member/get/parameters/2/in", "query"),
        # Comma-separated words.
        ("/components/schemas/StringList", _TEXT),
        # The example shows texts, lists and objects.
        ("/components/schemas/IssueBean/properties/fields/additionalProperties", {}),
        ("/components/schemas/IssueBean/properties/renderedFields/additionalProperties", {}),
        # Actors as the reference's example for project roles shows them.
        ("/components/schemas/RoleActorBean/properties/id", {"type": "integer"}),
        ("/components/schemas/RoleActorBean/properties/displayName", _TEXT),
        ("/components/schemas/RoleActorBean/properties/type", _TEXT),
        (
            "/components/schemas/RoleActorBean/properties/actorUser",
            {"type": "object", "properties": {"name": _TEXT, "key": _TEXT}},
        ),
        (
            "/components/schemas/RoleActorBean/properties/actorGroup",
            {"type": "object", "properties": {"name": _TEXT, "displayName": _TEXT}},
        ),
    ],
    "confluence-dc-10.0.3": [
        # A read creates nothing: what is described under 201 comes with 200.
        (f"{_FILES}/200", {"$ref": f"#{_FILES}/201"}),
        # The groups of a person, described as people.
        (
            _schema_of("/rest/api/user/memberof") + "/properties/results/items",
            {"$ref": "#/components/schemas/Group"},
        ),
        # An Iterable, which is written as a list.
        ("/components/schemas/ValidationResult/properties/errors", {"type": "array"}),
        # The bean of a person who is known (`KnownUser`) has these beside those of any `Person`.
        ("/components/schemas/Person/properties/username", _TEXT),
        ("/components/schemas/Person/properties/userKey", _TEXT),
        ("/components/schemas/Subject/properties/username", _TEXT),
        ("/components/schemas/Subject/properties/userKey", _TEXT),
        ("/components/schemas/Subject/properties/name", _TEXT),
        (
            "/components/schemas/Group",
            {"type": "object", "required": ["name"], "properties": {"name": _TEXT, "type": _TEXT}},
        ),
    ],
}
