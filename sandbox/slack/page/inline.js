// Inline text: Slack's mrkdwn and standard Markdown, both turned into DOM nodes by rules that find the earliest match.
import { EMOJI, emoji } from "./emoji.js";
import { h, link } from "./dom.js";

export const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** Nodes for `text`: the rule whose pattern matches first makes a node, the rest is plain text. */
function apply(rules, text, names) {
  const nodes = [];
  let rest = text;
  while (rest) {
    let best = null;
    for (const rule of rules) {
      const match = rule.pattern.exec(rest);
      if (match && (best === null || match.index < best.match.index)) best = { rule, match };
    }
    if (best === null) break;
    if (best.match.index) nodes.push(unescape(rest.slice(0, best.match.index)));
    nodes.push(best.rule.make(best.match, (inner) => apply(rules, inner, names), names));
    rest = rest.slice(best.match.index + best.match[0].length);
  }
  if (rest) nodes.push(unescape(rest));
  return nodes;
}

function mention(id, label, names) {
  const name = names.person(id) ?? label ?? id;
  return h("span", { class: id === names.me ? "mention me" : "mention" }, `@${name}`);
}

// <…> of mrkdwn; it works inside Markdown texts, too.
const ANGLE = {
  pattern: /<((?:@|#|!|https?:|mailto:)[^<>]*)>/,
  make: (match, inner, names) => {
    const [target, ...labels] = match[1].split("|");
    const label = labels.length ? labels.join("|") : null;
    if (target[0] === "@") return mention(target.slice(1), label, names);
    if (target[0] === "#") return h("span", { class: "mention" }, `#${label || names.channel(target.slice(1))}`);
    if (target.startsWith("!date^")) return h("time", {}, label ?? target);
    if (target[0] === "!") return h("span", { class: "mention me" }, `@${label ?? target.slice(1).split("^")[0]}`);
    return link(unescape(target), unescape(label ?? target));
  },
};
const CODE = { pattern: /`([^`\n]+)`/, make: (match) => h("code", {}, unescape(match[1])) };
const SHORTCODE = {
  pattern: /(?<![\w:]):([a-z0-9_+-]+):/,
  make: (match) => (EMOJI.has(match[1]) ? h("span", { title: match[0] }, EMOJI.get(match[1])) : match[0]),
};
const styled = (pattern, tag) => ({ pattern, make: (match, inner) => h(tag, {}, inner(match[1])) });

const MRKDWN = [
  CODE,
  ANGLE,
  styled(/(?<![\w*])\*(?=\S)([^*\n]*[^*\s])\*(?![\w*])/, "strong"),
  styled(/(?<!\w)_(?=\S)([^_\n]*[^_\s])_(?!\w)/, "em"),
  styled(/(?<![\w~])~(?=\S)([^~\n]*[^~\s])~(?![\w~])/, "s"),
  SHORTCODE,
];

const MARKDOWN = [
  { pattern: /\\([\\`*_{}[\]()#+.!|~>-])/, make: (match) => match[1] },
  CODE,
  { pattern: /!\[([^\]]*)\]\((\S+?)(?:\s+"[^"]*")?\)/, make: (match) => link(unescape(match[2]), match[1] || match[2]) },
  {
    pattern: /\[((?:[^[\]]|\[[^[\]]*\])+)\]\(<?((?:[^\s()<>]|\([^\s()]*\))+)>?(?:\s+"[^"]*")?\)/,
    make: (match, inner) => link(unescape(match[2]), inner(match[1])),
  },
  ANGLE,
  styled(/\*\*(?=\S)((?:[^*]|\*(?!\*))*[^\s])\*\*/, "strong"),
  styled(/(?<!\w)__(?=\S)([^_]*[^_\s])__(?!\w)/, "strong"),
  styled(/~~(?=\S)([^~]*[^~\s])~~/, "s"),
  styled(/(?<![\w*])\*(?=[^\s*])([^*\n]*[^*\s])\*(?![\w*])/, "em"),
  styled(/(?<!\w)_(?=[^\s_])([^_\n]*[^_\s])_(?!\w)/, "em"),
  { pattern: /https?:\/\/[^\s<>()]*[^\s<>().,;:!?'"]/, make: (match) => link(unescape(match[0])) },
  SHORTCODE,
];

export const inlineMarkdown = (text, names) => apply(MARKDOWN, text, names);

const inlineMrkdwn = (text, names) =>
  text.split("\n").flatMap((line, index) => [index ? h("br") : null, ...apply(MRKDWN, line, names)]).filter(Boolean);

/** Slack's mrkdwn as nodes: code blocks, quotes, and the inline rules. */
export function mrkdwn(text, names) {
  const nodes = [];
  text.split(/```\n?([\s\S]*?)\n?```\n?/).forEach((piece, index) => {
    if (index % 2) {
      nodes.push(h("pre", {}, unescape(piece)));
      return;
    }
    for (const run of piece.split(/((?:^|\n)(?:&gt;|>) ?[^\n]*(?:\n(?:&gt;|>) ?[^\n]*)*\n?)/)) {
      if (/^\n?(?:&gt;|>)/.test(run)) {
        const quoted = run.replace(/^\n/, "").replace(/\n$/, "").replace(/^(?:&gt;|>) ?/gm, "");
        nodes.push(h("blockquote", {}, inlineMrkdwn(quoted, names)));
      } else if (run) nodes.push(...inlineMrkdwn(run, names));
    }
  });
  return nodes;
}

/** Text objects: plain_text keeps only shortcodes, mrkdwn is rendered. */
export function textNodes(text, names) {
  if (!text) return [];
  if (text.type === "mrkdwn") return mrkdwn(text.text, names);
  return [text.text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => (emoji(name) === whole ? whole : emoji(name)))];
}
