"""Access rules: who may read, kept apart from what they read.

A document names its rules; a rule names its principals; a person is a set of principals. So a changed group or
space rewrites one row here and no document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog
from psycopg import Connection
from psycopg_pool import ConnectionPool

from connectors.documents import AccessRule, Connector
from connectors.errors import ConnectorError
from indexer.statements import load
from indexer.texts import storable

SQL = load("indexer", "rules.sql")

log = structlog.get_logger(__name__)

#: The id of no rule: who must satisfy it is nobody.
NOBODY = 0

#: After so many rules in a row that cannot be asked about, the source may be down.
_FAILURES_IN_A_ROW = 3


@dataclass(frozen=True, kw_only=True)
class _Known:
    id: int
    principals: frozenset[str]


class RuleStore:
    """Writes a source's access rules and knows their ids, so that each is written once a refresh.

    ``ask`` tells who satisfies a rule that came without principals and is not stored; without it that is nobody.
    """

    def __init__(self, source: str, ask: Callable[[str], AccessRule] | None = None) -> None:
        self._source = source
        self._ask = ask
        self._known: dict[str, _Known] = {}

    def learn(self, pool: ConnectionPool, rules: Iterable[AccessRule]) -> None:
        """Ask the source about those without principals that nobody knows, before a transaction is open."""
        for rule in rules:
            if rule.principals is None and rule.name not in self._known:
                with pool.connection() as connection:
                    stored = self._stored(connection, rule.name)
                if stored is None:
                    principals = self._asked(rule.name)
                    with pool.connection() as connection:
                        self._write(connection, rule.name, principals)

    def ids(self, connection: Connection, rules: Iterable[AccessRule]) -> list[int]:
        """The ids of these rules, sorted; unknown or changed ones are written, none loses its principals."""
        return sorted({self._id(connection, rule) for rule in rules})

    def forget(self) -> None:
        """Know nothing any more: a transaction that wrote rules was rolled back."""
        self._known.clear()

    def _id(self, connection: Connection, rule: AccessRule) -> int:
        known = self._known.get(rule.name)
        if rule.principals is None:
            known = known or self._stored(connection, rule.name)
            return (known or self._write(connection, rule.name, frozenset())).id
        if known is None or known.principals != rule.principals:
            known = self._write(connection, rule.name, rule.principals)
        return known.id

    def _stored(self, connection: Connection, name: str) -> _Known | None:
        row = connection.execute(
            SQL["stored_rule"], {"source": self._source, "name": storable(name)}
        ).fetchone()
        if row is not None:
            self._known[name] = _Known(id=row[0], principals=frozenset(row[1]))
        return self._known.get(name)

    def _write(self, connection: Connection, name: str, principals: frozenset[str]) -> _Known:
        values = {
            "source": self._source,
            "name": storable(name),
            "principals": sorted(map(storable, principals)),
        }
        row = connection.execute(SQL["upsert_rule"], values).fetchone()
        assert row is not None, "insert … returning gives a row"
        self._known[name] = known = _Known(id=row[0], principals=principals)
        return known

    def _asked(self, name: str) -> frozenset[str]:
        try:
            answer = self._ask(name).principals if self._ask else None
        except (ConnectorError, KeyError) as error:
            log.warning("rule_unknown", source=self._source, rule=name, error=type(error).__name__)
            answer = None
        return answer or frozenset()


def refresh_rules(
    pool: ConnectionPool, connector: Connector, rules: RuleStore, *, answers: bool
) -> ConnectorError | None:
    """Ask anew who satisfies each container rule that is stored; no document is touched.

    A rule that cannot be asked about although the source answers is for nobody until it can be.

    Args:
        pool: of the index.
        connector: the source.
        rules: writes what it says.
        answers: the source has just answered something else.

    Returns:
        Why rules are for nobody now; None when none is.

    Raises:
        ConnectorError: the source is down; those that it was not asked about keep their principals.
    """
    with pool.connection() as connection:
        names = [row[0] for row in connection.execute(SQL["rule_names"], {"source": connector.name})]
    return _Asking(pool=pool, connector=connector, rules=rules, answers=answers).ask(names)


@dataclass(kw_only=True)
class _Asking:
    """Tells a rule that cannot be asked about from a source that is down: that answers nothing else either."""

    pool: ConnectionPool
    connector: Connector
    rules: RuleStore
    answers: bool
    #: A rule that could be asked about: where it no longer can, the source is down.
    proof: str | None = None
    #: Could not be asked about since.
    failing: list[str] = field(default_factory=list)
    problem: ConnectorError | None = None

    def ask(self, names: Iterable[str]) -> ConnectorError | None:
        """Write what the source says of each rule; give its first problem, or raise it where the source is down."""
        for name in names:
            try:
                rule = self.connector.rule(name)
            except KeyError:  # it comes with the documents
                continue
            except ConnectorError as error:
                self._fail(name, error)
                continue
            self._shut()
            self.proof = name
            self._write(rule)
        if self.failing and self.problem:
            if self.proof is None:
                raise self.problem
            self._prove_and_shut(self.proof, self.problem)
        return self.problem

    def _fail(self, name: str, error: ConnectorError) -> None:
        log.warning("rule_not_refreshed", source=self.connector.name, rule=name, error=type(error).__name__)
        self.problem = self.problem or error
        self.failing.append(name)
        if len(self.failing) % _FAILURES_IN_A_ROW == 0:
            if self.proof is not None:
                self._prove_and_shut(self.proof, self.problem)
            elif not self.answers:
                raise self.problem

    def _prove_and_shut(self, proof: str, problem: ConnectorError) -> None:
        try:
            self.connector.rule(proof)
        except (ConnectorError, KeyError) as error:
            raise problem from error
        self._shut()

    def _shut(self) -> None:
        for name in self.failing:
            self._write(AccessRule(name=name, principals=frozenset()))
        self.failing = []

    def _write(self, rule: AccessRule) -> None:
        with self.pool.connection() as connection:
            self.rules.ids(connection, [rule])


def delete_orphans(pool: ConnectionPool, source: str) -> None:
    """Delete rules that no document and no chunk has any more; at the end, when nobody holds their ids.

    So are sets of rules, of whatever source, that nothing demands any more.
    """
    with pool.connection() as connection:
        connection.execute(SQL["delete_orphans"], {"source": source})
    with pool.connection() as connection:
        unused = [row[0] for row in connection.execute(SQL["unused_sets"])]
        connection.execute(SQL["delete_unused_sets"], {"ids": unused})
