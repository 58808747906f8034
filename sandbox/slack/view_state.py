"""The ``state.values`` of a view, from what a person filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.slack.blocks import interactive_elements
from sandbox.slack.models import Json

WITH_STATE = frozenset(
    {"plain_text_input", "static_select", "multi_static_select", "radio_buttons", "checkboxes", "datepicker"}
    | {"number_input", "email_text_input", "url_text_input"}
    | {"users_select", "conversations_select", "channels_select"}
)


def state_of(blocks: Sequence[Json], values: Mapping[str, Any]) -> Json:
    """``{block_id: {action_id: {"type", …}}}``; `values` by ``block_id/action_id``, block_id or action_id.

    What is not in `values` has the initial value that the app gave.
    """
    state: Json = {}
    for block, element in interactive_elements(blocks):
        if element["type"] in WITH_STATE:
            names = (f"{block['block_id']}/{element['action_id']}", block["block_id"], element["action_id"])
            given = next((values[name] for name in names if name in values), None)
            state.setdefault(block["block_id"], {})[element["action_id"]] = _entry(element, given)
    return state


def _entry(element: Json, given: Any) -> Json:
    kind = element["type"]
    options = element.get("options") or []
    if kind in ("checkboxes", "multi_static_select"):
        if given is None:
            return {"type": kind, "selected_options": element.get("initial_options") or []}
        wanted = given if isinstance(given, list) else [given]
        return {"type": kind, "selected_options": [each for each in options if each["value"] in wanted]}
    if kind in ("static_select", "radio_buttons"):
        chosen = next((each for each in options if each["value"] == given), None)
        return {
            "type": kind,
            "selected_option": chosen or (element.get("initial_option") if given is None else None),
        }
    for suffix in ("date", "user", "channel", "conversation"):
        if kind in (f"{suffix}picker", f"{suffix}s_select"):
            return {"type": kind, f"selected_{suffix}": given or element.get(f"initial_{suffix}")}
    return {"type": kind, "value": element.get("initial_value") if given is None else given}
