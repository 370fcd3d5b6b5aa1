"""A queue on a fresh database."""

import pytest

from app.postgres.database import Database
from tests.queue.harness import Harness


@pytest.fixture
def harness(database: Database) -> Harness:
    return Harness(database)
