"""Lockstitch on several hosts while hosts of its database fail: nothing is lost, and calls work again in seconds.

Not part of `make test`: tests/hosts/run starts it, as root on Debian.
"""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.hosts import network
from tests.hosts.cluster import BY_PROXY, NODES, Cluster, wait_until
from tests.hosts.installation import CALLS, HOOK, Installation, by_hosts, psql
from tests.hosts.load import Call, Load

FIRST_WRITE_SECONDS: Final = 6.0
SLOWEST_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 2.0
READY_SECONDS: Final = 5.0
WORKER_SECONDS: Final = 6.0
"""A second of the subscriber, then five until a job that lost its worker begins again."""
BEFORE_SECONDS: Final = 8.0
AFTER_SECONDS: Final = 12.0
SCOPES: Final = (
    "customers:read",
    "customers:write",
    "orders:read",
    "tickets:read",
    "subscriptions:write",
    "events:read",
)


class Lab:
    """The database, Lockstitch on it, and the key of its caller."""

    def __init__(self, cluster: Cluster, installation: Installation) -> None:
        self.cluster = cluster
        self.installation = installation
        self.route = ""
        self.key = ""

    def use(self, route: str) -> dict[str, float]:
        """Run with this URL of the database. Return how many seconds each process took to be ready; none if it already
        runs."""
        if route == self.route:
            return {}
        self.stop()
        self.route = route
        took = self.installation.start(route)
        if not self.key:
            scopes = [word for scope in SCOPES for word in ("--scope", scope)]
            self.key = self.installation.command("key", "create", "load", *scopes).strip()
            subscription: dict[str, object] = {
                "target_url": f"http://{HOOK[0]}:{HOOK[1]}/",
                "events": ["webhook.received"],
            }
            wait_until("a subscription", lambda: self._subscribe(subscription))
        return took

    def stop(self) -> None:
        """Stop the APIs and workers, if they run."""
        if self.route:
            self.installation.stop()
            self.route = ""

    def _subscribe(self, subscription: dict[str, object]) -> bool:
        headers = {"authorization": f"Bearer {self.key}", "idempotency-key": "subscription"}
        url = f"{CALLS}/v1/subscriptions"
        answer = self.installation.http.post(url, json=subscription, headers=headers)
        assert answer.status_code in (201, 503), answer.text
        return answer.status_code == 201


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


