"""A supervised Lockstitch, and one whose leases are short."""

from collections.abc import Iterator

import pytest

from tests.contract.facade import Facade
from tests.crash.supervised import Supervised
from tests.open_folder import open_folder


@pytest.fixture
def supervised() -> Iterator[Supervised]:
    """All processes under one supervisor."""
    running = Supervised(open_folder("lockstitch-crash-"))
    yield running
    running.stop()


@pytest.fixture
def facade(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Facade]:
    """With leases that are noticed soon, so that a test need not wait as long as production may."""
    folder = tmp_path_factory.mktemp("crash")
    with Facade(folder, database_url, LOCKSTITCH_JOB_LEASE="2", LOCKSTITCH_OPERATION_LEASE="3").running() as facade:
        yield facade
