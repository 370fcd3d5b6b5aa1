"""What fails. Each fault is a context: it is entered when calls must work again, and left when the fault has ended."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from tests.hosts import network
from tests.hosts.cluster import NODES, Cluster, wait_until
from tests.hosts.lab import Lab

Fault = Callable[[Lab], AbstractContextManager[None]]
LONGER_SECONDS: Final = 3.0
LEASE_SECONDS: Final = 30.0
"""LOCKSTITCH_JOB_LEASE."""
AHEAD: Final = "+90s"


def _of_primary(begin: Callable[[Cluster, int], object], end: Callable[[Cluster, int], object]) -> Fault:
    """Break the primary, and go on when another node is it."""

    @contextmanager
    def fault(lab: Lab) -> Iterator[None]:
        old = lab.cluster.primary()
        begin(lab.cluster, old)
        try:
            wait_until("a new primary", lambda: lab.cluster.leader() not in (None, old))
            yield
        finally:
            end(lab.cluster, old)

    return fault


killed: Final = _of_primary(Cluster.kill, Cluster.start)
frozen: Final = _of_primary(Cluster.freeze, Cluster.thaw)
cut_off: Final = _of_primary(
    lambda _, node: network.cut(f"db{node}"),
    lambda _, node: network.heal(f"db{node}"),
)
switched_over: Final = _of_primary(lambda cluster, _: cluster.switch_over(), lambda *_: None)


@contextmanager
def etcd_stopped(lab: Lab) -> Iterator[None]:
    """Stop etcd for longer than Patroni keeps a primary without it."""
    lab.cluster.stop_etcd()
    try:
        wait_until("no primary", lambda: lab.cluster.leader() is None)
        time.sleep(LONGER_SECONDS)
    finally:
        lab.cluster.start_etcd()
    wait_until("a primary", lambda: lab.cluster.leader() is not None)
    yield


@contextmanager
def silent_to_its_standby(lab: Lab) -> Iterator[None]:
    """Lose what the primary sends to the standby for whose acknowledgement its commits wait."""
    primary, standby = lab.cluster.primary(), lab.cluster.standby()
    network.silence(f"db{primary}", f"db{standby}")
    try:
        wait_until("another synchronous standby", lambda: lab.cluster.standby() != standby)
        yield
    finally:
        network.hear(f"db{primary}", f"db{standby}")


@contextmanager
def disk_full(lab: Lab) -> Iterator[None]:
    """Fill the disk of the primary, which ends PostgreSQL there."""
    old = lab.cluster.primary()

    def has_moved() -> bool:
        lab.cluster.fill_disk(old)
        return lab.cluster.leader() not in (None, old)

    try:
        wait_until("a new primary", has_moved)
        yield
    finally:
        lab.cluster.free_disk(old)


@contextmanager
def api_cut_off(_: Lab) -> Iterator[None]:
    """Cut an API host off from everything."""
    network.cut("app1")
    try:
        yield
    finally:
        network.heal("app1")


@contextmanager
def api_without_database(_: Lab) -> Iterator[None]:
    """Lose what an API host sends to the database hosts; callers reach it."""
    for node in NODES:
        network.silence("app1", f"db{node}")
    try:
        yield
    finally:
        for node in NODES:
            network.hear("app1", f"db{node}")


@contextmanager
def worker_killed(lab: Lab) -> Iterator[None]:
    """Kill -9 a worker."""
    lab.installation.send("work1", signal.SIGKILL)
    yield
    lab.restart("work1")


@contextmanager
def worker_frozen(lab: Lab) -> Iterator[None]:
    """Freeze a worker for longer than its lease of jobs."""
    lab.installation.send("work1", signal.SIGSTOP)
    try:
        time.sleep(LEASE_SECONDS)
        yield
    finally:
        lab.installation.send("work1", signal.SIGCONT)


@contextmanager
def proxy_restarted(lab: Lab) -> Iterator[None]:
    """End HAProxy, and start it."""
    lab.installation.start_proxy()
    yield


@contextmanager
def clocks_apart(lab: Lab) -> Iterator[None]:
    """Run an API and a worker with clocks that are ahead of all others."""
    for host in ("app1", "work1"):
        lab.installation.send(host, signal.SIGTERM)
        lab.restart(host, ahead=AHEAD)
    yield
    for host in ("app1", "work1"):
        lab.installation.send(host, signal.SIGTERM)
        lab.restart(host)
