"""One fault under load: what was measured, and what must hold."""

import time
from collections import Counter
from typing import Final

from msgspec import Struct

from tests.hosts.cluster import wait_until
from tests.hosts.faults import Fault
from tests.hosts.installation import HOSTS, psql
from tests.hosts.lab import Lab
from tests.hosts.load import Call, Load

FIRST_WRITE_SECONDS: Final = 6.0
SLOWEST_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 2.0
LEASE_SECONDS: Final = 45.0
"""LOCKSTITCH_OPERATION_LEASE."""
BEFORE_SECONDS: Final = 4.0
AFTER_SECONDS: Final = 6.0
END_SECONDS: Final = 3.0

UNDECIDED: Final = "SELECT count(*) FROM operation WHERE phase IN ('received', 'sent', 'unknown')"
LISTENING: Final = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lockstitch wake-ups'"


class Row(Struct, frozen=True, kw_only=True):
    """A fault, the route to the primary, and what is allowed while it lasts.

    Where a primary is promoted, the first write has the same limit in each row. Elsewhere `pause` limits how many
    seconds may pass without a write. `delivery` limits the seconds from a webhook's acknowledgement to its delivery.
    """

    name: str
    route: str
    fault: Fault
    promotes: bool = False
    pause: float = 0.0
    delivery: float = 0.0
    restarts: tuple[str, ...] = ()
    """Hosts whose process is restarted by the fault."""
    loses_owners: bool = False
    """Calls under way die with their process, or wait for one that is cut off; their keys are free after a lease."""
    drops_calls: bool = False
    """HAProxy itself ends, so calls under way get no answer, and others do not connect."""
    answer_seconds: float = 0.0
    """How long the subscriber takes for an answer, so that deliveries are under way."""


class Trial:
    """One fault under load."""

    def __init__(self, lab: Lab, row: Row) -> None:
        self.lab, self.row = lab, row
        self.began = self.back = self.stopped = 0.0
        """By `time.monotonic`: the fault, when calls must work again (the promotion, if there is one), the end."""
        lab.cluster.await_redundancy()
        lab.use(row.route)
        self.pids = lab.installation.pids()
        self.era = era()
        self.load = Load(lab.key, answer_seconds=row.answer_seconds)

    def prove(self) -> None:
        """Break it and end that under load, print what was measured, and check what must hold."""
        try:
            self.load.start()
            time.sleep(BEFORE_SECONDS)
            self.began = time.monotonic()
            with self.row.fault(self.lab):
                self.back = time.monotonic()
                time.sleep(AFTER_SECONDS)
            time.sleep(END_SECONDS)
            self.stopped = time.monotonic()
            self.load.stop()
            wait_until("everything delivered", lambda: not self.undelivered())
            wait_until("nothing undecided", lambda: psql(UNDECIDED) == "0")
            wait_until("LISTEN of every process", lambda: psql(LISTENING) == str(len(HOSTS)))
        finally:
            self.load.close()
        self.report()
        self.check_calls()
        self.check_effects()
        same = HOSTS.keys() - self.row.restarts
        pids = self.lab.installation.pids()
        assert {host: pids.get(host) for host in same} == {host: self.pids[host] for host in same}
        assert (era() > self.era) == self.row.promotes, "the era of event ids"
        self.lab.installation.command("audit", "verify")

    @property
    def first_write(self) -> float:
        """Seconds from the promotion to the first answered create."""
        return min(at for at in self.load.acknowledged.values() if at >= self.back) - self.back

    @property
    def works_from(self) -> float:
        """When writes worked again: the first one after the promotion, else the one after the longest pause."""
        return self.back + self.first_write if self.row.promotes else self.longest_pause()[1]

    @property
    def failed(self) -> list[Call]:
        """The calls that failed."""
        return [call for call in self.load.calls if call.status not in (200, 201, 202)]

    @property
    def slowest_delivery(self) -> float:
        """The most seconds from the acknowledgement of a change to its first delivery."""
        first = dict[tuple[str, int], float]()
        for one in self.load.delivered:
            first.setdefault((one.record, one.number), one.at)
        return max(first[change] - at for change, at in self.load.sent.items())

    def longest_pause(self) -> tuple[float, float]:
        """Return when the longest time without an answered create began and ended, after the fault."""
        times = sorted(at for at in self.load.acknowledged.values() if self.began <= at < self.stopped)
        return max(zip([self.began, *times], [*times, self.stopped], strict=True), key=lambda pair: pair[1] - pair[0])

    def undelivered(self) -> set[tuple[str, int]]:
        """Return the acknowledged changes that the subscriber lacks."""
        return self.load.sent.keys() - {(one.record, one.number) for one in self.load.delivered}

    def report(self) -> None:
        """Print the figures as a row of the table in docs/operations.md, and counts."""
        promoted = first_write = first_delivery = "-"
        if self.row.promotes:
            delivered = min(one.at for one in self.load.delivered if one.at >= self.back) - self.back
            promoted, first_write = f"{self.back - self.began:.1f} s", f"{self.first_write:.1f} s"
            first_delivery = f"{delivered:.1f} s"
        began, ended = self.longest_pause()
        failed = Counter(f"{call.status} {call.code}" for call in self.failed)
        slowest = max((call.ended - call.began for call in self.failed), default=0.0)
        twice = len(self.load.delivered) - len({one.event for one in self.load.delivered})
        print(
            f"\n| {self.row.route} | {self.row.name} | {promoted} | {first_write} | {first_delivery}"
            f" | {ended - began:.1f} s | {len(self.failed)} of {len(self.load.calls)} | {slowest:.1f} s |\n"
            f"  {dict(failed)}, {len(self.load.acknowledged)} creates, {len(self.load.sent)} changes delivered, the"
            f" slowest after {self.slowest_delivery:.1f} s, {twice} events twice",
            flush=True,
        )

    def check_calls(self) -> None:
        """Check how calls failed, and when they worked again."""
        if self.row.promotes:
            assert self.first_write <= FIRST_WRITE_SECONDS
        else:
            began, ended = self.longest_pause()
            assert ended - began <= self.row.pause
        first = dict[str, float]()
        for call in self.load.calls:
            first[call.key] = min(call.began, first.get(call.key, call.began))
        for call in self.failed:
            if self.row.drops_calls and call.status == 0 and call.began <= self.back:
                continue
            assert call.status not in (0, 500), call
            assert call.code, call
            assert call.ended - call.began <= SLOWEST_SECONDS, call
            free = first[call.key] + LEASE_SECONDS if self.row.loses_owners else 0.0
            assert call.status != 409 or call.began <= max(free, self.works_from) + RETRY_SECONDS, call

    def check_effects(self) -> None:
        """Check that each acknowledged write took effect once, no other twice, and that changes kept their order."""
        names = Counter(contact["properties"].get("lastname") for contact in self.lab.installation.contacts())
        assert {mark: names[mark] for mark in self.load.acknowledged if names[mark] != 1} == {}
        assert not self.load.undecided
        events = set[str]()
        last = Counter[str]()
        for one in self.load.delivered:
            if one.event in events:
                continue
            events.add(one.event)
            assert one.number > last[one.record], one
            last[one.record] = one.number
        if self.row.delivery:
            assert self.slowest_delivery <= self.row.delivery


def era() -> int:
    """Return the present era of event ids."""
    timeline = "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer"
    query = f"SELECT era + {timeline} - timeline FROM event_era"  # noqa: S608
    answer = ""

    def is_known() -> bool:
        nonlocal answer
        answer = psql(query)
        return bool(answer)

    wait_until("the era of event ids", is_known)
    return int(answer)
