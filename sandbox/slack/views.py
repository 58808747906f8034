"""Modals and Home tabs: stacks per person, updates guarded by a hash, and the triggers that allow opening
one.
"""

from __future__ import annotations

import itertools
import secrets
import time
from typing import Any

from sandbox.slack.blocks import MAX_BLOCKS_IN_VIEW, assign_ids, find_faults
from sandbox.slack.errors import SlackError
from sandbox.slack.models import Json, View
from sandbox.slack.workspace import BOT_ID, Workspace

MAX_STACK = 3


class ViewStore:
    """What every person has open. Every change is told to the workspace's listeners, for that person only."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._numbers = itertools.count(1)
        self._triggers: dict[str, tuple[str, float]] = {}
        self._stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}

    def new_trigger(self, user_id: str) -> str:
        """A trigger_id that opens one modal for this person within the trigger's lifetime (3 s)."""
        trigger = f"{time.time_ns()}.{secrets.token_hex(8)}"
        self._triggers[trigger] = (user_id, time.monotonic())
        return trigger

    def stack(self, user_id: str) -> list[View]:
        """The open modals of a person, the topmost last."""
        return list(self._stacks.get(user_id, ()))

    def find(self, view_id: str) -> View:
        """An open modal or a Home tab. Raises `SlackError` not_found."""
        open_views = [view for stack in self._stacks.values() for view in stack]
        for view in [*open_views, *self.homes.values()]:
            if view_id in (view.id, view.content.get("external_id") or None):
                return view
        raise SlackError("not_found")

    def open(self, trigger: str, content: Any) -> View:
        """views.open: start a new stack. Raises invalid_trigger_id, expired_trigger_id,
        exchanged_trigger_id.
        """
        user_id = self._exchange(trigger)
        view = self._new(user_id, self._checked(content, kind="modal"))
        self._stacks[user_id] = [view]
        self._tell(view)
        return view

    def push(self, trigger: str, content: Any) -> View:
        """views.push: a further modal on top. Raises push_limit_reached."""
        return self.push_for(self._exchange(trigger), content)

    def push_for(self, user_id: str, content: Any) -> View:
        """A further modal on top, asked for by a view_submission's answer."""
        stack = self._stacks.setdefault(user_id, [])
        if len(stack) >= MAX_STACK:
            raise SlackError("push_limit_reached")
        view = self._new(user_id, self._checked(content, kind="modal"))
        if stack:
            view.root_id, view.previous_id = stack[0].id, stack[-1].id
        stack.append(view)
        self._tell(view)
        return view

    def update(self, view: View, content: Any, *, expected_hash: str | None = None) -> View:
        """views.update. Raises hash_conflict when the view is another one by now."""
        if expected_hash and expected_hash != view.hash:
            raise SlackError("hash_conflict")
        view.content = self._checked(content, kind=view.content["type"])
        view.version += 1
        self._tell(view)
        return view

    def publish(self, user_id: str, content: Any, *, expected_hash: str | None = None) -> View:
        """views.publish: the person's Home tab. Raises not_enabled without a Home tab in the manifest."""
        if not self._workspace.manifest.home_tab:
            raise SlackError("not_enabled")
        user = self._workspace.user(user_id)
        if user.id in self.homes:
            return self.update(self.homes[user.id], content, expected_hash=expected_hash)
        view = self._new(user.id, self._checked(content, kind="home"))
        self.homes[user.id] = view
        self._tell(view)
        return view

    def close(self, user_id: str, *, everything: bool = False) -> list[View]:
        """Close the topmost modal, or all; returns what was closed, topmost first."""
        stack = self._stacks.get(user_id, [])
        closed = [stack.pop() for _ in range(len(stack) if everything else min(1, len(stack)))]
        self._workspace.tell("views", only_for=user_id)
        return closed

    def to_json(self, view: View) -> Json:
        """The view's wire form."""
        workspace = self._workspace
        return view.to_json(team=workspace.team_id, app_id=workspace.app_id, bot_id=BOT_ID)

    def _new(self, user_id: str, content: Json) -> View:
        view_id = f"V{next(self._numbers):08d}"
        return View(id=view_id, user=user_id, content=content, root_id=view_id)

    def _tell(self, view: View) -> None:
        kind = "home" if view.content["type"] == "home" else "views"
        self._workspace.tell(kind, only_for=view.user)

    def _exchange(self, trigger: str) -> str:
        if trigger not in self._triggers:
            raise SlackError("invalid_trigger_id")
        user_id, made = self._triggers[trigger]
        if not user_id:
            raise SlackError("exchanged_trigger_id")
        if time.monotonic() - made > self._workspace.timing.trigger_lifetime:
            raise SlackError("expired_trigger_id")
        self._triggers[trigger] = ("", made)
        return user_id

    @staticmethod
    def _checked(content: Any, *, kind: str) -> Json:
        if not isinstance(content, dict) or content.get("type") != kind:
            raise SlackError(
                "invalid_arguments", response_metadata={"messages": [f"[ERROR] a {kind} view is needed"]}
            )
        faults = list(find_faults(content.get("blocks") or [], limit=MAX_BLOCKS_IN_VIEW))
        title = (content.get("title") or {}).get("text", "")
        if kind == "modal" and not 1 <= len(title) <= 24:
            faults.append(("/view/title/text", "must be 1 to 24 characters"))
        if any(block.get("type") == "input" for block in content.get("blocks") or []) and kind == "modal":
            faults += [] if content.get("submit") else [("/view/submit", "missing required field: submit")]
        if faults:
            lines = [f"[ERROR] {fault} [json-pointer:/view{path}]" for path, fault in faults]
            raise SlackError("invalid_arguments", response_metadata={"messages": lines})
        return {**content, "blocks": assign_ids(content.get("blocks") or [])}
