"""A shell, and the account that its connection opens."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.contract.doctor.shell import Shell
from tests.contract.portal import Portal
from tests.fixtures import opened

portal = opened(lambda: closing(Portal()))
"""A HubSpot account."""


@pytest.fixture
def run(tmp_path: Path, database_url: str, portal: Portal) -> Shell:
    """A shell that runs commands."""
    return Shell(tmp_path, database_url, portal)
