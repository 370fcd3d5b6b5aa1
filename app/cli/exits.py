"""How commands end, as scripts see it."""

from typing import Final

SUCCESS: Final = 0
FAILURE: Final = 1
USAGE_ERROR: Final = 2
REFUSED: Final = 3
"""What was asked for was understood, and refused for a stated reason."""
BROKEN: Final = 4
"""The audit chain does not hold."""
INTERRUPTED: Final = 130
