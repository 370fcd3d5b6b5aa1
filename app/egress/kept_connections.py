"""Connections to targets that callers name, kept for the next post to the same target.

They are pooled by scheme, host, port and cleared addresses. Every post is cleared anew, so a connection carries only
posts whose own clearance names the addresses that it was dialled for: a name that resolves differently gets another
pool. A pool is used for `POOL_SECONDS`; then a new one checks addresses and certificate by dialling again.
"""

import ssl
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, AddressFamily
from typing import Final, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

from app.egress.exchange import USER_AGENT
from app.egress.guard import ClearedTarget
from app.settings.egress import Address, Scheme

# Shorter than the 5 s after which Node.js and many other servers close an idle connection.
IDLE_SECONDS: Final = 4.0
POOL_SECONDS: Final = 60.0
MOST_POOLS: Final = 128
_FAMILY: Final[dict[int, AddressFamily]] = {4: AF_INET, 6: AF_INET6}

_Key: TypeAlias = tuple[Scheme, str, int, frozenset[Address]]


@dataclass(kw_only=True)
class _Pool:
    session: aiohttp.ClientSession
    ends_at: float
    users: int = 0
    retired: bool = False


class Dialling:
    """One request: whether it has dialled, and so goes over a connection that carried no other before."""

    __slots__ = ("dialled",)

    def __init__(self) -> None:
        self.dialled = False


_current_dialling: Final[ContextVar[Dialling]] = ContextVar("current_use")


class KeptConnections:
    """The pools of this process. `connect_seconds` limits how long a target may take to accept a connection."""

    def __init__(self, verify: ssl.SSLContext, *, connect_seconds: float) -> None:
        self._verify = verify
        self._connect_seconds = connect_seconds
        self._pools: OrderedDict[_Key, _Pool] = OrderedDict()

    @asynccontextmanager
    async def kept(self, clearance: ClearedTarget) -> AsyncIterator[tuple[aiohttp.ClientSession, Dialling]]:
        """Yield a session whose request may use a kept connection to this target, for one request, and its use."""
        pool, retired = self._pool(clearance)
        pool.users += 1
        try:
            if retired is not None:
                await _close_unused(retired)
            use = Dialling()
            _current_dialling.set(use)
            yield pool.session, use
        finally:
            pool.users -= 1
            await _close_unused(pool)

    def fresh(self, clearance: ClearedTarget) -> aiohttp.ClientSession:
        """Return a session whose only request dials a connection of its own."""
        return self._open(clearance, keep=False)

    async def close(self) -> None:
        """Close all connections."""
        while self._pools:
            await self._pools.popitem()[1].session.close()

    def _pool(self, clearance: ClearedTarget) -> tuple[_Pool, _Pool | None]:
        """Return the pool of a target, and one that makes room for it."""
        target, now = clearance.target, time.monotonic()
        key = (target.scheme, target.host, target.port, frozenset(clearance.addresses))
        pool = self._pools.get(key)
        if pool is not None and now < pool.ends_at:
            self._pools.move_to_end(key)
            return pool, None
        fresh = _Pool(session=self._open(clearance, keep=True), ends_at=now + POOL_SECONDS)
        self._pools[key] = fresh
        self._pools.move_to_end(key)
        if pool is None and len(self._pools) > MOST_POOLS:
            pool = self._pools.popitem(last=False)[1]
        if pool is not None:
            pool.retired = True
        return fresh, pool

    def _open(self, clearance: ClearedTarget, *, keep: bool) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=(_Connector if keep else aiohttp.TCPConnector)(
                ssl=self._verify,
                resolver=_Cleared(clearance),
                use_dns_cache=False,
                socket_factory=clearance.open_socket,
                limit=0,  # the queue limits the posts to one target
                force_close=not keep,
                keepalive_timeout=IDLE_SECONDS if keep else None,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"User-Agent": USER_AGENT, "Accept": "*/*"},
            skip_auto_headers=("Accept-Encoding",),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_seconds),
        )


async def _close_unused(pool: _Pool) -> None:
    if pool.retired and not pool.users:
        await pool.session.close()


class _Connector(aiohttp.TCPConnector):
    """Notes which requests dial."""

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> ResponseHandler:
        _current_dialling.get().dialled = True
        return await super()._create_connection(req, traces, timeout)


class _Cleared(AbstractResolver):
    """A resolver that returns only the cleared addresses of one target."""

    def __init__(self, clearance: ClearedTarget) -> None:
        self._clearance = clearance

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return the cleared addresses for any host."""
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=self._clearance.target.port,
                family=_FAMILY[address.version],
                proto=0,
                flags=0,
            )
            for address in self._clearance.addresses
        ]

    async def close(self) -> None:
        """Do nothing."""
