"""Lockstitch behind PgBouncer: session mode carries its load, transaction mode is refused at the start."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest

from tests.commands import exits
from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.samples import customer, word
from tests.postgres.pgbouncer import pgbouncer
from tests.postgres.relay import over_tcp_in_thread

PER_SECOND: Final = 15
PATH: Final = "/v1/customers?connection=hubspot"


@contextmanager
def behind(facade: Facade, mode: str) -> Iterator[str]:
    """Yield the URL by which a database is reached through PgBouncer."""
    server = facade.database_url
    with over_tcp_in_thread(server) as port, pgbouncer(server, port, mode) as url:
        yield url


@pytest.mark.parametrize(
    ("seconds", "commands"),
    [(3, ["serve"]), pytest.param(60, ["serve", "worker"], marks=pytest.mark.long)],
)
def test_session_mode_carries_creates(
    facade: Facade, full_key: str, seconds: int, commands: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    mark, number = word(), seconds * PER_SECOND
    with ExitStack() as stack:
        url = stack.enter_context(behind(facade, "session"))
        processes = [facade.process(command, LOCKSTITCH_DATABASE_URL=url) for command in commands]
        for process in processes:
            stack.callback(process.stop)
            process.start()
        caller = stack.enter_context(Caller(processes[0].url, full_key))
        began, took = time.monotonic(), list[float]()

        def create(place: int) -> int:
            sent = time.monotonic()
            status = caller.write("POST", PATH, customer("hubspot", f"{mark}{place}")).status_code
            took.append(time.monotonic() - sent)
            return status

        with ThreadPoolExecutor(PER_SECOND) as pool:
            answers = []
            for place in range(number):
                time.sleep(max(0.0, began + place / PER_SECOND - time.monotonic()))
                answers.append(pool.submit(create, place))
        statuses = [answer.result() for answer in answers]
        lasted = time.monotonic() - began
    took.sort()
    middle, late = (f"{1000 * took[number * share // 100]:.0f} ms" for share in (50, 99))
    with capsys.disabled():
        print(f"\n{number} creates in {lasted:.1f} s: p50 {middle}, p99 {late}")
    assert statuses == [201] * number
    assert len(facade.vendors.records("hubspot", "contacts", holding=mark)) == number


def test_transaction_mode_is_refused_at_the_start_and_by_commands(facade: Facade) -> None:
    with behind(facade, "transaction") as url:
        process = facade.process("serve", LOCKSTITCH_DATABASE_URL=url)
        with pytest.raises(AssertionError, match="ended with 1"):
            process.start()
        commands = [
            exits(facade.lockstitch(*words, LOCKSTITCH_DATABASE_URL=url), 1) for words in (("key", "list"), ("doctor",))
        ]
    for message in (process.log, *(done.stdout + done.stderr for done in commands)):
        assert "leads to a pooler in transaction mode" in message
        assert "PgBouncer: pool_mode = session" in message
