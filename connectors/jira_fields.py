"""Custom fields: which of them are read, and their values as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from connectors.atlassian import Json
from connectors.markup.adf import adf_to_markdown
from connectors.markup.wiki import wiki_to_markdown

log = structlog.get_logger(__name__)

#: Data Center keeps a ticket's epic in a field of its own; on Cloud it is the parent.
_EPIC = "com.pyxis.greenhopper.jira:gh-epic-link"
_DEEPEST = 8
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):[\d.:]+(?:Z|([+-]\d\d):?(\d\d))?")
#: A sprint as older Data Centers write it: a Java object in words.
_SPRINT = re.compile(r"com\.atlassian\.greenhopper\.\S*?\[.*?\bname=(.*?)(?:,\w+=.*)?\]", re.DOTALL)
#: What a value is called, the best word first.
_NAMES = ("value", "displayName", "name", "key", "title", "label")


@dataclass(frozen=True, kw_only=True)
class CustomField:
    """A field of a site that is read."""

    id: str
    label: str
    #: Whether a string in it is wiki markup (Data Center's fields of many lines).
    is_markup: bool = False


def chosen_fields(fields: Iterable[Json], wanted: Mapping[str, str | None]) -> Iterator[CustomField]:
    """The fields that are wanted by id or by name in any case (all that have it), and the epic's.

    Args:
        wanted: what they are called in documents by their id or name; None: as the site calls them.
    """
    by_name = {name.strip().lower(): label for name, label in wanted.items()}
    for field in fields:
        identity, name = str(field.get("id")), str(field.get("name") or field.get("id"))
        custom = str((field.get("schema") or {}).get("custom") or "")
        asked = {identity.lower(), name.strip().lower()} & by_name.keys()
        if asked:
            label = by_name[asked.pop()] or name
            yield CustomField(id=identity, label=label, is_markup=custom.endswith(":textarea"))
        elif custom == _EPIC:
            yield CustomField(id=identity, label="Epic")


def missing_fields(fields: Iterable[Json], wanted: Iterable[str]) -> list[str]:
    """The names that no field of the site has."""
    known = {str(field.get(key)).strip().lower() for field in fields for key in ("id", "name")}
    return [name for name in wanted if name.strip().lower() not in known]


def field_text(value: Any, names: Mapping[str, str], *, is_markup: bool = False) -> str:
    """A value in words, empty for none; a shape that is not known gives its words, without braces."""
    if isinstance(value, str):
        return wiki_to_markdown(value, names.get) if is_markup else _plain(value)
    return _words(value, _DEEPEST)


def _words(value: Any, depth: int) -> str:
    if value is None or depth == 0:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return ", ".join(filter(None, (_words(item, depth - 1) for item in value)))
    if isinstance(value, dict):
        return _of_object(value, depth)
    return _plain(str(value))


def _of_object(value: Json, depth: int) -> str:
    if value.get("type") == "doc" and isinstance(value.get("content"), list):
        return adf_to_markdown(value)
    name = next((value[key] for key in _NAMES if isinstance(value.get(key), str | int | float)), None)
    if name is None:
        return ", ".join(filter(None, (_words(item, depth - 1) for item in value.values())))
    child = _words(value.get("child"), depth - 1)
    return f"{_words(name, depth - 1)} › {child}" if child else _words(name, depth - 1)


def _plain(text: str) -> str:
    """Dates without seconds, sprints by their names, everything else as it is."""
    moment = _MOMENT.fullmatch(text.strip())
    if moment:
        day, clock, hours, minutes = moment.groups()
        zone = "UTC" if hours is None or int(hours) == int(minutes) == 0 else f"{hours}:{minutes}"
        return f"{day} {clock} {zone}"
    sprint = _SPRINT.fullmatch(text.strip())
    return sprint.group(1) if sprint else text.strip()
