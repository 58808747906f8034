// Puts the page together: who one is, which conversation is open, and the live feed that keeps both up to date.
import { get } from "./api.js";
import { composer } from "./composer.js";
import { $, h, toast } from "./dom.js";
import { icon } from "./icons.js";
import { drawMessages, statusLine, statusText } from "./messages.js";
import { pick } from "./picker.js";
import { drawSidebar } from "./sidebar.js";
import { act, ask, conversation, emptyPane, isAppDirect, markRead, names, state, titleOf } from "./store.js";
import { drawHome, drawModal } from "./views.js";

let feed = null;
const boxes = { channel: null, thread: null };

async function start() {
  const boot = await get("boot");
  Object.assign(state, { team: boot.team, app: boot.app });
  for (const person of boot.people) state.people.set(person.id, person);
  $("team").textContent = boot.team;
  $("jump").addEventListener("click", jump);
  $("person").addEventListener("click", choosePerson);
  $("menu").addEventListener("click", () => document.body.classList.toggle("menu-open"));
  window.addEventListener("hashchange", () => openFromHash());
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", closeMenus);
  document.addEventListener("toggle", placeMenu, true);
  document.addEventListener("redraw", () => ["channel", "thread"].forEach((name) => drawPane(name)));
  setInterval(() => drawStatus("thread"), 4000);
  const people = boot.people.filter((person) => !person.is_bot);
  const cookie = /(?:^|; )sandbox_user=([^;]*)/.exec(document.cookie);
  const last = cookie && decodeURIComponent(cookie[1]);
  await become(people.find((person) => person.email === last) ?? people[0]);
}

async function become(person) {
  state.me = person;
  // The wiki pages of the sandbox, on another port of the same host, read this cookie.
  document.cookie = `sandbox_user=${encodeURIComponent(person.email ?? person.id)}; path=/; max-age=31536000; samesite=lax`;
  $("person").replaceChildren(h("span", {}, "You are: "), h("strong", {}, person.name), " ▾");
  listen();
  await loadConversations();
  await loadViews();
  const [wanted] = location.hash.slice(1).split("/");
  if (state.conversations.get(wanted)?.member) await openFromHash(true);
  else location.hash = [...state.conversations.values()].find((each) => each.member && each.name)?.id ?? appDirect()?.id ?? "";
}

function listen() {
  feed?.close();
  feed = new EventSource(`/_page/feed?user=${state.me.id}`);
  let lost = false;
  feed.onmessage = (event) => onChange(JSON.parse(event.data));
  feed.onerror = () => { lost = true; document.body.classList.add("offline"); };
  feed.onopen = () => {
    document.body.classList.remove("offline");
    if (lost) refresh();
    lost = false;
  };
}

async function refresh() {
  await loadConversations();
  await loadViews();
  await openFromHash(true);
}

async function loadConversations() {
  const { conversations } = await ask("conversations");
  state.conversations = new Map(conversations.map((each) => [each.id, each]));
  drawSidebar({ openDirect });
}

async function loadViews() {
  const { modal, depth, home } = await ask("views");
  state.home = home;
  drawModal(modal, depth);
  if (state.tab === "home" && isAppDirect(conversation())) drawChannel();
}

const appDirect = () => [...state.conversations.values()].find(isAppDirect);

async function openDirect(id) {
  const { channel } = await act("direct", { with: id });
  await loadConversations();
  location.hash = channel;
}

// --- navigation: #channel, #channel/thread, #channel/thread/message ------------------------------------------

async function openFromHash(again = false) {
  const [channel, thread, ts] = location.hash.slice(1).split("/");
  const target = state.conversations.get(channel);
  if (!target) return;
  state.highlight = ts ?? null;
  document.body.classList.remove("menu-open");
  if (again || channel !== state.channel) await openChannel(target);
  if (again || (thread ?? null) !== state.thread) await openThread(thread ?? null);
  if (ts) document.querySelector(`#thread [data-ts="${CSS.escape(ts)}"]`)?.scrollIntoView({ block: "center" });
}

async function openChannel(target) {
  state.channel = target.id;
  state.tab = "messages";
  if (!target.member) {
    state.panes.channel = emptyPane();
    drawChannel();
    return;
  }
  if (isAppDirect(target)) await act("home", { tab: "messages" });
  await loadPane("channel", {});
  markRead(target.id);
  drawChannel();
  drawSidebar({ openDirect });
  boxes.channel?.focus();
}

async function openThread(ts) {
  state.thread = ts;
  $("thread").hidden = !ts;
  document.body.classList.toggle("thread-open", Boolean(ts));
  if (!ts) return;
  await loadPane("thread", { thread_ts: ts });
  drawThread();
  boxes.thread.focus();
}

async function loadPane(name, query) {
  const body = await ask("messages", { channel: state.channel, ...query });
  state.panes[name] = { ...body, messages: new Map(body.messages.map((message) => [message.ts, message])) };
}

