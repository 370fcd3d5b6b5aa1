"""The contract between the server (serving, faults, state) and one vendor's emulator."""

from typing import Any, Literal, Protocol, runtime_checkable

from emulators.http import Answer, Call
from emulators.state import State
from emulators.tokens import Tokens

DriftKind = Literal["enum", "type", "field", "missing"]


class Emulator(Protocol):
    """A vendor's emulator. Every call runs in one transaction, which is committed before the answer is sent."""

    @property
    def name(self) -> str:
        """The vendor's name, also the first segment of its URLs."""
        ...

    @property
    def objects(self) -> tuple[str, ...]:
        """The vendor's object names, for `/_emulator/records`."""
        ...

    def answer(self, call: Call, state: State, now: float) -> Answer:
        """Reply to a call, authorisation included. Synchronous and quick. `now` is in Unix seconds."""
        ...

    def put_record(self, object: str, payload: dict[str, Any], state: State) -> dict[str, Any]:
        """Place any payload as a record without validation, with a new id if it has none."""
        ...

    def drift(self, kind: str, answer: Answer) -> Answer:
        """Change one answer: an unknown `enum` value, another `type`, a new `field`, or one `missing`."""
        ...


@runtime_checkable
class WorksLater(Protocol):
    """An emulator with work that runs a little after the call."""

    def work_due(self, state: State, now: float) -> None:
        """Run the work that is due by `now` (Unix seconds). Quick if there is none."""
        ...


@runtime_checkable
class KnowsFailures(Protocol):
    """An emulator with the vendor's own error bodies, for `status` faults."""

    def failure(self, status: int) -> Answer:
        """Return the vendor's own body and headers for this status. The server adds Retry-After."""
        ...


@runtime_checkable
class IssuesTokens(Protocol):
    """An emulator with a token endpoint."""

    @property
    def tokens(self) -> Tokens:
        """Its OAuth2 server."""
        ...


@runtime_checkable
class KeepsFailures(Protocol):
    """An emulator that remembers its answers to calls, also its failures."""

    def keep(self, call: Call, answer: Answer, state: State) -> None:
        """Remember the failure that answered this call."""
        ...
