"""Where the vendors' own material may lie."""

from pathlib import Path

import pytest

from tests.shared_material import SHARED


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the vendors' samples and specifications; tests that need it are skipped without it."""
    if not (SHARED / "vendor-samples").is_dir():
        pytest.skip("the vendors' own samples and specifications are not here")
    return SHARED
