"""`lockstitch migrate`."""

import asyncio
import os
import sys

from app.cli.database import find_database
from app.postgres import migrate as migrations
from app.settings.environment import load_settings


def migrate() -> None:
    """Apply the missing migrations and print their names."""
    for migration in asyncio.run(migrations.migrate(find_database(load_settings(os.environ)))):
        sys.stdout.write(f"{migration.version:04d} {migration.name}\n")
    sys.stdout.write("The database is up to date.\n")
