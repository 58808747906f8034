// Block Kit as DOM nodes. `use(block, element, value)` is called when a person uses an element.
import { h, link, toast } from "./dom.js";
import { emoji } from "./emoji.js";
import { icon } from "./icons.js";
import { textNodes } from "./inline.js";
import { markdown } from "./markdown.js";
import { inputElement } from "./inputs.js";

export function renderBlocks(blocks, context) {
  return blocks.map((block) => (RENDER[block.type] ?? unknown)(block, context));
}

const unknown = (block) => h("div", { class: "unknown" }, `(a ${block.type} block, which this page does not draw)`);

const RENDER = {
  section: (block, { names, use }) =>
    h(
      "div",
      { class: "section" },
      h(
        "div",
        { class: "section-text" },
        h("div", {}, textNodes(block.text, names)),
        block.fields ? h("div", { class: "fields" }, block.fields.map((each) => h("div", {}, textNodes(each, names)))) : null,
      ),
      block.accessory ? element(block, block.accessory, { names, use }) : null,
    ),
  markdown: (block, { names }) => h("div", { class: "markdown" }, markdown(block.text, names)),
  header: (block, { names }) => h("h3", { class: "header" }, textNodes(block.text, names)),
  divider: () => h("hr"),
  context: (block, { names }) =>
    h("div", { class: "context" }, block.elements.map((each) => (each.type === "image" ? image(each) : h("span", {}, textNodes(each, names))))),
  actions: (block, context) => h("div", { class: "actions" }, block.elements.map((each) => element(block, each, context))),
  context_actions: (block, context) =>
    h("div", { class: "actions quiet" }, block.elements.map((each) => element(block, each, context))),
  image: (block, { names }) => h("figure", {}, block.title ? h("figcaption", {}, textNodes(block.title, names)) : null, image(block)),
  rich_text: (block, { names }) => h("div", {}, block.elements.map((each) => richText(each, names))),
  table: (block, { names }) => table(block, names),
  input: (block, context) => inputElement(block, context),
  plan: (block, context) =>
    h("div", { class: "plan" }, block.title ? h("strong", {}, block.title) : null, (block.tasks ?? []).map((each) => task(each, context))),
  task_card: (block, context) => task(block, context),
  alert: (block, { names }) => h("div", { class: `alert ${block.level ?? ""}` }, textNodes(block.text, names)),
  card: (block, context) =>
    h(
      "div",
      { class: "card" },
      [block.title, block.subtitle, block.body].filter(Boolean).map((each) => h("div", {}, textNodes(each, context.names))),
      (block.actions ?? []).map((each) => element(block, each, context)),
    ),
  carousel: (block, context) => h("div", { class: "carousel" }, renderBlocks(block.elements ?? [], context)),
};

// Pictures come from other hosts; the page loads nothing from elsewhere, so it names them instead.
const image = (block) => h("span", { class: "image", title: block.image_url }, icon("picture"), ` ${block.alt_text ?? "image"}`);

const TASK_SIGNS = { pending: "○", in_progress: "◐", complete: "✓", error: "✕" };

function task(block, { names }) {
  const extra = [block.details, block.output].filter(Boolean).map((each) => h("div", {}, renderBlocks([each], { names })));
  const sources = (block.sources ?? []).map((source) => link(source.url, source.text || source.url));
  return h(
    "div",
    { class: `task-card is-${block.status}` },
    h("span", { class: "sign", "aria-label": block.status.replace("_", " ") }, TASK_SIGNS[block.status] ?? "○"),
    h("div", {}, block.title, extra, sources.length ? h("div", { class: "sources" }, sources) : null),
  );
}

function element(block, item, { names, use }) {
  const make = ELEMENTS[item.type];
  if (make) return make(block, item, use, names);
  if (item.type === "image") return image(item);
  return inputElement({ ...block, element: item }, { names, use, bare: true });
}

async function press(button, run) {
  button.disabled = true;
  try {
    const result = await run();
    if (result?.acknowledged === false) toast("The app did not answer. Is it running?");
  } finally {
    button.disabled = false;
  }
}

