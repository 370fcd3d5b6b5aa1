"""One budget of a vendor account for all processes: two APIs and two workers, measured where their requests arrive."""

import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.contract.facade import Facade
from tests.contract.metered_vendor import MeteredVendor
from tests.contract.processes import NO_TLS
from tests.contract.samples import customer
from tests.contract.standstills import Standstills
from tests.contract.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel when requests arrived")

LIMIT: Final = 24
WINDOW: Final = 3.0
CALLERS: Final = 6
PATH: Final = "/v1/customers"


class Crowd:
    """Callers of several APIs who read a record again and again, until the end of the block."""

    def __init__(self, apis: list[str], secret: str, path: str) -> None:
        self.answers: list[int] = []
        self._ends = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(apis[number % len(apis)], secret, path))
            for number in range(CALLERS)
        ]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _read(self, url: str, secret: str, path: str) -> None:
        with httpx.Client(
            base_url=url, headers={"authorization": f"Bearer {secret}"}, timeout=60.0, verify=NO_TLS
        ) as http:
            while not self._ends.is_set():
                self.answers.append(http.get(path).status_code)


def test_two_apis_and_two_workers_keep_one_limit_also_a_halved_one(tmp_path: Path, database_url: str) -> None:
    facade = Facade(tmp_path, database_url)
    vendor = MeteredVendor(facade.emulators.url, LIMIT, WINDOW)
    facade.add_configuration(
        f'[connections.metered]\nvendor = "hubspot"\nbase_url = "{vendor.url}/hubspot"\n'
        f'credentials = {{ token = "env:HUBSPOT_TOKEN" }}\n'
        f"pacing = {{ units = {LIMIT}, per_seconds = {WINDOW}, concurrency = 8 }}\n"
    )
    with ExitStack() as stack:
        stack.enter_context(vendor.running())
        stack.enter_context(facade.running())
        apis = [facade.api, stack.enter_context(facade.another_api())]
        another = facade.process("worker")
        another.start()
        stack.callback(another.stop)
        standstills = Standstills(*apis, facade.worker, another)
        stack.enter_context(standstills.watching())
        caller = stack.enter_context(facade.calling())
        made = caller.create(f"{PATH}?connection=metered", customer("metered"))
        path = f"{PATH}/{made['id']}?connection=metered"
        for _ in range(30):
            body = customer("metered")
            answer = caller.write("POST", f"{PATH}?connection=metered", body, headers={"prefer": "respond-async"})
            assert answer.status_code == 202, answer.text
        with Crowd([one.url for one in apis], caller.secret or "", path) as crowd:
            until(lambda: len(vendor.arrivals), lambda arrived: arrived > 2.5 * LIMIT)
            vendor.limit = LIMIT // 2
            before = len(vendor.arrivals)
            # From the first answer that names it on.
            since = until(lambda: vendor.arrivals[-1], lambda _: len(vendor.arrivals) > before)
            until(lambda: len(vendor.arrivals) - before, lambda arrived: arrived > 1.5 * LIMIT)
        assert set(crowd.answers) == {200}

    assert vendor.most_within_a_window(standstills) <= LIMIT
    assert vendor.most_within_a_window(standstills, since) <= LIMIT // 2
