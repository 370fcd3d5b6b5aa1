"""What tests of vendors share: spans of a test, kept in memory, and a clock."""

from tests.fixtures import opened
from tests.telemetry.recording import recording
from tests.virtual_time import anyio_backend

__all__ = ["anyio_backend"]


spans = opened(recording)
"""What is traced during this test."""
