"""`lockstitch migrate`."""

import os
import sys
from typing import Annotated

from cyclopts import Parameter

from app.cli.database import find_database, run
from app.postgres import migrate as migrations
from app.settings.environment import load_settings

WAIT = Parameter(help="Seconds to retry while the database does not answer, a lock is taken, or another one runs.")


def migrate(*, wait: Annotated[float, WAIT] = 30.0) -> None:
    """Apply the missing migrations and print their names."""
    url = find_database(load_settings(os.environ))
    for migration in run(migrations.migrate(url, wait_seconds=wait, report=_print)):
        sys.stdout.write(f"{migration.version:04d} {migration.name}\n")
    sys.stdout.write("The database is up to date.\n")


def _print(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
