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


def worker(*, processes: Annotated[int, Parameter(validator=Number(gte=1, lte=MOST_PROCESSES))] = 1) -> None:
    """Run a worker until SIGTERM, then finish running jobs and exit.

    Parameters
    ----------
    processes
        The number of worker processes, up to 64. Each serves /health and /metrics: the first on LOCKSTITCH_WORKER_PORT,
        the others on the ports after it.
    """
    settings = load_settings(os.environ)
    if processes > 1:
        run_processes(settings, processes, os.environ)
        return
    with needing_database():
        run(settings)
