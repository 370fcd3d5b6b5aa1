"""Lockstitch on several hosts while hosts fail: nothing is lost, and calls work again in seconds.

Not part of `make test`: tests/hosts/run starts it, as root on Debian.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.hosts import faults, network
from tests.hosts.cluster import NODES, Cluster, wait_until
from tests.hosts.installation import Installation, by_hosts, psql
from tests.hosts.lab import FIRST, LAST, PROXY, URL, Lab
from tests.hosts.trial import Row, Trial

READY_SECONDS: Final = 5.0
WORKER_SECONDS: Final = 6.0
"""Half a second of the subscriber, then five until a job that lost its worker begins again."""
SILENT_SECONDS: Final = 22.0
"""The primary ends a silent connection after 10 s. Patroni looks within 5 s, and waits up to 5 s for etcd on that host.
Then come a health check and a caller's repetition, a second each."""
LOST: Final = (
    "SELECT count(*) || '|' || coalesce(max(extract(epoch FROM ended_at - started_at)), 0)"
    "  FROM attempt WHERE outcome = 'lost' AND ended_at > now() - interval '1 minute'"
)

ROWS: Final = (
    *(
        Row(name=name, route=route, fault=fault, promotes=True)
        for routes, faults_of_primary in (
            ((PROXY, FIRST), {"the primary cut off": faults.cut_off}),
            ((LAST,), {"the primary cut off": faults.cut_off}),
            (
                (PROXY, URL),
                {
                    "kill -9 of the primary": faults.killed,
                    "the primary frozen": faults.frozen,
                    "switchover": faults.switched_over,
                    "etcd stopped": faults.etcd_stopped,
                    "disk of the primary full": faults.disk_full,
                },
            ),
        )
        for route in routes
        for name, fault in faults_of_primary.items()
    ),
    *(
        Row(
            name="the primary silent to its standby",
            route=route,
            fault=faults.silent_to_its_standby,
            pause=SILENT_SECONDS,
        )
        for route in (PROXY, URL)
    ),
    Row(name="an API host cut off", route=PROXY, fault=faults.api_cut_off, pause=6.0, loses_owners=True),
    Row(name="an API host silent to the database", route=URL, fault=faults.api_without_database, pause=6.0),
    Row(
        name="a worker killed",
        route=PROXY,
        fault=faults.worker_killed,
        pause=2.0,
        restarts=("work1",),
        answer_seconds=0.5,
    ),
    Row(
        name="a worker frozen past its lease",
        route=PROXY,
        fault=faults.worker_frozen,
        pause=2.0,
        delivery=faults.LEASE_SECONDS + WORKER_SECONDS,
        answer_seconds=0.5,
    ),
    Row(name="HAProxy restarted", route=PROXY, fault=faults.proxy_restarted, pause=6.0, drops_calls=True),
    Row(
        name="clocks 90 s apart",
        route=PROXY,
        fault=faults.clocks_apart,
        pause=3.0,
        restarts=("app1", "work1"),
    ),
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    home = Path(tempfile.mkdtemp(prefix="lockstitch-hosts-", dir="/dev/shm"))
    home.chmod(0o755)
    network.up()
    before = network.enter("client")
    cluster, installation = Cluster(home / "database"), Installation(home)
    try:
        cluster.home.mkdir()
        cluster.up()
        installation.start_proxy()
        yield Lab(cluster, installation)
    finally:
        installation.close()
        cluster.down()
        network.leave(before)
        network.down()
        shutil.rmtree(home)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}-{row.route}".replace(" ", "-"))
def test_a_fault(lab: Lab, row: Row) -> None:
    Trial(lab, row).prove()
    if row.fault is faults.worker_killed:
        number, slowest = psql(LOST).split("|")
        print(f"  {number} jobs lost their worker, free after {float(slowest):.1f} s at most")
        assert int(number) > 0
        assert float(slowest) <= WORKER_SECONDS
        wait_until("a heartbeat of each process, and no other", lambda: psql("SELECT count(*) FROM heartbeat") == "4")


def test_every_process_restarts_while_a_standby_first_in_the_url_is_silent(lab: Lab) -> None:
    lab.cluster.await_redundancy()
    primary = lab.cluster.primary()
    silent, other = (number for number in NODES if number != primary)
    url = by_hosts([silent, other, primary])
    usual = lab.run(url)
    lab.stop()
    network.cut(f"db{silent}")
    try:
        wait_until("a primary that stores", lambda: psql("UPDATE write_proof SET proven_at = now() RETURNING 1"))
        took = lab.run(url)
    finally:
        network.heal(f"db{silent}")
    print(f"\nall processes started at once: ready after {usual:.1f} s, with a silent standby first {took:.1f} s")
    assert took <= usual + READY_SECONDS
