"""An API under load: a vendor, a caller and a sender of webhooks, and an operator's commands."""

import asyncio
import base64
import hashlib
import hmac
import os
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx

from tests.commands import lockstitch
from tests.contract.otlp import Collector
from tests.contract.processes import NO_TLS, Process
from tests.emulators.conftest import RunningEmulators
from tests.ports import free_port
from tests.vendors.vendor_server import Call, Reply, VendorServer

PER_SECOND: Final = int(os.environ.get("LOCKSTITCH_ROTATION_PER_SECOND", "100"))
TOKENS: Final = [f"canary-token-{uuid4().hex}" for _ in range(3)]
HOOKS: Final = [f"canary-hook-{uuid4().hex}" for _ in range(2)]
CLIENT_SECRETS: Final = ["shopify-dev-client-secret", "shopify-dev-client-secret-2", f"canary-client-{uuid4().hex}"]
"""Of the app at the shop; the vendor does not know the last one."""
CLIENT_TOKEN_SECONDS: Final = 3.0
OLD, NEW = (f"k{number}:{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2))
SCOPES: Final = [part for scope in ("customers:read", "orders:read", "ops:read") for part in ("--scope", scope)]
WAIT_SECONDS: Final = 60.0


@dataclass
class Crm:
    """A vendor that accepts the `valid` tokens, and counts the calls by token."""

    valid: set[str]
    calls: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    latest: str = ""

    def answer(self, call: Call) -> Reply:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.valid:
            self.refused[token] += 1
            return Reply(status=401, body=b'{"category":"INVALID_AUTHENTICATION","message":"no"}')
        if call.target.startswith("/crm/v3/objects/contacts"):
            self.calls[token] += 1
            self.latest = token
        return Reply(body=b'{"results":[],"portalId":4711}')


class Load:
    """Reads with a caller's key and webhooks with a secret, in turn, as often as `PER_SECOND` says. Every tenth read is
    at the shop."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.keys = [key]
        self.hooks = [HOOKS[0]]
        self.answers: Counter[tuple[str, int]] = Counter()
        self.bodies: list[str] = []
        self.per_second = 0.0
        self._http = httpx.AsyncClient(timeout=30.0, verify=NO_TLS)
        self._sent = 0
        self._running: set[asyncio.Task[int]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`, without waiting for answers."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not stop.is_set():
            task = asyncio.create_task(self._one())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            await asyncio.sleep(max(0.0, began + self._sent / PER_SECOND - loop.time()))
        self.per_second = self._sent / (loop.time() - began)
        await asyncio.gather(*self._running)
        await self._http.aclose()

    async def move(self, url: str) -> None:
        """Send to another process, like a load balancer; return once the first one has answered everything."""
        open_calls, self.url = list(self._running), url
        await asyncio.gather(*open_calls)

    async def _one(self) -> int:
        self._sent += 1
        turn = self._sent // 2
        if self._sent % 2:
            connection = "crm" if turn % 10 else "shop"
            return await self.read(self.keys[turn % len(self.keys)], "read", connection)
        return await self.hook(self.hooks[turn % len(self.hooks)], "webhook")

    async def read(self, key: str, what: str, connection: str) -> int:
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{self.url}/v1/customers?limit=1&connection={connection}"
        return self._count(what, await self._http.get(url, headers=headers))

    async def metrics(self) -> str:
        """The metrics of the process."""
        headers = {"Authorization": f"Bearer {self.keys[-1]}"}
        return (await self._http.get(f"{self.url}/metrics", headers=headers)).text

    async def hook(self, secret: str, what: str) -> int:
        body = b'{"zen":"Keep it logically awesome."}'
        signature = hmac.digest(secret.encode(), body, hashlib.sha256).hex()
        headers = {"X-Hub-Signature-256": f"sha256={signature}", "X-GitHub-Event": "star"}
        headers["X-GitHub-Delivery"] = str(uuid4())
        return self._count(what, await self._http.post(f"{self.url}/v1/webhooks/hooks", content=body, headers=headers))

    def _count(self, what: str, response: httpx.Response) -> int:
        self.answers[what, response.status_code] += 1
        self.bodies.append(response.text)
        return response.status_code


class Operator:
    """Runs commands while the API serves."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.commands: list[subprocess.CompletedProcess[str]] = []

    async def __call__(self, *arguments: str, value: str | None = None) -> str:
        result = await asyncio.to_thread(lockstitch, *arguments, environment=self.environment, columns=200, text=value)
        self.commands.append(result)
        return result.stdout.strip()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.02)


async def until_accepted(load: Load, secret: str) -> None:
    """Deliver with a secret until it is accepted, outside the counted load."""
    async with asyncio.timeout(WAIT_SECONDS):
        while await load.hook(secret, "early webhook") >= 300:  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.1)


def process(
    folder: Path, database_url: str, vendor: VendorServer, emulators: RunningEmulators, collector: Collector, keys: str
) -> Process:
    file = folder / "lockstitch.toml"
    file.write_text(
        f"""
        [connections.crm]
        vendor = "hubspot"
        base_url = "{vendor.url}"
        credentials = {{ token = "vault:crm_token" }}
        pacing = {{ units = 1000, per_seconds = 1, concurrency = 50 }}
        [connections.shop]
        vendor = "shopify"
        base_url = "{emulators.url}/shopify"
        grant = "client_credentials"
        credentials = {{ client_id = "env:SHOP_CLIENT", client_secret = "vault:shop_secret" }}
        pacing = {{ units = 1000, per_seconds = 1, concurrency = 50 }}
        [connections.hooks]
        vendor = "github"
        webhook_secrets = ["vault:hook"]
        [pull]
        every = "off"
        [systems_of_record]
        customers = "crm"
        """
    )
    port = free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTITCH_", "OTEL_"))}
    settings = {
        "LOCKSTITCH_DATABASE_URL": database_url,
        "LOCKSTITCH_CONFIG": str(file),
        "LOCKSTITCH_ENCRYPTION_KEYS": keys,
        "LOCKSTITCH_PORT": str(port),
        "LOCKSTITCH_PROBE_PORT": "0",
        "LOCKSTITCH_RATE_LIMIT_PER_MINUTE": "0",
        "LOCKSTITCH_LOG_LEVEL": "debug",
        "SHOP_CLIENT": "shopify-dev-client",
        **collector.environment,
    }
    return Process(
        ["app.cli", "serve"],
        environment=inherited | settings,
        log=folder / f"serve-{port}.log",
        url=f"http://127.0.0.1:{port}",
        health="/health/ready",
    )
