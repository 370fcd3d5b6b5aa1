"""A clock for tests of writes without a database."""

from tests.virtual_time import anyio_backend

__all__ = ["anyio_backend"]
