"""Acme, a vendor made of a manifest alone, and a client for it."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.credentials.secrets import Secrets
from app.egress.transport import Wire
from app.queue.pauses import PostgresPauses
from app.settings.connections import ConnectionSettings, PacingSettings
from app.vendors.client import VendorClient
from app.vendors.connection_state import LiveConnection
from app.vendors.fact_store import PostgresAccountFacts
from app.vendors.health import Patience
from app.vendors.models import CalledConnection, Connection
from app.vendors.store import PostgresBoundAccounts
from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import Budget, RefusalKind, VendorRefusal, VendorReply, VendorRequest
from mappings.kit.custom_fields import ChosenField
from mappings.manifest import Auth, Pacing, Vendor

SECRET = "acme-secret-0123456789"

# Pauses that a test can wait for, in virtual time.
QUICK = Patience(
    first_pause=0.01,
    longest_pause=0.02,
    failing_pause=0.3,
    longest_failing_pause=0.9,
    unauthorised_pause=0.3,
    account_age=0.3,
    account_retry=0.1,
    options_rest=0.0,
    least_time=0.05,
)

# For tests in real time, in which a machine may stand still: no pause, age or timeout ends before the test does.
REAL_TIME: Final[Mapping[str, Any]] = {
    "patience": msgspec.structs.replace(
        QUICK,
        failing_pause=60.0,
        longest_failing_pause=60.0,
        unauthorised_pause=60.0,
        account_age=600.0,
        account_retry=60.0,
    ),
    "timeout_seconds": 30.0,
}


class Account(Struct, frozen=True, kw_only=True):
    """Acme's account: the bodies of its answers, None for a missing answer; the keys of the configured customer fields;
    and the choices of those fields that Acme listed."""

    answers: tuple[str | None, ...] = ()
    fields: tuple[str, ...] = ()
    choices: dict[str, tuple[str, ...]] = {}


KINDS: Mapping[int, RefusalKind] = {
    401: "auth",
    403: "not_allowed",
    404: "not_found",
    409: "duplicate",
    423: "unavailable",
    429: "throttled",
}


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """By status; a 422 names the field in its body, and the status 200 may hide a throttling, or a write taken back."""
    if b"SLOW DOWN" in reply.body:
        return VendorRefusal(kind="throttled", detail="slow down", retry_after=0.01)
    if b"TAKEN BACK" in reply.body:
        return VendorRefusal(kind="unavailable", detail="not now", undone=True)
    if reply.status < 400:
        return None
    retry = {"yes": True, "no": False}.get(reply.headers.get("x-retry", ""))
    if reply.status >= 500 or reply.status == 408:
        return VendorRefusal(kind="unavailable", detail="not now", retry=retry)
    fields = ((reply.body.decode(), "is not known"),) if reply.status == 422 else ()
    return VendorRefusal(kind=KINDS.get(reply.status, "rejected"), code="NO", detail="no", fields=fields, retry=retry)


def budget(reply: VendorReply) -> Budget | None:
    """From `x-left` and `x-reset`."""
    left = reply.headers.get("x-left")
    reset = reply.headers.get("x-reset")
    return None if left is None else Budget(remaining=float(left), reset_after=None if reset is None else float(reset))


def build_account(
    replies: tuple[VendorReply | None, ...], custom: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """The account from the answers, unchanged."""
    return Account(
        answers=tuple(None if reply is None else reply.body.decode() for reply in replies),
        fields=tuple(field.key for field in custom.get("customer", ())),
        choices={field.key: field.choices for field in custom.get("customer", ()) if isinstance(field, ChosenField)},
    )


def nothing(body: bytes, object_name: ObjectName) -> tuple[msgspec.Raw, ...]:
    """Acme has no objects."""
    return ()


ACME: Vendor[Account] = Vendor(
    name="acme",
    title="Acme",
    api_version="v1",
    default_base_url=None,
    auth=Auth(secrets=("token",), header="Authorization", template="Bearer {token}"),
    pacing=Pacing(units=10_000, per_seconds=1, concurrency=8),
    request_id_header="x-acme-request",
    refusal=refusal,
    budget=budget,
    account_requests=(),
    build_account=build_account,
    unwrap=nothing,
    mappings=(),
    timeout_seconds=1.0,
    response_limit_bytes=1_000_000,
    docs="https://acme.example.com",
)

READ = VendorRequest(method="GET", path="/things/7", route="/things/{id}")
WRITE = VendorRequest(method="POST", path="/things", route="/things", body=b'{"name":"Hypatia"}', effect=True)
REPEATABLE = msgspec.structs.replace(WRITE, idempotent=True)


def within(seconds: float = 5.0) -> float:
    """A deadline."""
    return time.monotonic() + seconds


class _Read(Secrets):
    """Secrets as a test says."""

    def __init__(self, read: Callable[[str], str]) -> None:
        super().__init__({})
        self._answer = read

    def read(self, reference: str) -> str:
        return self._answer(reference)


class Asker:
    """The client together with one of its connections, so that a test reads like what it does."""

    def __init__(self, client: VendorClient, connection: Connection) -> None:
        self.client = client
        self.connection = connection

    def on(self, name: str) -> "Asker":
        """The same client, on another connection to the same vendor."""
        return Asker(self.client, Connection(name=name, vendor=self.connection.vendor))

    async def send(self, request: VendorRequest, seconds: float = 5.0) -> VendorReply:
        """`VendorClient.send` with that much time."""
        return await self.client.send(self.connection, request, deadline=within(seconds))

    async def account(self, seconds: float = 5.0, max_age: float | None = None) -> Any:
        """`VendorClient.account` with that much time."""
        return await self.client.account(self.connection, deadline=within(seconds), max_age=max_age)


@asynccontextmanager
async def asking(
    base_url: str,
    *,
    also: Mapping[str, str] = MappingProxyType({}),
    patience: Patience = QUICK,
    pacing: PacingSettings | None = None,
    read_secret: Callable[[str], str] = lambda reference: SECRET,
    secrets: Secrets | None = None,
    reference: str = "env:ACME_TOKEN",
    pauses: PostgresPauses | None = None,
    bound: PostgresBoundAccounts | None = None,
    shared: PostgresAccountFacts | None = None,
    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]] | None = None,
    **manifest: Any,
) -> AsyncIterator[Asker]:
    """A client with the connection `acme` and those of `also`, by name and URL. `manifest` changes parts of ACME."""
    vendor = replace(ACME, **manifest)
    lines = {}
    for name, url in {"acme": base_url, **also}.items():
        settings = ConnectionSettings(
            name=name,
            vendor="acme",
            base_url=url,
            credentials={"token": reference},
            custom_fields=custom_fields or {},
            pacing=pacing,
            webhook_secrets=(),
            pending=False,
        )
        lines[name] = LiveConnection(
            CalledConnection(name=name, vendor=vendor), settings, patience, secrets or _Read(read_secret), pauses
        )
    wire = Wire()
    client = VendorClient(lines, wire, pauses, bound, shared)
    try:
        yield Asker(client, lines["acme"].connection)
    finally:
        await client.close()
        await wire.close()
