"""One Host header (RFC 9112, section 3.2), and which versions of HTTP are spoken."""

import pytest

from tests.contract.callers import Caller, code_of
from tests.contract.facade import Facade
from tests.contract.raw_http import connect, exchange

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How a client begins that knows HTTP/2 to be spoken (RFC 9113, section 3.4), with an empty frame of settings."""


def request(target: str, *hosts: str, version: str = "HTTP/1.1") -> bytes:
    lines = [f"GET {target} {version}", *(f"Host: {host}" for host in hosts), "", ""]
    return "\r\n".join(lines).encode()


def status(caller: Caller, sent: bytes) -> bytes:
    """The status of the answer to these bytes."""
    with connect(caller.url) as connection:
        connection.sendall(sent)
        return connection.recv(65_536).split()[1]


@pytest.mark.parametrize("target", ["/health/live", "/v1/me", "/nowhere"])
@pytest.mark.parametrize("hosts", [(), ("a", "b"), ("a", "a"), ("",), ("a b",), ("a/b",)])
def test_a_request_without_one_usable_host_is_refused(caller: Caller, target: str, hosts: tuple[str, ...]) -> None:
    assert code_of(exchange(caller.url, request(target, *hosts)), 400) == "invalid-host"


@pytest.mark.parametrize("host", ["lockstitch", "api.example.com:8080", "127.0.0.1", "[::1]:8080", "under_score"])
def test_one_host_is_taken(caller: Caller, host: str) -> None:
    assert exchange(caller.url, request("/health/live", host)).status_code == 200


def test_http_1_0_needs_no_host(caller: Caller) -> None:
    assert exchange(caller.url, request("/health/live", version="HTTP/1.0")).status_code == 200
    assert code_of(exchange(caller.url, request("/health/live", "a", "b", version="HTTP/1.0")), 400) == "invalid-host"


def test_a_target_may_be_a_whole_address(caller: Caller) -> None:
    assert status(caller, request("http://lockstitch/health/live", "lockstitch")) == b"200"
    assert status(caller, request("http://lockstitch/health/live", "a", "b")) == b"400"


@pytest.mark.parametrize(("setting", "spoken"), [("0", False), ("1", True)])
def test_http_2_in_clear_is_spoken_where_it_is_asked_for(facade: Facade, setting: str, spoken: bool) -> None:
    with facade.another_api(LOCKSTITCH_HTTP2=setting) as process, connect(process.url) as connection:
        connection.sendall(PREFACE)
        answer = connection.recv(65_536)
    # A server's own preface is a frame of settings, type 4 (RFC 9113, sections 3.4 and 6.5).
    assert (answer[3:4] == b"\x04") is spoken
