"""Whether requests may go out on a connection: throttled, failing, unauthorised or paused ones have to wait.

Every pause ends with one probe: a single request goes first, and only its success lets the others go. That a vendor
throttles or fails each process finds out by itself. A pause by a person and a refused credential are the whole
installation's (`lane_ports.Pauses`), and hold until a person resumes the connection; only a refusal that could not be
written down is tried again by the process itself. Other connections keep their speed.
"""

import asyncio
import logging
import random
import time
from typing import Final, Literal, NoReturn

from msgspec import Struct

from app.errors import ConnectionPaused, Problem, VendorThrottled
from app.queue.models import Pause, Pauses
from app.telemetry.metrics import ConnectionState, connection_state

_log = logging.getLogger("lockstitch.outbound")

State = Literal["working", "throttled", "failing", "unauthorised"]

# A vendor that throttles without saying for how long is asked again after these seconds, then after twice as long.
FIRST_THROTTLE: Final = 1.0
LONGEST_THROTTLE: Final = 60.0
# However long a vendor asks to wait, it is asked again after this.
LONGEST_PAUSE: Final = 3600.0
# What a caller is told to wait while somebody else's probe is under way.
PROBE_PATIENCE: Final = 1.0
# What a caller is told to wait while nobody can say when a person resumes the connection.
HELD_PATIENCE: Final = 60.0


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
    """Transient failures in a row that pause the connection."""
    failing_pause: float = 30.0
    unauthorised_pause: float = 30.0
    account_age: float = 600.0
    """How old facts about an account may be."""
    account_retry: float = 30.0
    """When facts that could not be had are asked for again."""
    options_rest: float = 5.0
    """Lists that came so lately are fetched anew for nobody: a fetch is many requests, and any reader may ask."""
    least_time: float = 0.25
    """A request with an effect does not go out with less time than this left for its answer."""


class Health:
    """The state of one connection in this process, below the pauses of the installation where it is part of one."""

    def __init__(self, connection: str, title: str, patience: Patience, pauses: Pauses | None = None) -> None:
        self._connection = connection
        self._title = title
        self._patience = patience
        self._installation = pauses
        self._held = False
        self._pauses: dict[State, float] = {
            "throttled": FIRST_THROTTLE,
            "failing": patience.failing_pause,
            "unauthorised": patience.unauthorised_pause,
        }
        self._state: State = "working"
        self._until = 0.0
        self._failures = 0
        self._throttles = 0
        self._probing = False
        self._changed = asyncio.Event()
        connection_state.labels(connection).state("working")

    @property
    def state(self) -> State:
        """What keeps requests back, or `working`."""
        return self._state

    @property
    def seconds(self) -> float:
        """What is left of the present pause."""
        return 0.0 if self._state == "working" else max(0.0, self._until - time.monotonic())

    def check(self, deadline: float) -> None:
        """Refuse at once what could not go out before `deadline`. Raises ConnectionPaused, VendorThrottled."""
        self._obey()
        if self._state == "working":
            return
        wait = self._until - time.monotonic()
        if self._state != "throttled" and (wait > 0 or self._probing):
            self._refuse(wait)
        if time.monotonic() + wait >= deadline:
            self._refuse(wait)

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
                self._show("probing")
                return True
            if self._state != "throttled" or now + wait >= deadline:
                self._refuse(wait)
            if not await self._wait(wait if wait > 0 else deadline - now) and wait <= 0:
                self._refuse(wait)

    def worked(self, probe: bool) -> None:
        """The vendor gave an answer that shows it at work, a definite no included."""
        self._failures = 0
        # A pause that began while the probe was under way stands.
        if probe and self._probing:
            self._throttles = 0
            self._turn("working", 0.0)

    def failed(self, probe: bool) -> None:
        """Nothing came, or something broken."""
        self._failures += 1
        if probe and self._probing:
            self._turn(self._state, self._pauses[self._state])
        elif self._state == "working" and self._failures >= self._patience.failures:
            self._turn("failing", self._patience.failing_pause)

    def throttled(self, retry_after: float | None) -> None:
        """The vendor asks for a pause, in seconds where it says so."""
        self._failures = 0
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

    def _obey(self) -> None:
        """Keep to the installation's pause; when a person has ended it after a refusal, the next request is the probe.

        Raises ConnectionPaused.
        """
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
        self._show(state)
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

    def _refuse(self, wait: float) -> NoReturn:
        raise self._problem(max(wait, PROBE_PATIENCE) if self._probing or wait <= 0 else wait)

    def _problem(self, wait: float) -> Problem:
        seconds = f"{max(1, round(wait))} s"
        if self._state == "throttled":
            return VendorThrottled(f"{self._title} asks for a pause of {seconds}.", retry_after=wait)
        if self._state == "unauthorised":
            return ConnectionPaused(
                f"{self._title} refuses the credential of {self._connection}; nothing is sent for another {seconds}.",
                next_step="An operator has to renew the connection's credential.",
                retry_after=wait,
                category="auth",
            )
        return ConnectionPaused(
            f"{self._title} keeps failing; nothing is sent on {self._connection} for another {seconds}.",
            retry_after=wait,
        )

    async def _wait(self, seconds: float) -> bool:
        """Whether the state changed within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _show(self, state: ConnectionState) -> None:
        connection_state.labels(self._connection).state(state)


def _resume(connection: str) -> str:
    return f"POST /ops/connections/{connection}/resume"
