"""`lockstitch worker`."""

import os

from app.cli.database import needing_database
from app.settings.environment import load_settings
from app.worker import run


def worker() -> None:
    """Run a worker until SIGTERM, then finish running jobs and exit."""
    with needing_database():
        run(load_settings(os.environ))
