"""Emulators of the vendors whose tokens are renewed."""

from collections.abc import Iterator

import pytest

from tests.emulators.conftest import RunningEmulators


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulators]:
    """Emulators of this module."""
    started = RunningEmulators(tmp_path_factory.mktemp("emulators"))
    started.start()
    yield started
    started.close()


@pytest.fixture
def emulators(running: RunningEmulators) -> RunningEmulators:
    """Emulators that remember nothing."""
    running.reset()
    return running
