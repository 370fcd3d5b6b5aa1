"""Whether requests may go out on a connection. Throttled, failing, unauthorised and paused connections must wait.

After a throttle (429 or a quota error), all requests wait for the time that the vendor names, else for a growing one.
Every pause ends with one probe: a single request goes first, and the others wait for its success. Failures belong to
each process; reads and writes fail separately (`circuit`). A throttle that one process meets stops the others as well,
and one of them probes. An operator's pause and a refused credential belong to the installation (`Pauses`) and last
until an operator resumes the connection. Only a refusal that
could not be recorded is retried by the process itself. A resume also ends throttles and failures. Other connections are
not affected.
"""

import logging
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final, Literal, get_args

from msgspec import Struct

from app.errors import ConnectionPaused, VendorThrottled
from app.problem_document import Problem
from app.queue.models import Pause
from app.queue.pauses import PostgresPauses
from app.telemetry.metrics import connection_state, throttled_since
from app.vendors.circuit import PROBE_PATIENCE, Circuit, Probes, Traffic

_log = logging.getLogger("lockstitch.outbound")

State = Literal["working", "throttled", "unauthorised"]

# The longest wait that a vendor can ask for.
LONGEST_PAUSE: Final = 3600.0
# Retry-After while an operator must resume the connection.
HELD_PATIENCE: Final = 60.0
# Seconds of the first and longest throttle if the vendor names no time; each one doubles.
FIRST_THROTTLE: Final = 1.0
LONGEST_THROTTLE: Final = 60.0
# A waiting request rechecks this often whether the connection was paused or resumed.
RECHECK_SECONDS: Final = 0.5
# Two clocks tell the end of a throttle.
TOLERANCE: Final = 0.05


class Patience(Struct, frozen=True, kw_only=True):
    """Limits of retries and pauses. Times are in seconds."""

    attempts: int = 3
    """Attempts of a request that may be repeated."""
    throttled_attempts: int = 5
    """Attempts of a request that the vendor throttles."""
    first_pause: float = 0.2
    longest_pause: float = 2.0
    """Pauses between attempts: full jitter below a bound that doubles from `first_pause`."""
    failures: int = 5
    """Transient failures in a row that open the circuit."""
    failing_pause: float = 2.0
    longest_failing_pause: float = 30.0
    """The first pause of the circuit; each failed probe doubles it."""
    unauthorised_pause: float = 30.0
    account_age: float = 600.0
    """The maximum age of account facts."""
    account_retry: float = 30.0
    """When account facts that could not be fetched are retried."""
    options_rest: float = 5.0
    """Option lists younger than this are never fetched again, because a fetch takes many requests and any reader may
    ask."""
    longest_probe: float = 15.0
    """After this time, a request that probes a throttled connection has no answer, and another one may probe."""
    least_time: float = 0.25
    """A request with an effect is not sent with less time than this for its answer."""


class Admission(Struct, frozen=True, kw_only=True):
    """Permission to send a request. Its outcome decides for the whole connection if `probes`, and for its own kind of
    traffic if `probes_circuit`."""

    traffic: Traffic
    probes: bool
    probes_circuit: bool


