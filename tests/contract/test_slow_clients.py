"""Clients that connect and then send nothing, or too little, do not hold up anybody else."""

import contextlib
import select
import socket
import statistics
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from app.http.bodies import MOST_BYTES
from app.http.edge import PIECE
from tests.commands import exits, lockstitch
from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.facade import Facade
from tests.contract.processes import NO_TLS, Process
from tests.contract.raw_http import connect, exchange, head, holding, is_open
from tests.contract.samples import customer
from tests.contract.waiting import TIMEOUT, until
from tests.ports import free_port

UNFINISHED = head("POST", "/v1/webhooks/gateway", "Content-Type: application/json", "Content-Length: 1000") + b'{"type'
IDLE_SECONDS, BODY_SECONDS, PATIENT_SECONDS = 2, 3, 120
MORE = 1.0


@pytest.fixture(scope="module")
def brief(running_facade: Facade) -> Iterator[Process]:
    """An API that waits shortly for headers and for the next byte."""
    with running_facade.another_api(**deadlines(header=1, idle=IDLE_SECONDS)) as process:
        yield process


def deadlines(
    *, header: int = PATIENT_SECONDS, idle: int = PATIENT_SECONDS, body: int = PATIENT_SECONDS
) -> dict[str, str]:
    """What an API has in its environment that waits so many seconds."""
    return {
        "LOCKSTITCH_HEADER_TIMEOUT": str(header),
        "LOCKSTITCH_BODY_IDLE_TIMEOUT": str(idle),
        "LOCKSTITCH_BODY_TIMEOUT": str(body),
    }


def usual(call: Callable[[], httpx.Response]) -> float:
    """Seconds that half of the calls stay below."""
    took = []
    for _ in range(20):
        began = time.monotonic()
        assert call().status_code < 300
        took.append(time.monotonic() - began)
    return statistics.median(took)


def test_unfinished_bodies_and_idle_connections_block_no_call(facade: Facade, full_key: str) -> None:
    # The idle ones are closed after the header timeout: longer deadlines than the defaults have all of them stay.
    anew = {"connection": "close"}
    with (
        facade.another_api(**deadlines()) as process,
        Caller(process.url, full_key) as caller,
        Caller(process.url, None) as anonymous,
    ):
        calls = {
            "live": lambda: anonymous.get("/health/live", headers=anew),
            "ready": lambda: anonymous.get("/health/ready", headers=anew),
            "read": lambda: caller.get("/v1/me", headers=anew),
            "write": lambda: caller.write("POST", "/v1/customers", customer("hubspot"), headers=anew),
        }
        normal = {name: usual(call) for name, call in calls.items()}
        with (
            holding(process.url, 300, UNFINISHED) as unfinished,
            holding(process.url, 500) as silent,
            holding(process.url, 500, head("GET", "/health/live")) as kept_alive,
        ):
            besieged = {name: usual(call) for name, call in calls.items()}
            assert all(is_open(connection) for connection in (*unfinished, *silent, *kept_alive))
    assert {name: seconds for name, seconds in besieged.items() if seconds > normal[name] + MORE} == {}, normal


def test_probes_answer_when_every_connection_is_taken(facade: Facade) -> None:
    port = free_port()
    limits = {"LOCKSTITCH_MAX_CONNECTIONS": "40", "LOCKSTITCH_PROBE_PORT": str(port), **deadlines()}
    probes = f"http://127.0.0.1:{port}"
    with facade.another_api(**limits) as process, facade.calling("ops:read", url=probes) as caller:
        with holding(process.url, 45, head("GET", "/health/live")):
            with pytest.raises(httpx.TimeoutException):
                httpx.get(f"{process.url}/health/live", timeout=1, verify=NO_TLS)
            for path in ("/health/live", "/health/ready", "/metrics"):
                assert caller.get(path).status_code == 200
            assert code_of(caller.get("/v1/me"), 404) == "not-found"
        assert until(lambda: httpx.get(f"{process.url}/health/live", timeout=TIMEOUT, verify=NO_TLS).status_code == 200)


def test_a_port_that_is_taken_is_named(facade: Facade) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        ended = lockstitch("serve", environment=facade.process("serve", LOCKSTITCH_PROBE_PORT=str(port)).environment)
    assert ended.returncode == 1
    assert f"Port {port} cannot be used: Address already in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_of_another_lockstitch_is_not_shared_with_it(facade: Facade) -> None:
    environment = facade.api.environment
    ended = exits(lockstitch("serve", environment=environment), 1)
    assert f"Port {environment['LOCKSTITCH_PORT']} cannot be used: Address already in use" in ended.stderr


