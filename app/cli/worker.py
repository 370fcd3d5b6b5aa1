"""`lockstitch worker`."""

import os
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from app.cli.database import needing_database
from app.cli.worker_processes import run_processes
from app.settings.environment import load_settings
from app.worker import run

MOST_PROCESSES = 64


PROCESSES = Parameter(
    help=f"The number of worker processes, up to {MOST_PROCESSES}. Each serves /health and /metrics: the first on"
    " LOCKSTITCH_WORKER_PORT, the others on the ports after it.",
    validator=Number(gte=1, lte=MOST_PROCESSES),
)


def worker(*, processes: Annotated[int, PROCESSES] = 1) -> None:
    """Run a worker until SIGTERM, then finish running jobs and exit."""
    settings = load_settings(os.environ)
    if processes > 1:
        run_processes(settings, processes, os.environ)
        return
    with needing_database():
        run(settings)
