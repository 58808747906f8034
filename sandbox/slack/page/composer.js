// The message box: grows with its text, completes @people, #channels and /commands, Enter sends.
import { h, toast } from "./dom.js";
import { act, names, state } from "./store.js";

/** A composer for a channel or, with `thread()`, for its thread. `sent(text, ts)` is called afterwards. */
export function composer({ placeholder, thread, sent }) {
  const area = h("textarea", { rows: 1, placeholder, "aria-label": placeholder, autocomplete: "off" });
  const menu = h("ul", { class: "completions", role: "listbox", hidden: true });
  const button = h("button", { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)" }, "➤");
  const form = h("form", { class: "composer" }, menu, area, button);
  const completion = { items: [], at: 0, start: 0 };

  const grow = () => {
    area.rows = Math.min(10, area.value.split("\n").length + Math.floor(area.value.length / 110));
    button.disabled = !area.value.trim();
  };
  const drawMenu = () => {
    menu.hidden = !completion.items.length;
    menu.replaceChildren(
      ...completion.items.map((item, index) =>
        h("li", { role: "option", "aria-selected": String(index === completion.at), onmousedown: (event) => { event.preventDefault(); accept(item); } }, h("strong", {}, item.text), h("small", {}, item.detail)),
      ),
    );
  };
  const find = () => {
    const before = area.value.slice(0, area.selectionStart);
    const match = /(^\/[\w-]*$)|(?:^|\s)([@#][^\s@#]*(?: [^\s@#]*)?)$/.exec(before);
    const word = match ? match[1] ?? match[2] : "";
    completion.start = before.length - word.length;
    completion.items = word ? candidates(word, Boolean(thread)) : [];
    completion.at = 0;
    drawMenu();
  };
  const accept = (item) => {
    const after = area.value.slice(area.selectionStart);
    area.value = `${area.value.slice(0, completion.start)}${item.text} ${after}`;
    const caret = completion.start + item.text.length + 1;
    completion.items = [];
    drawMenu();
    area.focus();
    area.setSelectionRange(caret, caret);
    grow();
  };
  const send = async () => {
    const text = area.value.trim();
    if (!text) return;
    area.value = "";
    completion.items = [];
    drawMenu();
    grow();
    const place = { channel: state.channel, thread_ts: thread?.() };
    try {
      const ts = await submit(text, place);
      sent?.(text, ts);
    } catch {
      area.value = text; // a toast has said why; nothing typed is lost
      grow();
    }
  };
  area.addEventListener("input", () => { grow(); find(); });
  area.addEventListener("blur", () => { completion.items = []; drawMenu(); });
  area.addEventListener("keydown", (event) => {
    const open = completion.items.length > 0;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (open && step) completion.at = (completion.at + step + completion.items.length) % completion.items.length;
    else if (open && (event.key === "Enter" || event.key === "Tab")) accept(completion.items[completion.at]);
    else if (open && event.key === "Escape") completion.items = [];
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send();
    else return;
    event.preventDefault();
    drawMenu();
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  grow();
  return { node: form, focus: () => area.focus(), fill: (text) => { area.value = text; grow(); area.focus(); } };
}

function candidates(word, inThread) {
  const wanted = word.slice(1).toLowerCase();
  if (word[0] === "/") {
    if (inThread) return []; // as in Slack: no slash commands in threads
    return state.app.commands
      .filter((each) => each.command.slice(1).startsWith(wanted))
      .map((each) => ({ text: each.command, detail: `${each.usage_hint} ${each.description}` }));
  }
  if (word[0] === "#") {
    return [...state.conversations.values()]
      .filter((each) => each.name && each.kind !== "mpim" && each.name.includes(wanted))
      .slice(0, 8)
      .map((each) => ({ text: `#${each.name}`, detail: each.topic }));
  }
  const people = [...state.people.values()].filter((each) => `${each.name} ${each.login}`.toLowerCase().includes(wanted));
  people.sort((a, b) => Number(b.is_bot) - Number(a.is_bot));
  const exact = people.some((each) => each.name.toLowerCase() === wanted);
  if (exact || (word.includes(" ") && !people.length)) return [];
  return people.slice(0, 8).map((each) => ({ text: `@${each.name}`, detail: each.is_bot ? "app" : each.email ?? "" }));
}

async function submit(text, place) {
  const match = /^(\/[\w-]+)(?:\s+([\s\S]*))?$/.exec(text);
  if (!match) return (await act("messages", { ...place, text })).ts;
  if (place.thread_ts) {
    toast("Slash commands do not work in threads; use the message box of the channel.");
    throw new Error("command_in_thread");
  }
  const result = await act("commands", { ...place, command: match[1], text: match[2] ?? "" });
  if (!result.acknowledged) toast(`${match[1]} failed with the error “${result.error}”. Is ${names.person(state.app.user)} running?`);
  return null;
}
