"""A Lockstitch of its own, in which orders are always queued and callbacks may go to this machine."""

from collections.abc import Iterator

import pytest

from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.lookalikes import Lookalikes
from tests.contract.processes import free_port
from tests.emulators.receiver import Receiver


@pytest.fixture(scope="module")
def port() -> int:
    """Where this module's receiver of callbacks listens."""
    return free_port()


@pytest.fixture(scope="module")
def queueing(tmp_path_factory: pytest.TempPathFactory, module_database_url: str, port: int) -> Iterator[Facade]:
    """The processes, started once."""
    facade = Facade(
        tmp_path_factory.mktemp("queueing"),
        module_database_url,
        more='\n[writes.orders]\nmode = "queued"\n',
        LOCKSTITCH_EGRESS_ALLOW=f"127.0.0.1/32:{port}",
    )
    try:
        facade.start()
        yield facade
    finally:
        facade.stop()


@pytest.fixture
def facade(queueing: Facade) -> Iterator[Facade]:
    """In place of the one that all tests share."""
    yield queueing
    queueing.vendors.mend()


@pytest.fixture
def vendors(facade: Facade) -> Lookalikes:
    return facade.vendors


@pytest.fixture
def caller(facade: Facade) -> Iterator[Caller]:
    with facade.calling() as calling:
        yield calling


@pytest.fixture(scope="module")
def receiver(port: int) -> Iterator[Receiver]:
    """Gets callbacks, at any path; each test has one of its own."""
    listening = Receiver(port)
    yield listening
    listening.close()
