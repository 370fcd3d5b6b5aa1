"""The state of one connection in this process: its address, credential, pace and health."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from app.credentials.secrets import Secrets
from app.egress.exchange import ACCEPTED_ENCODING, USER_AGENT
from app.errors import VendorThrottled
from app.queue.models import Allowance, BudgetShare
from app.queue.pauses import PostgresPauses
from app.queue.places import running_share
from app.settings.connections import ConnectionSettings
from app.settings.reading import SettingsError
from app.telemetry import correlation_id
from app.telemetry.metrics import vendor_headroom, vendor_wait
from app.vendors.budget import AccountBudget
from app.vendors.budget_store import PostgresBudgets
from app.vendors.circuit import Circuit, Traffic
from app.vendors.credentials import ConnectionCredential, CredentialHeader
from app.vendors.health import Admission, Health, Patience
from app.vendors.models import CalledConnection, TrafficState
from app.vendors.observations import LiveObservation
from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import DEFAULT, VendorRequest
from mappings.manifest import Vendor

# Seconds. A shorter wait is not observed in the metric.
SHORTEST_WAIT: Final = 0.001
_AT_ONCE: Final[Mapping[Traffic, Admission]] = {
    traffic: Admission(traffic=traffic, probes=False, probes_circuit=False) for traffic in get_args(Traffic)
}
"""The admissions of requests that waited for nothing."""


_BucketShare = tuple[str, BudgetShare]
"""What pays for a request: a bucket of the connection's budgets, and the share of its cause."""


class AccountBudgets:
    """The budgets of this process, by account and bucket. Connections to the same account have the same one. Without a
    `store`, they are not shared with other processes."""

    def __init__(self, store: PostgresBudgets | None = None) -> None:
        self._store = store
        self._all: dict[tuple[str, str], AccountBudget] = {}

    def of(self, settings: ConnectionSettings, vendor: Vendor[Any], base_url: str) -> Mapping[str, AccountBudget]:
        """Return the budgets of a connection, by bucket. An operator's limit changes all in proportion."""
        account, pacing = account_of(settings, vendor, base_url), settings.pacing or vendor.pacing
        part = pacing.units / pacing.per_seconds / (vendor.pacing.units / vendor.pacing.per_seconds)
        limits = {bucket: (limit.units * part, limit.per_seconds) for bucket, limit in vendor.buckets.items()}
        return {
            bucket: self._all.setdefault(
                (account, bucket),
                AccountBudget(
                    account,
                    bucket,
                    *limit,
                    fixed=bucket == DEFAULT and settings.pacing is not None,
                    store=self._store,
                ),
            )
            for bucket, limit in {**limits, DEFAULT: (pacing.units, pacing.per_seconds)}.items()
        }

    async def close(self) -> None:
        """End what runs in the background."""
        for budget in self._all.values():
            await budget.close()


