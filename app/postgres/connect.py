"""Connect to the primary among the hosts of a URL.

asyncpg tries the hosts of a URL in order within one timeout, so a silent host hides those behind it. Here attempts
overlap, as in Happy Eyeballs (RFC 8305): the next one starts after `STAGGER_SECONDS`, or as soon as one has failed. The
last good host of the process is tried first.
"""

import asyncio
import socket
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from weakref import WeakKeyDictionary

import asyncpg
from asyncpg.connect_utils import SessionAttribute

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

STAGGER_SECONDS: Final = 0.4
DEAD_AFTER_SECONDS: Final = 8
"""How long a peer may leave data unacknowledged, or keepalive probes unanswered, until the socket is closed."""
_KEEPALIVE: Final = (
    f"SET tcp_keepalives_idle = {DEAD_AFTER_SECONDS // 2}; SET tcp_keepalives_interval = 2;"
    f" SET tcp_keepalives_count = 3; SET tcp_user_timeout = '{DEAD_AFTER_SECONDS} s'"
)
DEFAULT_PORT: Final = 5432
REFUSED: Final = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
"""An unknown login or database."""
FAILURES: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Host(NamedTuple):
    """One host of a URL."""

    name: str
    port: int


_hosts: Final[dict[str, tuple[Host, ...]]] = {}
"""Those of each URL, the last good one first."""
_opened: "Final[defaultdict[str, WeakKeyDictionary[Connection, Host | None]]]" = defaultdict(WeakKeyDictionary)
"""The host of each connection, by URL: None for the only one."""


class Connector:
    """Opens connections to the primary that a URL leads to."""

    def __init__(self, url: str) -> None:
        self._url = url
        _hosts.setdefault(url, hosts_of(url))

    async def __call__(self, *_: Any, timeout: float = 10.0, **options: Any) -> "Connection":  # noqa: ASYNC109 - asyncpg's
        """Return a connection within `timeout` seconds; `options` are those of `asyncpg.connect`.

        Raises what asyncpg raises. Of several errors it is a refused login, else that of a host that answered, else
        the last one.
        """
        hosts = _hosts[self._url]
        if len(hosts) < 2:
            return await self._keep(await self._connect(None, {**options, "timeout": timeout}), None, timeout)
        errors: list[Exception] = []
        try:
            async with asyncio.timeout(timeout):
                host, connection = await self._race(errors, {**options, "timeout": timeout})
        except TimeoutError as error:
            errors.append(error)
        else:
            _hosts[self._url] = (host, *(other for other in hosts if other != host))
            return await self._keep(connection, host, timeout)
        raise min(reversed(errors), key=_rank)

    async def is_silent(self, seconds: float) -> bool:
        """Return whether a host to which a connection is open gives a new one no answer within `seconds`."""
        hosts = {host for connection, host in _opened[self._url].items() if not connection.is_closed()}
        return any(await asyncio.gather(*(self._gives_no_answer(host, seconds) for host in hosts)))

    async def _gives_no_answer(self, host: Host | None, seconds: float) -> bool:
        try:
            connection = await self._connect(host, {"timeout": seconds})
            await connection.close(timeout=seconds)
        except TimeoutError:
            return True
        except FAILURES:
            return False
        return False

    async def _keep(self, connection: "Connection", host: Host | None, seconds: float) -> "Connection":
        _opened[self._url][connection] = host
        return await _kept_alive(connection, seconds)

    async def _race(self, errors: list[Exception], options: Mapping[str, Any]) -> "tuple[Host, Connection]":
        """Return the first host whose primary accepts a connection. Raises TimeoutError after the errors of all."""
        waiting, attempts = list(_hosts[self._url]), dict["asyncio.Task[Connection]", Host]()
        try:
            while waiting or attempts:
                if waiting:
                    host = waiting.pop(0)
                    attempts[asyncio.create_task(self._connect(host, options))] = host
                ended, _ = await asyncio.wait(
                    attempts, timeout=STAGGER_SECONDS if waiting else None, return_when=asyncio.FIRST_COMPLETED
                )
                for attempt in ended:
                    host = attempts.pop(attempt)
                    try:
                        connection = attempt.result()
                    except FAILURES as error:
                        errors.append(error)
                    else:
                        return host, connection
            raise TimeoutError
        finally:
            for attempt in attempts:
                attempt.cancel()
                attempt.add_done_callback(_close)

    async def _connect(self, host: Host | None, options: Mapping[str, Any]) -> "Connection":
        if host is None:
            return await asyncpg.connect(self._url, **options)
        return await asyncpg.connect(
            self._url, host=host.name, port=host.port, target_session_attrs=SessionAttribute.primary, **options
        )


def hosts_of(url: str) -> tuple[Host, ...]:
    """Return the hosts that a URL names before its path or as `host=`, or none if it names one, or sockets.

    A port is that of the host, else that of `port=`, else 5432.
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    before_path = parts.netloc.partition("@")[2] if "@" in parts.netloc else parts.netloc
    names = (before_path or query.get("host", [""])[-1]).split(",")
    if len(names) < 2 or any(name.startswith("/") for name in names):
        return ()
    ports = query.get("port", [str(DEFAULT_PORT)])[-1].split(",")
    return tuple(
        _host_of(unquote(name), int(ports[place if len(ports) > 1 else 0] or DEFAULT_PORT))
        for place, name in enumerate(names)
    )


def _host_of(text: str, port: int) -> Host:
    if text.startswith("["):
        name, _, own_port = text[1:].partition("]")
        own_port = own_port.removeprefix(":")
    else:
        name, _, own_port = text.partition(":")
    return Host(name, int(own_port) if own_port else port)


def _rank(error: Exception) -> int:
    """Return how much an error says about the database: the least says the most."""
    if isinstance(error, REFUSED):
        return 0
    if isinstance(error, asyncpg.PostgresError | asyncpg.TargetServerAttributeNotMatched):
        return 1
    return 3 if isinstance(error, TimeoutError) else 2


def _close(attempt: "asyncio.Task[Connection]") -> None:
    """Close what an attempt opened that is not wanted any more."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()


async def _kept_alive(connection: "Connection", seconds: float) -> "Connection":
    """Have the kernel close the socket of a vanished peer, which sends nothing, where the platform can.

    The server does the same: else the session of a vanished host would keep its locks for two hours.
    """
    transport = connection._transport  # type: ignore[attr-defined]  # asyncpg has no public way to its socket
    peer = transport.get_extra_info("socket")
    if peer is None or peer.family not in (socket.AF_INET, socket.AF_INET6):
        return connection
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", DEAD_AFTER_SECONDS // 2),
        ("TCP_KEEPINTVL", 2),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", DEAD_AFTER_SECONDS * 1000),
    ):
        if hasattr(socket, option):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    try:
        await connection.execute(_KEEPALIVE, timeout=seconds)
    except BaseException:
        connection.terminate()
        raise
    return connection
