"""Everything that runs or does I/O: one folder per capability."""

import sys
from typing import Final

VERSION: Final = "0.1.0"
"""The version of the package, the command and the API's document."""

# The command line of httpx, which nobody here runs, imports click, rich and pygments: a tenth of each start.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
