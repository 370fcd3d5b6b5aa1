"""Whether requests may go out on a connection: throttled, failing, unauthorised or paused ones have to wait.

Every pause ends with one probe: a single request goes first, and only its success lets the others go, which wait for it
meanwhile. That a vendor throttles or fails each process finds out by itself; failures of reads and of writes are told
apart (`circuit`). A pause by a person and a refused credential are the whole installation's (`Pauses`), and hold until
a person resumes the connection; only a refusal that could not be written down is tried again by the process itself. A
person who resumes a connection also ends what throttles or fails there. Other connections keep their speed.
"""

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Literal, get_args

from msgspec import Struct

from app.errors import ConnectionPaused, Problem, VendorThrottled
from app.queue.models import Pause
from app.queue.pauses import PostgresPauses
from app.telemetry.metrics import connection_state
from app.vendors.circuit import PROBE_PATIENCE, Circuit, Traffic

_log = logging.getLogger("lockstitch.outbound")

State = Literal["working", "throttled", "unauthorised"]

# A vendor that throttles without saying for how long is asked again after these seconds, then after twice as long.
FIRST_THROTTLE: Final = 1.0
LONGEST_THROTTLE: Final = 60.0
# However long a vendor asks to wait, it is asked again after this.
LONGEST_PAUSE: Final = 3600.0
# What a caller is told to wait while nobody can say when a person resumes the connection.
HELD_PATIENCE: Final = 60.0
# A person may pause or resume the connection while a request waits: it looks again so often.
GLANCE: Final = 0.5


class Patience(Struct, frozen=True, kw_only=True):
    """How much is put up with. Times are seconds."""

    attempts: int = 3
    """How often a request is sent that may be repeated."""
    throttled_attempts: int = 5
    """How often a request is sent that the vendor only postpones."""
    first_pause: float = 0.2
    longest_pause: float = 2.0
    """Between attempts: any time up to twice as long as the last bound, full jitter."""
    failures: int = 5
    """Transient failures in a row that pause the connection's reads, or its writes."""
    failing_pause: float = 2.0
    longest_failing_pause: float = 30.0
    """The first pause after failures; each failed probe doubles it."""
    unauthorised_pause: float = 30.0
    account_age: float = 600.0
    """How old facts about an account may be."""
    account_retry: float = 30.0
    """When facts that could not be had are asked for again."""
    options_rest: float = 5.0
    """Lists that came so lately are fetched anew for nobody: a fetch is many requests, and any reader may ask."""
    least_time: float = 0.25
    """A request with an effect does not go out with less time than this left for its answer."""


class Admission(Struct, frozen=True, kw_only=True):
    """A request that may go out. Its outcome decides whether others may: of the whole connection where `probes`, of its
    own kind of traffic where `probes_circuit`."""

    traffic: Traffic
    probes: bool
    probes_circuit: bool


