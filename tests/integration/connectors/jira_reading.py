"""What the tests of the Jira connector have in common: whole reads, as the indexer makes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest

from connectors.batches import batches
from connectors.documents import Document, Listed, SectionKind, Unreadable
from sandbox.atlassian import jira_beans


def read_all(connector: Any) -> list[Document | Unreadable]:
    """Every ticket that the listing tells."""
    return read_ids(connector, [listed.id for listed in connector.listing()])


def read_changed(connector: Any, since: datetime) -> list[Document | Unreadable]:
    """Every ticket that changed since then."""
    return read_ids(connector, [changed.id for changed in connector.changes(since)])


def read_ids(connector: Any, ids: list[str]) -> list[Document | Unreadable]:
    """These documents, in batches of the connector's size."""
    return [found for batch in batches(ids, connector.batch_size) for found in connector.documents(batch)]


def by_key(found: list[Document | Unreadable]) -> dict[str, Document]:
    """The documents by key; every one must be readable."""
    documents = [each for each in found if isinstance(each, Document)]
    assert len(documents) == len(found)
    assert len({document.id for document in documents}) == len(documents)
    return {document.external_id: document for document in documents}


def read(connector: Any) -> dict[str, Document]:
    """All tickets by key."""
    return by_key(read_all(connector))


def rule_names(found: Iterable[Listed | Document]) -> dict[str, list[str]]:
    """The names of the rules of each, by its id."""
    return {each.id: [rule.name for rule in each.access_rules or ()] for each in found}


def make_service_desks(monkeypatch: pytest.MonkeyPatch) -> None:
    """All projects of the sandbox become service desks: others have no internal notes."""
    as_it_is = jira_beans.project_bean

    def project_bean(context: Any, project: Any) -> dict[str, Any]:
        return {**as_it_is(context, project), "projectTypeKey": "service_desk"}

    monkeypatch.setattr(jira_beans, "project_bean", project_bean)


def texts(document: Document, kind: SectionKind) -> list[str]:
    """The texts of the sections of one kind."""
    return [section.text for section in document.sections if section.kind is kind]


def admits(connector: Any, document: Document, principals: frozenset[str]) -> bool:
    """Whether a reader with these principals may read the document."""
    return bool(document.access_rules) and all(
        connector.rule(rule.name).principals & principals for rule in document.access_rules
    )
