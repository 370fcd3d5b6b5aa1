"""A connection's own account, read with the vendor client of this process: for `doctor` and `verify`.

No pause of the installation applies to these requests, and none results from them.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol, TypeVar

import msgspec

from app.cli.findings import Finding, error, warning
from app.cli.vendor.sample_account import Account, Refused
from app.credentials.grants import grant_of
from app.credentials.secrets import VAULT, Secrets
from app.errors import ConnectionPaused, VendorAuthFailed, VendorThrottled, VendorTimeout, VendorUnavailable
from app.problem_document import Problem
from app.settings.connections import ConnectionSettings
from app.settings.environment import Settings
from app.settings.pull import STOCK_LEVEL, PulledObject
from app.vendors.client import VendorClient
from app.vendors.health import Patience
from app.vendors.models import CalledConnection, ReplyLost, VendorRefused
from app.vendors.open_client import open_vendor_client
from app.vendors.store import PostgresBoundAccounts
from canonical.parts import ObjectName
from mappings.endpoints import ListQuery
from mappings.http import VendorReply, VendorRequest
from mappings.registry import VENDORS, AnyMapping, active
from mappings.spec import Unmappable

T = TypeVar("T")

SKEW_SECONDS: Final = 60.0
"""Signed webhooks may be 300 s old. A clock that is a minute wrong will be five minutes wrong."""
CLOCK_COMMAND: Final = "timedatectl set-ntp true"
OBJECTS: Final[tuple[ObjectName, ...]] = ("customer", "order", "ticket")
PATIENCE: Final = Patience(attempts=1, throttled_attempts=2)
CALL_SECONDS: Final = 30.0
UNREACHED: Final = (VendorUnavailable, VendorTimeout, ConnectionPaused, VendorAuthFailed)


class Runs(Protocol):
    """Runs a coroutine to its end: an asyncio.Runner, or `InLoop`."""

    def run(self, coro: Coroutine[Any, Any, T], /) -> T: ...


class InLoop:
    """Runs coroutines in a loop that runs in another thread, until `stop`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._running = set[Future[Any]]()
        self._stopped = False

    def run(self, coro: Coroutine[Any, Any, T], /) -> T:
        """Run a coroutine to its end. Raises concurrent.futures.CancelledError after `stop`."""
        if self._stopped:
            coro.close()
            raise CancelledError
        running = asyncio.run_coroutine_threadsafe(coro, self._loop)
        self._running.add(running)
        try:
            return running.result()
        finally:
            self._running.discard(running)

    def stop(self) -> None:
        """Cancel what runs. A thread that waited for a loop that has ended would wait forever."""
        self._stopped = True
        for running in tuple(self._running):
            running.cancel()


class LiveVendor:
    """Sends requests to one connection's vendor, and keeps the difference between its clock and ours."""

    def __init__(self, runner: Runs, client: VendorClient, connection: CalledConnection) -> None:
        self._runner = runner
        self._client = client
        self._connection = connection
        self.skew = 0.0
        """Seconds that our clock is ahead of the vendor's, by the last answer with a date."""
        self.last: VendorReply | None = None

    def send(self, request: VendorRequest) -> VendorReply:
        """Return the reply to a request. Raises VendorRefused, ReplyLost and the vendor's problems."""
        sending = self._client.send(self._connection, request, deadline=time.monotonic() + CALL_SECONDS)
        self.last = reply = self._runner.run(sending)
        if "date" in reply.headers:
            self.skew = skew_of(reply.headers)
        return reply

    @property
    def missing_scopes(self) -> tuple[str, ...]:
        """The needed scopes that the vendor did not grant, as far as its tokens say so."""
        tokens = self._client.tokens(self._connection.name)
        return () if tokens is None else tokens.scope_state().missing

    def account(self) -> Account:
        """Read the account facts, and check that the account is the connection's. Raises like `send`."""
        asking = self._client.account(self._connection, deadline=time.monotonic() + CALL_SECONDS)
        return Account(self._connection.vendor, self, self._runner.run(asking))


@contextmanager
def open_live(
    runner: Runs, settings: Settings, name: str, secrets: Secrets, bound: PostgresBoundAccounts | None
) -> Iterator[LiveVendor]:
    """Open one connection. Raises SettingsError if it lacks an address or a secret."""
    only = msgspec.structs.replace(settings, connections={name: settings.connections[name]})
    opening = open_vendor_client(only, secrets, PATIENCE, bound=bound)
    client = runner.run(opening.__aenter__())
    try:
        vendor = VENDORS[settings.connections[name].vendor]
        yield LiveVendor(runner, client, CalledConnection(name=name, vendor=vendor))
    finally:
        runner.run(opening.__aexit__(None, None, None))


def list_request(mapping: AnyMapping, account: Account, limit: int) -> tuple[VendorRequest, ListQuery] | None:
    """Return the request for one page of an object's list, or None if it has none."""
    if mapping.endpoints.list is None or mapping.endpoints.page is None:
        return None
    query = ListQuery(limit=min(limit, mapping.endpoints.max_limit))
    return mapping.endpoints.list(query, account.facts), query


def mappings_of(connection: ConnectionSettings) -> Sequence[AnyMapping]:
    """Return the active mapping of each object with its own list that the connection may use."""
    mappings = (active(VENDORS[connection.vendor], name) for name in OBJECTS if connection.may_use(name))
    return [one for one in mappings if one is not None]