const goToThread = (ts) => { location.hash = ts ? `${state.channel}/${ts}` : state.channel; };

// --- drawing ---------------------------------------------------------------------------------------------------

function drawChannel() {
  const open = conversation();
  const sign = { channel: "# ", group: icon("lock") }[open.kind] ?? "";
  const head = [h("h1", {}, sign, titleOf(open)), h("span", { class: "topic" }, open.topic || (open.name ? `${open.count} members` : ""))];
  if (open.shared) head.push(h("span", { class: "badge" }, "shared with another company"));
  if (isAppDirect(open)) head.push(tabs());
  $("channel-head").replaceChildren(...head);
  document.title = `${titleOf(open)} · ${state.team}`;
  if (state.tab === "home" && isAppDirect(open)) {
    drawHome($("channel-messages"), state.home);
    $("channel-foot").replaceChildren();
    return;
  }
  if (!open.member) {
    const join = h("button", { type: "button", class: "button primary", onclick: async () => { await act("join", { channel: open.id }); await refresh(); } }, "Join channel");
    $("channel-messages").replaceChildren();
    $("channel-foot").replaceChildren(h("p", { class: "join" }, `You are not a member of #${open.name}. `, join));
    return;
  }
  boxes.channel = composer({
    placeholder: `Message ${open.name ? `#${open.name}` : titleOf(open)}`,
    sent: (text, ts) => { if (ts && (isAppDirect(open) || mentionsApp(text))) goToThread(ts); },
  });
  $("channel-foot").replaceChildren(h("div", { class: "prompts", id: "channel-prompts" }), boxes.channel.node);
  drawPane("channel", true);
  drawPrompts("channel");
}

const mentionsApp = (text) => text.toLowerCase().includes(`@${state.app.name.toLowerCase()}`);

function tabs() {
  const tab = (name, label) =>
    h("button", { type: "button", role: "tab", "aria-selected": String(state.tab === name), onclick: () => { state.tab = name; act("home", { tab: name }); drawChannel(); } }, label);
  return h("div", { class: "tabs", role: "tablist" }, tab("messages", "Messages"), state.app.home ? tab("home", "Home") : null);
}

function drawThread() {
  const title = state.panes.thread.title;
  $("thread-head").replaceChildren(
    h("h2", {}, "Thread"),
    h("span", { class: "topic" }, title ?? titleOf(conversation())),
    h("button", { type: "button", class: "icon", "aria-label": "Close thread", title: "Close (Escape)", onclick: () => goToThread(null) }, "✕"),
  );
  const sent = () => drawPane("thread", true);
  boxes.thread = composer({ placeholder: "Reply…", thread: () => state.thread, sent });
  $("thread-foot").replaceChildren(h("div", { class: "state", id: "thread-state" }), h("div", { class: "prompts", id: "thread-prompts" }), boxes.thread.node);
  drawPane("thread", true);
  drawStatus("thread");
  drawPrompts("thread");
}

function drawPane(name, toEnd = false) {
  if (name === "channel" && (state.tab === "home" || !conversation()?.member)) return;
  const box = $(`${name}-messages`);
  const atEnd = toEnd || box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const [focused, top] = [document.activeElement?.closest?.(".message"), box.scrollTop];
  drawMessages(box, state.panes[name], { inThread: name === "thread", openThread: goToThread });
  box.scrollTop = atEnd ? box.scrollHeight : top;
  if (focused && !focused.isConnected) box.querySelector(`[data-ts="${CSS.escape(focused.dataset.ts)}"]`)?.focus({ preventScroll: true });
  if (name === "channel" && !state.panes.channel.messages.size) box.replaceChildren(h("p", { class: "hint start" }, `This is the very beginning of ${conversation().name ? "#" : "your conversation with "}${titleOf(conversation())}.`));
}

function drawStatus(name) {
  const place = $(`${name}-state`);
  const pane = state.panes[name];
  if (!place) return;
  const busy = pane.session === "processing" || [...pane.messages.values()].some((message) => message.streaming_state === "in_progress");
  const sign = `${pane.status ? statusText(pane.status) : ""} ${busy}`;
  if (place.dataset.sign === sign) return; // the stop button must not change under the pointer
  place.dataset.sign = sign;
  const stop = h("button", { type: "button", class: "button", onclick: () => act("stop", { channel: state.channel, thread_ts: state.thread }) }, "■ Stop");
  place.replaceChildren(pane.status ? statusLine(pane.status) : "", busy ? stop : "");
}

