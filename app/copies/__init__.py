"""Copy records between connections, on request and to consumers: choose and read the source. `app.writes` writes it."""

from typing import Final

FAN_OUT: Final = "fan_out"
"""The kind of job that copies a change to its consumers."""
