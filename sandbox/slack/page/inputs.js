// Form elements of Block Kit. In a modal they are read on submit; in a message each change is sent at once.
import { h } from "./dom.js";
import { textNodes } from "./inline.js";

const valueOf = (option) => option?.value;
const label = (option, names) => textNodes(option.text, names).join("");

/** The element with its label; `bare` leaves the label out. The control carries block and action id for `readForm`. */
export function inputElement(block, { names, use, bare = false }) {
  const item = block.element;
  const id = `${block.block_id}/${item.action_id}`;
  const send = bare || block.dispatch_action ? (value) => use(block, item, value) : null;
  const control = (CONTROLS[item.type] ?? CONTROLS.plain_text_input)(item, { id, names, send, placeholder: item.placeholder?.text });
  control.dataset.input = id;
  control.dataset.kind = item.type;
  if (bare) return control;
  const error = h("p", { class: "error", "data-error": block.block_id, role: "alert" });
  return h(
    "div",
    { class: "input" },
    h("label", { for: id }, textNodes(block.label, names), block.optional ? h("span", { class: "hint" }, " (optional)") : null),
    control,
    block.hint ? h("p", { class: "hint" }, textNodes(block.hint, names)) : null,
    error,
  );
}

const CONTROLS = {
  plain_text_input: (item, { id, placeholder, send }) => {
    const shared = { id, placeholder, maxlength: item.max_length, onchange: send ? (event) => send(event.target.value) : null };
    const node = item.multiline ? h("textarea", { ...shared, rows: 5 }) : h("input", { ...shared, type: TYPES[item.type] ?? "text" });
    node.value = item.initial_value ?? item.initial_date ?? "";
    if (item.focus_on_load) node.setAttribute("autofocus", "");
    return node;
  },
  static_select: (item, { id, names, placeholder, send }) => {
    const options = item.options ?? (item.option_groups ?? []).flatMap((group) => group.options);
    const node = h("select", { id, onchange: send ? (event) => send(event.target.value) : null }, h("option", { value: "" }, placeholder ?? "Choose…"), options.map((each) => h("option", { value: each.value }, label(each, names))));
    node.value = valueOf(item.initial_option) ?? "";
    return node;
  },
  radio_buttons: (item, { id, names, send }) => choices(item, { id, names, send, type: "radio", chosen: [valueOf(item.initial_option)] }),
  checkboxes: (item, { id, names, send }) => choices(item, { id, names, send, type: "checkbox", chosen: (item.initial_options ?? []).map(valueOf) }),
  multi_static_select: (item, context) => CONTROLS.checkboxes(item, context),
};

const TYPES = { datepicker: "date", number_input: "number", email_text_input: "email", url_text_input: "url" };

function choices(item, { id, names, send, type, chosen }) {
  const box = h("fieldset", { id, class: "choices" });
  for (const option of item.options) {
    const input = h("input", { type, name: id, value: option.value });
    input.checked = chosen.includes(option.value);
    input.addEventListener("change", () => send?.(read(box)));
    const about = option.description ? h("span", { class: "hint" }, textNodes(option.description, names)) : null;
    box.append(h("label", {}, input, " ", textNodes(option.text, names), about));
  }
  return box;
}

function read(control) {
  if (control.tagName !== "FIELDSET") return control.value || null;
  const ticked = [...control.querySelectorAll("input:checked")].map((input) => input.value);
  return control.dataset.kind === "radio_buttons" ? ticked[0] ?? null : ticked;
}

/** Everything filled in below `root`: {"block_id/action_id": value}. */
export function readForm(root) {
  const values = {};
  for (const control of root.querySelectorAll("[data-input]")) {
    const value = read(control);
    if (value !== null) values[control.dataset.input] = value;
  }
  return values;
}
