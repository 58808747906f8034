"""The configuration: ``lorebot.toml``, with every key also in the environment as ``LOREBOT_…``.

The environment wins over the file: ``LOREBOT_DATABASE_URL`` is ``[database] url``, ``LOREBOT_SLACK_BOT_TOKEN``
is ``[slack] bot_token``, ``LOREBOT_DATA_DIR`` is ``data_dir``; lists and tables are JSON. In the file a secret
is a reference, ``env:NAME`` or ``file:/path``, so that the file itself can be shown to anybody.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from indexer.ranking import DEFAULT_STRATEGY, Ranking, Strategy
from lorebot.errors import ConfigError
from lorebot.sources import KINDS, SourceTable
from lorebot.tables import Port, Secret, Table, WebAddress

DEFAULT_FILE = Path("lorebot.toml")

_SECRET_KEYS = frozenset(
    {
        "bot_token",
        "app_token",
        "signing_secret",
        "api_key",
        "token",
        "client_secret",
        "refresh_token",
        "reranker_api_key",
        "webhook_secret",
    }
)
#: Addresses that may hold a password.
_ADDRESS_KEYS = frozenset({"proxy"})


class DatabaseTable(Table):
    """Where the data is."""

    #: ``postgresql://…``; absent: the embedded server in ``data_dir``.
    url: Secret | None = None


class EmbeddingTable(Table):
    """The embedding model."""

    #: A folder with a sentence-transformers model; absent: the MiniLM that comes with Lorebot. With ``url`` the name of
    #: the model there; absent: the first that is served. It counts while the index has no live model.
    model: str | None = None
    #: What runs the model on this machine: "auto" takes the fastest that agrees with sentence-transformers.
    backend: Literal["auto", "torch", "onnx", "openvino"] = "auto"
    #: A server that speaks OpenAI's /v1/embeddings; absent: this machine.
    url: WebAddress | None = None
    api_key: Secret | None = None
    #: A folder with the served model's tokenizer.json; absent: the server's /tokenize counts.
    tokenizer: Path | None = None
    #: Where models are kept in the form that runs fastest here; absent: ``models`` in ``data_dir``.
    exports: Path | None = None
    #: "eager": vectors follow a refresh; "lazy": they are made when a search needs them.
    mode: Literal["eager", "lazy"] = "eager"


class SearchTable(Table):
    """How the index is searched."""

    #: A text search configuration of the database, which knows the language's stems and stop words; "simple": none.
    #: After a change the words of what is stored are indexed anew by the next refresh.
    language: str = "english"
    #: How the rankings by words and by meaning are put together.
    strategy: Strategy = DEFAULT_STRATEGY
    #: Instead of the built-in ones, by name (docs/search.md).
    weights: dict[str, float] = Field(default_factory=dict)
    #: A folder with a sentence-transformers CrossEncoder, which puts the first hits in order; with ``reranker_url`` the
    #: name of the model there.
    reranker: str | None = None
    #: A server's whole address, as https://host/v1/rerank.
    reranker_url: WebAddress | None = None
    reranker_api_key: Secret | None = None

    @field_validator("weights")
    @classmethod
    def _weights_exist(cls, weights: dict[str, float]) -> dict[str, float]:
        names = [field.name for field in fields(Ranking)]
        for name, value in weights.items():
            if name not in names:
                raise ValueError(f"there is no weight {name}; there are {', '.join(names)}")
            if allowed := _refused_weight(name, value):
                raise ValueError(f"{name} has to be {allowed}, not {value:g}")
        return weights


class ModelTable(Table):
    """The language model; without ``base_url`` answers are quoted from the passages."""

    base_url: WebAddress | None = None
    name: str | None = None
    api_key: Secret | None = None
    max_reply_tokens: int = 700


class ChannelTable(Table):
    """What Lorebot does in one channel."""

    enabled: bool = True
    follow_ups: bool = True


class SlackTable(Table):
    """The Slack app."""

    bot_token: Secret | None = None
    app_token: Secret | None = None
    signing_secret: Secret | None = None
    base_url: WebAddress = "https://slack.com/api/"
    #: Slack user ids or e-mail addresses of those who may re-index.
    admins: frozenset[str] = frozenset()
    #: By channel id.
    channels: dict[str, ChannelTable] = Field(default_factory=dict)
    http_host: str = "0.0.0.0"  # noqa: S104 (Slack must reach it)
    http_port: Port = 3000


class WebhooksTable(Table):
    """Where Jira and Confluence Data Center tell what changed; their secrets are with the sources."""

    host: str = "0.0.0.0"  # noqa: S104 (Atlassian must reach it)
    #: Absent: no webhooks are taken.
    port: Port | None = None


class SchedulesTable(Table):
    """When what runs by itself: an interval ("10m") or a cron line ("0 3 * * *"); "" turns it off."""

    #: What changed.
    refresh: str = "10m"
    #: Who may read what.
    permissions: str = "30m"
    #: What is new or gone, whatever the dates say.
    sweep: str = "3h"
    #: Everything again.
    full: str = "0 3 * * sun"
    #: Learn from the index how its questions are best searched (docs/adaptation.md).
    adaptation: str = "0 4 * * sun"


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix="LOREBOT_",
        env_nested_delimiter="_",
        # LOREBOT_SLACK_BOT_TOKEN is slack.bot_token: only the first _ parts table and key.
        env_nested_max_split=1,
        extra="forbid",
        frozen=True,
    )

    data_dir: Path = Path(".lorebot")
    database: DatabaseTable = DatabaseTable()
    embedding: EmbeddingTable = EmbeddingTable()
    search: SearchTable = SearchTable()
    model: ModelTable = ModelTable()
    slack: SlackTable = SlackTable()
    sources: tuple[SourceTable, ...] = ()
    schedules: SchedulesTable = SchedulesTable()
    webhooks: WebhooksTable = WebhooksTable()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first; what is passed in is the file."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _names_are_unique(self) -> Settings:
        names = [source.name for source in self.sources]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two sources have the name {min(twice)}")
        return self


def _refused_weight(name: str, value: float) -> str | None:
    """What a weight has to be where nothing can be computed with this value."""
    if not math.isfinite(value):
        return "a number"
    match name:
        case "half_life" | "rrf_k" if value <= 0:
            return "more than 0"
        case "k1" if value < 0:
            return "0 or more"
        case "b" | "rrf_vector" if not 0 <= value <= 1:
            return "from 0 to 1"
    return None


def load_settings(path: Path | None) -> Settings:
    """Read the configuration: the file named, else ``LOREBOT_CONFIG``, else ``lorebot.toml`` if there is one.

    Raises:
        ConfigError: a named file is missing, the file is not TOML, or a key is wrong; the message says which.
    """
    named = path or (Path(os.environ["LOREBOT_CONFIG"]) if os.environ.get("LOREBOT_CONFIG") else None)
    file = named or DEFAULT_FILE
    if not file.exists():
        if named is not None:
            raise ConfigError(f"There is no configuration file {file}.")
        return build_settings({}, where="the environment")
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML: {error}.") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read.") from error
    _refuse_plain_secrets(values, file)
    return build_settings(values, where=str(file))


class FixedSettings(Settings):
    """Settings that the environment does not reach."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is passed in, alone."""
        return (init_settings,)


