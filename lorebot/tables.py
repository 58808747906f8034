"""What the tables of the configuration are made of: strict tables, secrets, addresses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr


class Table(BaseModel):
    """A table of the file: unknown keys are errors, so that a typo is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _resolve_secret(value: object) -> object:
    if not isinstance(value, str):
        return value
    kind, _, where = value.partition(":")
    if kind == "env":
        if not os.environ.get(where):
            raise ValueError(f"the environment variable {where} is not set")
        return os.environ[where]
    if kind == "file":
        try:
            return Path(where).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the secret file {where} cannot be read") from error
    return value


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("it has to be a web address such as https://acme.atlassian.net")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]
Port = Annotated[int, Field(ge=1, le=65535)]
Secret = Annotated[SecretStr, BeforeValidator(_resolve_secret)]
