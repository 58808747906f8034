"""Who may read what of Confluence: rules, restrictions and memberships, Cloud and Data Center."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from connectors.documents import AccessRule
from sandbox.site_access import may_read_page
from tests.integration.connectors.confluence_reading import read


def rules_of(connector: Any, access_rules: Iterable[AccessRule]) -> list[frozenset[str]]:
    """Of whom a reader must be one, with the container rules asked for."""
    rules = [rule if rule.principals is not None else connector.rule(rule.name) for rule in access_rules]
    assert rules
    return [rule.principals or frozenset() for rule in rules]


def test_the_restrictions_of_all_ancestors_apply_together(running: Any) -> None:
    """A page below two restricted pages carries the space's rule and one rule for each of them."""
    documents = read(running.confluence())
    names = {number: [rule.name for rule in documents[number].access_rules] for number in documents}
    assert names["100"] == [f"space:{running.site.spaces['ENG'].id}"]
    assert names["102"] == [f"space:{running.site.spaces['ENG'].id}", "page:101"]
    assert names["103"] == [f"space:{running.site.spaces['ENG'].id}", "page:101", "page:103"]


def test_rules_and_memberships_agree_with_the_site(serve: Callable[[str], Any]) -> None:
    """On Cloud, where e-mails are shown: everybody reads exactly what the site lets them read."""
    with serve("cloud") as running:
        connector = running.confluence()
        people = {member.email: member.principals | {"anyone"} for member in connector.memberships()}
        documents, site = read(connector), running.site
        assert len(people) == 3  # one person is in no group
        for email, principals in people.items():
            for number, document in documents.items():
                allowed = all(rule & principals for rule in rules_of(connector, document.access_rules))
                assert allowed == may_read_page(site, site.directory.find(email), site.pages[number])


def test_data_center_tells_emails_in_profiles_alone(serve: Callable[[str], Any]) -> None:
    """Each profile is asked for once, and a person whose profile is closed is left out."""
    with serve("datacenter") as running:
        connector, site = running.confluence(), running.site
        running.fault(path="rest/mobile/1.0/profile/bo.kim", status=403, times=9)
        people = {member.email: member.principals for member in connector.memberships()}
        asked = running.requests()
        assert people == {member.email: member.principals for member in connector.memberships()}
        assert set(people) == {"ann.lee@acme.example", "cy.fox@acme.example"}
        assert running.requests() - asked == 4  # the groups, and the members of three
        for number, document in read(connector).items():
            for email, principals in people.items():
                allowed = all(rule & principals for rule in rules_of(connector, document.access_rules))
                assert allowed == may_read_page(site, site.directory.find(email), site.pages[number])


@pytest.mark.slow
def test_a_whole_company_reads_what_its_site_lets_it_read(serve: Callable[..., Any]) -> None:
    """116 people and 2,757 real pages with ninety restrictions."""
    folder = next(
        (p for p in Path(__file__).parents if (p / "shared/data/company/site.json").is_file()), None
    )
    if folder is None:
        pytest.skip("the real data of ../shared/data is not here")
    with serve("cloud", folder / "shared/data/company") as running:
        connector, site = running.confluence(), running.site
        people = [(site.directory.find(m.email), m.principals | {"anyone"}) for m in connector.memberships()]
        spaces = {
            name: connector.rule(name).principals
            for name in (f"space:{each.id}" for each in site.spaces.values())
        }
        count = 0
        for listed in connector.listing():
            rules = [spaces.get(rule.name, rule.principals) for rule in listed.access_rules]
            for user, principals in people:
                allowed = all((rule or frozenset()) & principals for rule in rules)
                assert allowed == may_read_page(site, user, site.pages[listed.id])
            count += 1
        assert count == len(site.pages) > 2000
        assert len(people) > 100


def test_an_open_space_is_open_to_anyone(running: Any) -> None:
    """Anonymous access becomes the principal that everybody is."""
    running.site.space_permissions["ENG"] = ("anyone",)
    rule = running.confluence().rule(f"space:{running.site.spaces['ENG'].id}")
    assert rule == AccessRule(name=f"space:{running.site.spaces['ENG'].id}", principals=frozenset({"anyone"}))


@pytest.mark.parametrize("status", [403, 404])
def test_unreadable_permissions_shut_the_space(running: Any, status: int) -> None:
    """A rule that cannot be read admits nobody, and the read goes on."""
    running.fault(path="/permissions", status=status, times=50)
    connector = running.confluence()
    assert connector.rule(f"space:{running.site.spaces['ENG'].id}") == AccessRule(
        name=f"space:{running.site.spaces['ENG'].id}", principals=frozenset()
    )
    assert {d.access_rules[0] for d in read(connector).values()} == {
        AccessRule(name=f"space:{running.site.spaces['ENG'].id}", principals=None)
    }


def test_only_spaces_rules_are_told_by_name(running: Any) -> None:
    """A page's rule always comes with its principals; a space that is not read admits nobody."""
    connector = running.confluence(spaces=("ENG",))
    with pytest.raises(KeyError):
        connector.rule("page:101")
    assert connector.rule("space:7").principals == frozenset()


def test_a_hidden_ancestor_shuts_the_pages_below(running: Any) -> None:
    """An ancestor whose restriction nobody tells might have one."""
    running.site.pages["101"].status = "trashed"
    document = read(running.confluence())["102"]
    names = {rule.name: rule.principals for rule in document.access_rules}
    assert names["page:101"] == frozenset()
