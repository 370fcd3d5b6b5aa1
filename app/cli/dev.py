"""`lockstitch dev`."""

import os

from app.dev.supervisor import run_dev


def dev() -> None:
    """Run everything until Ctrl-C, and print the URLs and keys."""
    run_dev(os.environ)
