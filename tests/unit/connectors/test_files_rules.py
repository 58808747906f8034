"""``permissions.toml``: who may read which file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.documents import ANYONE
from connectors.errors import ConnectorError
from connectors.file_rules import FileRules, RulesFile, matches, parse_rules, read_rules


def may_read(rules: FileRules, email: str, path: str) -> bool:
    """As the index decides: one of the person's principals, or ``anyone``, in every rule."""
    mine = {ANYONE}
    for membership in rules.memberships():
        if membership.email == email:
            mine |= membership.principals
    found = rules.of(path)
    return bool(found) and all(rule.principals and rule.principals & mine for rule in found)


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        ("**", "a.md", True),
        ("**", "a/b/c.md", True),
        ("*", "a.md", True),
        ("*", "a/b.md", False),
        ("hr/**", "hr/a.md", True),
        ("hr/**", "hr/x/y/a.md", True),
        ("hr/**", "hrx/a.md", False),
        ("hr/**", "a/hr/b.md", False),
        ("**/hr/*", "hr/b.md", True),
        ("**/hr/*", "a/b/hr/b.md", True),
        ("**/hr/*", "a/b/hr/x/b.md", False),
        ("**/*.pdf", "a.pdf", True),
        ("a/**/b.md", "a/b.md", True),
        ("a/**/b.md", "a/x/y/b.md", True),
        ("plan-?.md", "plan-1.md", True),
        ("plan-?.md", "plan-/.md", False),
        ("[draft].md", "[draft].md", True),
        ("[draft].md", "d.md", False),
        ("a.md", "axmd", False),
        ("HR/**", "hr/a.md", False),
        ("caf\u00e9/**", "cafe\u0301/a.md", True),
        ("hr/**", "hr/two\nlines.md", True),
    ],
)
def test_which_paths_a_pattern_matches(pattern: str, path: str, wanted: bool) -> None:
    """Stars stay within a name, two stars are any number of folders, nothing else is special."""
    assert matches(pattern, path) is wanted


