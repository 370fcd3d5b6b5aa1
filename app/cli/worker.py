"""`lockstitch worker`."""

import os

from app.settings.environment import load_settings
from app.worker import run


def worker() -> None:
    """Run a worker until SIGTERM. It then finishes running jobs and exits."""
    run(load_settings(os.environ))
