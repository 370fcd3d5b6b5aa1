"""How commands end, as scripts see it."""

import sys
from typing import Final, NoReturn

SUCCESS: Final = 0
FAILURE: Final = 1
USAGE_ERROR: Final = 2
REFUSED: Final = 3
"""What was asked for was understood, and refused for a stated reason."""
BROKEN: Final = 4
"""The audit chain does not hold."""
INTERRUPTED: Final = 130


def usage(sentence: str) -> NoReturn:
    """End the command: it was asked for wrongly, and this says how it is asked for."""
    sys.stderr.write(f"{sentence}\n")
    sys.exit(USAGE_ERROR)
