"""The tokens of one connection at an emulator, as a process of Lockstitch has them; also a process of its own.

`python -m tests.credentials.token_rig URL BASE VENDOR CALLERS [BOUNDARY]` calls the vendor until it is terminated. With
a boundary it kills itself with -9 there: `leased`, `sent`, `replied` or `stored`.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
from msgspec import Struct

from app.credentials.consents import AuthorizationRequest
from app.credentials.models import RefreshLease
from app.credentials.store import PostgresCredentials
from app.credentials.token_endpoint import TokenEndpoint
from app.credentials.tokens import Tokens
from app.credentials.vault import Vault
from app.egress.transport import Wire
from app.postgres.cached_table import CachedTables
from app.postgres.database import Database, Statement
from app.postgres.listen import Listener
from mappings.http import VendorRequest
from mappings.registry import VENDORS
from mappings.tokens import Grant
from tests.encryption import SEALER
from tests.forked import Forked
from tests.required import required

PATIENCE: Final = 60.0
ENDPOINT_SECONDS: Final = 40.0
ROOT: Final = Path(__file__).resolve().parents[2]
REDIRECT: Final = "http://127.0.0.1:9/cb"
END_LEASE: Final = Statement(
    "UPDATE credential",
    "UPDATE credential SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL",
)
CALLS: Final = {
    "hubspot": VendorRequest(method="GET", path="/crm/v3/owners", route=""),
    "salesforce": VendorRequest(method="GET", path="/services/data/v62.0/limits", route=""),
    "shopify": VendorRequest(
        method="POST", path="/admin/api/2026-07/graphql.json", route="", body=b'{"query": "{ shop { name } }"}'
    ),
    "zendesk": VendorRequest(method="GET", path="/api/v2/groups", route=""),
    "medusa": VendorRequest(method="GET", path="/admin/customers", route=""),
    "oidc": VendorRequest(method="GET", path="/test/resource", route=""),
}
OIDC: Final = Grant(
    kind="authorization_code",
    authorize_url="/auth",
    token_path="/token",
    client="basic",
    after_refresh="gone",
)


class Rig(Struct, frozen=True, kw_only=True):
    """The tokens, and what they stand on."""

    vendor: str
    tokens: Tokens
    store: PostgresCredentials
    vault: Vault
    wire: Wire

    async def call(self) -> int:
        """Call the vendor as the client does, and return the status."""
        deadline = time.monotonic() + PATIENCE
        for _ in range(20):
            await self.tokens.ready(deadline)
            used = self.tokens.header
            headers = [used, ("Content-Type", "application/json")]
            reply = await self.wire.exchange(
                self.tokens.endpoint.base_url, CALLS[self.vendor], headers, seconds=PATIENCE, limit=1_000_000
            )
            if reply.status != 401 or not await self.tokens.renewed_since(used, deadline):
                break
        return reply.status


@asynccontextmanager
async def rig(
    database_url: str, base_url: str, vendor: str, store: type[PostgresCredentials] = PostgresCredentials, **more: Any
) -> AsyncIterator[Rig]:
    """The tokens of the connection `crm` in this process."""
    grants = (OIDC,) if vendor == "oidc" else VENDORS[vendor].grants
    kind = more.pop("kind", "authorization_code")
    more.setdefault("scopes", ("api",) if vendor == "oidc" else ())
    secrets = more.pop("secrets", {"client_id": f"{vendor}-dev-client", "client_secret": f"{vendor}-dev-client-secret"})
    read_secrets = more.pop("read_secrets", lambda: dict(secrets))
    database, wire = await Database.connect(database_url, max_size=4, acquire_timeout=60.0), Wire()
    try:
        credentials = store(database, SEALER)
        vault = Vault(credentials)
        endpoint = TokenEndpoint(
            wire=wire, connection="crm", vendor=vendor, base_url=base_url, seconds=ENDPOINT_SECONDS
        )
        grant = next(grant for grant in grants if grant.kind == kind)
        tokens = Tokens(grant, endpoint, vault, credentials, read_secrets, vault.refresh, title=vendor.title(), **more)
        async with CachedTables.open(database, Listener(database_url)) as tables:
            await tables.keep(vault)
            yield Rig(vendor=vendor, tokens=tokens, store=credentials, vault=vault, wire=wire)
            await tokens.close()
    finally:
        await wire.close()
        await database.close()


BOUNDARY: Final = sys.argv[5] if len(sys.argv) > 5 else None


def _die_at(boundary: str) -> None:
    if boundary == BOUNDARY:
        os.kill(os.getpid(), signal.SIGKILL)


async def authorise(one: Rig) -> dict[str, Any]:
    """Go through the vendor's page as a browser would, and store what was issued. Returns it."""
    grant, endpoint, authorization = one.tokens.grant, one.tokens.endpoint, AuthorizationRequest.new()
    parameters = {"redirect_uri": REDIRECT, "code_challenge": authorization.challenge, "code_challenge_method": "S256"}
    if one.tokens.scopes:
        parameters["scope"] = " ".join(one.tokens.scopes)
    location = grant.authorize_page(endpoint.base_url, one.tokens.read_secrets(), parameters, elsewhere=True)
    async with httpx.AsyncClient(base_url=endpoint.base_url, timeout=PATIENCE) as browser:
        while not location.startswith(REDIRECT):
            answer = await browser.get(location)
            location = answer.headers["location"]
    code = parse_qs(urlsplit(location).query)["code"][0]
    request = grant.code_request(one.tokens.read_secrets(), code, REDIRECT, authorization.verifier)
    await one.tokens.exchange(request, (), one.store)
    return msgspec.json.decode(required((await one.store.read())[one.tokens.name].current).payload)


class Others:
    """Processes of their own that call the vendor."""

    def __init__(self, database_url: str, base_url: str, vendor: str, folder: Path) -> None:
        self._arguments = [database_url, base_url, vendor]
        self._folder = folder
        self._processes: list[Forked] = []

    def start(self, callers: int, *boundary: str) -> Forked:
        log = self._folder / f"process-{len(self._processes)}.log"
        process = Forked(
            "tests.credentials.token_rig",
            [*self._arguments, str(callers), *boundary],
            environment={"PATH": ""},
            folder=ROOT,
            streams=(Path("/dev/null"), log, log),
        )
        self._processes.append(process)
        return process

    def stop(self) -> list[int]:
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        return [process.wait(PATIENCE) for process in self._processes]

    def output(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self._folder.glob("process-*.log")))


class MortalCredentials(PostgresCredentials):
    """Kills its process at a boundary."""

    async def lease(self, name: str, **options: Any) -> RefreshLease | None:
        lease = await super().lease(name, **options)
        _die_at("leased")
        return lease

    async def mark_sent(self, lease: RefreshLease) -> None:
        await super().mark_sent(lease)
        _die_at("sent")

    async def replace(self, name: str, payload: bytes, **options: Any) -> int:
        _die_at("replied")
        number = await super().replace(name, payload, **options)
        _die_at("stored")
        return number


async def _call_for_ever(url: str, base: str, vendor: str, callers: int) -> None:
    async with rig(url, base, vendor, MortalCredentials) as one:

        async def call() -> None:
            while True:
                status = await one.call()
                if status != 200:
                    raise AssertionError(f"{vendor} answered {status}")
                await asyncio.sleep(0.05)

        calls = asyncio.gather(*(call() for _ in range(callers)))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, calls.cancel)
        try:
            await calls
        except asyncio.CancelledError:
            return


if __name__ == "__main__":
    asyncio.run(_call_for_ever(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