function drawPrompts(name) {
  const place = $(`${name}-prompts`);
  if (!place) return;
  const pane = state.panes[name];
  const own = name === "channel" && isAppDirect(conversation()) ? state.app.prompts : [];
  const prompts = pane.prompts?.prompts ?? own;
  const send = async (prompt) => {
    const { ts } = await act("messages", { channel: state.channel, thread_ts: name === "thread" ? state.thread : null, text: prompt.message });
    if (name === "channel") goToThread(ts);
  };
  place.replaceChildren(
    ...(prompts.length && pane.prompts?.title ? [h("span", { class: "hint" }, pane.prompts.title)] : []),
    ...prompts.map((prompt) => h("button", { type: "button", class: "button", title: prompt.message, onclick: () => send(prompt) }, prompt.title)),
  );
}

// --- the feed ----------------------------------------------------------------------------------------------------

const CHANGES = {
  message: onMessage,
  message_changed: onMessage,
  reaction_added: onMessage,
  reaction_removed: onMessage,
  message_deleted: (change) => {
    for (const name of ["channel", "thread"]) {
      if (state.panes[name].messages.delete(change.message.ts)) drawPane(name);
    }
    if (change.parent) store("channel", change.parent);
  },
  status: (change) => {
    if (change.channel !== state.channel) return;
    const status = change.status ? change : null;
    state.panes.channel.statuses = { ...state.panes.channel.statuses, [change.thread_ts]: status };
    drawPane("channel");
    if (change.thread_ts === state.thread) { state.panes.thread.status = status; drawStatus("thread"); }
  },
  session: (change) => {
    if (change.channel !== state.channel || change.thread_ts !== state.thread) return;
    state.panes.thread.session = change.state;
    drawStatus("thread");
  },
  title: (change) => {
    if (change.channel !== state.channel || change.thread_ts !== state.thread) return;
    state.panes.thread.title = change.title;
    $("thread-head").querySelector(".topic").textContent = change.title;
  },
  prompts: (change) => {
    if (change.channel !== state.channel) return;
    const name = change.thread_ts ? "thread" : "channel";
    if (change.thread_ts && change.thread_ts !== state.thread) return;
    state.panes[name].prompts = change;
    drawPrompts(name);
  },
  views: loadViews,
  home: loadViews,
  member_joined: loadConversations,
  member_left: loadConversations,
  conversation_opened: loadConversations,
};

const onChange = (change) => CHANGES[change.kind]?.(change);

function onMessage(change) {
  const { message, parent } = change;
  const place = state.conversations.get(change.channel);
  if (change.kind === "message" && place && !message.is_ephemeral && message.ts > (place.last_ts ?? "")) {
    place.last_ts = message.ts;
    if (message.user === state.me.id || (change.channel === state.channel && document.hasFocus())) markRead(change.channel);
    drawSidebar({ openDirect });
  }
  if (change.channel !== state.channel) return;
  const isReply = message.thread_ts && message.thread_ts !== message.ts;
  if (!isReply || message.broadcast) store("channel", message);
  if (isReply && parent && !message.is_ephemeral) store("channel", parent);
  if (state.thread && (message.thread_ts ?? message.ts) === state.thread) {
    store("thread", message);
    drawStatus("thread");
  }
}

function store(name, message) {
  state.panes[name].messages.set(message.ts, message);
  drawPane(name);
}

// --- keyboard and choices --------------------------------------------------------------------------------------

async function choosePerson() {
  const people = [...state.people.values()].filter((person) => !person.is_bot);
  const chosen = await pick("Who are you?", people.map((person) => ({ label: person.name, detail: person.email, value: person })));
  if (!chosen) return;
  state.channel = state.thread = null;
  $("thread").hidden = true;
  document.body.classList.remove("thread-open");
  const [channel] = location.hash.slice(1).split("/");
  history.replaceState(null, "", `#${channel}`);
  await become(chosen);
  toast(`You are ${chosen.name} now.`);
}

async function jump() {
  const places = [...state.conversations.values()].map((each) => ({ label: each.name ? `#${each.name}` : titleOf(each), detail: each.topic || (each.member ? "" : "not joined"), value: () => { location.hash = each.id; } }));
  const people = [...state.people.values()].filter((person) => person.id !== names.me).map((person) => ({ label: person.name, detail: person.is_bot ? "app" : person.email, value: () => openDirect(person.id) }));
  (await pick("Jump to", [...places, ...people]))?.();
}

function onKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    jump();
    return;
  }
  if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]") && state.thread) goToThread(null);
  const message = event.target.closest?.(".message");
  if (!message || event.target !== message) return;
  const list = [...message.parentNode.querySelectorAll(".message")];
  const next = list[list.indexOf(message) + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] ?? 0)];
  if (next && next !== message) { event.preventDefault(); next.focus(); }
  if ((event.key === "Enter" || event.key === "t") && message.closest("#channel-messages")) goToThread(message.dataset.ts);
}

/** A menu near the lower edge opens upwards. */
function placeMenu(event) {
  const menu = event.target.querySelector?.(":scope > .menu");
  menu?.classList.toggle("upwards", event.target.getBoundingClientRect().bottom + menu.offsetHeight > window.innerHeight - 90);
}

function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.overflow[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
}

start();
