"""The vendor's OpenAPI files as a judge of requests and answers.

The files are OpenAPI 3.0, whose schemas differ from JSON Schema in `nullable` and in what stands beside a `$ref`;
they are read with the patches that lie beside them, because the official ones are wrong in places.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

Json = dict[str, Any]
#: Query values as sent: a repeated parameter has several.
Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What one method of one documented path takes and answers."""

    spec: Spec
    method: str
    #: As the file names it, without what stands before it on a site (`/api/2/search`).
    path: str
    document: Json
    #: Of the operation and of its path; the Data Center files give some twice, with different schemas.
    parameters: tuple[Json, ...]

    @property
    def is_deprecated(self) -> bool:
        return bool(self.document.get("deprecated"))

    @property
    def scopes(self) -> list[set[str]]:
        """What a token with scopes needs: one of these sets; none where the file does not say."""
        return [set(each["scopes"]) for each in self.document.get("x-atlassian-oauth2-scopes", ())]

    def request_faults(self, query: Query, body: object = None) -> list[str]:
        """What is wrong with a request: unknown or missing parameters, wrong values, a body that does not fit."""
        known: dict[str, list[Json]] = {}
        for parameter in self.parameters:
            if parameter["in"] == "query":
                known.setdefault(parameter["name"], []).append(parameter)
        faults = [f"parameter '{name}' is not documented" for name in query if name not in known]
        for name, variants in known.items():
            if name in query:
                found = [self._value_faults(variant, query[name]) for variant in variants]
                faults += [f"parameter '{name}': {fault}" for fault in min(found, key=len)]
            elif all(variant.get("required") for variant in variants):
                faults.append(f"parameter '{name}' is required")
        return faults + self._body_faults(body)

    def answer_faults(self, status: int, body: object) -> list[str]:
        """Where an answer deviates from its schema; an undocumented status is a fault too."""
        responses = self.document["responses"]
        response = responses.get(str(status)) or responses.get("default")
        if response is None:
            return [f"status {status} is not documented"]
        schema = _json_schema(self.spec.resolved(response))
        return [] if schema is None else self.spec.faults(schema, body)

    def unknown_properties(self, status: int, body: object) -> set[str]:
        """Paths (`results[].body.storage`) of what the schema does not know; open schemas know everything."""
        response = self.document["responses"].get(str(status)) or {}
        schema = _json_schema(self.spec.resolved(response))
        return set() if schema is None else set(self.spec.unknown(schema, body, ""))

    def _value_faults(self, parameter: Json, values: Sequence[str]) -> list[str]:
        schema = self.spec.resolved(parameter.get("schema") or {})
        if schema.get("type") != "array":
            if len(values) > 1:
                return ["is given more than once"]
            return self.spec.faults(schema, _typed(schema, values[0]))
        item = self.spec.resolved(schema.get("items") or {})
        listed = [part for value in values for part in _split(parameter, item, value)]
        return self.spec.faults(schema, [_typed(item, part) for part in listed])

    def _body_faults(self, body: object) -> list[str]:
        described = self.spec.resolved(self.document.get("requestBody") or {})
        if body is None:
            return ["a body is required"] if described.get("required") else []
        schema = _json_schema(described)
        if schema is None:
            return ["a body is not documented"]
        unknown = [
            f"body: '{path}' is not documented" for path in sorted(self.spec.unknown(schema, body, ""))
        ]
        return unknown + [f"body: {fault}" for fault in self.spec.faults(schema, body)]


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One OpenAPI file as a site serves it."""

    name: str
    document: Json = field(repr=False)
    #: What a site of this deployment has before the file's paths (`/wiki/api/v2`).
    base: str

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation that a request to this path of the site means; a literal path goes before a template."""
        if not path.startswith(self.base + "/"):
            return None
        rest = path.removeprefix(self.base)
        matching = [
            template
            for template, pattern in self._patterns
            if pattern.fullmatch(rest) and method.lower() in self.document["paths"][template]
        ]
        return self._operation(method, min(matching, key=lambda t: t.count("{"))) if matching else None

    def faults(self, schema: Json, value: object) -> list[str]:
        """What the schema objects to, each with its place in the value."""
        validator = Draft202012Validator(schema, registry=self._registry, format_checker=_FORMATS)
        # The deepest reason: of what may be one of several, not only that it is none of them.
        reasons = (best_match([error]) for error in validator.iter_errors(value))
        return [f"{reason.json_path}: {reason.message[:200]}" for reason in reasons if reason]

    def unknown(self, schema: Json, value: object, path: str) -> Iterator[str]:
        """Paths of properties that no part of the schema names."""
        if isinstance(value, list):
            items = [part["items"] for part in self._parts(schema) if part.get("items")]
            for each in value if items else ():
                yield from self.unknown({"anyOf": items}, each, f"{path}[]")
        elif isinstance(value, dict):
            yield from self._unknown_in_object(schema, value, path)

    def resolved(self, schema: Json) -> Json:
        """The schema, parameter or body behind a `$ref`."""
        while "$ref" in schema:
            found: Any = self.document
            for step in schema["$ref"].removeprefix("#").removeprefix("urn:spec#").strip("/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            schema = found
        return schema

    def _unknown_in_object(self, schema: Json, value: Json, path: str) -> Iterator[str]:
        parts = list(self._parts(schema))
        is_open = any(part.get("additionalProperties") not in (None, False) for part in parts)
        is_open = is_open or not any("properties" in part for part in parts)
        for name, inner in value.items():
            known = [part["properties"][name] for part in parts if name in part.get("properties", {})]
            if known:
                yield from self.unknown({"anyOf": known}, inner, f"{path}.{name}".lstrip("."))
            elif not is_open:
                yield f"{path}.{name}".lstrip(".")

    def _parts(self, schema: Json) -> Iterator[Json]:
        """The schema and all that it is composed of."""
        schema = self.resolved(schema)
        yield schema
        for word in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(word, ()):
                yield from self._parts(part)

    def _operation(self, method: str, template: str) -> Operation:
        item = self.document["paths"][template]
        document = item[method.lower()]
        given = [*item.get("parameters", []), *document.get("parameters", [])]
        return Operation(
            spec=self,
            method=method,
            path=template,
            document=document,
            parameters=tuple(self.resolved(parameter) for parameter in given),
        )

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        return [
            (template, re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(template))))
            for template in self.document["paths"]
        ]

    @cached_property
    def _registry(self) -> Registry[Any]:
        resource = DRAFT202012.create_resource(self.document)
        empty: Registry[Any] = Registry()
        registry: Registry[Any] = empty.with_resource("urn:spec", resource)
        return registry


