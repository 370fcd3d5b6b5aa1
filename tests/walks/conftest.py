"""The vendors as one process for all tests of walks, each of which finds them as new."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.facade import Facade, vendors_in
from tests.contract.processes import Process


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The process, started once."""
    emulators = vendors_in(tmp_path_factory.mktemp("vendors"))
    emulators.start()
    yield emulators
    emulators.stop()


@pytest.fixture
def facade(tmp_path: Path, database_url: str, emulators: Process) -> Iterator[Facade]:
    """Vendors that run, with a database for a worker."""
    facade = Facade(tmp_path, database_url, emulators=emulators)
    facade.vendors.reset()
    yield facade
    facade.vendors.close()