class Fault:
    """One fault under load. `promoted` is when another node was the primary."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        self.began = self.promoted = 0.0
        lab.cluster.await_redundancy()
        self.old = lab.cluster.leader() or 0
        self.pids = lab.installation.pids()
        self.era = era()
        self.load = Load(lab.key)

    def prove(self, inflict: Callable[[int], object], end: Callable[[int], object]) -> None:
        """Break the primary and end that under load, print what was measured, and check what must hold."""
        cluster = self.lab.cluster
        try:
            self.load.start()
            try:
                time.sleep(BEFORE_SECONDS)
                self.began = time.monotonic()
                inflict(self.old)
                wait_until("a new primary", lambda: cluster.leader() not in (None, self.old))
                self.promoted = time.monotonic()
                time.sleep(AFTER_SECONDS)
            finally:
                end(self.old)
                time.sleep(AFTER_SECONDS / 2)
                self.load.stop()
            wait_until("every webhook delivered", lambda: not self.undelivered())
            wait_until("nothing undecided", lambda: psql(UNDECIDED) == "0")
            wait_until("LISTEN of every process", lambda: psql(LISTENING) == str(len(self.pids)))
        finally:
            self.load.close()
        self.report()
        self.check_calls()
        self.check_effects()
        assert self.lab.installation.pids() == self.pids
        assert era() > self.era, "the era of event ids did not rise"
        self.lab.installation.command("audit", "verify")

    @property
    def first_write(self) -> float:
        """Seconds from the promotion to the first answered create."""
        return min(at for at in self.load.acknowledged.values() if at >= self.promoted) - self.promoted

    @property
    def failed(self) -> list[Call]:
        """The calls that failed."""
        return [call for call in self.load.calls if call.status not in (200, 201, 202)]

    def undelivered(self) -> set[tuple[int, int]]:
        """Return the acknowledged webhooks that the subscriber lacks."""
        return self.load.sent.keys() - {(one.record, one.number) for one in self.load.delivered}

    def report(self) -> None:
        """Print the figures."""
        deliveries = [one.at for one in self.load.delivered if one.at >= self.promoted]
        failed = Counter(call.status for call in self.failed)
        slowest = max((call.ended - call.began for call in self.failed), default=0.0)
        twice = len(self.load.delivered) - len({one.event for one in self.load.delivered})
        print(
            f"\n{self.name}: promoted {self.promoted - self.began:.1f} s after the fault; after it the first write"
            f" {self.first_write:.1f} s, the first delivery {min(deliveries) - self.promoted:.1f} s;"
            f" {len(self.failed)} of {len(self.load.calls)} calls failed {dict(failed)}, the slowest took"
            f" {slowest:.1f} s; {len(self.load.acknowledged)} writes, {len(self.load.sent)} webhooks, {twice} events"
            " delivered twice",
            flush=True,
        )

    def check_calls(self) -> None:
        """Check how calls failed, and when they worked again."""
        assert self.first_write <= FIRST_WRITE_SECONDS
        first = self.promoted + self.first_write
        for call in self.failed:
            assert call.status not in (0, 500), call
            assert call.code, call
            assert call.ended - call.began <= SLOWEST_SECONDS, call
            assert call.status != 409 or call.began <= first + RETRY_SECONDS, call

    def check_effects(self) -> None:
        """Check that each acknowledged write took effect once, no other twice, and that webhooks kept their order."""
        names = Counter(contact["properties"].get("lastname") for contact in self.lab.installation.contacts())
        assert {mark: names[mark] for mark in self.load.acknowledged if names[mark] != 1} == {}
        assert not self.load.undecided
        events = set[str]()
        last = Counter[int]()
        for one in self.load.delivered:
            if one.event in events:
                continue
            events.add(one.event)
            assert one.number > last[one.record], one
            last[one.record] = one.number


UNDECIDED: Final = "SELECT count(*) FROM operation WHERE phase IN ('received', 'sent', 'unknown')"
LOST: Final = (
    "SELECT count(*) || '|' || coalesce(max(extract(epoch FROM ended_at - started_at)), 0)"
    "  FROM attempt WHERE outcome = 'lost' AND ended_at > now() - interval '1 minute'"
)
LISTENING: Final = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lockstitch wake-ups'"


def era() -> int:
    """Return the present era of event ids."""
    timeline = "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer"
    return int(psql(f"SELECT era + {timeline} - timeline FROM event_era") or "-1")  # noqa: S608


def test_the_primary_is_killed_behind_haproxy(lab: Lab) -> None:
    lab.use(BY_PROXY)
    Fault(lab, "HAProxy, kill -9 of the primary").prove(lab.cluster.kill, lab.cluster.start)


def test_the_primary_is_frozen_behind_haproxy(lab: Lab) -> None:
    lab.use(BY_PROXY)
    Fault(lab, "HAProxy, the primary frozen").prove(lab.cluster.freeze, lab.cluster.thaw)


def test_a_switchover_behind_haproxy(lab: Lab) -> None:
    lab.use(BY_PROXY)
    Fault(lab, "HAProxy, switchover").prove(lambda _: lab.cluster.switch_over(), lambda _: None)


def test_a_worker_is_killed(lab: Lab) -> None:
    lab.use(BY_PROXY)
    load = Load(lab.key, answer_seconds=1.0)
    try:
        load.start()
        time.sleep(BEFORE_SECONDS)
        lab.installation.kill("work1")
        time.sleep(AFTER_SECONDS)
        load.stop()
        received = load.delivered
        wait_until("all webhooks", lambda: load.sent.keys() <= {(one.record, one.number) for one in received})
    finally:
        load.close()
        lab.installation.start_one("work1", lab.route)
    wait_until("the worker", lambda: lab.installation.is_ready("work1"))
    number, slowest = psql(LOST).split("|")
    print(f"\na worker killed -9: {number} jobs lost their worker, free after {float(slowest):.1f} s at most")
    assert int(number) > 0
    assert float(slowest) <= WORKER_SECONDS
    assert all(call.status in (200, 201, 202) for call in load.calls)
    wait_until("a heartbeat of each process, and no other", lambda: psql("SELECT count(*) FROM heartbeat") == "4")


def test_the_primary_first_in_the_url_is_cut_off(lab: Lab) -> None:
    lab.cluster.await_redundancy()
    lab.use(by_hosts(lab.cluster.leader() or 1))
    fault = Fault(lab, "three hosts in the URL, the primary first and cut off")
    fault.prove(lambda node: network.cut(f"db{node}"), lambda node: network.heal(f"db{node}"))


def test_a_switchover_with_three_hosts_in_the_url(lab: Lab) -> None:
    lab.use(by_hosts(1))
    Fault(lab, "three hosts in the URL, switchover").prove(lambda _: lab.cluster.switch_over(), lambda _: None)


def test_every_process_restarts_while_a_standby_first_in_the_url_is_silent(lab: Lab) -> None:
    lab.cluster.await_redundancy()
    silent = next(number for number in NODES if number != lab.cluster.leader())
    lab.stop()
    usual = max(lab.use(by_hosts(silent)).values())
    lab.stop()
    network.cut(f"db{silent}")
    try:
        wait_until("a primary that stores", lambda: psql("UPDATE write_proof SET proven_at = now() RETURNING 1"))
        took = max(lab.use(by_hosts(silent)).values())
    finally:
        network.heal(f"db{silent}")
    print(f"\nall processes started at once: ready after {usual:.1f} s, with a silent standby first {took:.1f} s")
    assert took <= usual + READY_SECONDS