def account_of(settings: ConnectionSettings, vendor: Vendor[Any], base_url: str) -> str:
    """Return the account to which a limit applies: the one that the settings name, a base URL of its own, or else what
    the connection proves itself with. Tokens of a grant differ between connections with the same client."""
    if settings.account is not None:
        return f"{vendor.name} {settings.account}"
    if vendor.default_base_url is None:
        return base_url
    secrets = sorted(settings.credentials.values())
    return f"{base_url} {settings.name if settings.grant is not None or not secrets else ' '.join(secrets)}"


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
        budgets: AccountBudgets | None = None,
    ) -> None:
        """Without a `credential`, it is the static one of the settings. Without `budgets`, it has its own. Raises
        SettingsError if the address or a secret is missing."""
        vendor = connection.vendor
        base_url = settings.base_url or vendor.default_base_url
        if base_url is None:
            raise SettingsError(
                f"[connections.{connection.name}] lacks base_url: each account at {vendor.title} has its own."
            )
        pacing = settings.pacing or vendor.pacing
        self.connection = connection
        self.base_url = base_url
        self.address = urlsplit(base_url).hostname or ""
        self.custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]] = settings.custom_fields
        self.patience = patience
        self.credential: ConnectionCredential = credential or CredentialHeader(settings, vendor.auth, secrets)
        self.health = Health(connection.name, vendor.title, patience, pauses)
        self.budgets = (budgets or AccountBudgets()).of(settings, vendor, self.shown_url)
        for bucket, budget in self.budgets.items():
            vendor_headroom.labels(connection.name, bucket).set_function(budget.headroom)
        self._slots = asyncio.Semaphore(pacing.concurrency)
        self._turns: defaultdict[_BucketShare, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._entering: defaultdict[_BucketShare, float] = defaultdict(float)  # what those that wait cost
        self.waiting_runs: list[str] = []
        """The run of each request that waits."""

    def __repr__(self) -> str:
        return f"LiveConnection({self.connection.name!r})"

    @property
    def shown_url(self) -> str:
        """The base URL without parts that may be secret."""
        address = urlsplit(self.base_url)
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address.scheme}://{host}{f':{address.port}' if address.port else ''}{address.path}"

    def headers(self, request: VendorRequest, credential: tuple[str, str]) -> list[tuple[str, str]]:
        """Return all headers of a request. The credential's wins over the request, and the request over the vendor."""
        headers = {"Accept": "application/json", "Accept-Encoding": ACCEPTED_ENCODING, "User-Agent": USER_AGENT}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        headers.update(self.connection.vendor.headers)
        headers.update(request.headers)
        headers.update([credential])
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

    def allowances(self) -> Iterator[tuple[BudgetShare, Allowance]]:
        """Return how many jobs of each share may start, where that is not plenty."""
        for share in BudgetShare:
            allowance = self.budgets[DEFAULT].allowance(share, self._entering[DEFAULT, share])
            if allowance is not None:
                yield share, allowance

    async def enter(self, request: VendorRequest, traffic: Traffic, deadline: float) -> Admission:
        """Take one of the connection's slots, and return when budget and health admit a request. Call `leave` once.

        Raises VendorThrottled, ConnectionPaused, NoSecret and what a renewal of tokens raises; then nothing was sent.
        """
        started = time.monotonic()
        key = (request.bucket, running_share.get())
        budget = self.budgets[request.bucket]
        works = self.health.check(deadline) and self.health.circuits[traffic].closed
        if works:
            await self.credential.ready(deadline)  # before units are used, for the request must go out at once then
        queued = self._entering[key]
        if works and not queued and not self._slots.locked() and budget.take(request.cost, key[1]):
            await self._slots.acquire()
            return _AT_ONCE[traffic]
        self._require_time(budget.wait_for_all(queued + request.cost, key[1]), deadline)
        run = correlation_id.get()
        self._entering[key] += request.cost
        self.waiting_runs.append(run)
        try:
            admitted = await self._enter(traffic, request.cost, key, deadline)
        finally:
            self._entering[key] -= request.cost
            self.waiting_runs.remove(run)
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

    async def _enter(self, traffic: Traffic, cost: float, key: _BucketShare, deadline: float) -> Admission:
        """Wait for the circuit first, without a slot that other traffic may need; then for a turn among the requests
        that spend the same. If the circuit opens meanwhile, start again."""
        circuit = self.health.circuits[traffic]
        while True:
            tries = await circuit.enter(deadline)
            try:
                probe = await self._take_turn(None if tries else circuit, cost, key, deadline)
            except BaseException:
                if tries:
                    circuit.probes.abandoned()
                raise
            if probe is not None:
                return Admission(traffic=traffic, probes=probe, probes_circuit=tries)

    async def _take_turn(self, circuit: Circuit | None, cost: float, key: _BucketShare, deadline: float) -> bool | None:
        """Wait until the request is admitted, one at a time. Return whether it is the probe; None if `circuit` opened.
        It waits for the budget without a slot."""
        turn = self._turns[key]
        await self._acquire(turn, deadline)
        try:
            while True:
                wait, probe = await self._admit(circuit, cost, key, deadline)
                if wait <= 0:
                    return probe
                self._require_time(wait, deadline)
                await asyncio.sleep(wait)
        finally:
            turn.release()

    async def _admit(
        self, circuit: Circuit | None, cost: float, key: _BucketShare, deadline: float
    ) -> tuple[float, bool | None]:
        """Take a slot when health admits the request, and spend its cost. Return the seconds until there may be enough,
        in place of that, and whether the request is the probe; None if `circuit` is open."""
        await self._acquire(self._slots, deadline)
        admitted = probe = False
        try:
            probe = await self.health.enter(deadline)
            if circuit is not None and not circuit.closed:
                return 0.0, None
            wait = await self.budgets[key[0]].claim(cost, key[1])
            admitted = wait <= 0
            return wait, probe
        finally:
            if not admitted:
                if probe:
                    self.health.probes.abandoned()
                self._slots.release()

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
        return VendorThrottled(
            f"The rate limit of {self.connection.vendor.title} is used up.", retry_after=wait, is_ours=True
        )
