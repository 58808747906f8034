// Messages of a channel or a thread as DOM nodes: author, text or blocks, reactions, replies, and what one can do.
import { ago, dayOf, h, timeOf } from "./dom.js";
import { EMOJI, PALETTE, emoji } from "./emoji.js";
import { icon } from "./icons.js";
import { mrkdwn, unescape } from "./inline.js";
import { renderBlocks } from "./blocks.js";
import { readForm } from "./inputs.js";
import { act, names, state } from "./store.js";

/** Fill `box` with the pane's messages, with a divider per day; `openThread(ts)` opens a thread. */
export function drawMessages(box, pane, { inThread, openThread }) {
  const list = [...pane.messages.values()].sort((a, b) => (a.ts < b.ts ? -1 : 1));
  const nodes = [];
  let previous = null;
  list.forEach((message, index) => {
    if (!previous || dayOf(previous.ts) !== dayOf(message.ts)) nodes.push(h("div", { class: "day" }, h("span", {}, dayOf(message.ts))));
    const close = previous && previous.user === message.user && message.ts - previous.ts < 300 && !message.is_ephemeral && !previous.is_ephemeral && !(inThread && index === 1);
    nodes.push(drawMessage(message, { inThread, openThread, compact: close && dayOf(previous.ts) === dayOf(message.ts), status: pane.statuses[message.ts] }));
    if (inThread && index === 0 && list.length > 1) nodes.push(h("div", { class: "day replies" }, h("span", {}, plural(list.length - 1, "reply", "replies"))));
    previous = message;
  });
  box.replaceChildren(...nodes);
}

const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

export function drawMessage(message, options) {
  const { inThread, openThread, compact, status } = options;
  const author = state.people.get(message.user);
  const own = message.user === state.me.id;
  const classes = ["message"];
  if (compact) classes.push("compact");
  if (message.is_ephemeral) classes.push("ephemeral");
  if (message.ts === state.highlight) classes.push("highlight");
  if (message.streaming_state === "in_progress") classes.push("streaming");
  const node = h("article", { class: classes.join(" "), tabindex: "0", "data-ts": message.ts, "aria-label": `${author?.name ?? message.user}, ${timeOf(message.ts)}` });
  const content = h("div", { class: "content" });
  if (message.is_ephemeral) {
    content.append(h("div", { class: "only-you" }, icon("eye"), " Only visible to you · ", h("button", { type: "button", class: "plain", onclick: () => act("messages/delete", { channel: message.channel, ts: message.ts }) }, "Dismiss")));
  }
  if (!compact) {
    content.append(
      h("div", { class: "byline" }, h("strong", {}, message.username ?? author?.name ?? message.user), author?.is_bot ? h("span", { class: "badge" }, "APP") : null, author?.guest ? h("span", { class: "badge" }, "GUEST") : null, h("time", { title: new Date(message.ts * 1000).toLocaleString() }, timeOf(message.ts))),
    );
  }
  content.append(drawBody(message));
  if (message.reactions) content.append(drawReactions(message));
  if (!inThread && message.reply_count) {
    content.append(h("button", { type: "button", class: "thread-link", onclick: () => openThread(message.ts) }, plural(message.reply_count, "reply", "replies"), h("small", {}, `Last reply ${ago(message.latest_reply)}`)));
  }
  if (!inThread && status) content.append(statusLine(status));
  node.append(compact ? h("time", { class: "gutter" }, timeOf(message.ts)) : avatar(author), content);
  if (!message.is_ephemeral) node.append(tools(message, { own, inThread, openThread }));
  return node;
}

export function avatar(person) {
  const initials = (person?.name ?? "?").split(/\s+/).map((word) => word[0]).join("").slice(0, 2).toUpperCase();
  const hue = [...(person?.id ?? "")].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 8;
  return h("span", { class: `avatar ${person?.is_bot ? "bot" : `hue-${hue}`}`, "aria-hidden": "true" }, person?.is_bot ? "✦" : initials);
}

export const statusLine = (status) => {
  const lines = [status.status, ...(status.loading_messages ?? [])];
  const shown = status.loading_messages?.length ? lines[1 + (Math.floor(Date.now() / 4000) % status.loading_messages.length)] : `${state.app.name} ${status.status}`;
  return h("div", { class: "status", role: "status" }, h("span", { class: "dots", "aria-hidden": "true" }, "•••"), ` ${shown}`);
};

