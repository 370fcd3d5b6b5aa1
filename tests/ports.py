"""TCP ports for the processes of tests.

Several Granians can listen at one port (SO_REUSEPORT), and each then gets some of the connections: two tests that draw
the same port talk to each other's processes. So no port is drawn twice: each pytest process has its own range, below
the ports that the system gives to outgoing connections.
"""

import os
import socket
from itertools import count
from typing import Final

_RANGE: Final = 2_000
_FIRST: Final = 10_000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 11 * _RANGE
# Runs at the same time begin at different places.
_drawn = count(os.getpid() * 37)


def free_port() -> int:
    """A port on the loopback address at which nothing listens."""
    while True:
        port = _FIRST + next(_drawn) % _RANGE
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def two_free_ports() -> int:
    """The first of two free ports in a row."""
    port = free_port()
    while (following := free_port()) != port + 1:
        port = following
    return port