def build_settings(values: dict[str, Any], *, where: str, environment: bool = True) -> Settings:
    """Settings from a table of values and, unless told otherwise, the environment.

    ``where`` names the values' origin in errors.

    Raises:
        ConfigError: a key is unknown, missing or wrong.
    """
    try:
        return Settings(**values) if environment else FixedSettings(**values)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_first_problem(error)}") from error
    except SettingsError as error:
        field = re.search(r'field "(\w+)"', str(error))
        raise ConfigError(
            f"A variable LOREBOT_{field[1].upper() if field else ''}… in the environment is not valid JSON; "
            "lists and tables are written as JSON there."
        ) from error


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = [str(part) for part in problem["loc"]]
    kind = ""
    if place[:1] == ["sources"] and len(place) > 2 and place[2] in KINDS:
        kind = place.pop(2)  # pydantic names the kind of source among the keys
    key = ".".join(place)
    match problem["type"]:
        case "extra_forbidden":
            where = f"a source of kind {kind} has no key {place[-1]}" if kind else f"the key {key} is unknown"
            prefix = f"{key}: " if kind else ""
            return f"{prefix}{where}; see docs/configuration.md for those that exist."
        case "missing":
            return f"the key {key} is missing."
        case "union_tag_not_found":
            return f"the key {key}.kind is missing."
        case "union_tag_invalid":
            return f"{key}.kind: it has to be {', '.join(KINDS[:-1])} or {KINDS[-1]}."
        case _:
            message = problem["msg"].removeprefix("Value error, ")
            return f"{key}: {message}." if key else f"{message}."


def _refuse_plain_secrets(values: dict[str, Any], file: Path, prefix: str = "") -> None:
    for key, value in values.items():
        if isinstance(value, dict):
            _refuse_plain_secrets(value, file, f"{prefix}{key}.")
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    _refuse_plain_secrets(item, file, f"{prefix}{key}.{index}.")
        elif _is_secret(key, str(value)) and not str(value).startswith(("env:", "file:")):
            raise ConfigError(
                f'{file}: {prefix}{key} holds a secret in the clear; write "env:NAME" or "file:/path" instead.'
            )


def _is_secret(key: str, value: str) -> bool:
    return key in _SECRET_KEYS or (key in _ADDRESS_KEYS and "@" in value)
