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
  const rows = [];
  let previous = null;
  list.forEach((message, index) => {
    const newDay = !previous || dayOf(previous.ts) !== dayOf(message.ts);
    if (newDay) rows.push(divider(`day ${message.ts}`, "day", dayOf(message.ts)));
    const compact = !newDay && follows(previous, message) && !(inThread && index === 1);
    const options = { inThread, openThread, compact, status: pane.statuses[message.ts] };
    const highlighted = message.ts === state.highlight;
    rows.push({
      key: message.ts,
      sign: JSON.stringify([message, compact, options.status, highlighted, state.me.id]),
      make: () => drawMessage(message, options),
    });
    if (inThread && index === 0 && list.length > 1) rows.push(divider("replies", "day replies", plural(list.length - 1, "reply", "replies")));
    previous = message;
  });
  syncRows(box, rows);
}

const divider = (key, kind, text) => ({ key, sign: text, make: () => h("div", { class: kind }, h("span", {}, text)) });

const follows = (previous, message) =>
  previous.user === message.user && message.ts - previous.ts < 300 && !message.is_ephemeral && !previous.is_ephemeral;

const drawn = new WeakMap(); // box -> Map of key -> {sign, node}

/** Replace only the rows that look different: clicks, selections and open menus in the others are left alone. */
function syncRows(box, rows) {
  const before = drawn.get(box) ?? new Map();
  const after = new Map();
  for (const { key, sign, make } of rows) {
    const old = before.get(key);
    const keep = old && old.node.isConnected && (old.node.dataset.editing || (old.sign === sign && !old.node.dataset.stale));
    after.set(key, keep ? old : { sign, node: make() });
  }
  drawn.set(box, after);
  const nodes = [...after.values()].map((row) => row.node);
  const wanted = new Set(nodes);
  for (const child of [...box.childNodes]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, index) => {
    if (box.childNodes[index] !== node) box.insertBefore(node, box.childNodes[index] ?? null);
  });
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

/** "Atlas is searching", or the app's loading messages in turn. */
export function statusText(status) {
  const lines = status.loading_messages ?? [];
  return lines.length ? lines[Math.floor(Date.now() / 4000) % lines.length] : `${state.app.name} ${status.status}`;
}

export const statusLine = (status) =>
  h("div", { class: "status", role: "status" }, h("span", { class: "dots", "aria-hidden": "true" }, "•••"), ` ${statusText(status)}`);

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
    const row = node.closest(".message");
    row.dataset.editing = "yes"; // keeps the row as it is until `done`
    const done = () => {
      delete row.dataset.editing;
      row.dataset.stale = "yes";
      document.dispatchEvent(new Event("redraw"));
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
