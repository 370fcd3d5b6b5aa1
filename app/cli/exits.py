"""The exit codes of the commands."""

import sys
from typing import Final, NoReturn

SUCCESS: Final = 0
FAILURE: Final = 1
USAGE_ERROR: Final = 2
REFUSED: Final = 3
"""The request was valid, but was refused for a stated reason."""
BROKEN: Final = 4
"""The audit chain is broken."""
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
"""The reader of the output left, as `head` does. A shell shows this code for a process that SIGPIPE ended."""


def usage(sentence: str) -> NoReturn:
    """Print how to use the command and exit with USAGE_ERROR."""
    sys.stderr.write(f"{sentence}\n")
    sys.exit(USAGE_ERROR)
