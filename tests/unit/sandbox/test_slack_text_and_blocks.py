"""What people type becomes what Slack stores; Block Kit limits; manifests; form states."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.slack.blocks import assign_ids, check_blocks
from sandbox.slack.errors import ManifestError, SlackError
from sandbox.slack.manifest import parse_manifest
from sandbox.slack.models import AppSecrets
from sandbox.slack.text import encode_typed_text
from sandbox.slack.view_state import state_of
from sandbox.slack.workspace import Workspace, load_workspace

MANIFEST = {"display_information": {"name": "Atlas Bot"}, "features": {"bot_user": {"display_name": "atlas"}}}


def make_workspace() -> Workspace:
    """Two people with similar names, and a channel."""
    site = {
        "users": [
            {"id": "U1", "name": "ada", "real_name": "Ada", "email": "ada@x.example"},
            {"id": "U2", "name": "ada.b", "real_name": "Ada Baker", "email": "adab@x.example"},
        ],
        "channels": [{"id": "C1", "name": "help-it", "members": ["U1", "U2"]}],
    }
    return load_workspace(site, manifest=MANIFEST, secrets=AppSecrets())


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
        ("@Ada Baker and @ada", "<@U2> and <@U1>"),
        ("@Atlas Bot, @atlas: hi", "<@U0SANDBOXAPP>, <@U0SANDBOXAPP>: hi"),
        ("mail ada@x.example about @nobody", "mail ada@x.example about @nobody"),
        ("see #help-it and #other", "see <#C1|help-it> and #other"),
        ("see https://x.example/a?b=1&c=@ada.", "see <https://x.example/a?b=1&amp;c=@ada>."),
        ("<@U1> in <#C1|help-it>", "<@U1> in <#C1|help-it>"),
        ("<!channel> <b>", "&lt;!channel&gt; &lt;b&gt;"),
    ],
)
def test_typed_text_is_encoded(typed: str, stored: str) -> None:
    """Entities, mentions, channels and links; what is encoded already stays."""
    assert encode_typed_text(make_workspace(), typed) == stored


@given(st.text(alphabet=st.characters(exclude_characters="@#:", exclude_categories=["Cs"])))
def test_text_without_names_and_links_survives_encoding(text: str) -> None:
    """Unescaping gives back exactly what was typed, and no bare angle bracket is left."""
    workspace = make_workspace()
    stored = encode_typed_text(workspace, text)
    assert stored.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text
    assert "<" not in stored


def test_html_entities_that_people_type_stay_as_typed() -> None:
    """``&lt;`` typed by hand is not mistaken for an escape."""
    assert html.unescape(encode_typed_text(make_workspace(), "&lt;")) == "&lt;"


def test_ids_are_given_and_kept() -> None:
    """Blocks and elements without ids get some; given ones stay."""
    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "block_id": "mine", "elements": [button, {**button, "action_id": "a"}]}]
    [block] = assign_ids(blocks)
    assert block["block_id"] == "mine"
    assert block["elements"][0]["action_id"]
    assert block["elements"][1]["action_id"] == "a"
    assert "action_id" not in button


def test_blocks_that_are_no_list_have_their_own_error() -> None:
    """invalid_blocks_format."""
    with pytest.raises(SlackError, match="invalid_blocks_format"):
        check_blocks({"type": "divider"})


@given(st.integers(min_value=1, max_value=80), st.integers(min_value=1, max_value=4000))
def test_the_limits_of_count_and_length_decide(count: int, length: int) -> None:
    """Sections are taken exactly when there are 50 at most, of 3000 characters each, 13,200 together."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * length}}] * count
    fits = count <= 50 and length <= 3000 and count * length <= 13_200
    if fits:
        assert len(check_blocks(blocks)) == count
    else:
        with pytest.raises(SlackError):
            check_blocks(blocks)


def test_a_manifest_needs_a_name() -> None:
    """The message says what to add."""
    with pytest.raises(ManifestError, match=r"display_information\.name"):
        parse_manifest({})


def test_a_form_starts_with_its_initial_values() -> None:
    """What the person did not touch has the app's initial value; the rest theirs."""
    options = [{"text": {"type": "plain_text", "text": each}, "value": each} for each in "ab"]
    blocks = [
        {
            "type": "input",
            "block_id": "t",
            "element": {"type": "plain_text_input", "action_id": "x", "initial_value": "i"},
        },
        {
            "type": "input",
            "block_id": "s",
            "element": {
                "type": "static_select",
                "action_id": "x",
                "options": options,
                "initial_option": options[0],
            },
        },
        {
            "type": "input",
            "block_id": "c",
            "element": {"type": "checkboxes", "action_id": "y", "options": options},
        },
    ]
    assert state_of(blocks, {"s/x": "b", "y": ["a", "b"]}) == {
        "t": {"x": {"type": "plain_text_input", "value": "i"}},
        "s": {"x": {"type": "static_select", "selected_option": options[1]}},
        "c": {"y": {"type": "checkboxes", "selected_options": options}},
    }


def test_a_workspace_without_slack_data_has_the_given_people_or_sample_ones() -> None:
    """The people of the site become users of #general."""
    people = [{"name": "Gita", "email": "gita@x.example", "login": "gita"}]
    workspace = load_workspace({}, people, manifest=MANIFEST, secrets=AppSecrets())
    user = workspace.find_user("gita@x.example")
    assert workspace.find_channel("#general", seen_by=user.id).members == [user.id, workspace.bot.id]
    assert len(load_workspace(None, manifest=MANIFEST, secrets=AppSecrets()).users) == 4


def test_timestamps_never_repeat() -> None:
    """Even within one microsecond."""
    workspace = make_workspace()
    stamps = [workspace.next_ts() for _ in range(2000)]
    assert len(set(stamps)) == 2000
    assert stamps == sorted(stamps)
