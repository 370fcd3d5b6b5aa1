"""Measure the road from a signed webhook in to a signed delivery out: `python -m benchmarks.road [raw] [keyed] …`.

It goes through a real `lockstitch serve` and one `lockstitch worker`, and in the same run through a bare road:
`/intake` of `benchmarks.proxy` and `benchmarks.bare_road`. While one side is measured, the worker of the other is
stopped. A burst lasts from the first webhook to the last delivery. In a steady stream, the time of each webhook starts
when it was due, so a server that falls behind cannot hide it. Every webhook must be delivered once.

CPU and transactions include all processes of a side, PostgreSQL, and upkeep that runs on its own clock.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count, islice
from typing import Final

import uvloop

from benchmarks import figures
from benchmarks.road_client import Arrivals, Sender, burst, steady, subscriber
from benchmarks.road_stage import IDLE_SECONDS, RoadStage, cpu_so_far, place_records, set_up
from benchmarks.road_webhooks import VARIANTS, Placed, Variant, Webhook

ROUNDS: Final = 3
WARM_UP: Final = 100
TARGET: Final = 0.45
# Events a second, and the targets in milliseconds: half of the deliveries, and 99 of 100.
STEADY: Final = ((30, None, None), (100, 30.0, 60.0), (300, None, 300.0))
# At 100 a second: milliseconds of CPU for an event, the same compared with a burst, and transactions for an event.
ORDINARY: Final = 100
CPU_AT_MOST: Final = 6.0
CPU_OF_A_BURST: Final = 1.8
TRANSACTIONS_AT_MOST: Final = 5.0
PATIENCE: Final = 60.0


class Side(list[float]):
    """One contender: its name, the rates of its bursts, and its processes."""

    def __init__(
        self, title: str, url: str, make: Callable[[int], Webhook], processes: dict[str, int], database_url: str
    ) -> None:
        super().__init__()
        self.title = title
        self.sender = Sender(url)
        self.make = make
        self.processes = processes
        self.database_url = database_url
        self.forget()

    def forget(self) -> None:
        """Start again."""
        self.clear()
        self.spent = dict.fromkeys(self.processes, 0.0)
        self.transactions = 0

    def cpu(self, events: int) -> float:
        """Return the milliseconds of CPU for an event, over all processes."""
        return sum(self.spent.values()) / events * 1000

    def print_costs(self, what: str, events: int) -> None:
        """Print CPU and transactions for each event."""
        spent = ", ".join(f"{name} {seconds / events * 1000:.2f}" for name, seconds in self.spent.items())
        print(f"  {f'{self.title}, {what}, CPU':52} {self.cpu(events):9.2f} ms/event: {spent}")
        print(f"  {f'{self.title}, {what}, transactions':52} {self.transactions / events:9.2f} /event")


def measure() -> None:
    """Print all variants."""
    for name in VARIANTS:
        measure_variant(VARIANTS[name])


def measure_variant(variant: Variant) -> None:
    """Print the figures of one variant; in about 100 seconds."""
    with set_up(variant) as stage:
        uvloop.run(_measure(stage, variant))


async def _measure(stage: RoadStage, variant: Variant) -> None:
    print(f"The whole road, {variant.title}")
    numbers = count(1)
    async with subscriber(stage.port) as arrivals:
        placed = await place_records(stage, variant, _webhooks_of(variant))
        floor, ours = sides(stage, variant, placed)
        for side in (floor, ours):
            await run_burst(stage, side, list(islice(numbers, WARM_UP)), arrivals)
            side.forget()
        began, (busy, own) = time.perf_counter(), cpu_so_far()
        for _ in range(ROUNDS):
            for side in (floor, ours):
                await run_burst(stage, side, list(islice(numbers, variant.burst)), arrivals)
        events = ROUNDS * variant.burst
        for side in (floor, ours):
            figures.raw(f"{side.title}, a burst of {variant.burst}", side, "/s")
        figures.ratio("Lockstitch / bare road", ours, floor, "at least", TARGET)
        for side in (floor, ours):
            side.print_costs("a burst", events)
        in_a_burst = ours.cpu(events)
        await asyncio.sleep(IDLE_SECONDS)  # so that no transaction of the bursts is counted later
        for rate, *targets in STEADY:
            some, more = (list(islice(numbers, rate * variant.steady_seconds)) for _ in range(2))
            await _steady(stage, floor, some, arrivals, rate, None, None)
            await _steady(stage, ours, more, arrivals, rate, *targets)
            if rate == ORDINARY:
                _judge("CPU, ms/event", ours.cpu(len(more)), CPU_AT_MOST)
                _judge("CPU, of one in a burst", ours.cpu(len(more)) / in_a_burst, CPU_OF_A_BURST)
                _judge("transactions/event", ours.transactions / len(more), TRANSACTIONS_AT_MOST)
        print(f"  {'connections to the subscriber':52} {arrivals.connections:9}")
        busy_now, own_now = cpu_so_far()
        cores = (busy_now - busy - own_now + own) / (time.perf_counter() - began)
        print(f"  {'other work on the machine meanwhile':52} {cores:9.2f} of {os.cpu_count()} cores")
        if arrivals.again:
            print(f"  DELIVERED AGAIN: {arrivals.again}")
    print()


def _webhooks_of(variant: Variant) -> int:
    """Return how many numbers a measurement uses."""
    steady_ones = sum(rate for rate, *_ in STEADY) * variant.steady_seconds
    return 2 * (WARM_UP + ROUNDS * variant.burst + steady_ones)


def sides(stage: RoadStage, variant: Variant, placed: Placed) -> tuple[Side, Side]:
    """Return the bare road and Lockstitch."""

    def make(number: int) -> Webhook:
        return variant.sign(number, placed, url)

    url = f"{stage.api}/v1/webhooks/{variant.connection}"
    return (
        Side("bare road (floor)", f"{stage.floor}/intake", make, stage.floor_processes, stage.floor_database_url),
        Side("Lockstitch", url, make, stage.processes, stage.database_url),
    )


async def run_burst(stage: RoadStage, side: Side, numbers: Sequence[int], arrivals: Arrivals) -> None:
    """Send a burst, and add its cost to the figures of this side."""
    async with _counting(stage, side):
        began = time.perf_counter()
        await burst(side.sender, side.make, numbers)
        await arrivals.all_of(numbers, PATIENCE)
        side.append(len(numbers) / (max(arrivals.at[number] for number in numbers) - began))


async def waits_of(
    stage: RoadStage, side: Side, numbers: Sequence[int], arrivals: Arrivals, rate: float
) -> list[float]:
    """Return the milliseconds from send to delivery in a steady stream, sorted. Add its cost to the figures of this
    side."""
    async with _counting(stage, side):
        due = await steady(side.sender, side.make, numbers, rate)
        await arrivals.all_of(numbers, PATIENCE)
    return sorted((arrivals.at[number] - at) * 1000 for number, at in due.items())


@asynccontextmanager
async def _counting(stage: RoadStage, side: Side) -> AsyncIterator[None]:
    """Suspend the other side within the block, and add the CPU and transactions of this one to its figures."""
    with stage.alone(side.processes):
        committed, cpu = await stage.transactions(side.database_url), stage.cpu(side.processes)
        yield
        # This waits a second, in which the last jobs end.
        side.transactions += await stage.transactions(side.database_url) - committed
        for name, seconds in stage.cpu(side.processes).items():
            side.spent[name] += seconds - cpu[name]


async def _steady(
    stage: RoadStage,
    side: Side,
    numbers: Sequence[int],
    arrivals: Arrivals,
    rate: int,
    middle_target: float | None,
    slowest_target: float | None,
) -> None:
    side.forget()
    waits = await waits_of(stage, side, numbers, arrivals, rate)
    for share, target in ((50, middle_target), (99, slowest_target)):
        wait = waits[len(waits) * share // 100]
        verdict = "" if target is None else f"   target: at most {target:g}, {'kept' if wait <= target else 'MISSED'}"
        print(f"  {f'{side.title}, {rate}/s, p{share} from send to delivery':52} {wait:9.1f} ms{verdict}")
    side.print_costs(f"{rate}/s", len(numbers))


def _judge(what: str, figure: float, target: float) -> None:
    kept = "kept" if figure <= target else "MISSED"
    print(f"  {f'Lockstitch, {ORDINARY}/s, {what}':52} {figure:9.2f}   target: at most {target:g}, {kept}")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or VARIANTS:
        measure_variant(VARIANTS[wanted])
