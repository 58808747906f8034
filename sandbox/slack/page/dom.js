// Builds DOM nodes. Text always becomes text nodes, so nothing that people or apps write is ever read as HTML.

/** h("a", {class: "x", onclick: f}, "text", node, [more]): attributes, listeners (on…) and children; null is skipped. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const $ = (id) => document.getElementById(id);

/** A link that opens in a new tab; other schemes than http(s) and mailto stay plain text. */
export function link(url, ...children) {
  const safe = /^(https?:\/\/|mailto:)/i.test(url);
  if (!safe) return h("span", {}, ...(children.length ? children : [url]));
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...(children.length ? children : [url]));
}

export function toast(text) {
  const node = h("div", { class: "toast" }, text);
  const box = $("toasts");
  box.append(node);
  box.hidePopover(); // shown anew, it stands above a dialog that was opened meanwhile
  box.showPopover();
  setTimeout(() => node.remove(), 6000);
}

export const timeOf = (ts) =>
  new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export function dayOf(ts) {
  const date = new Date(Number(ts) * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}

export function ago(ts) {
  const minutes = Math.floor((Date.now() / 1000 - Number(ts)) / 60);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 1440 ? `${Math.floor(minutes / 60)} h ago` : dayOf(ts);
}
