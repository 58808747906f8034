"""Confluence storage format -> HTML for people: headings with Confluence's own anchor ids, macros, links.

Storage format: https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from html import escape
from html.entities import html5
from urllib.parse import quote

from lxml import etree

from sandbox.atlassian.content import page_content, web_path
from sandbox.atlassian.wire import Context
from sandbox.site_records import PageRow

AC, RI = "{urn:ac}", "{urn:ri}"
PLAIN_TAGS = set(
    "p ul ol li table tbody thead tfoot tr th td strong b em i u s del code pre blockquote sub sup small span div "
    "dl dt dd time h1 h2 h3 h4 h5 h6".split()
)
SILENT_ELEMENTS = {"parameter", "task-id", "task-status", "placeholder"}
VOID_TAGS = {"br", "hr"}
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
PANELS = {"info": "info", "note": "note", "tip": "tip", "warning": "warning", "panel": "plain"}
SAFE_LINK = re.compile(r"(https?:|mailto:|ftp:|/|#)", re.IGNORECASE)
ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)(\w*;?)")


def storage_to_html(context: Context, page: PageRow, storage: str) -> str:
    """Render storage format; what is not well-formed is recovered as far as possible, scripts never pass."""
    return _Renderer(context, page).render(storage)


def heading_anchor(context: Context, page_title: str, heading: str) -> str:
    """The id that Confluence gives to a heading.

    Cloud: the text with hyphens for spaces. Data Center: `PageTitle-HeadingText`, both without spaces.
    """
    if context.is_cloud:
        return re.sub(r"\s+", "-", heading.strip())
    return re.sub(r"\s+", "", page_title) + "-" + re.sub(r"\s+", "", heading)


class _Renderer:
    def __init__(self, context: Context, page: PageRow) -> None:
        self._context = context
        self._page = page
        self._anchors: Counter[str] = Counter()

    def render(self, storage: str) -> str:
        source = f'<root xmlns:ac="urn:ac" xmlns:ri="urn:ri">{ENTITY.sub(_entity, storage)}</root>'
        parser = etree.XMLParser(recover=True, resolve_entities=False, huge_tree=True)
        root = etree.fromstring(source.encode(), parser)
        return "" if root is None else self._children(root)

    def _children(self, element: etree._Element) -> str:
        parts = [escape(element.text or "")]
        for child in element:
            if isinstance(child.tag, str):
                parts.append(self._element(child))
            parts.append(escape(child.tail or ""))
        return "".join(parts)

    def _element(self, element: etree._Element) -> str:
        tag = str(element.tag)
        if tag.startswith(AC):
            return self._confluence_element(element, tag.removeprefix(AC))
        if tag in VOID_TAGS:
            return f"<{tag}>"
        if tag == "img":
            return _image(element.get("src") or "", element.get("alt") or "")
        inside = self._children(element)
        if tag == "a":
            return self._link(element.get("href") or "", inside)
        attributes = {name: element.get(name) or "" for name in ("colspan", "rowspan") if element.get(name)}
        if tag in HEADINGS:
            attributes["id"] = self._heading_id(element)
        written = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
        return f"<{tag}{written}>{inside}</{tag}>" if tag in PLAIN_TAGS else inside

    def _heading_id(self, element: etree._Element) -> str:
        text = "".join(_visible_text(element))
        anchor = heading_anchor(self._context, self._page.title, text)
        self._anchors[anchor] += 1
        repeated = self._anchors[anchor] - 1
        return f"{anchor}.{repeated}" if repeated else anchor

    def _confluence_element(self, element: etree._Element, name: str) -> str:
        handlers: dict[str, Callable[[etree._Element], str]] = {
            "structured-macro": self._macro,
            "macro": self._macro,
            "link": self._confluence_link,
            "image": self._confluence_image,
            "task-list": lambda each: f'<ul class="tasks">{self._children(each)}</ul>',
            "task": self._task,
            "emoticon": lambda each: escape(each.get(AC + "emoji-fallback") or ""),
        }
        if name in SILENT_ELEMENTS:
            return ""
        return handlers.get(name, self._children)(element)

    def _macro(self, element: etree._Element) -> str:
        name = element.get(AC + "name") or ""
        parameters = {
            each.get(AC + "name") or "": each.text or "" for each in element.findall(AC + "parameter")
        }
        plain = element.find(AC + "plain-text-body")
        rich = element.find(AC + "rich-text-body")
        inside = self._children(rich) if rich is not None else ""
        title = parameters.get("title", "")
        if name in ("code", "noformat"):
            caption = f"<figcaption>{escape(title)}</figcaption>" if title else ""
            code = escape(plain.text or "") if plain is not None else ""
            return f'<figure class="code">{caption}<pre><code>{code}</code></pre></figure>'
        if name == "anchor":
            return f'<span id="{escape(self._anchor(parameters.get("") or ""))}"></span>'
        if name in PANELS:
            heading = f"<strong>{escape(title)}</strong>" if title else ""
            return f'<div class="panel {PANELS[name]}">{heading}{inside}</div>'
        if name == "expand":
            return f"<details open><summary>{escape(title or 'Details')}</summary>{inside}</details>"
        if name == "status":
            return f'<span class="status">{escape(title)}</span>'
        text = escape(plain.text or "") if plain is not None else ""
        return inside or (f"<pre>{text}</pre>" if text else "")

    def _anchor(self, name: str, title: str | None = None) -> str:
        """The id of an anchor macro: Data Center puts the page's title in front here too."""
        if self._context.is_cloud:
            return name
        return heading_anchor(self._context, self._page.title if title is None else title, name)

    def _confluence_link(self, element: etree._Element) -> str:
        body = element.find(AC + "link-body")
        plain = element.find(AC + "plain-text-link-body")
        inside = (
            self._children(body)
            if body is not None
            else escape(plain.text or "")
            if plain is not None
            else ""
        )
        page, attachment = element.find(RI + "page"), element.find(RI + "attachment")
        user = element.find(RI + "user")
        if user is not None:
            reference = user.get(RI + "account-id") or user.get(RI + "userkey") or user.get(RI + "username")
            person = self._context.site.directory.find(reference)
            return f'<span class="mention">@{escape(person.name if person else reference or "")}</span>'
        if attachment is not None:
            name = attachment.get(RI + "filename") or ""
            return self._link(self._file_url(name), inside or escape(name))
        anchor = element.get(AC + "anchor") or ""
        if page is None:
            return self._link("#" + self._anchor(anchor), inside or escape(anchor))
        return self._page_link(page, anchor, inside)

    def _page_link(self, reference: etree._Element, anchor: str, inside: str) -> str:
        title = reference.get(RI + "content-title") or ""
        space = reference.get(RI + "space-key") or self._page.space
        target = self._context.site.find_page_by_title(space, title)
        inside = inside or escape(title)
        if target is None:
            return f'<span class="missing">{inside}</span>'
        url = self._context.confluence_path + web_path(self._context, page_content(target))
        return self._link(url + (f"#{quote(self._anchor(anchor, title))}" if anchor else ""), inside)

    def _confluence_image(self, element: etree._Element) -> str:
        url, attachment = element.find(RI + "url"), element.find(RI + "attachment")
        if url is not None:
            return _image(url.get(RI + "value") or "", element.get(AC + "alt") or "")
        name = (attachment.get(RI + "filename") or "") if attachment is not None else ""
        return _image(self._file_url(name), name)

    def _file_url(self, name: str) -> str:
        return f"{self._context.confluence_path}/download/attachments/{self._page.id}/{quote(name)}"

    def _task(self, element: etree._Element) -> str:
        status, body = element.find(AC + "task-status"), element.find(AC + "task-body")
        done = " checked" if status is not None and status.text == "complete" else ""
        inside = self._children(body) if body is not None else ""
        return f'<li><input type="checkbox" disabled{done}> {inside}</li>'

    def _link(self, url: str, inside: str) -> str:
        return f'<a href="{escape(url)}">{inside}</a>' if SAFE_LINK.match(url) else inside


def _image(url: str, alt: str) -> str:
    return f'<img src="{escape(url)}" alt="{escape(alt)}">' if SAFE_LINK.match(url) else escape(alt)


def _visible_text(element: etree._Element) -> list[str]:
    """The text of a heading without the parameters of macros in it."""
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str) and child.tag != AC + "parameter":
            parts += _visible_text(child)
        parts.append(child.tail or "")
    return parts


def _entity(match: re.Match[str]) -> str:
    """XML knows five names only: write HTML's as characters, and a lone ampersand as one."""
    name = match[1]
    return escape(html5[name]) if name.endswith(";") and name in html5 else "&amp;" + name
