"""Dependencies of the console beyond those of the capabilities that it shows."""

from dataclasses import dataclass

from app.console.store import PostgresSessions


@dataclass(frozen=True, kw_only=True)
class ConsoleDeps:
    """`sessions` are those of signed-in operators, the same for all processes."""

    sessions: PostgresSessions
