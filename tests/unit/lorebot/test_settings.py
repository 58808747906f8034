"""The configuration: file, environment, secrets, and one clear line for every mistake."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lorebot.errors import ConfigError
from lorebot.settings import build_settings, load_settings
from lorebot.sources import ConfluenceTable, FilesTable, JiraTable

SOURCE = """
[[sources]]
name = "wiki"
kind = "confluence"
url = "https://acme.atlassian.net/wiki"
email = "lorebot@acme.com"
token = "env:WIKI_TOKEN"
spaces = ["ENG", "OPS"]
"""


DATACENTER = """
[[sources]]
name = "tickets"
kind = "jira"
deployment = "datacenter"
url = "https://jira.acme.com/jira"
token = "env:WIKI_TOKEN"
"""

OAUTH = """
[[sources]]
name = "tickets"
kind = "jira"
url = "https://acme.atlassian.net"
auth = "oauth"
client_id = "app"
client_secret = "env:SECRET"
refresh_token = "env:WIKI_TOKEN"
"""

FILES = """
[[sources]]
name = "handbook"
kind = "files"
path = "/srv"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file in the current folder; the token's variable is set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WIKI_TOKEN", "t0ps3cret")
    monkeypatch.setenv("SECRET", "t0ps3cret-too")
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
    assert isinstance(source, ConfluenceTable)
    assert source.token is not None
    assert source.token.get_secret_value() == "t0ps3cret"
    assert settings.slack.app_token is not None
    assert settings.slack.app_token.get_secret_value() == "xapp-1"
    assert (source.spaces, settings.slack.admins) == (("ENG", "OPS"), {"U1"})
    assert "t0ps3cret" not in repr(settings)
    assert "xapp-1" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "way_in", "gateway"),
    [
        (SOURCE, "token", False),
        (SOURCE + 'auth = "scoped"\ncloud_id = "1"\ngateway_url = "https://gov"', "scoped", True),
        (OAUTH + 'auth_url = "https://gov/oauth/token"', "oauth", True),
        (DATACENTER, "pat", False),
        (DATACENTER + 'user = "ann"', "basic", False),
        (DATACENTER + 'email = "ann"', "basic", False),
        (DATACENTER + 'user = "ann"\nauth = "basic"', "basic", False),
    ],
)
def test_every_way_to_sign_in_can_be_written(file: Path, text: str, way_in: str, gateway: bool) -> None:
    """With what goes with it, and with the least that is needed."""
    file.write_text(text + '\nca_bundle = "/ca.pem"\nproxy = "http://proxy:3128"\nrequests_at_once = 2')

    settings = load_settings(None)

    (source,) = settings.sources
    assert not isinstance(source, FilesTable)
    assert (source.way_in, source.takes_gateway, source.requests_at_once) == (way_in, gateway, 2)
    assert "t0ps3cret" not in repr(settings)


def test_jira_and_files_have_keys_of_their_own(file: Path) -> None:
    """Fields, as a list or with names, and comments for some; a folder."""
    named = DATACENTER.replace('"tickets"', '"more"') + 'fields = {customfield_1 = "Root cause"}\n'
    file.write_text(
        DATACENTER
        + 'fields = ["Root cause"]\ninternal_notes = true\nrestricted_comments = true\n'
        + named
        + FILES
    )

    listed, mapped, files = load_settings(None).sources

    assert isinstance(listed, JiraTable)
    assert isinstance(mapped, JiraTable)
    assert isinstance(files, FilesTable)
    assert (listed.fields, listed.internal_notes, listed.restricted_comments) == (("Root cause",), True, True)
    assert (mapped.fields, mapped.internal_notes) == ({"customfield_1": "Root cause"}, False)
    assert files.path == Path("/srv")


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
    (source,) = settings.sources
    assert isinstance(source, JiraTable)
    assert source.token is not None
    assert source.token.get_secret_value() == "plain"


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
        (SOURCE.replace("acme.atlassian.net", "api.atlassian.com"), "url has to be the site's own address"),
        (
            SOURCE.replace("email", "user") + 'auth = "pat"',
            'auth = "pat" does not go with deployment = "cloud"',
        ),
        (DATACENTER + 'auth = "oauth"', 'auth = "oauth" does not go with deployment = "datacenter"'),
        (DATACENTER + 'auth = "basic"', "user is missing"),
        (DATACENTER + 'auth = "pat"\nuser = "ann"', 'user does not go with auth = "pat"'),
        (DATACENTER + 'cloud_id = "x"', 'cloud_id does not go with auth = "pat"'),
        (DATACENTER.replace('token = "env:WIKI_TOKEN"', ""), 'token is missing: auth = "pat" needs it'),
        (SOURCE + 'gateway_url = "https://x"', 'gateway_url does not go with auth = "token"'),
        (SOURCE + 'refresh_token = "env:WIKI_TOKEN"', 'refresh_token does not go with auth = "token"'),
        (SOURCE + 'auth = "oauth"', 'client_id is missing: auth = "oauth" needs it'),
        (OAUTH + 'token = "env:WIKI_TOKEN"', 'token does not go with auth = "oauth"'),
        (OAUTH.replace("env:SECRET", "t0ps3cret"), "client_secret holds a secret in the clear"),
        (SOURCE + 'proxy = "http://ann:t0ps3cret@proxy"', "sources.0.proxy holds a secret in the clear"),
        (SOURCE + 'webhook_secret = "t0ps3cret"', "sources.0.webhook_secret holds a secret in the clear"),
        (SOURCE + "requests_at_once = 0", "sources.0.requests_at_once: Input should be greater than"),
        (SOURCE + 'fields = ["x"]', "a source of kind confluence has no key fields"),
        (FILES + 'token = "env:WIKI_TOKEN"', "sources.0.token: a source of kind files has no key token"),
        (FILES.replace('path = "/srv"', ""), "the key sources.0.path is missing"),
        (SOURCE.replace('kind = "confluence"', ""), "the key sources.0.kind is missing"),
        ("[webhooks]\nport = 0", "webhooks.port"),
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


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        ({"half_life": 0}, "half_life has to be more than 0, not 0"),
        ({"half_life": -1.0}, "half_life has to be more than 0, not -1"),
        ({"b": 1.5}, "b has to be from 0 to 1, not 1.5"),
        ({"b": -0.1}, "b has to be from 0 to 1, not -0.1"),
        ({"k1": -1}, "k1 has to be 0 or more, not -1"),
        ({"rrf_k": 0}, "rrf_k has to be more than 0, not 0"),
        ({"rrf_vector": 2}, "rrf_vector has to be from 0 to 1, not 2"),
        ({"cosine": float("nan")}, "cosine has to be a number, not nan"),
        ({"unsolved": float("inf")}, "unsolved has to be a number, not inf"),
        ({"speed": 1}, "there is no weight speed"),
    ],
)
def test_weights_that_no_search_can_use_are_refused(weights: dict[str, float], problem: str) -> None:
    """In one sentence that says what there may be."""
    with pytest.raises(ConfigError, match=re.escape(problem)):
        build_settings({"search": {"weights": weights}}, where="x", environment=False)


def test_weights_at_the_ends_of_their_ranges_are_taken() -> None:
    """Zero turns a part off."""
    weights = {"half_life": 1e-9, "b": 0, "k1": 0, "rrf_k": 0.1, "rrf_vector": 1, "cosine": 0, "unsolved": -1}
    settings = build_settings({"search": {"weights": weights}}, where="x", environment=False)
    assert settings.search.weights == weights
