"""A queue on a fresh database."""

import pytest

from app.postgres.database import Database
from tests.queue.kit import Kit


@pytest.fixture
def kit(database: Database) -> Kit:
    return Kit(database)