def load_spec(
    folder: Path, name: str, *, base: str = "", corrections: Sequence[tuple[str, Any]] = ()
) -> Spec:
    """Read `<name>.json` with `<name>.patch.json` where there is one, and then with what we know better."""
    document = json.loads((folder / f"{name}.json").read_text("utf-8"))
    patch = folder / f"{name}.patch.json"
    for step in json.loads(patch.read_text("utf-8")) if patch.exists() else ():
        if step["value"] != {}:  # a schema emptied to spare generators of code is kept: it judges more
            _put(document, step["path"], step["value"])
    for pointer, value in corrections:
        _put(document, pointer, value)
    return Spec(name=name, document=_as_json_schema(document), base=base)


def _put(document: Json, pointer: str, value: Any) -> None:
    """Put a value where a JSON pointer (RFC 6901) points; `-` is the end of a list."""
    *above, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    place: Any = document
    for part in above:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if last == "-":
        place.append(value)
    else:
        place[int(last) if isinstance(place, list) else last] = value


def _as_json_schema(value: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema: `nullable` becomes a type, and nothing counts beside a `$ref`."""
    if isinstance(value, list):
        return [_as_json_schema(each) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        return {"$ref": "urn:spec" + value["$ref"]}
    schema = {name: _as_json_schema(inner) for name, inner in value.items()}
    if schema.get("nullable") is True:
        nullable = {name: inner for name, inner in schema.items() if name != "nullable"}
        return {"anyOf": [nullable, {"type": "null"}]}
    return schema


def _json_schema(message: Json) -> Json | None:
    """The schema of a request's or response's JSON; None where the file gives none."""
    for kind, content in (message.get("content") or {}).items():
        if "json" in kind:
            schema: Json | None = content.get("schema")
            return schema
    return None


def _split(parameter: Json, item: Json, value: str) -> list[str]:
    """The items of a list parameter: comma-separated where the file says so, in style or in words."""
    words = f"{parameter.get('description')} {parameter.get('schema', {}).get('description')}".lower()
    is_separated = parameter.get("explode") is False or "comma" in words or item.get("type") == "integer"
    return value.split(",") if is_separated else [value]


def _typed(schema: Json, text: str) -> object:
    """A query value as the type that its schema asks for; one that cannot be stays text, and fails."""
    kinds = {schema.get("type"), *(part.get("type") for part in schema.get("anyOf", ()))}
    if kinds & {"integer", "number"} and re.fullmatch(r"-?\d+", text):
        return int(text)
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    return text


_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    """RFC 3339, or Jira's own form with `+0000`, which its files call by the same name."""
    return not isinstance(value, str) or bool(datetime.fromisoformat(value))


@_FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.strptime(value, "%Y-%m-%d"))


@_FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(UUID(value))


@_FORMATS.checks("int32")
def _is_int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


@_FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63
