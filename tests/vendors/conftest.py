"""What tests of vendors share: spans of a test, kept in memory, and a clock."""

from collections.abc import Iterator

import pytest

from tests.telemetry.recording import Recording, recording
from tests.virtual_time import anyio_backend

__all__ = ["anyio_backend"]


@pytest.fixture
def spans() -> Iterator[Recording]:
    """What is traced during this test."""
    with recording() as recorded:
        yield recorded
