// Standard Markdown as Slack's `markdown` block takes it: headings, lists, tasks, quotes, code, tables, rules.
import { h } from "./dom.js";
import { inlineMarkdown, unescape } from "./inline.js";

const FENCE = /^\s*(```|~~~)\s*(\S*)/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/;
const QUOTE = /^\s*(?:>|&gt;)\s?(.*)$/;
const DELIMITER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/** Nodes for a Markdown text. */
export function markdown(text, names) {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    const taken = [code, heading, rule, table, quote, list].map((take) => take(lines, at, names)).find(Boolean);
    if (taken) {
      nodes.push(taken.node);
      at = taken.next;
    } else if (lines[at].trim() === "") at += 1;
    else {
      const end = paragraphEnd(lines, at);
      nodes.push(h("p", {}, withBreaks(lines.slice(at, end), names)));
      at = end;
    }
  }
  return nodes;
}

const withBreaks = (lines, names) =>
  lines.flatMap((line, index) => [index ? h("br") : null, ...inlineMarkdown(line.trim(), names)]).filter(Boolean);

const startsBlock = (lines, at) =>
  FENCE.test(lines[at]) || HEADING.test(lines[at]) || RULE.test(lines[at]) || QUOTE.test(lines[at]) ||
  ITEM.test(lines[at]) || isTable(lines, at);

function paragraphEnd(lines, start) {
  let end = start + 1;
  while (end < lines.length && lines[end].trim() && !startsBlock(lines, end)) end += 1;
  return end;
}

function code(lines, at) {
  const open = FENCE.exec(lines[at]);
  if (!open) return null;
  let end = at + 1;
  while (end < lines.length && !lines[end].trim().startsWith(open[1])) end += 1;
  return { node: h("pre", {}, unescape(lines.slice(at + 1, end).join("\n"))), next: end + 1 };
}

function heading(lines, at, names) {
  const match = HEADING.exec(lines[at]);
  if (!match) return null;
  const level = Math.min(match[1].length + 2, 6); // the page's own headings stay above those of messages
  return { node: h(`h${level}`, { class: `md-h${match[1].length}` }, inlineMarkdown(match[2], names)), next: at + 1 };
}

const rule = (lines, at) => (RULE.test(lines[at]) ? { node: h("hr"), next: at + 1 } : null);

function quote(lines, at, names) {
  if (!QUOTE.test(lines[at])) return null;
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => QUOTE.exec(line)[1]).join("\n");
  return { node: h("blockquote", {}, markdown(inner, names)), next: end };
}

function list(lines, at, names) {
  const first = ITEM.exec(lines[at]);
  if (!first) return null;
  const ordered = /\d/.test(first[2]);
  const items = [];
  let next = at;
  while (next < lines.length) {
    const match = ITEM.exec(lines[next]);
    if (!match || match[1].length > first[1].length + 1 || match[1].length < first[1].length) break;
    if (/\d/.test(match[2]) !== ordered) break;
    const indent = match[1].length;
    const inner = [];
    let end = next + 1;
    while (end < lines.length && (continues(lines[end], indent) || (lines[end].trim() === "" && continues(lines[end + 1] ?? "", indent)))) {
      inner.push(lines[end]);
      end += 1;
    }
    items.push(item(match[3], inner, names));
    next = end;
    if (lines[next]?.trim() === "" && ITEM.test(lines[next + 1] ?? "")) next += 1;
  }
  return { node: h(ordered ? "ol" : "ul", { start: ordered ? parseInt(first[2], 10) : null }, items), next };
}

const continues = (line, indent) => line.trim() !== "" && line.search(/\S/) > indent + 1;

function item(text, inner, names) {
  const task = /^\[([ xX])\]\s+(.*)$/.exec(text);
  const indent = Math.min(...inner.filter((line) => line.trim()).map((line) => line.search(/\S/)), 99);
  const below = inner.length ? markdown(inner.map((line) => line.slice(indent)).join("\n"), names) : [];
  if (!task) return h("li", {}, inlineMarkdown(text, names), below);
  const done = task[1] !== " ";
  return h("li", { class: "task" }, done ? "☑ " : "☐ ", inlineMarkdown(task[2], names), below);
}

const isTable = (lines, at) =>
  lines[at].includes("|") && DELIMITER.test(lines[at + 1] ?? "") && (lines[at + 1] ?? "").includes("-") &&
  (lines[at + 1] ?? "").includes("|");

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));

function table(lines, at, names) {
  if (!isTable(lines, at)) return null;
  const aligns = cells(lines[at + 1]).map((cell) => (/^:-+:$/.test(cell) ? "center" : cell.endsWith(":") ? "right" : "left"));
  const row = (line, tag) =>
    h("tr", {}, cells(line).map((cell, index) => h(tag, { class: aligns[index] }, inlineMarkdown(cell, names))));
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end += 1;
  const body = lines.slice(at + 2, end).map((line) => row(line, "td"));
  return {
    node: h("div", { class: "table" }, h("table", {}, h("thead", {}, row(lines[at], "th")), h("tbody", {}, body))),
    next: end,
  };
}
