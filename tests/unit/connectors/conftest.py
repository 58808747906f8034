"""Where real bodies lie, and the golden files."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def golden() -> Path:
    """Our own bodies and what they turn into."""
    return Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real bodies that are not part of this repository."""
    folder = next(
        (p / "shared" / "data" for p in Path(__file__).parents if (p / "shared" / "data").is_dir()), None
    )
    if folder is None:
        pytest.skip("the real data of ../shared/data is not here")
    return folder
