"""TCP ports for the processes of tests.

Several Granians can listen at one port (SO_REUSEPORT), and each then gets some of the connections: two tests that draw
the same port talk to each other's processes. So no port is drawn twice: each pytest process has its own range, below
the ports that the system gives to outgoing connections.
"""

import os
import socket
from itertools import count
from typing import Final

NUMBER: Final = "PYTEST_XDIST_WORKER"
"""The variable with the number of the process: gw0, gw1 and so on."""
_RANGE: Final = 2_000
# Runs at the same time begin at different places.
_drawn = count(os.getpid() * 37)


def free_port() -> int:
    """A port on the loopback address at which nothing listens."""
    first = 10_000 + int(os.environ.get(NUMBER, "gw0")[2:]) % 11 * _RANGE
    while True:
        port = first + next(_drawn) % _RANGE
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
