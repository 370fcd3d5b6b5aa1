"""Spans of a test, kept in memory."""

from tests.vendors.conftest import spans

__all__ = ["spans"]
