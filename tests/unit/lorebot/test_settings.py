"""The configuration: file, environment, secrets, and one clear line for every mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lorebot.errors import ConfigError
from lorebot.settings import load_settings

SOURCE = """
[[sources]]
name = "wiki"
kind = "confluence"
url = "https://acme.atlassian.net/wiki"
email = "lorebot@acme.com"
token = "env:WIKI_TOKEN"
spaces = ["ENG", "OPS"]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file in the current folder; the token's variable is set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WIKI_TOKEN", "t0ps3cret")
    return tmp_path / "lorebot.toml"


def test_without_a_file_the_defaults_hold(file: Path) -> None:
    """Embedded database, eager vectors, quoted answers."""
    settings = load_settings(None)

    assert settings.data_dir == Path(".lorebot")
    assert (settings.database.url, settings.model.base_url, settings.sources) == (None, None, ())
    assert (settings.embedding.mode, settings.schedules.refresh) == ("eager", "10m")


def test_a_file_is_read_and_its_secrets_are_resolved_and_never_shown(file: Path) -> None:
    """From the environment and from files."""
    (file.parent / "app").write_text("xapp-1\n")
    file.write_text(
        f'data_dir = "d"\n[slack]\napp_token = "file:{file.parent}/app"\nadmins = ["U1"]\n{SOURCE}'
    )

    settings = load_settings(None)

    (source,) = settings.sources
    assert source.token.get_secret_value() == "t0ps3cret"
    assert settings.slack.app_token is not None
    assert settings.slack.app_token.get_secret_value() == "xapp-1"
    assert (source.spaces, settings.slack.admins) == (("ENG", "OPS"), {"U1"})
    assert "t0ps3cret" not in repr(settings)
    assert "xapp-1" not in repr(settings)


