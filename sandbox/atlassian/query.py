"""The grammar that JQL and CQL share: clauses with AND, OR, NOT, parentheses and ORDER BY.

https://support.atlassian.com/jira-software-cloud/docs/jql-operators/ and
https://developer.atlassian.com/cloud/confluence/advanced-searching-using-cql/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from sandbox.errors import QueryError

T = TypeVar("T")
MAX_NESTING = 50
TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<op>!=|!~|>=|<=|[=~<>(),])"""
    r"""|(?P<word>[^\s=!~<>(),"']+))""",
    re.DOTALL,
)
OPERATORS = {"=", "!=", "~", "!~", ">=", "<=", ">", "<"}
DATE_FORMATS = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")
PERIOD = re.compile(r"([+-]?\d+)([wdhm])")
PERIOD_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


@dataclass(frozen=True, slots=True)
class Value:
    text: str
    quoted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """`field operator values`; the field is in lower case.

    Operators are the signs of OPERATORS and `in`, `not in`, `is`, `is not`.
    """

    field: str
    operator: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Combination:
    """`and` or `or` of several parts, or `not` of one."""

    operator: str
    parts: tuple[Node, ...]


Node = Clause | Combination


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    where: Node | None
    order: tuple[tuple[str, bool], ...]
    """Field names in lower case, each with whether it descends."""


def parse_query(text: str) -> Query:
    """Parse a query; raises QueryError with a text for the API's client."""
    return _Parser(_tokens(text)).query()


def matcher(node: Node | None, test_of: Callable[[Clause], Callable[[T], bool]]) -> Callable[[T], bool]:
    """Turn a condition into a predicate, given how to turn one clause into one."""
    if node is None:
        return lambda _: True
    if isinstance(node, Clause):
        return test_of(node)
    tests = [matcher(part, test_of) for part in node.parts]
    if node.operator == "not":
        return lambda item: not tests[0](item)
    if node.operator == "and":
        return lambda item: all(test(item) for test in tests)
    return lambda item: any(test(item) for test in tests)


def compare_time(operator: str, bound: int) -> Callable[[int], bool]:
    """A test of milliseconds against a bound; raises QueryError for other operators."""
    tests: dict[str, Callable[[int], bool]] = {
        ">=": lambda ms: ms >= bound,
        ">": lambda ms: ms > bound,
        "<=": lambda ms: ms <= bound,
        "<": lambda ms: ms < bound,
        "=": lambda ms: bound <= ms < bound + 60_000,
    }
    if operator not in tests:
        raise QueryError(f"The operator '{operator}' is not supported for a date.")
    return tests[operator]


def date_ms(value: Value, zone: str, now: int) -> int:
    """A date as queries write it, in the zone of the API's user: minutes are as fine as it gets."""
    for pattern in DATE_FORMATS:
        try:
            local = datetime.strptime(value.text, pattern).replace(tzinfo=ZoneInfo(zone))
        except ValueError:
            continue
        return int(local.timestamp() * 1000)
    if match := PERIOD.fullmatch(value.text):
        return now + int(timedelta(**{PERIOD_UNITS[match[2]]: int(match[1])}).total_seconds() * 1000)
    raise QueryError(
        f"Date value '{value.text}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
        "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w'."
    )


def words_of(text: str) -> list[str]:
    """The words and quoted phrases that a text search asks for, in lower case."""
    found = re.findall(r'"([^"]+)"|([^\s"]+)', text.lower())
    return [phrase or word.strip("*") for phrase, word in found if phrase or word.strip("*")]


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise QueryError(f"Error in the query: '{text[position:].strip()[:20]}' cannot be read.")
        if match["string"]:
            tokens.append(Token("string", re.sub(r"\\(.)", r"\1", match["string"][1:-1])))
        else:
            tokens.append(Token("op", match["op"]) if match["op"] else Token("word", match["word"]))
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0

    def query(self) -> Query:
        where = None if self._at_order() or not self._tokens else self._either()
        order = self._order() if self._at_order() else ()
        if self._peek() is not None:
            raise QueryError(f"Error in the query: expecting operator but got '{self._take().text}'.")
        return Query(where=where, order=order)

    def _either(self) -> Node:
        return self._series("or", ("or", "||"), self._both)

    def _both(self) -> Node:
        return self._series("and", ("and", "&&"), self._single)

    def _series(self, operator: str, words: tuple[str, ...], part: Callable[[], Node]) -> Node:
        parts = [part()]
        while (token := self._peek()) and token.is_word(*words):
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else Combination(operator, tuple(parts))

    def _single(self) -> Node:
        token = self._take()
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise QueryError("Error in the query: it is nested too deeply.")
        try:
            if token.is_word("not", "!"):
                return Combination("not", (self._single(),))
            if token == Token("op", "("):
                inner = self._either()
                self._expect(")")
                return inner
            return self._clause(token)
        finally:
            self._depth -= 1

    def _clause(self, field: Token) -> Clause:
        if field.kind == "op":
            raise QueryError(f"Error in the query: expecting a field name but got '{field.text}'.")
        operator = self._operator()
        values = self._list() if operator in ("in", "not in") else (self._value(),)
        return Clause(field=field.text.lower(), operator=operator, values=values)

    def _operator(self) -> str:
        token = self._take()
        if token.kind == "op" and token.text in OPERATORS:
            return token.text
        if token.is_word("in"):
            return "in"
        negated = (token.is_word("not"), "in", "not in"), (token.is_word("is"), "not", "is not")
        for applies, second, name in negated:
            following = self._peek()
            if applies and following and following.is_word(second):
                self._take()
                return name
        if token.is_word("is"):
            return "is"
        raise QueryError(f"Error in the query: expecting an operator but got '{token.text}'.")

    def _list(self) -> tuple[Value, ...]:
        self._expect("(")
        values = [self._value()]
        while self._peek() == Token("op", ","):
            self._take()
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _value(self) -> Value:
        token = self._take()
        if token.kind == "op":
            raise QueryError(f"Error in the query: expecting a value but got '{token.text}'.")
        if token.kind == "word" and self._peek() == Token("op", "("):
            raise QueryError(f"The function '{token.text}' is not supported by this server.")
        return Value(token.text, token.kind == "string")

    def _at_order(self) -> bool:
        token = self._peek()
        return token is not None and token.is_word("order")

    def _order(self) -> tuple[tuple[str, bool], ...]:
        self._take()
        if not self._take().is_word("by"):
            raise QueryError("Error in the query: expecting 'by' after 'order'.")
        order: list[tuple[str, bool]] = []
        while True:
            field = self._take().text.lower()
            token = self._peek()
            descending = bool(token and token.is_word("desc"))
            if token and token.is_word("asc", "desc"):
                self._take()
            order.append((field, descending))
            if self._peek() != Token("op", ","):
                return tuple(order)
            self._take()

    def _peek(self) -> Token | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _take(self) -> Token:
        token = self._peek()
        if token is None:
            raise QueryError("Error in the query: it ends too early.")
        self._position += 1
        return token

    def _expect(self, text: str) -> None:
        token = self._take()
        if token != Token("op", text):
            raise QueryError(f"Error in the query: expecting '{text}' but got '{token.text}'.")
