"""A separate Lockstitch that always queues orders and allows callbacks to this machine."""

from collections.abc import Iterator

import pytest

from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.emulators.receiver import Receiver
from tests.ports import free_port


@pytest.fixture(scope="module")
def port() -> int:
    """The port of this module's callback receiver."""
    return free_port()


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str, port: int) -> Iterator[Facade]:
    """The processes, started once."""
    queued = '\n[writes.orders]\nmode = "queued"\n'
    egress = f"127.0.0.1/32:{port}"
    folder = tmp_path_factory.mktemp("queueing")
    with Facade(folder, module_database_url, more=queued, LOCKSTITCH_EGRESS_ALLOW=egress).running() as facade:
        yield facade


@pytest.fixture
def caller(facade: Facade) -> Iterator[Caller]:
    with facade.calling() as calling:
        yield calling


@pytest.fixture(scope="module")
def receiver(port: int) -> Iterator[Receiver]:
    """Receive callbacks at any path. Each test uses another path."""
    listening = Receiver(port)
    yield listening
    listening.close()
