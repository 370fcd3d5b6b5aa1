"""Back off after a throttle (429 or a quota error): for the time that the vendor names, else for a growing one.

This back-off holds the requests of one process. That of a connection's jobs, for all processes, is `app.queue.lanes`.
"""

import random
from typing import Final

# Seconds of the first and longest throttle if the vendor names no time; each one doubles.
FIRST_THROTTLE: Final = 1.0
LONGEST_THROTTLE: Final = 60.0


class Throttle:
    """The back-off of one connection. It grows from throttle to throttle, until `reset`."""

    def __init__(self) -> None:
        self._count = 0

    def count(self) -> None:
        """Count a throttle: once for all concurrent requests."""
        self._count += 1

    def pause(self, retry_after: float | None) -> float:
        """Return the seconds to wait. `retry_after` is what the vendor names."""
        if retry_after is not None and retry_after >= 0:
            return retry_after
        bound = min(LONGEST_THROTTLE, FIRST_THROTTLE * 2.0 ** min(self._count - 1, 10))
        return bound * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret

    def reset(self) -> None:
        """Forget past throttles: the vendor works again, or an operator has resumed the connection."""
        self._count = 0
