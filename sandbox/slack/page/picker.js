// A searchable list in a dialog: used to choose a person and to jump to a conversation.
import { $, h } from "./dom.js";

/** items: [{label, detail, value}]; resolves with the chosen value, or null. */
export function pick(title, items) {
  const dialog = $("picker");
  return new Promise((resolve) => {
    let chosen = null;
    let at = 0;
    let shown = [];
    const list = h("ul", { role: "listbox", "aria-label": title });
    const search = h("input", { type: "search", placeholder: "Search…", "aria-label": title, autocomplete: "off" });

    const take = (item) => {
      chosen = item?.value ?? null;
      dialog.close();
    };
    const draw = () => {
      const wanted = search.value.toLowerCase();
      shown = items.filter((item) => `${item.label} ${item.detail ?? ""}`.toLowerCase().includes(wanted)).slice(0, 100);
      at = Math.max(0, Math.min(at, shown.length - 1));
      list.replaceChildren(
        ...shown.map((item, index) =>
          h("li", { role: "option", "aria-selected": String(index === at), onclick: () => take(item) }, h("span", {}, item.label), h("small", {}, item.detail ?? "")),
        ),
      );
      if (!shown.length) list.append(h("li", { class: "none" }, "Nobody and nothing found"));
      list.children[at]?.scrollIntoView({ block: "nearest" });
    };
    search.addEventListener("input", () => { at = 0; draw(); });
    search.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) at += step;
      else if (event.key === "Enter") take(shown[at]);
      else return;
      event.preventDefault();
      if (dialog.open) draw();
    });
    dialog.replaceChildren(h("h2", {}, title), search, list);
    dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
    dialog.onclose = () => resolve(chosen);
    draw();
    dialog.showModal();
    search.focus();
  });
}
