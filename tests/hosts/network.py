"""Hosts as network namespaces on one bridge. Needs root and iproute2.

Neighbours are permanent, so a host that is cut off is silent, as one behind a router is. With ARP, the others would
learn of it within 3 s.
"""

import ctypes
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

ADDRESSES: Final = {
    **{"db1": "10.77.0.11", "db2": "10.77.0.12", "db3": "10.77.0.13", "lb": "10.77.0.20"},
    **{"app1": "10.77.0.31", "app2": "10.77.0.32", "work1": "10.77.0.41", "work2": "10.77.0.42"},
    **{"vendor": "10.77.0.50", "client": "10.77.0.70"},
}
PREFIX: Final = "lh-"
SWITCH: Final = f"{PREFIX}sw"
CLONE_NEWNET: Final = 0x40000000


def run(*words: str, check: bool = True) -> str:
    """Run a command to its end, and return what it prints."""
    return subprocess.run(words, check=check, capture_output=True, text=True).stdout


def inside(host: str, *words: str) -> list[str]:
    """Return a command that runs on a host."""
    return ["ip", "netns", "exec", f"{PREFIX}{host}", *words]


def up() -> None:
    """Make the hosts."""
    down()
    run("ip", "netns", "add", SWITCH)
    for words in ("link add br0 type bridge", "link set lo up", "link set br0 up"):
        run("ip", "-n", SWITCH, *words.split())
    for host, address in ADDRESSES.items():
        name = f"{PREFIX}{host}"
        run("ip", "netns", "add", name)
        run("ip", "-n", SWITCH, *f"link add {host} type veth peer name eth0 netns {name}".split())
        for words in (
            "link set lo up",
            f"link set eth0 address {_mac(address)}",
            f"addr add {address}/24 dev eth0",
            "link set eth0 up",
        ):
            run("ip", "-n", name, *words.split())
        run("ip", "-n", SWITCH, "link", "set", host, "master", "br0", "up")
    for host in ADDRESSES:
        for other, address in ADDRESSES.items():
            if other != host:
                _lead(host, other, _mac(address))


def down() -> None:
    """Remove the hosts, if they exist."""
    for host in (*ADDRESSES, "sw"):
        run("ip", "netns", "del", f"{PREFIX}{host}", check=False)


def cut(host: str) -> None:
    """Make a host silent: at the bridge, because its own kernel would notice it at its own side."""
    run("ip", "-n", SWITCH, "link", "set", host, "down")


def heal(host: str) -> None:
    """End a `cut`."""
    run("ip", "-n", SWITCH, "link", "set", host, "up")


def silence(host: str, other: str) -> None:
    """Lose what a host sends to another. What the other sends still arrives."""
    _lead(host, other, "02:00:00:00:ff:ff")


def hear(host: str, other: str) -> None:
    """End a `silence`."""
    _lead(host, other, _mac(ADDRESSES[other]))


def enter(host: str) -> int:
    """Move this thread, and those that it starts, to a host. Return the descriptor of its network for `leave`."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{PREFIX}{host}", os.O_RDONLY)
    _set(there)
    os.close(there)
    return before


def leave(before: int) -> None:
    """End `enter`."""
    _set(before)
    with suppress(OSError):
        os.close(before)


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def _set(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter the network")


def _lead(host: str, other: str, mac: str) -> None:
    words = f"neigh replace {ADDRESSES[other]} lladdr {mac} dev eth0 nud permanent"
    run("ip", "-n", f"{PREFIX}{host}", *words.split())


def _mac(address: str) -> str:
    return f"02:00:00:00:00:{int(address.rpartition('.')[2]):02x}"
