"""Who finds what: the rules in SQL against a naive reading of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.documents import AccessRule, Document, Membership, Section, SectionKind
from indexer.audience import Audience
from indexer.passes import Pass
from indexer.rules import store_memberships
from indexer.search import Hit, search

PRINCIPALS = ["anyone", "user:a", "user:b", "group:x", "group:y"]
EMAILS = ["a@example.com", "b@example.com", "c@example.com"]
Make = Callable[..., Document]

_RULES = st.lists(st.frozensets(st.sampled_from(PRINCIPALS), max_size=2), max_size=3)
_PEOPLE = st.dictionaries(
    st.sampled_from(EMAILS), st.frozensets(st.sampled_from(PRINCIPALS[1:]), max_size=3), max_size=3
)
_AUDIENCES = st.none() | st.lists(st.sampled_from([*EMAILS, "stranger@example.com", None]), max_size=3)


def naive(
    rules: list[frozenset[str]], people: dict[str, frozenset[str]], audience: list[str | None] | None
) -> bool:
    """Whether all of the audience may read a document: read off the definition."""
    if audience is None:
        return True
    if not rules:
        return False
    return all(
        "anyone" in rule
        or (len(audience) > 0 and all(people.get(email or "", frozenset()) & rule for email in audience))
        for rule in rules
    )


def found(index: Any, audience: Audience, question: str = "spooler") -> set[str]:
    """The documents that this audience finds."""
    return {hit.external_id for hit in _hits(index, audience, question)}


def _hits(index: Any, audience: Audience, question: str) -> tuple[Hit, ...]:
    return search(index.pool, index.embedder, question, audience=audience, limit=50).hits


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    documents=st.lists(st.tuples(_RULES, _RULES), min_size=1, max_size=6),
    people=_PEOPLE,
    audiences=st.lists(_AUDIENCES, min_size=1, max_size=3),
)
def test_search_agrees_with_a_naive_reading_of_the_rules(
    index: Any,
    source: Any,
    document: Make,
    documents: list[tuple[list[frozenset[str]], list[frozenset[str]]]],
    people: dict[str, frozenset[str]],
    audiences: list[list[str | None] | None],
) -> None:
    """All rules of the document and of the chunk, every member; strangers get what is open to anyone.

    The same by a fresh index and by the permission pass over one that knew other rules.
    """
    source.held.clear()
    source.people = [Membership(email=email, principals=principals) for email, principals in people.items()]
    shut = AccessRule(name="shut", principals=frozenset())
    source.put(*(_page(document, n, (shut,), inner) for n, (_, inner) in enumerate(documents)))
    index.refresh(source, full=True, mode="lazy")
    source.put(*(_page(document, n, _named(rules), inner) for n, (rules, inner) in enumerate(documents)))
    index.refresh(source, Pass.PERMISSIONS, mode="lazy")

    for emails in audiences:
        audience = Audience.operator() if emails is None else Audience.of(emails)
        expected = {
            text
            for n, (rules, inner) in enumerate(documents)
            for text, all_rules in ((f"Spooler {n}.", rules), (f"Inner spooler {n}.", [*rules, *inner]))
            if (naive(all_rules, people, emails) if rules else emails is None)
        }
        assert {hit.text for hit in _hits(index, audience, "spooler")} == expected


def _named(rules: list[frozenset[str]]) -> tuple[AccessRule, ...]:
    return tuple(AccessRule(name=f"rule:{'+'.join(sorted(rule))}", principals=rule) for rule in rules)


def _page(make: Make, number: int, rules: tuple[AccessRule, ...], inner: list[frozenset[str]]) -> Document:
    url, heading = f"https://x/{number}", ("Inner",)
    sections = (
        Section(kind=SectionKind.SECTION, text=f"Spooler {number}.", url=url),
        Section(
            kind=SectionKind.SECTION,
            text=f"Inner spooler {number}.",
            url=url,
            heading_path=heading,
            access_rules=_named(inner),
        ),
    )
    return make(number, sections=sections, access_rules=rules)


def test_a_change_of_a_group_takes_effect_without_touching_a_document(
    index: Any, source: Any, document: Make, rules: Callable[..., AccessRule]
) -> None:
    """Who joins sees, who leaves does not."""
    source.put(document(1, "The spooler.", access_rules=(rules("space:X", ["group:ops"]),)))
    source.people = [Membership(email="Ada@Example.com", principals=frozenset({"user:1", "group:ops"}))]
    index.refresh(source)
    before = index.rows("select xmin::text from documents")
    ada, ben = Audience.of(["ada@example.com"]), Audience.of(["ben@example.com"])
    assert (found(index, ada), found(index, ben)) == ({"1"}, set())

    with index.pool.connection() as connection:
        store_memberships(
            connection, "wiki", [Membership(email="ben@example.com", principals=frozenset({"group:ops"}))]
        )

    assert (found(index, ada), found(index, ben)) == (set(), {"1"})
    assert index.rows("select xmin::text from documents") == before


def test_a_membership_of_one_source_opens_nothing_in_another(
    index: Any, source: Any, document: Make, rules: Callable[..., AccessRule]
) -> None:
    """Two sites may have a group of one name."""
    other = type(source)(name="other")
    for each, where in ((source, "wiki"), (other, "other")):
        each.put(
            document(
                1, "The spooler.", source=where, external_id=where, access_rules=(rules("s", ["group:ops"]),)
            )
        )
        index.refresh(each)
    source.people = [Membership(email="ada@example.com", principals=frozenset({"group:ops"}))]
    index.refresh(source)

    assert found(index, Audience.of(["ada@example.com"])) == {"wiki"}


def test_two_entries_of_one_address_are_one_person(
    index: Any, source: Any, document: Make, rules: Any
) -> None:
    """Sites have people twice: the account and an old one."""
    source.put(document(1, "The spooler.", access_rules=(rules("a", ["user:1"]), rules("b", ["user:2"]))))
    source.people = [
        Membership(email="ada@example.com", principals=frozenset({"user:1"})),
        Membership(email="ADA@example.com", principals=frozenset({"user:2"})),
    ]
    index.refresh(source)

    assert found(index, Audience.of(["ada@example.com"])) == {"1"}


def test_nothing_of_a_forbidden_document_is_in_the_hits_even_when_it_is_named(
    index: Any, source: Any, document: Make, rules: Any
) -> None:
    """Not by its key, not by its words, not by its meaning; nor does it push others out."""
    source.put(
        *(
            document(
                n, "The secret spooler.", external_id=f"SEC-{n}", access_rules=(rules("s", ["group:board"]),)
            )
            for n in range(1, 60)
        ),
        document(99, "How printing works here."),
    )
    index.refresh(source)

    hits = search(
        index.pool,
        index.embedder,
        "SEC-1 secret spooler",
        audience=Audience.of(["ada@example.com"]),
        limit=50,
    ).hits
    assert [hit.external_id for hit in hits] == ["99"]
