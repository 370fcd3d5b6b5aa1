"""`lockstitch worker`."""

import os

from app.settings.environment import load_settings
from app.worker import run


def worker() -> None:
    """Run a worker until SIGTERM, which lets it finish what it has begun."""
    run(load_settings(os.environ))
