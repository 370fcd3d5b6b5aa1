"""Everything that runs or does I/O: one folder per capability."""

from typing import Final

VERSION: Final = "0.1.0"
"""The version of the package, the command and the API's document."""