def test_the_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key, also those with an underscore, and secrets in the clear."""
    file.write_text('data_dir = "d"\n[database]\nurl = "postgresql://file/x"\n[embedding]\nmode = "lazy"\n')
    for name, value in {
        "DATABASE_URL": "postgresql://env/x",
        "SLACK_BOT_TOKEN": "xoxb-1",
        "MODEL_BASE_URL": "http://vllm/v1",
        "MODEL_MAX_REPLY_TOKENS": "99",
        "DATA_DIR": "/e",
        "SOURCES": json.dumps(
            [{"name": "j", "kind": "jira", "url": "https://j", "email": "a@b.c", "token": "plain"}]
        ),
    }.items():
        monkeypatch.setenv(f"LOREBOT_{name}", value)

    settings = load_settings(None)

    assert settings.database.url is not None
    assert settings.database.url.get_secret_value() == "postgresql://env/x"
    assert settings.slack.bot_token is not None
    assert settings.slack.bot_token.get_secret_value() == "xoxb-1"
    assert (settings.model.base_url, settings.model.max_reply_tokens) == ("http://vllm/v1", 99)
    assert settings.data_dir == Path("/e")
    assert settings.embedding.mode == "lazy"
    assert [source.token.get_secret_value() for source in settings.sources] == ["plain"]


def test_the_environment_names_the_file_and_the_option_wins(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LOREBOT_CONFIG before the current folder's file, --config before both."""
    for name in ("lorebot", "one", "two"):
        file.with_name(f"{name}.toml").write_text(f'data_dir = "{name}"')

    assert load_settings(None).data_dir == Path("lorebot")
    monkeypatch.setenv("LOREBOT_CONFIG", "one.toml")
    assert load_settings(None).data_dir == Path("one")
    assert load_settings(Path("two.toml")).data_dir == Path("two")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("data_dri = 'x'", "the key data_dri is unknown"),
        ("[embedding]\nmodell = 'x'", "the key embedding.modell is unknown"),
        ("[embedding]\nmode = 'later'", "embedding.mode: Input should be 'eager' or 'lazy'"),
        ("[model]\nmax_reply_tokens = 'many'", "model.max_reply_tokens: Input should be a valid integer"),
        ("data_dir = ", "not valid TOML"),
        ("[database\n", "not valid TOML"),
        ("[slack]\nbot_token = 'xoxb-1'", 'slack.bot_token holds a secret in the clear; write "env:NAME"'),
        (SOURCE.replace("env:WIKI_TOKEN", "t0ps3cret"), "sources.0.token holds a secret in the clear"),
        (
            SOURCE.replace("WIKI_TOKEN", "NOT_SET"),
            "sources.0.token: the environment variable NOT_SET is not set",
        ),
        (SOURCE.replace("env:WIKI_TOKEN", "file:/not/there"), "the secret file /not/there cannot be read"),
        (SOURCE + SOURCE, "two sources have the name wiki"),
        (
            SOURCE.replace("confluence", "sharepoint"),
            "sources.0.kind: it has to be confluence, jira or files.",
        ),
        (
            SOURCE.replace('kind = "confluence"', 'kind = "jira"'),
            "sources.0.spaces: a source of kind jira has no key spaces",
        ),
        (
            SOURCE.replace("spaces", "projects"),
            "sources.0.projects: a source of kind confluence has no key projects",
        ),
        (SOURCE.replace('email = "lorebot@acme.com"', ""), "email is missing"),
        (SOURCE.replace("https://acme", "acme"), "sources.0.url: it has to be a web address"),
        (SOURCE.replace("https://acme", "https://[acme"), "sources.0.url: it has to be a web address"),
        ("[slack]\nhttp_port = -5", "slack.http_port"),
        (SOURCE.replace('"wiki"', '""'), "sources.0.name"),
        ("[model]\nbase_url = 'foo'", "model.base_url: it has to be a web address"),
        (SOURCE.replace('name = "wiki"', ""), "the key sources.0.name is missing"),
        (SOURCE.replace("[[sources]]", "[sources]"), "sources"),
        ("sources = 3", "sources"),
        ("slack = 'x'", "slack"),
    ],
)
def test_a_mistake_is_one_clear_line(file: Path, text: str, problem: str) -> None:
    """It names the file and the key, and shows no secret."""
    file.write_text(text)

    with pytest.raises(ConfigError) as caught:
        load_settings(None)

    message = str(caught.value)
    assert problem in message
    assert "lorebot.toml" in message
    assert "\n" not in message
    assert "t0ps3cret" not in message
    assert "xoxb-1" not in message


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("LOREBOT_SOURCES", "[{", "LOREBOT_SOURCES… in the environment is not valid JSON"),
        ("LOREBOT_SLACK", "{t0ps3cret", "LOREBOT_SLACK… in the environment is not valid JSON"),
        ("LOREBOT_SOURCES", '[{"name": "x"}]', "the key sources.0.kind is missing"),
        ("LOREBOT_SLACK_BOT_TOKN", "t0ps3cret", "the key slack.bot_tokn is unknown"),
        ("LOREBOT_EMBEDDING_MODE", "later", "embedding.mode"),
        ("LOREBOT_SLACK_ADMINS", "U1", "LOREBOT_SLACK… in the environment is not valid JSON"),
    ],
)
def test_a_mistake_in_the_environment_is_one_clear_line_too(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    """It shows no secret either."""
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError) as caught:
        load_settings(None)

    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "t0ps3cret" not in str(caught.value)


def test_a_named_file_that_is_missing_or_no_file_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the option or the environment names it."""
    with pytest.raises(ConfigError, match=r"There is no configuration file nowhere\.toml"):
        load_settings(Path("nowhere.toml"))
    monkeypatch.setenv("LOREBOT_CONFIG", "elsewhere.toml")
    with pytest.raises(ConfigError, match=r"There is no configuration file elsewhere\.toml"):
        load_settings(None)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(file.parent)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_settings(file)