function drawBody(message) {
  const body = h("div", { class: "body" });
  const use = (block, item, value) =>
    act("actions", { channel: message.channel, message_ts: message.ts, action_id: item.action_id, block_id: block.block_id, value, values: readForm(body) });
  if (message.blocks?.length) body.append(...renderBlocks(message.blocks, { names, use }));
  else body.append(h("div", { class: "text" }, mrkdwn(message.text, names)));
  for (const attachment of message.attachments ?? []) {
    const inner = attachment.blocks ? renderBlocks(attachment.blocks, { names, use }) : mrkdwn(attachment.text ?? attachment.fallback ?? "", names);
    body.append(h("div", { class: "attachment" }, attachment.title ? h("strong", {}, attachment.title) : null, inner));
  }
  if (message.edited) body.append(h("span", { class: "edited" }, " (edited)"));
  if (message.streaming_state === "in_progress") body.append(h("span", { class: "cursor", "aria-label": "still writing" }));
  return body;
}

function drawReactions(message) {
  const toggle = (name) => act("reactions", { channel: message.channel, ts: message.ts, name });
  return h(
    "div",
    { class: "reactions" },
    message.reactions.map((each) =>
      h("button", { type: "button", class: each.users.includes(state.me.id) ? "reaction mine" : "reaction", title: `${each.users.map(names.person).join(", ")} · :${each.name}:`, onclick: () => toggle(each.name) }, emoji(each.name), ` ${each.count}`),
    ),
  );
}

function tools(message, { own, inThread, openThread }) {
  const react = h("details", { class: "overflow" }, h("summary", { title: "Add a reaction", "aria-label": "Add a reaction" }, icon("smile")));
  react.append(
    h("div", { class: "menu row" }, PALETTE.map((name) => h("button", { type: "button", title: `:${name}:`, onclick: () => { react.open = false; act("reactions", { channel: message.channel, ts: message.ts, name }); } }, EMOJI.get(name)))),
  );
  const more = h("details", { class: "overflow" }, h("summary", { title: "More", "aria-label": "More" }, "⋯"));
  const entry = (label, run) => h("button", { type: "button", onclick: () => { more.open = false; run(); } }, label);
  const entries = state.app.shortcuts
    .filter((shortcut) => shortcut.kind === "message")
    .map((shortcut) => entry(`${shortcut.name} (${state.app.name})`, () => act("shortcuts", { channel: message.channel, message_ts: message.ts, callback_id: shortcut.callback_id })));
  entries.unshift(entry("Copy link", () => navigator.clipboard?.writeText(`${location.origin}/#${message.channel}/${message.thread_ts ?? message.ts}/${message.ts}`)));
  if (own) {
    entries.push(entry("Edit message", () => editInPlace(message)));
    entries.push(entry("Delete message", () => act("messages/delete", { channel: message.channel, ts: message.ts })));
  }
  more.append(h("div", { class: "menu" }, entries));
  return h("div", { class: "tools" }, react, inThread ? null : h("button", { type: "button", title: "Reply in thread", "aria-label": "Reply in thread", onclick: () => openThread(message.thread_ts ?? message.ts) }, icon("reply")), more);
}

function editInPlace(message) {
  for (const node of document.querySelectorAll(`[data-ts="${CSS.escape(message.ts)}"] .body`)) {
    const area = h("textarea", { rows: 3, "aria-label": "Edit message" });
    area.value = unescape(message.text.replace(/<@(\w+)>/g, (_, id) => `@${names.person(id)}`).replace(/<(https?:[^|>]+)(\|[^>]*)?>/g, "$1"));
    const done = () => {
      area.remove();
      document.dispatchEvent(new Event("redraw")); // panes wait while somebody edits in them
    };
    area.addEventListener("keydown", async (event) => {
      if (event.key === "Escape") {
        event.preventDefault();
        done();
      }
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      await act("messages/edit", { channel: message.channel, ts: message.ts, text: area.value });
      done();
    });
    node.replaceChildren(area, h("small", { class: "hint" }, "Enter saves, Escape cancels"));
    area.focus();
  }
}
