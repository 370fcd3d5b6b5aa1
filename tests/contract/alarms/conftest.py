"""A Lockstitch whose worker sends its alarms to a person, and one more API process beside it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.person import Person
from tests.contract.processes import Process
from tests.fixtures import opened

person = opened(lambda: closing(Person()), "module")
"""Who is sent the alarms."""


@pytest.fixture(scope="module")
def running_facade(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, person: Person
) -> Iterator[Facade]:
    """The processes, started once for the module."""
    more = '\n[alerts]\nurl = "env:ALARM_URL"\n'
    folder = tmp_path_factory.mktemp("alarms")
    with Facade(folder, module_database_url, more=more, ALARM_URL=f"{person.url}/alarm").running() as facade:
        yield facade


@pytest.fixture(scope="module")
def full_key(running_facade: Facade) -> str:
    """A key with every scope."""
    return running_facade.make_key(name="everything").secret


@pytest.fixture(scope="module")
def other_api(running_facade: Facade) -> Iterator[Process]:
    """An API process that has seen nothing of what another one has."""
    with running_facade.another_api() as process:
        yield process


@pytest.fixture
def everywhere(facade: Facade, other_api: Process, full_key: str) -> Iterator[list[Caller]]:
    """A caller of each API process."""
    with Caller(facade.api.url, full_key) as one, Caller(other_api.url, full_key) as other:
        yield [one, other]
