"""`python -m benchmarks [translate] [facade] [statements] [queue] [intake] [road] [pull] [growth] [console]
[transports] [credentials]`; all by default.

The benchmarks print figures and judge nothing: the exit code is 0 even if a target is missed.
"""

import sys
from collections.abc import Callable
from typing import Final

from benchmarks import (
    console,
    credentials,
    facade,
    growth,
    intake,
    pull,
    queue,
    road,
    statements,
    translate,
    transports,
)

PARTS: Final[dict[str, Callable[[], None]]] = {
    "translate": translate.measure,
    "facade": facade.measure,
    "statements": statements.measure,
    "queue": queue.measure,
    "intake": intake.measure,
    "road": road.measure,
    "pull": pull.measure,
    "growth": growth.measure,
    "console": console.measure,
    "transports": transports.main,
    "credentials": credentials.measure,
}


def main(wanted: list[str]) -> int:
    """Measure these parts, or all."""
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        print(f"There is no part {', '.join(unknown)}; there are {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    for name in wanted or PARTS:
        PARTS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
