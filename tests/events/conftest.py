"""The table of Events."""

import pytest

from app.events.store.events import PostgresEvents
from app.postgres.database import Database
from tests.encryption import SEALER


@pytest.fixture
def events(database: Database) -> PostgresEvents:
    """Of a database with none."""
    return PostgresEvents(database, SEALER)
