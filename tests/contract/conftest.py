"""One running Lockstitch for all contract tests. Every test leaves the vendors without faults."""

from collections.abc import Iterator

import pytest

from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.operator import Operator
from tests.contract.samples import word
from tests.contract.subscribers import Delivering, delivering_over, owning
from tests.contract.webhook_driver import WebhookDriver


@pytest.fixture(scope="session")
def running_facade(tmp_path_factory: pytest.TempPathFactory, session_database_url: str) -> Iterator[Facade]:
    """The processes, started once."""
    facade = Facade(tmp_path_factory.mktemp("facade"), session_database_url)
    try:
        facade.start()
        yield facade
    finally:
        facade.stop()


@pytest.fixture
def facade(running_facade: Facade) -> Iterator[Facade]:
    """The running Lockstitch, with vendors without faults."""
    yield running_facade
    running_facade.vendors.mend()


@pytest.fixture
def vendors(facade: Facade) -> Emulators:
    """The vendors' emulators."""
    return facade.vendors


@pytest.fixture(scope="session")
def full_key(running_facade: Facade) -> str:
    """A key with every scope."""
    return running_facade.make_key(name="everything").secret


@pytest.fixture
def caller(facade: Facade, full_key: str) -> Iterator[Caller]:
    """A caller with every scope."""
    with Caller(facade.api.url, full_key) as calling:
        yield calling


@pytest.fixture
def tel() -> list[str]:
    """Three numbers that no other customer has."""
    start = int(word()[1:], 16) % 9000
    return [f"+4411749{start + step:05}" for step in range(3)]


@pytest.fixture
def anonymous(facade: Facade) -> Iterator[Caller]:
    """A caller without a key."""
    with Caller(facade.api.url, None) as calling:
        yield calling


@pytest.fixture(scope="session")
def console_operator(running_facade: Facade) -> Iterator[Operator]:
    """A browser at the console, signed in with a key that may act."""
    with Operator(running_facade.api.url) as browser:
        browser.sign_in(running_facade.make_key("ops:read", "ops:write").secret)
        yield browser


@pytest.fixture(scope="session")
def console_reader(running_facade: Facade) -> Iterator[Operator]:
    """A browser at the console, signed in with a key that may only read."""
    with Operator(running_facade.api.url) as browser:
        browser.sign_in(running_facade.make_key("ops:read").secret)
        yield browser


@pytest.fixture
def reader(facade: Facade) -> Iterator[Caller]:
    """A caller who may look at everything and change nothing."""
    with facade.calling("ops:read") as calling:
        yield calling


@pytest.fixture
def driver(facade: Facade, caller: Caller) -> WebhookDriver:
    """Send webhooks and wait for their Events."""
    return WebhookDriver(facade, caller)


@pytest.fixture(scope="module")
def delivering(tmp_path_factory: pytest.TempPathFactory, lively_postgres_url: str) -> Iterator[Delivering]:
    """A Lockstitch of this module that delivers."""
    with delivering_over(lively_postgres_url, tmp_path_factory.mktemp("delivering")) as running:
        yield running


@pytest.fixture
def owner(delivering: Delivering) -> Iterator[Caller]:
    """A caller of it who may do everything."""
    with owning(delivering) as calling:
        yield calling
