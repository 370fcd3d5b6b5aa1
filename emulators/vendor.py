"""The contract between the frame (serving, faults, memory) and one vendor's emulator."""

from typing import Any, Literal, Protocol, runtime_checkable

from emulators.http import Answer, Call
from emulators.state import State
from emulators.tokens import Tokens

DriftKind = Literal["enum", "type", "field", "missing"]


class Emulator(Protocol):
    """A vendor's emulator. Every call runs inside one transaction that is committed before the answer leaves."""

    @property
    def name(self) -> str:
        """The vendor's name, which is also the first segment of its URLs."""
        ...

    @property
    def objects(self) -> tuple[str, ...]:
        """The vendor's own object names, as `/_emulator/records` accepts them."""
        ...

    def answer(self, call: Call, state: State, now: float) -> Answer:
        """What the vendor replies, authorisation included. Synchronous and quick; `now` is in Unix seconds."""
        ...

    def put_record(self, object: str, payload: dict[str, Any], state: State) -> dict[str, Any]:
        """Place any payload as a record, without the vendor's validation; an id is made when it has none."""
        ...

    def drift(self, kind: str, answer: Answer) -> Answer:
        """Bend one answer as a vendor does overnight: an unknown `enum` value, a changed `type`, a new `field`, or one
        `missing` that was always there."""
        ...


@runtime_checkable
class WorksLater(Protocol):
    """An emulator that does part of its work a little after the call that asked for it."""

    def work_due(self, state: State, now: float) -> None:
        """Do what is due by `now` (Unix seconds). Quick when nothing is."""
        ...


@runtime_checkable
class KnowsFailures(Protocol):
    """An emulator that can say a failure in the vendor's own words, for `status` faults."""

    def failure(self, status: int) -> Answer:
        """The vendor's own body and headers for this status; the frame adds Retry-After."""
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
    """An emulator that remembers what it answered to a call, its own failures as well."""

    def keep(self, call: Call, answer: Answer, state: State) -> None:
        """Remember a failure that was answered to this call."""
        ...
