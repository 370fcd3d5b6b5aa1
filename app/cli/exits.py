"""How commands end, as scripts see it."""

from typing import Final

SUCCESS: Final = 0
FAILURE: Final = 1
USAGE_ERROR: Final = 2
REFUSED: Final = 3
"""A payload was read, and refused for a stated reason."""
INTERRUPTED: Final = 130
