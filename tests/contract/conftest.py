"""Fixtures of the contract tests: the site, served as either deployment, and the vendor's files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.company import write_company
from tests.contract.served import Served, served
from tests.contract.specs import Specs, load_specs


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small site; nobody changes what is in it."""
    return write_company(tmp_path_factory.mktemp("contract"))


@pytest.fixture(scope="module", params=["cloud", "datacenter"])
def running(request: pytest.FixtureRequest, company: Path) -> Iterator[Served]:
    """The small site on a port, as a Cloud site and as a Data Center."""
    with served(company, request.param) as site:
        yield site


@pytest.fixture(scope="session")
def specs(shared_data: Path) -> Specs:
    """The vendor's OpenAPI files; tests over them skip where the files are absent."""
    return load_specs(shared_data / "specs" / "atlassian")
