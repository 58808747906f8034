"""Who finds what: the rules in SQL against a naive reading of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.documents import AccessRule, Document, Membership, Section, SectionKind
from connectors.errors import SourceUnavailableError
from indexer.audience import Audience
from indexer.passes import Pass
from indexer.people import store_people
from indexer.search import Hit, search

PRINCIPALS = ["anyone", "user:a", "user:b", "group:x", "group:y"]
EMAILS = ["a@example.com", "b@example.com", "c@example.com"]
Make = Callable[..., Document]
OUTAGE = SourceUnavailableError("wiki did not answer; try again later.")

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
        texts = {
            text: naive(all_rules, people, emails) if rules else emails is None
            for n, (rules, inner) in enumerate(documents)
            for text, all_rules in ((f"Spooler {n}.", rules), (f"Inner spooler {n}.", [*rules, *inner]))
        }
        # Sections of the same rules may be one chunk.
        found = "\n".join(hit.text for hit in _hits(index, audience, "spooler"))
        assert {text: text in found for text in texts} == texts


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
        store_people(
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


BOARD = frozenset({"group:board"})
ADA, EVE = "ada@example.com", "eve@example.com"


def board_only(source: Any, make: Make) -> None:
    """A page in the board's space, and one that is restricted to the board; Ada is the board."""
    source.people = [Membership(email=ADA, principals=BOARD | {"user:ada"})]
    source.containers = {"space:B": BOARD}
    source.put(
        make(1, "Board minutes.", access_rules=(AccessRule(name="space:B", principals=None),)),
        make(2, "Board salaries.", access_rules=(AccessRule(name="page:2", principals=BOARD),)),
    )


def put_eve_in_a_new_group_of_that_name(source: Any, make: Make) -> None:
    """The group was deleted, and another one of its name was granted nothing; on Data Center a name is all there is."""
    source.people = [Membership(email=EVE, principals=BOARD)]
    source.containers = {"space:B": frozenset()}
    source.put(make(2, "Board salaries.", access_rules=(AccessRule(name="page:2", principals=frozenset()),)))


@pytest.mark.parametrize("failing", ["people", "rule space:B", "listing"])
def test_who_joins_a_group_that_was_made_anew_sees_nothing_of_the_old_one(
    index: Any, source: Any, document: Make, failing: str
) -> None:
    """At no moment of a pass, and whatever fails in it; who left sees nothing either as soon as that is told."""
    board_only(source, document)
    index.refresh(source, mode="lazy")
    assert index.finds("board", ADA) == ["Board minutes.", "Board salaries."]
    put_eve_in_a_new_group_of_that_name(source, document)
    source.failures = {failing: OUTAGE}
    source.broken_listing = OUTAGE if failing == "listing" else None
    seen: list[Any] = []
    source.on_rule = lambda _: seen.append(index.finds("board", EVE))
    listing = source.listing

    def told() -> Any:
        seen.append(index.finds("board", EVE))
        for each in listing():
            yield each
            seen.append(index.finds("board", EVE))

    source.listing = told
    with pytest.raises(SourceUnavailableError):
        index.refresh(source, Pass.PERMISSIONS, mode="lazy")
    seen.append(index.finds("board", EVE))

    assert len(seen) > 3
    assert not any(seen)
    assert index.finds("board", ADA) == []


def test_who_joins_sees_as_soon_as_the_pass_is_through(index: Any, source: Any, document: Make) -> None:
    """And who is known already loses what is withdrawn before anything else is asked."""
    board_only(source, document)
    index.refresh(source, mode="lazy")
    source.people = [
        Membership(email=ADA, principals=frozenset({"user:ada"})),
        Membership(email=EVE, principals=BOARD),
    ]
    seen: list[Any] = []
    source.on_rule = lambda _: seen.append((index.finds("board", ADA), index.finds("board", EVE)))

    index.refresh(source, Pass.PERMISSIONS, mode="lazy")

    assert seen == [([], [])] * 2
    assert index.finds("board", ADA) == []
    assert index.finds("board", EVE) == ["Board minutes.", "Board salaries."]


def test_a_space_that_is_shut_because_it_cannot_be_asked_keeps_nobody_from_joining(
    index: Any, source: Any, document: Make
) -> None:
    """Nothing of it is shown to anybody: only what holds unasked could be the wrong group's."""
    board_only(source, document)
    other = AccessRule(name="space:C", principals=None)
    source.containers["space:C"] = BOARD
    source.put(document(3, "Board lunch.", access_rules=(other,)))
    index.refresh(source, mode="lazy")
    source.people.append(Membership(email=EVE, principals=BOARD))
    source.failures = {"rule space:B": OUTAGE}

    with pytest.raises(SourceUnavailableError):
        index.refresh(source, Pass.PERMISSIONS, mode="lazy")

    assert index.finds("board", EVE) == ["Board lunch.", "Board salaries."]


def test_people_who_stay_the_same_are_not_written_again(index: Any, source: Any, document: Make) -> None:
    """A pass over a company of thousands writes what changed."""
    board_only(source, document)
    source.people.append(Membership(email=EVE, principals=BOARD))
    index.refresh(source, mode="lazy")
    before = index.rows("select email, xmin::text from memberships order by 1")
    source.people = [
        replace(source.people[0], email="Ada@example.com"),
        Membership(email=EVE, principals=BOARD | {"a"}),
    ]

    index.refresh(source, Pass.PERMISSIONS, mode="lazy")

    after = index.rows("select email, xmin::text from memberships order by 1")
    assert [email for email, _ in after] == [ADA, EVE]
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)
