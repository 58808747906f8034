// The list of channels and direct conversations, with unread marks.
import { $, h } from "./dom.js";
import { icon } from "./icons.js";
import { avatar } from "./messages.js";
import { isAppDirect, isUnread, state, titleOf } from "./store.js";

export function drawSidebar({ openDirect }) {
  const all = [...state.conversations.values()];
  const channels = all.filter((each) => each.member && each.name && !["im", "mpim"].includes(each.kind));
  const others = all.filter((each) => !each.member);
  const direct = all.filter((each) => ["im", "mpim"].includes(each.kind) && !isAppDirect(each) && each.people.length);
  const apps = all.filter(isAppDirect);
  const known = new Set(direct.flatMap((each) => each.people));
  const colleagues = [...state.people.values()].filter((each) => !each.is_bot && each.id !== state.me.id && !known.has(each.id)).slice(0, 4);
  $("sidebar").replaceChildren(
    ...group("Apps", apps.map((each) => entry(each, avatar(state.people.get(each.people[0]))))),
    ...group("Channels", channels.map((each) => entry(each, h("span", { class: "sign" }, each.kind === "group" ? icon("lock") : "#")))),
    ...group("Direct messages", [
      ...direct.map((each) => entry(each, avatar(state.people.get(each.people[0])))),
      ...colleagues.map((each) => h("button", { type: "button", class: "conversation faint", onclick: () => openDirect(each.id) }, avatar(each), h("span", { class: "name" }, each.name))),
    ]),
    ...group("More channels", others.map((each) => entry(each, h("span", { class: "sign" }, "#")))),
  );
}

const group = (title, entries) => (entries.length ? [h("h2", {}, title), ...entries] : []);

function entry(each, sign) {
  const unread = isUnread(each) && each.id !== state.channel;
  return h(
    "a",
    { href: `#${each.id}`, class: `conversation ${unread ? "unread" : ""} ${each.member ? "" : "faint"}`, "aria-current": each.id === state.channel ? "page" : null },
    sign,
    h("span", { class: "name" }, titleOf(each)),
    each.shared ? h("span", { title: "Shared with another company" }, "⇄") : null,
    unread ? h("span", { class: "dot", "aria-label": "unread" }) : null,
  );
}