class Health:
    """The state of one connection in this process, in addition to the pauses of the installation."""

    def __init__(self, connection: str, title: str, patience: Patience, pauses: PostgresPauses | None = None) -> None:
        self._connection = connection
        self._title = title
        self._patience = patience
        self._installation = pauses
        self._held = False
        self._resumed = None if pauses is None else pauses.resumed.get(connection)
        self._state: State = "working"
        self._until = 0.0
        self._began = self._throttled_at = 0.0
        self._throttles = 0
        self._shared_until: float | None = None  # the throttle of the installation, as last seen
        self._probes_until = 0.0  # this process probes for the installation
        self.probes = Probes(self._show)
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

    def current_state(self) -> tuple[State, float]:
        """Return what holds back all requests, or `working`, and the seconds left of it.

        A refusal is over once the vendor has accepted the credential in another process. The next request of this one
        is still a probe.
        """
        self._apply_resume()
        if self._held and self._installation is not None and self._connection not in self._installation.known:
            return "working", 0.0
        return self._state, 0.0 if self._state == "working" else max(0.0, self._until - time.monotonic())

    @property
    def began(self) -> float:
        """When the present state began, on the clock of time.monotonic."""
        return self._began

    def check(self, deadline: float) -> bool:
        """Return whether a request need not wait or probe. Refuse at once one that cannot be sent before `deadline`.

        Raises ConnectionPaused, VendorThrottled.
        """
        self._apply_pause()
        if self._state == "working":
            return True
        self._refuse_late(self._until - time.monotonic(), deadline)
        return False

    async def enter(self, deadline: float) -> bool:
        """Wait until a request may be sent, and return whether it is the probe.

        Raises ConnectionPaused, and VendorThrottled if the wait is longer than the deadline allows.
        """
        while True:
            self._apply_pause()
            if self._state == "working":
                return False
            now = time.monotonic()
            wait = self._until - now
            if wait <= 0 and self.probes.begin():
                if await self._may_probe():
                    return True
                continue
            self._refuse_late(wait, deadline)
            with suppress(TimeoutError):
                await self.probes.wait(min(RECHECK_SECONDS, wait if wait > 0 else deadline - now))

    def worked(self, request: Admission) -> None:
        """Record an answer that shows the vendor at work; a definite refusal counts."""
        self.circuits[request.traffic].worked(request.probes_circuit)
        # A pause that began during the probe stays.
        if request.probes and self.probes.running:
            self._throttles = 0
            self._set_state("working", 0.0)

    def failed(self, request: Admission) -> None:
        """Record a missing or broken answer."""
        self.circuits[request.traffic].failed(request.probes_circuit)
        if request.probes and self.probes.running:
            unauthorised = self._state == "unauthorised"
            self._set_state(self._state, self._patience.unauthorised_pause if unauthorised else FIRST_THROTTLE)

    def throttled(self, request: Admission, retry_after: float | None) -> None:
        """Record a throttle, with the seconds to wait if the vendor names them."""
        self.circuits[request.traffic].worked(request.probes_circuit)
        is_further = self._state == "throttled" and not self.probes.running  # concurrent requests count once
        if not is_further:
            self._throttles += 1
        if retry_after is None:
            bound = min(LONGEST_THROTTLE, FIRST_THROTTLE * 2.0 ** min(self._throttles - 1, 10))
            retry_after = bound * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret
        if not is_further or time.monotonic() + retry_after > self._until:
            self._set_state("throttled", retry_after)

    def unauthorised(self, *, recorded: bool, facts: Mapping[str, object] = MappingProxyType({})) -> None:
        """Record a refused credential. `recorded`: the pause is stored for the installation, which decides when to
        retry. `facts` are logged."""
        self._held = recorded
        self._set_state("unauthorised", self._patience.unauthorised_pause, facts)

    async def _may_probe(self) -> bool:
        """Return whether the probe of this process is that of the installation. Of a throttle, there is one."""
        now, seconds = time.monotonic(), self._patience.longest_probe
        if self._installation is None or self._state != "throttled" or now < self._probes_until:
            return True
        may = False
        try:
            may = await self._installation.begin_probe(self._connection, seconds)
        finally:
            if not may:
                self.probes.abandoned()
        self._probes_until = now + seconds if may else 0.0
        return may

    def _apply_throttle(self) -> None:
        """Apply a throttle that another process has met, or the end of one."""
        if self._installation is None or time.monotonic() < self._probes_until:
            return
        if self._state == "unauthorised" or self.probes.running:
            return
        until, last = self._installation.throttled.get(self._connection), self._shared_until
        self._shared_until = until
        if until is None:
            if last is not None and self._state == "throttled":
                self._set_state("working", 0.0)
        elif self._state == "working" or last is None or abs(until - last) > TOLERANCE:
            self._set_state("throttled", until - time.monotonic())

    def _apply_resume(self) -> None:
        """End throttles and failures if an operator has resumed the connection since the last check."""
        resumed = None if self._installation is None else self._installation.resumed.get(self._connection)
        if resumed == self._resumed:
            return
        self._resumed = resumed
        for circuit in self.circuits.values():
            circuit.close()
        if self._state == "throttled":
            self._throttles = 0
            self._set_state("working", 0.0)

    def _apply_pause(self) -> None:
        """Apply the installation's pause. After a resume that follows a refusal, the next request is the probe.

        Raises ConnectionPaused.
        """
        self._apply_resume()
        self._apply_throttle()
        pause = None if self._installation is None else self._installation.known.get(self._connection)
        if pause is not None and pause.until_resumed:
            if pause.reason == "auth" and self._state != "unauthorised":
                self._set_state("unauthorised", self._patience.unauthorised_pause)
            self._held = True
            raise self._held_problem(pause)
        if self._held:
            self._held = False
            if self._state == "unauthorised":
                self._until = time.monotonic()

    def _held_problem(self, pause: Pause) -> Problem:
        if pause.reason == "auth":
            return ConnectionPaused(
                f"{self._title} refuses the credential of {self._connection}. Nothing is sent until it is renewed.",
                next_step=f"An operator must run: lockstitch connect {self._connection}."
                if pause.needs_connect
                else f"An operator must renew the credential, then {_resume(self._connection)}.",
                retry_after=HELD_PATIENCE,
                category="auth",
                until_resumed=True,
            )
        if pause.reason == "account":
            return wrong_account(self._connection, pause.note or "")
        note = f": {pause.note}" if pause.note else ""
        return ConnectionPaused(
            f"An operator has paused {self._connection}{note}.",
            next_step=f"Nothing was sent. Try again later. An operator resumes it with {_resume(self._connection)}.",
            retry_after=HELD_PATIENCE,
            until_resumed=True,
        )

    def _set_state(self, state: State, pause: float, more: Mapping[str, object] = MappingProxyType({})) -> None:
        changed = state != self._state
        self._state = state
        if changed:
            self._began, self._throttled_at = time.monotonic(), time.time()
        self._until = time.monotonic() + min(max(pause, 0.0), LONGEST_PAUSE)
        self._probes_until = 0.0
        self.probes.end()
        if not changed:
            return
        facts = {"connection": self._connection, "state": state, "seconds": round(pause, 1) or None, **more}
        if state == "unauthorised":
            _log.error("%s refuses the credential of %s: renew it", self._title, self._connection, extra=facts)
        elif state == "working":
            _log.info("%s works again", self._connection, extra=facts)
        else:
            _log.warning("%s is paused: %s", self._connection, state, extra=facts)

    def _refuse_late(self, wait: float, deadline: float) -> None:
        """Raise if the wait is longer than the deadline allows. A refused credential is not waited for, except its
        probe."""
        if time.monotonic() + max(wait, 0.0) >= deadline or (wait > 0 and self._state == "unauthorised"):
            raise self._problem(max(wait, PROBE_PATIENCE) if self.probes.running or wait <= 0 else wait)

    def _problem(self, wait: float) -> Problem:
        seconds = f"{max(1, round(wait))} s"
        if self._state == "throttled":
            return VendorThrottled(f"{self._title} throttles for {seconds}.", retry_after=wait)
        return ConnectionPaused(
            f"{self._title} refuses the credential of {self._connection}. Nothing is sent for another {seconds}.",
            next_step="An operator must renew the connection's credential.",
            retry_after=wait,
            category="auth",
        )

    def _show(self) -> None:
        metric = connection_state.labels(self._connection)
        throttled_since.labels(self._connection).set(self._throttled_at if self._state == "throttled" else 0)
        open_circuits = [circuit for circuit in self.circuits.values() if not circuit.closed]
        if self._state != "working":
            metric.state("probing" if self.probes.running else self._state)
        elif open_circuits:
            metric.state("probing" if all(circuit.probes.running for circuit in open_circuits) else "failing")
        else:
            metric.state("working")


def wrong_account(connection: str, note: str) -> ConnectionPaused:
    """Return the problem of a connection that opens another account than before."""
    return ConnectionPaused(
        f"{connection} is paused: {note}.",
        next_step=wrong_account_step(connection),
        retry_after=HELD_PATIENCE,
        category="auth",
        until_resumed=True,
    )


def wrong_account_step(connection: str) -> str:
    """Return what to do about a connection that opens another account than before."""
    return (
        f"Correct its credential or base_url, then {_resume(connection)}. If the new account is meant, run"
        f" `lockstitch environment rebind {connection}`."
    )


def _resume(connection: str) -> str:
    return f"POST /ops/connections/{connection}/resume"
