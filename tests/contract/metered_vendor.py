"""A vendor with a rate limit of its own in front of the emulators: it notes when each request arrived, and its headers
name the limit, as HubSpot's do."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import httpx

from tests.contract.processes import NO_TLS
from tests.contract.standstills import Standstills

AGE_AT: Final = 52
"""The place in the kernel's `tcp_info` of the age in milliseconds of the data that arrived last."""
LATEST: Final = 1.0
"""Seconds before a window in which a standstill may make requests late that arrive in it."""
HOP: Final = ("connection", "transfer-encoding", "content-length", "content-encoding", "date", "server")


class MeteredVendor:
    """Passes requests on to `behind`. At most `limit` of them are to arrive in any `window` seconds. They arrive when
    the kernel has them, whether or not this process looks."""

    def __init__(self, behind: str, limit: int, window: float) -> None:
        self.limit = limit
        self.window = window
        self.arrivals: list[float] = []
        self._http = httpx.Client(base_url=behind, trust_env=False, timeout=60.0, verify=NO_TLS)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def most_within_a_window(self, standstills: Standstills, since: float = 0.0) -> int:
        """Return the most requests that arrived in any window that begins after a time.

        A request may be late by the longest of these standstills. So those that arrived so soon after the begin of a
        window may belong to the one before.
        """
        times = sorted(one for one in self.arrivals if one >= since)
        most = 0
        for start in times:
            late = standstills.longest(start - LATEST, start + self.window)
            most = max(most, sum(start + late <= one < start + self.window for one in times))
        return most

    @contextmanager
    def running(self) -> Iterator[None]:
        """Listen during the block."""
        serving = threading.Thread(target=self._server.serve_forever, daemon=True)
        serving.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._http.close()

    def _note_arrival(self, connection: socket.socket) -> dict[str, str]:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, AGE_AT + 4)
        with self._lock:
            now = time.monotonic()
            self.arrivals.append(now - int.from_bytes(info[AGE_AT:], sys.byteorder) / 1000)
            used = sum(now - self.window < one for one in self.arrivals)
            return {
                "x-hubspot-ratelimit-interval-milliseconds": str(round(self.window * 1000)),
                "x-hubspot-ratelimit-max": str(self.limit),
                "x-hubspot-ratelimit-remaining": str(max(0, self.limit - used)),
            }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                """Pass one request on, and its answer back."""
                self.raw_requestline = self.rfile.readline(65_537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                budget = vendor._note_arrival(self.connection)
                sent = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in (*HOP, "host")}
                answer = vendor._http.request(self.command, self.path, content=sent, headers=headers)
                self.send_response_only(answer.status_code)
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
                for name, value in {**kept, **budget, "content-length": str(len(answer.content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.content)

        return Handler
