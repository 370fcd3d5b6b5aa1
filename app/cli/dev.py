"""`lockstitch dev`."""

import os

from app.dev.supervisor import run_dev


def dev() -> None:
    """Run everything until Ctrl-C, and say where it is."""
    run_dev(os.environ)
