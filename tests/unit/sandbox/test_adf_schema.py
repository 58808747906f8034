"""What the converter makes of real tickets, against Atlassian's own ADF schema."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path

import pytest

from sandbox.atlassian.wiki_adf import wiki_to_adf

DATA = Path("/work/shared/data")
TYPES = {"object": dict, "array": list, "string": str, "number": (int, float), "boolean": bool}
pytestmark = pytest.mark.skipif(not (DATA / "adf").is_dir(), reason=f"{DATA} is not on this machine")


@pytest.fixture(scope="module")
def definitions():
    return json.loads((DATA / "adf/schema-2025.json").read_text())["definitions"]


def fits(definitions, schema, value):
    """The part of JSON Schema that the ADF schema uses."""
    if "$ref" in schema:
        return fits(definitions, definitions[schema["$ref"].rpartition("/")[2]], value)
    if not all(fits(definitions, each, value) for each in schema.get("allOf", [])):
        return False
    if "anyOf" in schema and not any(fits(definitions, each, value) for each in schema["anyOf"]):
        return False
    if not isinstance(value, TYPES.get(schema.get("type"), object)) or value not in schema.get(
        "enum", [value]
    ):
        return False
    if isinstance(value, dict):
        return object_fits(definitions, schema, value)
    if isinstance(value, list):
        return list_fits(definitions, schema, value)
    return not isinstance(value, str) or len(value) >= schema.get("minLength", 0)


def object_fits(definitions, schema, value):
    properties = schema.get("properties", {})
    if not set(schema.get("required", [])) <= set(value):
        return False
    if schema.get("additionalProperties") is False and not set(value) <= set(properties):
        return False
    return all(
        fits(definitions, properties[name], each) for name, each in value.items() if name in properties
    )


def list_fits(definitions, schema, value):
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return False
    items = schema.get("items", {})
    places = items if isinstance(items, list) else [items]
    return all(fits(definitions, places[min(n, len(places) - 1)], each) for n, each in enumerate(value))


def is_document(definitions, value):
    return fits(definitions, {"$ref": "#/definitions/doc_node"}, value)


def test_the_check_tells_atlassians_good_documents_from_the_bad(definitions):
    good = [json.loads(path.read_text()) for path in (DATA / "adf/valid").glob("*.json")]
    bad = [json.loads(path.read_text()) for path in (DATA / "adf/invalid").glob("*.json")]
    assert sum(is_document(definitions, each) for each in good) > 0.9 * len(good)
    assert sum(is_document(definitions, each) for each in bad) < 0.1 * len(bad)


@pytest.mark.parametrize("project", ["ALOY", "MOD", "TIMOB"])
def test_real_descriptions_and_comments_become_documents_that_the_schema_allows(definitions, project):
    checked = 0
    with gzip.open(DATA / f"titanium/jira/{project}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in islice(lines, 150):
            fields = json.loads(line)["fields"]
            texts = [fields.get("description"), *(c.get("body") for c in fields["comment"]["comments"])]
            for text in filter(None, texts):
                document = wiki_to_adf(text, lambda login: (login, login))
                assert is_document(definitions, document), text[:200]
                checked += 1
    assert checked > 150
