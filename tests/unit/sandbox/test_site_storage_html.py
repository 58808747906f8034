from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.atlassian.app import Credentials
from sandbox.atlassian.storage_html import storage_to_html
from sandbox.atlassian.wire import Context
from sandbox.site_people import Directory, User
from sandbox.site_records import PageRow, Space
from sandbox.site_state import Site

SAMPLES = Path("/work/shared/data/confluence-storage/magnolia/pages.jsonl")


def render(storage: str, deployment="cloud") -> str:
    ada = User(id="acc-1", login="ada", name="Ada Reed", email="ada@x.example")
    site = Site(
        folder=Path("nowhere"), directory=Directory([ada]), spaces={"S": Space(id="1", key="S", name="S")}
    )
    for number, title in enumerate(["My Page", "Other"], 1):
        site.pages[str(number)] = PageRow(
            id=str(number),
            kind="page",
            space="S",
            title=title,
            parent_id=None,
            version=1,
            created=0,
            updated=0,
            author="ada",
            labels=(),
            packed=b"",
        )
    credentials = Credentials(email="a@b.example", token="t")
    context = Context(site=site, deployment=deployment, base_url="http://h", credentials=credentials)
    return storage_to_html(context, site.pages["1"], storage)


@pytest.mark.parametrize(
    ("storage", "html"),
    [
        ("<p>a &nbsp;&amp; b & c &unknown; &lt;</p>", "<p>a \xa0&amp; b &amp; c &amp;unknown; &lt;</p>"),
        (
            "<h2>Two words</h2><h2>Two words</h2>",
            '<h2 id="Two-words">Two words</h2><h2 id="Two-words.1">Two words</h2>',
        ),
        ('<a href="javascript:alert(1)">x</a><script>alert(1)</script>', "xalert(1)"),
        (
            '<ac:link><ri:page ri:content-title="Other"/><ac:link-body>go</ac:link-body></ac:link>',
            '<a href="/wiki/spaces/S/pages/2/Other">go</a>',
        ),
        (
            '<ac:link><ri:page ri:content-title="Nowhere"/></ac:link>',
            '<span class="missing">Nowhere</span>',
        ),
        (
            '<ac:link><ri:user ri:account-id="acc-1"/></ac:link>',
            '<span class="mention">@Ada Reed</span>',
        ),
        (
            '<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[if a < b:]]></ac:plain-text-body>'
            "</ac:structured-macro>",
            '<figure class="code"><pre><code>if a &lt; b:</code></pre></figure>',
        ),
        (
            '<ac:structured-macro ac:name="info"><ac:rich-text-body><p>x</p></ac:rich-text-body></ac:structured-macro>',
            '<div class="panel info"><p>x</p></div>',
        ),
        (
            "<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>complete</ac:task-status>"
            "<ac:task-body>do</ac:task-body></ac:task></ac:task-list>",
            '<ul class="tasks"><li><input type="checkbox" disabled checked> do</li></ul>',
        ),
    ],
)
def test_each_element_is_shown_as_people_know_it(storage, html):
    assert render(storage) == html


def test_anchors_follow_the_deployments_rules():
    storage = (
        '<h1><ac:structured-macro ac:name="anchor"><ac:parameter ac:name="">spot one</ac:parameter>'
        "</ac:structured-macro>First steps</h1>"
    )
    assert re.findall('id="([^"]+)"', render(storage)) == ["First-steps", "spot one"]
    assert re.findall('id="([^"]+)"', render(storage, "datacenter")) == [
        "MyPage-Firststeps",
        "MyPage-spotone",
    ]


def test_a_link_to_an_anchor_of_another_page_leads_to_the_id_that_is_there():
    storage = '<ac:link ac:anchor="spot one"><ri:page ri:content-title="Other"/></ac:link>'
    assert 'href="/wiki/spaces/S/pages/2/Other#spot%20one"' in render(storage)
    assert 'href="/confluence/display/S/Other#Other-spotone"' in render(storage, "datacenter")


PIECES = [*"ab<>/&;'\"=: ", "<p>", "<p ", "</p>", "<ac:link>", "<script>", "onload=", "<![CDATA[", "]]>"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_text_is_rendered_without_scripts(storage):
    html = render(storage)
    assert "<script" not in html
    assert not re.search(r"<[^>]*\sonload=", html)


@pytest.mark.skipif(not SAMPLES.is_file(), reason=f"{SAMPLES} is not on this machine")
def test_real_pages_keep_their_words():
    for line in SAMPLES.read_text("utf-8").splitlines():
        page = json.loads(line)
        storage = page.get("storage") or page.get("body") or page.get("xhtml") or ""
        html = re.sub(r"<[^>]+>", " ", render(storage))
        paragraphs = re.findall(r"<p>([\w ,]+)</p>", storage)
        assert [text for text in paragraphs if text not in html] == []
