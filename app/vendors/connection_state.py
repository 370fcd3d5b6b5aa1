"""The state of one connection in this process: its address, credential, pace and health."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, get_args
from urllib.parse import urlsplit

from app.credentials.secrets import Secrets
from app.egress.transport import ACCEPTED_ENCODING, USER_AGENT
from app.errors import VendorThrottled
from app.queue.pauses import PostgresPauses
from app.settings.connections import ConnectionSettings
from app.settings.reading import SettingsError
from app.telemetry.metrics import vendor_wait
from app.vendors.circuit import Circuit, Traffic
from app.vendors.credentials import ConnectionCredential, CredentialHeader
from app.vendors.health import Admission, Health, Patience
from app.vendors.models import CalledConnection, TrafficState
from app.vendors.observations import LiveObservation
from app.vendors.pacing import Pacer
from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorRequest

# Seconds. A shorter wait is not observed in the metric.
SHORTEST_WAIT: Final = 0.001
_AT_ONCE: Final[Mapping[Traffic, Admission]] = {
    traffic: Admission(traffic=traffic, probes=False, probes_circuit=False) for traffic in get_args(Traffic)
}
"""The admissions of requests that waited for nothing."""


class LiveConnection:
    """One connection that is called."""

    def __init__(
        self,
        connection: CalledConnection,
        settings: ConnectionSettings,
        patience: Patience,
        secrets: Secrets,
        pauses: PostgresPauses | None = None,
        credential: ConnectionCredential | None = None,
    ) -> None:
        """Without a `credential`, it is the static one of the settings. Raises SettingsError if the address or a secret
        is missing."""
        vendor = connection.vendor
        base_url = settings.base_url or vendor.default_base_url
        if base_url is None:
            raise SettingsError(
                f"[connections.{connection.name}] lacks base_url: each account at {vendor.title} has its own."
            )
        address = urlsplit(base_url)
        pacing = settings.pacing or vendor.pacing
        self.connection = connection
        self.base_url = base_url
        self.address = address.hostname or ""
        self.port = address.port or (443 if address.scheme == "https" else 80)
        self.custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]] = settings.custom_fields
        self.patience = patience
        self.credential: ConnectionCredential = credential or CredentialHeader(settings, vendor.auth, secrets)
        self.health = Health(connection.name, vendor.title, patience, pauses)
        self.pacer = Pacer(pacing.units, pacing.per_seconds, fixed=settings.pacing is not None)
        self._slots = asyncio.Semaphore(pacing.concurrency)
        self._turn = asyncio.Lock()
        self._queued = 0.0
        self._entering = 0

    def __repr__(self) -> str:
        return f"LiveConnection({self.connection.name!r})"

    @property
    def shown_url(self) -> str:
        """The base URL without parts that may be secret."""
        address = urlsplit(self.base_url)
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address.scheme}://{host}{f':{address.port}' if address.port else ''}{address.path}"

    def headers(self, request: VendorRequest) -> list[tuple[str, str]]:
        """Return all headers of a request. The credential wins over the request, and the request over the vendor."""
        headers = {"Accept": "application/json", "Accept-Encoding": ACCEPTED_ENCODING, "User-Agent": USER_AGENT}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        headers.update(self.connection.vendor.headers)
        headers.update(request.headers)
        headers.update([self.credential.header])
        return list(headers.items())

    @property
    def failing(self) -> tuple[Traffic, ...]:
        """The kinds of traffic whose circuit is open."""
        return tuple(traffic for traffic, circuit in self.health.circuits.items() if not circuit.closed)

    def current_state(self) -> tuple[TrafficState, float]:
        """Return what holds back requests, or `working`, and the seconds left of it."""
        state, seconds = self.health.current_state()
        failing = self.failing
        if state == "working" and failing:
            return "failing", max(self.health.circuits[traffic].seconds for traffic in failing)
        return state, seconds

    def observation(self) -> LiveObservation | None:
        """Return a throttle or failures, which this process has to itself."""
        state, seconds = self.current_state()
        if state not in ("throttled", "failing"):
            return None
        failing = self.failing
        began = self.health.began if state == "throttled" else min(self.health.circuits[one].opened for one in failing)
        return LiveObservation(
            state=state,
            note=None if state == "throttled" else f"{' and '.join(failing)} keep failing",
            elapsed=time.monotonic() - began,
            seconds=seconds,
        )

    def admission(
        self, request: VendorRequest, traffic: Traffic, deadline: float
    ) -> AbstractAsyncContextManager[Admission]:
        """Take one of the connection's slots, and enter when pace and health admit the request.

        Raises VendorThrottled and ConnectionPaused; then nothing was sent.
        """
        return _Stay(self, request.cost, traffic, deadline)

    async def enter(self, cost: float, traffic: Traffic, deadline: float) -> Admission:
        """Enter, as `admission` does. Call `leave` once. Raises like `admission`."""
        started = time.monotonic()
        self.health.check(deadline)
        wait = self.pacer.wait_for_all(self._queued + cost, started)
        self._require_time(wait, deadline)
        if wait <= 0 and self._is_open(traffic):
            await self._slots.acquire()
            self.pacer.spend(cost, started)
            return _AT_ONCE[traffic]
        self._entering += 1
        try:
            admitted = await self._enter(traffic, cost, deadline)
        finally:
            self._entering -= 1
        waited = time.monotonic() - started
        if waited > SHORTEST_WAIT:
            vendor_wait.labels(self.connection.name).observe(waited)
        return admitted

    def leave(self, admitted: Admission) -> None:
        """Free the slot of a request that ended."""
        self.health.probes.abandoned(admitted.probes)
        self.health.circuits[admitted.traffic].probes.abandoned(admitted.probes_circuit)
        self._slots.release()

    def _is_open(self, traffic: Traffic) -> bool:
        """Return whether no one waits, and neither slots nor health make a request wait. Most find it so."""
        closed = self.health.circuits[traffic].closed
        return closed and self.health.working and not self._entering and not self._slots.locked()

    async def _enter(self, traffic: Traffic, cost: float, deadline: float) -> Admission:
        """Wait for the circuit first, without a slot that other traffic may need; then for a slot and a turn. If the
        circuit opens meanwhile, start again."""
        circuit = self.health.circuits[traffic]
        while True:
            tries = await circuit.enter(deadline)
            try:
                probe = await self._take_slot(None if tries else circuit, cost, deadline)
            except BaseException:
                circuit.probes.abandoned(tries)
                raise
            if probe is not None:
                return Admission(traffic=traffic, probes=probe, probes_circuit=tries)

    async def _take_slot(self, circuit: Circuit | None, cost: float, deadline: float) -> bool | None:
        """Take a slot, then a turn; return like `_take_turn`, and release the slot if that returns None."""
        self._queued += cost
        try:
            await self._acquire(self._slots, deadline)
        finally:
            self._queued -= cost
        probe = None
        try:
            probe = await self._take_turn(circuit, cost, deadline)
        finally:
            if probe is None:
                self._slots.release()
        return probe

    async def _take_turn(self, circuit: Circuit | None, cost: float, deadline: float) -> bool | None:
        """Wait until health and pace admit the request, one at a time. Return whether it is the probe; None if
        `circuit` opened."""
        await self._acquire(self._turn, deadline)
        try:
            while True:
                probe = await self.health.enter(deadline)
                now = time.monotonic()
                wait = self.pacer.wait_for(cost, now)
                opened = circuit is not None and not circuit.closed
                if wait <= 0 and not opened:
                    self.pacer.spend(cost, now)
                    return probe
                self.health.probes.abandoned(probe)
                if opened:
                    return None
                self._require_time(wait, deadline)
                await asyncio.sleep(wait)
        finally:
            self._turn.release()

    async def _acquire(self, gate: asyncio.Semaphore | asyncio.Lock, deadline: float) -> None:
        if not gate.locked():
            await gate.acquire()
            return
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await gate.acquire()
        except TimeoutError:
            raise self._too_busy(1.0) from None

    def _require_time(self, wait: float, deadline: float) -> None:
        if wait > 0 and time.monotonic() + wait >= deadline:
            raise self._too_busy(wait)

    def _too_busy(self, wait: float) -> VendorThrottled:
        return VendorThrottled(f"The rate limit of {self.connection.vendor.title} is used up.", retry_after=wait)


class _Stay(AbstractAsyncContextManager[Admission]):  # entered for every request; a generator costs more
    """One request from its admission to its end."""

    __slots__ = ("_admitted", "_cost", "_deadline", "_live", "_traffic")

    def __init__(self, live: LiveConnection, cost: float, traffic: Traffic, deadline: float) -> None:
        self._live = live
        self._cost = cost
        self._traffic = traffic
        self._deadline = deadline

    async def __aenter__(self) -> Admission:
        self._admitted = await self._live.enter(self._cost, self._traffic, self._deadline)
        return self._admitted

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.leave(self._admitted)