def test_a_header_that_does_not_end_is_cut_off(brief: Process) -> None:
    for sent in (b"", b"GET /health/live HTTP/1.1\r\nHo", head("GET", "/health/live")):
        with connect(brief.url) as connection:
            connection.sendall(sent)
            assert until(lambda: not is_open(connection), timeout=30)


@pytest.mark.parametrize("path", ["/v1/webhooks/gateway", "/v1/customers"])
def test_a_body_of_which_nothing_comes_is_refused(facade: Facade, full_key: str, brief: Process, path: str) -> None:
    headers = (
        *(f"Authorization: Bearer {full_key}", f"Idempotency-Key: {new_key()}", "Content-Type: application/json"),
        "Content-Length: 100",
    )
    began = time.monotonic()
    answer = expect(exchange(brief.url, head("POST", path, *headers) + b'{"first_name"'), 400, "malformed-body")
    assert answer.json()["detail"] == f"The body stalled for {IDLE_SECONDS} s."
    assert answer.headers["connection"] == "close"
    assert time.monotonic() - began >= IDLE_SECONDS


def test_a_body_that_trickles_is_refused(facade: Facade) -> None:
    with facade.another_api(**deadlines(body=BODY_SECONDS)) as process, connect(process.url) as connection:
        began = time.monotonic()
        connection.sendall(UNFINISHED)
        connection.settimeout(0.25)
        answer = b""
        while not answer:
            with contextlib.suppress(ConnectionError):  # the answer may have come meanwhile
                connection.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(65_536)
            assert time.monotonic() - began < PATIENT_SECONDS / 2
    assert time.monotonic() - began >= BODY_SECONDS
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert f"The body did not end within {BODY_SECONDS} s.".encode() in answer


def test_unfinished_bodies_share_a_bounded_memory(facade: Facade) -> None:
    size = 1024 * 1024
    almost = head("POST", "/v1/webhooks/gateway", f"Content-Length: {size}") + b" " * (size - 1)
    count, fit = 100, MOST_BYTES // size
    with facade.another_api(**deadlines()) as process, holding(process.url, count, almost) as connections:
        answered, _, _ = select.select(connections, [], [], TIMEOUT)
        first = answered[0].recv(65_536)
        assert first.startswith(b"HTTP/1.1 429 ")
        assert b'"code":"rate-limited"' in first
        answers = exchange(process.url, head("POST", "/v1/webhooks/gateway", f"Content-Length: {size}") + b" " * size)
        assert code_of(answers, 401) == "invalid-signature"
        # Those that had waited the longest for their next byte made room.
        assert until(lambda: sum(map(is_open, connections)), lambda still: still <= fit) >= fit - 3


KEPT = 16 * 1024 * 1024
"""More bytes of answers than the kernel and the server keep for a client that does not read."""


def test_an_unread_answer_is_abandoned(brief: Process) -> None:
    """The kernel and the server keep a few megabytes. Where those end between two answers nothing is unfinished, so
    clients with buffers of several sizes are tried, and an answer that is longer than the server's own buffer."""
    wanted = len(httpx.get(f"{brief.url}/schema").content)
    requests = 1 + KEPT // wanted
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(brief.url)) for _ in range(4)]
        for number, client in enumerate(clients):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024 + number * wanted // len(clients))
            client.sendall(head("GET", "/schema") * requests)
        time.sleep(IDLE_SECONDS + 2)
        received = [read_all(client) for client in clients]
    assert 0 < min(received) < requests * wanted


def read_all(client: socket.socket) -> int:
    """How many bytes come until the server ends the connection."""
    size = 0
    with contextlib.suppress(ConnectionError):
        while more := client.recv(1024 * 1024):
            size += len(more)
    return size


def test_a_long_answer_is_whole(anonymous: Caller) -> None:
    answer = anonymous.get("/schema/openapi.json")
    assert answer.json()["openapi"] == "3.1.0"
    assert int(answer.headers["content-length"]) == len(answer.content) > PIECE


def test_a_body_that_takes_its_time_is_taken(facade: Facade, full_key: str) -> None:
    """Longer than a body may stall, in three pauses of which none is that long."""
    body, idle = httpx.Request("POST", facade.api.url, json=customer("hubspot")).content, 4
    headers = (
        *(f"Authorization: Bearer {full_key}", f"Idempotency-Key: {new_key()}", "Content-Type: application/json"),
        f"Content-Length: {len(body)}",
    )
    with facade.another_api(**deadlines(idle=idle)) as process, connect(process.url) as connection:
        connection.sendall(head("POST", "/v1/customers", *headers))
        for place in range(0, len(body), -(-len(body) // 3)):
            time.sleep(1.4)
            connection.sendall(body[place : place + -(-len(body) // 3)])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 201 ")
