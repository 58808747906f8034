"""Searches of a company's size stay cheap enough to serve benchmarks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sandbox import site_changes
from sandbox.atlassian.cql import search_content
from sandbox.atlassian.jql import search_issues
from sandbox.site import load_site

COMPANY = Path("/work/shared/data/company")
JQL = ["project = TIMOB order by id asc", "updated >= 1500000000000 order by updated asc, key asc"]
CQL = ["type in (page, blogpost) order by id", 'lastmodified >= "2020-01-01 00:00" order by lastmodified']


@pytest.mark.slow
@pytest.mark.skipif(not COMPANY.is_dir(), reason=f"{COMPANY} is not on this machine")
def test_a_search_after_a_change_takes_a_fraction_of_a_second():
    site = load_site(COMPANY)
    issue, page = next(iter(site.issues.values())), next(iter(site.pages.values()))
    for query in JQL + CQL:
        site_changes.update_issue(site, issue, {"summary": query})
        site_changes.update_page(site, page, {"title": query})
        start = time.perf_counter()
        if query in JQL:
            found = search_issues(site, query, zone="UTC", bounded=True)
        else:
            found = search_content(site, query, zone="UTC")
        assert len(found) > 1000
        assert time.perf_counter() - start < 0.5
