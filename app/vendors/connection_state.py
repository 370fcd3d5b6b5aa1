"""The state of one connection in this process: its address, credential, pace and health."""

import asyncio
import time
from collections.abc import Mapping
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

    async def enter(self, cost: float, traffic: Traffic, deadline: float) -> Admission:
        """Take one of the connection's slots, and return when pace and health admit a request. Call `leave` once.

        Raises VendorThrottled and ConnectionPaused; then nothing was sent.
        """
        started = time.monotonic()
        works = self.health.check(deadline) and self.health.circuits[traffic].closed
        wait = self.pacer.wait_for_all(self._queued + cost, started)
        self._require_time(wait, deadline)
        if works and wait <= 0 and not self._entering and not self._slots.locked():
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
        if admitted.probes:
            self.health.probes.abandoned()
        if admitted.probes_circuit:
            self.health.circuits[admitted.traffic].probes.abandoned()
        self._slots.release()

    async def _enter(self, traffic: Traffic, cost: float, deadline: float) -> Admission:
        """Wait for the circuit first, without a slot that other traffic may need; then for a slot and a turn. If the
        circuit opens meanwhile, start again."""
        circuit = self.health.circuits[traffic]
        while True:
            tries = await circuit.enter(deadline)
            try:
                probe = await self._take_slot(None if tries else circuit, cost, deadline)
            except BaseException:
                if tries:
                    circuit.probes.abandoned()
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
                if probe:
                    self.health.probes.abandoned()
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
