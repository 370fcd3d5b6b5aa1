"""Spans of a test, kept in memory."""

from collections.abc import Iterator

import pytest

from tests.telemetry.recording import Recording, recording


@pytest.fixture
def spans() -> Iterator[Recording]:
    """What is traced during this test."""
    with recording() as recorded:
        yield recorded
