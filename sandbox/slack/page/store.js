// What the page knows. Only main.js changes it; the other modules read it.
import { get, post } from "./api.js";

export const state = {
  team: "",
  app: null,
  people: new Map(), // id -> person
  me: null, // the person whose eyes we look through
  conversations: new Map(), // id -> conversation
  channel: null, // id of the open conversation
  tab: "messages", // in the conversation with the app: messages or home
  thread: null, // ts of the open thread's parent
  panes: { channel: emptyPane(), thread: emptyPane() },
  home: null,
  highlight: null,
};

export function emptyPane() {
  return { messages: new Map(), status: null, statuses: {}, prompts: null, session: null, title: null };
}

export const names = {
  get me() {
    return state.me?.id;
  },
  person: (id) => state.people.get(id)?.name,
  channel: (id) => state.conversations.get(id)?.name ?? id,
};

export const conversation = () => state.conversations.get(state.channel);
export const isAppDirect = (each) => each?.kind === "im" && each.people[0] === state.app.user;

export function titleOf(each) {
  if (each.kind === "im") return names.person(each.people[0]) ?? "You";
  if (each.kind === "mpim") return each.people.map(names.person).join(", ");
  return each.name;
}

/** Calls of the page's endpoints in the name of the chosen person. */
export const ask = (path, query = {}) => get(path, { user: state.me.id, ...query });
export const act = (path, body = {}) => post(path, { user: state.me.id, ...body });

// What was read, per person: {channel: ts of the last message seen}.
const key = () => `sandbox_read:${state.me.id}`;
const readMarks = () => JSON.parse(localStorage.getItem(key()) ?? "{}");

export function markRead(channel) {
  const last = state.conversations.get(channel)?.last_ts;
  if (last) localStorage.setItem(key(), JSON.stringify({ ...readMarks(), [channel]: last }));
}

export const isUnread = (each) => each.member && each.last_ts && (readMarks()[each.id] ?? "") < each.last_ts;
