"""A shell, and the account that its connection opens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.doctor.shell import Shell
from tests.contract.portal import Portal


@pytest.fixture
def portal() -> Iterator[Portal]:
    """A HubSpot account."""
    portal = Portal()
    yield portal
    portal.close()


@pytest.fixture
def run(tmp_path: Path, database_url: str, portal: Portal) -> Shell:
    """A shell that runs commands."""
    return Shell(tmp_path, database_url, portal)
