"""Spans of a test, kept in memory, and a clock."""

from tests.vendors.conftest import spans
from tests.virtual_time import anyio_backend

__all__ = ["anyio_backend", "spans"]