def check_access(live: LiveVendor, settings: Settings, name: str) -> tuple[Account | None, list[Finding]]:
    """Check that the account is reached, is the right one, and shows a page of each object. Return it if further
    requests can be made."""
    connection = settings.connections[name]
    try:
        account = live.account()
    except (Problem, VendorRefused, ReplyLost, Unmappable) as refusal:
        return None, [*_missing_scopes(live, settings, connection), explain(settings, connection, refusal)]
    findings = _missing_scopes(live, settings, connection)
    for mapping in mappings_of(connection):
        listing = list_request(mapping, account, 1)
        if listing is None:
            continue
        try:
            live.send(listing[0])
        except (Problem, VendorRefused, ReplyLost) as refusal:
            findings.append(explain(settings, connection, refusal, mapping.object))
            if isinstance(refusal, UNREACHED):
                return None, findings  # each further request would wait as long, for the same finding
    return account, [*findings, *clock(name, live.skew)]


def _missing_scopes(live: LiveVendor, settings: Settings, connection: ConnectionSettings) -> list[Finding]:
    """Report what the vendor granted less than is needed. An error where the connection is a system of record."""
    if not (missing := live.missing_scopes):
        return []
    name, title = connection.name, VENDORS[connection.vendor].title
    level = error if name in settings.systems_of_record.values() else warning
    problem = f"a scope is missing: {title} did not grant {', '.join(missing)}"
    return [level(f"connection {name}", problem, f"Allow it to the app at {title}, then: lockstitch connect {name}")]


def clock(whose: str, skew: float) -> list[Finding]:
    """Find a clock that differs from ours by too many seconds."""
    if abs(skew) <= SKEW_SECONDS:
        return []
    ahead = "ahead of" if skew > 0 else "behind"
    return [error("clock", f"this host is {abs(skew):.0f} s {ahead} {whose}", CLOCK_COMMAND)]


def skew_of(headers: Mapping[str, str]) -> float:
    """Return the seconds that our clock is ahead of the date of an answer; 0 without a readable one."""
    try:
        return time.time() - parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return 0.0


def explain(
    settings: Settings, connection: ConnectionSettings, refusal: Exception, object_name: PulledObject | None = None
) -> Finding:
    """Return what a failed request means. A missing permission is an error where the connection is the object's system
    of record, and for stock levels."""
    name, vendor = connection.name, VENDORS[connection.vendor]
    about = f"connection {name}"
    what = "the account" if object_name is None else f"{object_name}s".replace("_", " ")
    verify, rebind = f"lockstitch verify {name}", f"lockstitch environment rebind {name}"
    if isinstance(refusal, VendorAuthFailed):
        grant = grant_of(connection, vendor)
        following = f"lockstitch connections resume {name}" if grant is None else f"lockstitch connect {name}"
        reason, _, command = refusal.detail.partition(": lockstitch ")
        if command.startswith("secrets set"):  # it was never there; the command resumes the connection
            fix = f"lockstitch {command.removesuffix('.')}"
            return error(about, reason, fix if grant is None else f"{fix} && {following}")
        if grant is not None:
            refused = ", ".join(grant.secrets) in reason
            return error(about, reason, _renewal(connection, following) if refused else following)
        return error(
            about,
            f"{vendor.title} refuses the credential: it is wrong, expired or revoked",
            _renewal(connection, following),
        )
    if isinstance(refusal, ConnectionPaused) and refusal.category == "auth":
        fix = f"Correct the credential or base_url, and resume it; if the new account is meant: {rebind}"
        return error(about, refusal.detail.removeprefix(f"{name} is paused: "), fix)
    if isinstance(refusal, VendorRefused) and refusal.refusal.kind == "not_allowed":
        is_needed = (
            object_name is None or object_name == STOCK_LEVEL or settings.systems_of_record.get(object_name) == name
        )
        level = error if is_needed else warning
        return level(
            about,
            f"a scope is missing: the credential may not read {what} ({refusal.refusal.detail[:300]})",
            f"Grant it at {vendor.title} (docs/vendors/{vendor.name}.md), then: {verify}",
        )
    if isinstance(refusal, VendorRefused | Refused):
        return error(about, f"{vendor.title} refuses to show {what}: {refusal}", verify)
    if isinstance(refusal, VendorThrottled):
        problem = f"{vendor.title} throttles this account, so {what} could not be checked"
        return warning(about, problem, f"Wait, or lower pacing if it happens often, then: {verify}")
    if isinstance(refusal, ReplyLost):
        return error(about, f"{vendor.title} does not answer: {refusal.why}", verify)
    detail = refusal.detail if isinstance(refusal, Problem) else str(refusal)
    if isinstance(refusal, ConnectionPaused):  # several requests of this process have failed
        detail = "it does not answer, or only with errors"
    address = connection.base_url or vendor.default_base_url
    return error(about, f"{vendor.title} is not reached: {detail}", f"curl -sS -o /dev/null {address}")


def _renewal(connection: ConnectionSettings, following: str) -> str:
    """Return how to renew the credential of a connection. `following` is what to run then, if that does not resume."""
    references = connection.credentials.values()
    kept = [one.removeprefix(VAULT) for one in references if one.startswith(VAULT)]
    if kept:
        # A pair is proven only together, so it cannot be rotated one by one.
        how = "rotate {0}" if len(kept) == 1 else "revoke {0} && lockstitch secrets set {0}"
        commands = " && ".join(f"lockstitch secrets {how.format(name)}" for name in kept)
        return f"Renew it at the vendor, then: {commands}"
    restarting = " and restart all processes" if any(one.startswith("env:") for one in references) else ""
    return f"Renew {', '.join(references)}{restarting}, then: {following}"
