"""Webhooks: only what is signed counts, and only the ids in it."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.webhooks import ForgedHintError, Hint, Product, read_hint

SECRET = "the secret of the lamp"


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def hint(event: Any, product: Product = Product.JIRA) -> Hint:
    body = json.dumps(event).encode()
    return read_hint(body, signature=signed(body), secret=SECRET, product=product)


JIRA_EVENTS = [
    ({"webhookEvent": "jira:issue_updated", "issue": {"id": "10001", "key": "OPS-1"}}, ("10001",)),
    ({"webhookEvent": "jira:issue_deleted", "issue": {"id": 10001}}, ("10001",)),
    ({"webhookEvent": "comment_created", "comment": {"id": "5"}, "issue": {"id": "7"}}, ("7",)),
    (
        {"webhookEvent": "issuelink_created", "issueLink": {"sourceIssueId": 7, "destinationIssueId": 8}},
        ("7", "8"),
    ),
]
CONFLUENCE_EVENTS = [
    ({"event": "page_updated", "page": {"id": 42, "spaceKey": "ENG"}}, ("42",)),
    ({"event": "blog_created", "blog": {"id": "43"}}, ("43",)),
    ({"event": "comment_created", "comment": {"id": 9, "parent": {"id": 42, "type": "page"}}}, ("42",)),
    ({"event": "attachment_created", "attachments": [{"id": 1, "container": {"id": 42}}]}, ("42",)),
    ({"event": "attachment_created", "attachments": [{"id": "att1"}], "attachedTo": {"id": 42}}, ("42",)),
    ({"event": "label_added", "label": {"name": "x"}, "labeled": {"id": 42, "contentType": "page"}}, ("42",)),
    ({"event": "content_permissions_removed", "labeled": {"id": 42, "contentType": "comment"}}, ()),
]


@pytest.mark.parametrize(("event", "ids"), JIRA_EVENTS)
def test_a_jira_event_names_its_issues(event: dict[str, Any], ids: tuple[str, ...]) -> None:
    """Also the two ends of a link."""
    assert hint(event) == Hint(ids=ids)


@pytest.mark.parametrize(("event", "ids"), CONFLUENCE_EVENTS)
def test_a_confluence_event_names_its_pages(event: dict[str, Any], ids: tuple[str, ...]) -> None:
    """Also those that comments and attachments hang on."""
    assert hint(event, Product.CONFLUENCE).ids == ids


def test_a_reply_does_not_take_a_comment_for_a_page() -> None:
    """The parent of a reply is a comment: the page is found by asking for changes."""
    event = {"event": "comment_created", "comment": {"id": 9, "parent": {"id": 8, "type": "comment"}}}
    assert hint(event, Product.CONFLUENCE) == Hint(changes=True)


def test_an_event_without_a_document_asks_for_changes() -> None:
    """Jira's attachment events do not name the issue."""
    assert hint({"webhookEvent": "attachment_created", "attachment": {"id": "5"}}) == Hint(changes=True)


@pytest.mark.parametrize(
    ("event", "product"),
    [
        ({"event": "content_permissions_updated", "content": {"id": 42}}, Product.CONFLUENCE),
        ({"event": "page_moved", "page": {"id": 42}}, Product.CONFLUENCE),
        ({"event": "space_permissions_updated", "spaceKey": "ENG"}, Product.CONFLUENCE),
        ({"webhookEvent": "user_deleted", "user": {"name": "ann"}}, Product.JIRA),
    ],
)
def test_what_may_change_readers_asks_for_permissions(event: dict[str, Any], product: Product) -> None:
    """Who may read carries no date."""
    assert hint(event, product).permissions


@pytest.mark.parametrize(
    "signature", [None, "", "sha256=", "sha256=00", signed(b"{}", "another secret"), "é"]
)
def test_what_is_not_signed_is_refused(signature: str | None) -> None:
    """Whoever finds the address can make us do nothing."""
    with pytest.raises(ForgedHintError, match="secret"):
        read_hint(b"{}", signature=signature, secret=SECRET, product=Product.JIRA)


@given(body=st.binary(max_size=60), flip=st.integers(min_value=0))
def test_a_changed_body_is_refused(body: bytes, flip: int) -> None:
    """The signature is of every byte."""
    changed = bytearray(body + b" ")
    changed[flip % len(changed)] ^= 1
    with pytest.raises(ForgedHintError):
        read_hint(bytes(changed), signature=signed(body + b" "), secret=SECRET, product=Product.JIRA)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["issue", "page", "comment", "parent", "id", "issueLink", "sourceIssueId", "event"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(event=JSON, product=st.sampled_from(list(Product)))
def test_any_json_is_a_hint_or_refused(event: Any, product: Product) -> None:
    """Never another error, and never an id that is no number."""
    try:
        found = hint(event, product)
    except ForgedHintError:
        assert not isinstance(event, dict)
    else:
        assert all(each.isdecimal() for each in found.ids)