NAMES = st.sampled_from(["a", "b", "hr", "x.md"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PATTERNS = (
    st.lists(st.sampled_from(["a", "b", "hr", "*", "**", "x.*", "?"]), min_size=1, max_size=4)
    .filter(lambda names: all(pair != ("**", "**") for pair in pairwise(names)))
    .map("/".join)
)
EMAILS = [f"{name}@acme.com" for name in ("ann", "bo", "cy")]
GROUPS = ["board", "crew"]
READERS = st.lists(
    st.sampled_from(
        [*(f"user:{email}" for email in EMAILS), *(f"group:{group}" for group in GROUPS), "anyone"]
    ),
    max_size=3,
)


def naive_match(pattern: list[str], path: list[str]) -> bool:
    """A pattern's names against a path's, one after the other."""
    if not pattern or not path:
        return not pattern and not path
    if pattern[0] == "**":
        rest = pattern[1:]
        if not rest:
            return True
        return naive_match(rest, path) or naive_match(pattern, path[1:])
    return naive_name(pattern[0], path[0]) and naive_match(pattern[1:], path[1:])


def naive_name(pattern: str, name: str) -> bool:
    """A name's letters, one after the other."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return naive_name(pattern[1:], name) or (bool(name) and naive_name(pattern, name[1:]))
    return bool(name) and pattern[0] in {"?", name[0]} and naive_name(pattern[1:], name[1:])


@given(
    groups=st.fixed_dictionaries({group: st.lists(st.sampled_from(EMAILS)) for group in GROUPS}),
    written=st.dictionaries(PATTERNS, READERS, max_size=5),
    path=PATHS,
    email=st.sampled_from([*EMAILS, "stranger@acme.com"]),
)
def test_may_read_is_what_a_naive_reading_of_the_rules_says(
    groups: dict[str, list[str]], written: dict[str, list[str]], path: str, email: str
) -> None:
    """Every matching rule names the person, a group of theirs or anyone, and there is one at least."""
    rules = parse_rules(
        {"groups": groups, "rules": [{"path": p, "readers": readers} for p, readers in written.items()]}
    )
    mine = {"anyone", f"user:{email}", *(f"group:{group}" for group in GROUPS if email in groups[group])}
    matching = [readers for p, readers in written.items() if naive_match(p.split("/"), path.split("/"))]
    assert may_read(rules, email, path) is (
        bool(matching) and all(mine & set(readers) for readers in matching)
    )
    assert all(rules.named(rule.name) == rule for rule in rules.of(path))


def write(folder: Path, text: str) -> Path:
    """A folder with this ``permissions.toml``."""
    (folder / "permissions.toml").write_text(text, "utf-8")
    return folder


def test_without_the_file_anyone_reads_and_an_empty_one_closes_the_folder(tmp_path: Path) -> None:
    """What no rule matches is for nobody."""
    assert may_read(read_rules(tmp_path), "ann@acme.com", "a.md")
    assert not may_read(read_rules(write(tmp_path, "")), "ann@acme.com", "a.md")


def test_all_rules_that_match_must_be_satisfied(tmp_path: Path) -> None:
    """A file in a folder for some is for those of them whom its own rule names too."""
    text = """
    [groups]
    board = ["Ann@Acme.com", "bo@acme.com"]
    [[rules]]
    path = "**"
    readers = ["anyone"]
    [[rules]]
    path = "hr/**"
    readers = ["group:board"]
    [[rules]]
    path = "hr/pay.xlsx"
    readers = ["user:ANN@acme.com", "user:cy@acme.com"]
    """
    rules = read_rules(write(tmp_path, text))
    readers = {
        path: [email for email in EMAILS if may_read(rules, email, path)]
        for path in ("a.md", "hr/a.md", "hr/pay.xlsx")
    }
    assert readers == {
        "a.md": EMAILS,
        "hr/a.md": ["ann@acme.com", "bo@acme.com"],
        "hr/pay.xlsx": ["ann@acme.com"],
    }


def test_a_rule_keeps_its_name_when_its_readers_change(tmp_path: Path) -> None:
    """And a rule that is gone is satisfied by nobody."""
    text = '[[rules]]\npath = "hr/**"\nreaders = ["anyone"]\n'
    assert read_rules(write(tmp_path, text)).named("path:hr/**").principals == {"anyone"}
    changed = read_rules(write(tmp_path, text.replace("anyone", "user:ann@acme.com")))
    assert changed.named("path:hr/**").principals == {"user:ann@acme.com"}
    for gone in ("path:board/**", "open", "unmatched", "hr/**"):
        assert changed.named(gone).principals == frozenset()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[rules]", "is not TOML"),
        ("rule = 1", "'rule'"),
        ("rules = 1", "a list in"),
        ("groups = []", "a table in"),
        ('[groups]\nboard = "ann@acme.com"', "a list in group 'board'"),
        ('[groups]\nboard = ["ann"]', "no e-mail address"),
        ('[[rules]]\npath = "hr/**"', "path and readers"),
        ('[[rules]]\npath = "hr/**"\nreader = []\nreaders = []', "path and readers"),
        ('[[rules]]\npath = "hr/**"\nreaders = "anyone"', "a list in readers"),
        ('[[rules]]\npath = "hr/**"\nreaders = [1]', "a text in readers"),
        ('[[rules]]\npath = "hr/**"\nreaders = ["group:nobody"]', "no such group"),
        ('[[rules]]\npath = "hr/**"\nreaders = ["everybody"]', "user:…, group:… or anyone"),
        ('[[rules]]\npath = "hr/**"\nreaders = ["user:ann"]', "no e-mail address"),
        ('[[rules]]\npath = "/hr/**"\nreaders = []', "relative to the folder"),
        ('[[rules]]\npath = "hr/"\nreaders = []', "relative to the folder"),
        ('[[rules]]\npath = "../hr"\nreaders = []', "relative to the folder"),
        ("[[rules]]\npath = 'hr\\**'\nreaders = []", "relative to the folder"),
        ('[[rules]]\npath = "hr**"\nreaders = []', "stands alone"),
        ('[[rules]]\npath = "**/**"\nreaders = []', "one ** is enough"),
        ('[[rules]]\npath = "a"\nreaders = []\n[[rules]]\npath = "a"\nreaders = []', "two rules for 'a'"),
    ],
)
def test_a_broken_file_is_refused_in_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    """Which says what to mend, and that nobody reads until then."""
    with pytest.raises(ConnectorError) as raised:
        read_rules(write(tmp_path, text))
    assert complaint in str(raised.value)
    assert str(raised.value).endswith("nobody can read the folder's files until it is mended.")


def test_a_file_that_cannot_be_read_is_no_missing_one(tmp_path: Path) -> None:
    """Neither a link into nowhere, nor a folder, nor one in another character set opens the folder."""
    path = tmp_path / "permissions.toml"
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConnectorError, match="link to a file that is not there"):
        read_rules(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConnectorError, match="could not be read"):
        read_rules(tmp_path)
    path.rmdir()
    path.write_bytes(b"# caf\xe9")
    with pytest.raises(ConnectorError, match="not in UTF-8"):
        read_rules(tmp_path)


RULES = '[[rules]]\npath = "**"\nreaders = ["user:ann@acme.com"]\n'


class Clock:
    """Waits without waiting: what happens meanwhile is done at once."""

    def __init__(self, *meanwhile: Callable[[], object]) -> None:
        self._meanwhile = list(meanwhile)
        self.waited: list[float] = []

    def wait(self, seconds: float) -> None:
        """Note how long, and do the next thing."""
        self.waited.append(seconds)
        if self._meanwhile:
            self._meanwhile.pop(0)()


def test_a_file_that_is_gone_for_a_moment_does_not_open_the_folder(tmp_path: Path) -> None:
    """Git, rsync and editors take the old one away and write the new one then."""
    clock = Clock(lambda: write(tmp_path, RULES))
    rules = RulesFile(tmp_path, wait=clock.wait).read()
    assert rules.of("a.md")[0].principals == {"user:ann@acme.com"}
    assert clock.waited == [2.0]


def test_a_folder_without_the_file_is_waited_for_once_while_it_stays_as_it_is(tmp_path: Path) -> None:
    """And again as soon as anything in it came or went: that may have been the file."""
    clock = Clock()
    file = RulesFile(tmp_path, wait=clock.wait)
    assert [may_read(file.read(), "ann@acme.com", "a.md") for _ in range(3)] == [True] * 3
    assert len(clock.waited) == 1
    (tmp_path / "a.md").write_text("new")
    assert may_read(file.read(), "ann@acme.com", "a.md")
    assert len(clock.waited) == 2


def test_the_wait_is_not_remembered_where_the_folder_changed_meanwhile(tmp_path: Path) -> None:
    """Somebody is at work there."""
    clock = Clock(lambda: (tmp_path / "a.md").write_text("new"))
    file = RulesFile(tmp_path, wait=clock.wait)
    for waits in (1, 2, 2):
        assert may_read(file.read(), "ann@acme.com", "a.md")
        assert len(clock.waited) == waits


@pytest.mark.parametrize("text", [RULES, "[[rules]"], ids=["good", "broken"])
def test_a_file_that_was_there_and_is_gone_counts_as_broken(tmp_path: Path, text: str) -> None:
    """However long it is gone, until another refresh begins; when it is back it holds at once."""
    clock = Clock()
    file = RulesFile(write(tmp_path, text), wait=clock.wait)
    with suppress(ConnectorError):
        file.read()
    (tmp_path / "permissions.toml").unlink()
    for _ in range(2):
        with pytest.raises(ConnectorError, match="is gone"):
            file.read()
    write(tmp_path, RULES)
    assert file.read().of("a.md")[0].principals == {"user:ann@acme.com"}
    assert clock.waited == []


def test_a_file_without_rules_of_the_folder_has_another_rule_and_not_an_emptier_one(tmp_path: Path) -> None:
    """Names tell the two apart, so that whoever knows the one reads the file again before it is opened."""
    ruled, opened = read_rules(write(tmp_path, RULES)), FileRules(groups={}, readers=None)
    assert not {rule.name for rule in ruled.of("a.md")} & {rule.name for rule in opened.of("a.md")}
    assert all(opened.named(rule.name).principals == frozenset() for rule in ruled.of("a.md"))
