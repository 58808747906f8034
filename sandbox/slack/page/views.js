// Modals in a dialog, and the app's Home tab.
import { $, h, toast } from "./dom.js";
import { renderBlocks } from "./blocks.js";
import { textNodes } from "./inline.js";
import { readForm } from "./inputs.js";
import { act, names } from "./store.js";

let shown = null; // id and hash of the modal on screen: the same one is not drawn again, so typed text stays

function blocksOf(view, root) {
  const use = (block, item, value) =>
    act("actions", { view_id: view.id, action_id: item.action_id, block_id: block.block_id, value, values: readForm(root) });
  return renderBlocks(view.blocks ?? [], { names, use });
}

export function drawModal(view, depth) {
  const dialog = $("modal");
  if (!view) {
    shown = null;
    if (dialog.open) dialog.close();
    return;
  }
  const key = `${view.id}/${view.hash}`;
  if (key === shown) return;
  shown = key;
  const form = h("form", { method: "dialog" });
  const close = () => act("views/close");
  form.append(
    h("header", {}, h("h2", {}, textNodes(view.title, names)), h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: close }, "✕")),
    h("div", { class: "modal-body" }, blocksOf(view, form)),
    h("footer", {}, h("button", { type: "button", class: "button", onclick: close }, view.close?.text ?? (depth > 1 ? "Back" : "Cancel")), view.submit ? h("button", { type: "submit", class: "button primary" }, view.submit.text) : null),
  );
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(view, form); });
  dialog.oncancel = (event) => { event.preventDefault(); close(); };
  dialog.replaceChildren(form);
  if (!dialog.open) dialog.showModal();
  (form.querySelector("[autofocus]") ?? form.querySelector("[data-input]"))?.focus();
}

async function submit(view, form) {
  for (const place of form.querySelectorAll("[data-error]")) place.textContent = "";
  const missing = (view.blocks ?? []).filter((block) => block.type === "input" && !block.optional && isEmpty(readForm(form)[`${block.block_id}/${block.element.action_id}`]));
  if (missing.length) {
    showErrors(form, Object.fromEntries(missing.map((block) => [block.block_id, "Please fill this in."])));
    return;
  }
  const result = await act("views/submit", { view_id: view.id, values: readForm(form) });
  if (!result.acknowledged) toast("The app did not answer. Is it running?");
  showErrors(form, result.errors ?? {});
}

const isEmpty = (value) => value === undefined || value === null || value === "" || value.length === 0;

function showErrors(form, errors) {
  for (const [block, text] of Object.entries(errors)) {
    const place = form.querySelector(`[data-error="${CSS.escape(block)}"]`);
    if (place) place.textContent = text;
  }
  form.querySelector("[data-error]:not(:empty)")?.scrollIntoView({ block: "nearest" });
}

export function drawHome(box, view) {
  const root = h("div", { class: "home" });
  if (view) root.append(...blocksOf(view, root));
  else root.append(h("p", { class: "hint" }, "The app has not published anything on its Home tab yet."));
  box.replaceChildren(root);
}