const rated = new Map(); // "block/action" -> side, so that a message that is drawn again shows the choice

const ELEMENTS = {
  button: (block, item, use, names) => {
    const node = h("button", { type: "button", class: `button ${item.style ?? ""}`, "aria-label": item.accessibility_label }, textNodes(item.text, names));
    node.addEventListener("click", () => {
      if (item.confirm && !window.confirm(`${item.confirm.title?.text}\n\n${item.confirm.text?.text}`)) return;
      if (item.url) window.open(item.url, "_blank", "noopener");
      press(node, () => use(block, item, item.value));
    });
    return node;
  },
  icon_button: (block, item, use) => {
    const node = h("button", { type: "button", class: "button icon", title: item.text?.text }, item.icon === "trash" ? icon("trash") : "•", ` ${item.text?.text ?? ""}`);
    node.addEventListener("click", () => press(node, () => use(block, item, item.value)));
    return node;
  },
  feedback_buttons: (block, item, use) => {
    const side = (name, sign) => {
      const choice = item[`${name}_button`];
      const node = h(
        "button",
        { type: "button", class: "button icon", "aria-pressed": String(rated.get(`${block.block_id}/${item.action_id}`) === name), title: choice.text.text, "aria-label": choice.accessibility_label ?? choice.text.text },
        sign,
      );
      node.addEventListener("click", async () => {
        await press(node, () => use(block, item, name));
        rated.set(`${block.block_id}/${item.action_id}`, name);
        for (const each of node.parentNode.children) each.setAttribute("aria-pressed", String(each === node));
      });
      return node;
    };
    return h("span", { class: "feedback" }, side("positive", icon("up")), side("negative", icon("down")));
  },
  overflow: (block, item, use, names) => {
    const menu = h("details", { class: "overflow" }, h("summary", { "aria-label": "More" }, "⋯"));
    const options = item.options.map((option) =>
      h("button", { type: "button", onclick: () => { menu.open = false; if (option.url) window.open(option.url, "_blank", "noopener"); use(block, item, option.value); } }, textNodes(option.text, names)),
    );
    menu.append(h("div", { class: "menu" }, options));
    return menu;
  },
};

function table(block, names) {
  const cell = (content) => {
    if (content.type === "rich_text") return renderBlocks([content], { names });
    return content.text ?? "";
  };
  const rows = block.rows.map((row, index) =>
    h("tr", {}, row.map((content, column) => h(index ? "td" : "th", { class: block.column_settings?.[column]?.align }, cell(content)))),
  );
  return h("div", { class: "table" }, h("table", {}, h("tbody", {}, rows)));
}

function richText(part, names) {
  const inner = () => (part.elements ?? []).map((each) => (each.elements ? richText(each, names) : richElement(each, names)));
  if (part.type === "rich_text_preformatted") return h("pre", {}, inner());
  if (part.type === "rich_text_quote") return h("blockquote", {}, inner());
  if (part.type === "rich_text_list") {
    return h(part.style === "ordered" ? "ol" : "ul", { class: `indent-${part.indent ?? 0}` }, part.elements.map((each) => h("li", {}, richText(each, names))));
  }
  return h("div", { class: "rich" }, inner());
}

function richElement(item, names) {
  const style = item.style ?? {};
  let node;
  if (item.type === "link") node = link(item.url, item.text ?? item.url);
  else if (item.type === "user") node = h("span", { class: "mention" }, `@${names.person(item.user_id) ?? item.user_id}`);
  else if (item.type === "channel") node = h("span", { class: "mention" }, `#${names.channel(item.channel_id)}`);
  else if (item.type === "broadcast") node = h("span", { class: "mention me" }, `@${item.range}`);
  else if (item.type === "emoji") node = document.createTextNode(emoji(item.name));
  else node = document.createTextNode(item.text ?? "");
  for (const [flag, tag] of [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"]]) {
    if (style[flag]) node = h(tag, {}, node);
  }
  return node;
}