class Health:
    """The state of one connection in this process, below the pauses of the installation where it is part of one."""

    def __init__(self, connection: str, title: str, patience: Patience, pauses: PostgresPauses | None = None) -> None:
        self._connection = connection
        self._title = title
        self._patience = patience
        self._installation = pauses
        self._held = False
        self._resumed = None if pauses is None else pauses.resumed(connection)
        self._state: State = "working"
        self._until = 0.0
        self._throttles = 0
        self._probing = False
        self._changed = asyncio.Event()
        self.circuits: Mapping[Traffic, Circuit] = {
            traffic: Circuit(
                connection,
                title,
                traffic,
                failures=patience.failures,
                first_pause=patience.failing_pause,
                longest_pause=patience.longest_failing_pause,
                show=self._show,
            )
            for traffic in get_args(Traffic)
        }
        self._show()

    def standing(self) -> tuple[State, float]:
        """What keeps all requests back, or `working`; and how many seconds are left of it."""
        self._heed_resume()
        return self._state, 0.0 if self._state == "working" else max(0.0, self._until - time.monotonic())

    def check(self, deadline: float) -> None:
        """Refuse at once what could not go out before `deadline`. Raises ConnectionPaused, VendorThrottled."""
        self._obey()
        if self._state != "working":
            self._refuse_late(self._until - time.monotonic(), deadline)

    async def enter(self, deadline: float) -> bool:
        """Wait until a request may go out; whether it is the probe, whose outcome everybody waits for.

        Raises ConnectionPaused, and VendorThrottled where the wait does not fit.
        """
        while True:
            self._obey()
            if self._state == "working":
                return False
            now = time.monotonic()
            wait = self._until - now
            if wait <= 0 and not self._probing:
                self._probing = True
                self._show()
                return True
            self._refuse_late(wait, deadline)
            await self._wait(min(GLANCE, wait if wait > 0 else deadline - now))

    def worked(self, request: Admission) -> None:
        """The vendor gave an answer that shows it at work, a definite no included."""
        self.circuits[request.traffic].worked(request.probes_circuit)
        # A pause that began while the probe was under way stands.
        if request.probes and self._probing:
            self._throttles = 0
            self._turn("working", 0.0)

    def failed(self, request: Admission) -> None:
        """Nothing came, or something broken."""
        self.circuits[request.traffic].failed(request.probes_circuit)
        if request.probes and self._probing:
            unauthorised = self._state == "unauthorised"
            self._turn(self._state, self._patience.unauthorised_pause if unauthorised else FIRST_THROTTLE)

    def throttled(self, request: Admission, retry_after: float | None) -> None:
        """The vendor asks for a pause, in seconds where it says so."""
        self.circuits[request.traffic].worked(request.probes_circuit)
        if self._state != "throttled" or self._probing:
            self._throttles += 1  # not for each of those that were under way together
        if retry_after is not None and retry_after >= 0:
            pause = retry_after
        else:
            bound = min(LONGEST_THROTTLE, FIRST_THROTTLE * 2.0 ** min(self._throttles - 1, 10))
            pause = bound * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret
        until = time.monotonic() + pause
        if self._state == "throttled" and not self._probing and until <= self._until:
            return
        self._turn("throttled", pause)

    def unauthorised(self, *, told: bool) -> None:
        """The vendor refuses the credential; `told`: the installation knows, and decides when it is tried again."""
        self._held = told
        self._turn("unauthorised", self._patience.unauthorised_pause)

    def abandoned(self, probe: bool) -> None:
        """The probe never went out, or nobody saw what came of it: the next one may try."""
        if probe and self._probing:
            self._probing = False
            self._notify()

    def _heed_resume(self) -> None:
        """A person who resumes the connection knows better than this process how the vendor is."""
        resumed = None if self._installation is None else self._installation.resumed(self._connection)
        if resumed == self._resumed:
            return
        self._resumed = resumed
        for circuit in self.circuits.values():
            circuit.close()
        if self._state == "throttled":
            self._throttles = 0
            self._turn("working", 0.0)

    def _obey(self) -> None:
        """Keep to the installation's pause; when a person has ended it after a refusal, the next request is the probe.

        Raises ConnectionPaused.
        """
        self._heed_resume()
        pause = None if self._installation is None else self._installation.of(self._connection)
        if pause is not None and pause.held:
            if pause.reason == "auth" and self._state != "unauthorised":
                self._turn("unauthorised", self._patience.unauthorised_pause)
            self._held = True
            raise self._held_problem(pause)
        if self._held:
            self._held = False
            if self._state == "unauthorised":
                self._until = time.monotonic()

    def _held_problem(self, pause: Pause) -> Problem:
        if pause.reason == "auth":
            return ConnectionPaused(
                f"{self._title} refuses the credential of {self._connection}; nothing is sent until it is renewed.",
                next_step=f"An operator has to renew the credential, and then {_resume(self._connection)}.",
                retry_after=HELD_PATIENCE,
                category="auth",
                held=True,
            )
        note = f": {pause.note}" if pause.note else ""
        return ConnectionPaused(
            f"An operator has paused {self._connection}{note}.",
            next_step=f"Nothing was sent. Try again later; an operator lets it go on with {_resume(self._connection)}.",
            retry_after=HELD_PATIENCE,
            held=True,
        )

    def _turn(self, state: State, pause: float) -> None:
        changed = state != self._state
        self._state = state
        self._until = time.monotonic() + min(max(pause, 0.0), LONGEST_PAUSE)
        self._probing = False
        self._show()
        self._notify()
        if not changed:
            return
        facts = {"connection": self._connection, "state": state, "seconds": round(pause, 1) or None}
        if state == "unauthorised":
            _log.error("%s refuses the credential of %s: renew it", self._title, self._connection, extra=facts)
        elif state == "working":
            _log.info("%s works again", self._connection, extra=facts)
        else:
            _log.warning("%s is paused: %s", self._connection, state, extra=facts)

    def _refuse_late(self, wait: float, deadline: float) -> None:
        """A refused credential is not waited for, only the outcome of its probe."""
        if time.monotonic() + max(wait, 0.0) >= deadline or (wait > 0 and self._state == "unauthorised"):
            raise self._problem(max(wait, PROBE_PATIENCE) if self._probing or wait <= 0 else wait)

    def _problem(self, wait: float) -> Problem:
        seconds = f"{max(1, round(wait))} s"
        if self._state == "throttled":
            return VendorThrottled(f"{self._title} asks for a pause of {seconds}.", retry_after=wait)
        return ConnectionPaused(
            f"{self._title} refuses the credential of {self._connection}; nothing is sent for another {seconds}.",
            next_step="An operator has to renew the connection's credential.",
            retry_after=wait,
            category="auth",
        )

    async def _wait(self, seconds: float) -> None:
        """Until the state changes, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _show(self) -> None:
        shown = connection_state.labels(self._connection)
        open_circuits = [circuit for circuit in self.circuits.values() if not circuit.closed]
        if self._state != "working":
            shown.state("probing" if self._probing else self._state)
        elif open_circuits:
            shown.state("probing" if all(circuit.probing for circuit in open_circuits) else "failing")
        else:
            shown.state("working")


def _resume(connection: str) -> str:
    return f"POST /ops/connections/{connection}/resume"
