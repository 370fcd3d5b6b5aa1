"""`/metrics` answers while the database does not, and says so."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.api_keys.cache import CACHE_SECONDS
from tests.contract.callers import Caller, code_of, expect
from tests.contract.facade import Facade
from tests.contract.outage import database_down
from tests.contract.waiting import until

# Prometheus gives a scrape 10 s by default.
SCRAPE_SECONDS = 8.0
FROM_DATABASE = ("lockstitch_dead_letters_open", "lockstitch_operations_open", "lockstitch_worker_seen_seconds")


@contextmanager
def database_hangs(facade: Facade) -> Iterator[None]:
    """No connection is answered any more, and a new one neither."""
    rows = facade.sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
    backends = [row["pid"] for row in rows]
    postmaster = int(Path(f"/proc/{backends[0]}/stat").read_text().rpartition(")")[2].split()[1])
    for pid in (postmaster, *backends):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in (*backends, postmaster):
            os.kill(pid, signal.SIGCONT)


def scrape(caller: Caller) -> dict[str, float]:
    """The value of each metric without labels, and every other name."""
    answer = expect(caller.get("/metrics"))
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    return {sample.name: sample.value for sample in samples}


@pytest.mark.parametrize("trouble", [database_down, database_hangs])
@pytest.mark.parametrize("process", ["api", "worker"])
def test_metrics_answer_while_the_database_does_not(
    facade: Facade, process: str, trouble: Callable[[Facade], AbstractContextManager[None]]
) -> None:
    with facade.calling("ops:read", url=getattr(facade, process).url) as scraper:
        well = scrape(scraper)
        assert well["lockstitch_database_up"] == 1
        assert set(FROM_DATABASE) - {"lockstitch_dead_letters_open"} <= set(well)
        time.sleep(CACHE_SECONDS)  # then the key is looked up again
        with trouble(facade):
            began = time.monotonic()
            away = scrape(scraper)
            assert time.monotonic() - began < SCRAPE_SECONDS
        assert away["lockstitch_database_up"] == 0
        assert away["process_cpu_seconds_total"] > 0
        assert not set(FROM_DATABASE) & set(away)
        until(lambda: scrape(scraper)["lockstitch_database_up"], lambda up: up == 1)


def test_a_key_that_was_never_looked_up_opens_nothing_meanwhile(facade: Facade) -> None:
    with facade.calling("ops:read") as fresh, facade.calling("customers:read") as other:
        other.get("/v1/me")
        time.sleep(CACHE_SECONDS)
        with database_down(facade):
            assert code_of(fresh.get("/metrics"), 503) == "store-unavailable"
            assert code_of(other.get("/metrics"), 403) == "forbidden"
            assert code_of(other.get("/v1/me"), 503) == "store-unavailable"
    logged = [line for line in facade.api.log.splitlines() if '"the database is not available"' in line]
    assert logged
    assert max(map(len, logged)) < 500
