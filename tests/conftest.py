"""One PostgreSQL for the whole run; a fresh, migrated database for each test that asks for one.

The server is embedded, unless LOCKSTITCH_TEST_DATABASE_URL names the database of a superuser on another one, which the
tests have for themselves: so another version of PostgreSQL is tried. In one process then (`ARGS="-n 1"`), as an open
transaction of another one would hold up what waits for the end of all.
"""

import asyncio
import fcntl
import gc
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from _pytest.runner import runtestprotocol
from hypothesis import settings

from app.postgres.database import Database
from app.postgres.embedded import EmbeddedPostgres
from app.postgres.embedded_owner import choose_owner, claim_folder
from app.postgres.migrate import migrate
from tests.closing import async_closing
from tests.formats import ADD_FORMATS
from tests.open_folder import open_folder

ANOTHER_SERVER = "LOCKSTITCH_TEST_DATABASE_URL"
TEMPLATE = "lockstitch_template"

# Files that take long by themselves, the longest first. They begin first: left to the end, one of them would keep one
# process busy while the others have nothing to do.
LENGTHY = (
    *("tests/contract/test_portability.py", "tests/contract/test_write_and_read.py"),
    *("tests/walks/test_dropped_webhooks.py", "tests/contract/test_two_way_pulls.py"),
    *("tests/contract/test_schemathesis.py", "tests/contract/test_copies_state_machine.py"),
    *("tests/contract/alarms/test_database.py", "tests/contract/alarms/test_vendors.py"),
    *("tests/contract/test_sent_once_more.py", "tests/contract/async_writes/test_queued.py"),
    *("tests/crash/", "tests/dev/", "tests/linear_time/"),
    *("tests/walks/test_killed_pulls.py", "tests/walks/test_dead_walks.py", "tests/walks/test_database_restarts.py"),
    "tests/contract/test_two_way_changes.py",
    *("tests/contract/test_waiting.py", "tests/contract/alarms/test_webhooks.py"),
    "tests/contract/test_shared_budget.py",
    *("tests/contract/test_drift_everywhere.py", "tests/contract/test_alarms.py"),
    "tests/contract/test_fan_out_dead_letters.py",
    *("tests/repository/test_new_vendor.py", "tests/walks/test_backfill.py", "tests/walks/test_reconcile.py"),
    "tests/walks/test_pull.py",
)
# Their tests wait for other processes most of the time.
WAITING = ("tests/contract/", "tests/crash/", "tests/dev/", "tests/queue/", "tests/walks/")
LASTING = "session_database_url"
COMPILERS = 2
# The tests make many objects and few cycles: with Python's own threshold the collector takes a tenth of their time.
OBJECTS_BETWEEN_COLLECTIONS = 50_000
SHORTEST_PHASE = 0.005
"""What `--durations` leaves out takes fewer seconds."""

# What holds for all inputs is tried with this many of them, however long one takes on a busy machine. The ordinary ones
# are the same every time, so that a change fails for what it changes; the thorough ones of `make test-long` are new
# each time.
settings.register_profile("ordinary", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("LOCKSTITCH_HYPOTHESIS", "ordinary"))

# Nothing of a test run has to survive a power cut.
FAST_AND_LOOSE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_wal_size": "128MB",
}


def pytest_configure(config: pytest.Config) -> None:
    """Compile what is not compiled yet, on two cores, before several processes start: each would compile the product
    and what it uses by itself."""
    is_alone = (config.getoption("numprocesses", None) or 0) <= COMPILERS
    if hasattr(config, "workerinput") or is_alone or sys.dont_write_bytecode:
        return
    files = [file for file in _test_files(config) if not _is_compiled(file)]
    parts = [files[number::COMPILERS] for number in range(COMPILERS)]
    compilers = [_fork(partial(_import, part, config)) for part in parts if part]
    for compiler in compilers:
        os.waitpid(compiler, 0)


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Collect without garbage collection, which would find nothing."""
    gc.disable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the long files in front. Several processes then take files that wait and files that compute by turns, so that
    the machine is never idle; in one process the order is otherwise kept. Files that use what lives as long as the run
    come last, as it takes time until the end even when nobody uses it."""
    files = dict.fromkeys(map(_file_of, items))
    turns, places = {file: _turn_of(file) for file in files}, dict[str, float]()
    if hasattr(config, "workerinput"):
        lasting = {_file_of(item) for item in items if LASTING in getattr(item, "fixturenames", ())}
        waiting = [file for file in files if file.startswith(WAITING)]
        waiting.sort(key=lambda file: (file in lasting, turns[file]))
        computing = [file for file in files if not file.startswith(WAITING)]
        places = {file: place / len(group) for group in (waiting, computing) for place, file in enumerate(group)}
        turns |= dict.fromkeys(lasting, len(LENGTHY))
    items.sort(key=lambda item: (turns[_file_of(item)], places.get(_file_of(item), 0.0)))


def pytest_collection_finish() -> None:
    """Leave what was collected out of garbage collection: ten thousand tests would be scanned again and again. The
    garbage among it stays too, as finding it takes half a second in each process."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    gc.enable()


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """In one of several processes, report a test once to the first process, and besides only a set-up or an end that
    failed or took long: six messages about each test cost more than most tests."""
    if not hasattr(item.config, "workerinput"):
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed or report.duration >= SHORTEST_PHASE:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


def _test_files(config: pytest.Config) -> list[Path]:
    places = [Path(argument.partition("::")[0]) for argument in config.args]
    return [file for place in places for file in ([place] if place.is_file() else sorted(place.rglob("test_*.py")))]


def _is_compiled(file: Path) -> bool:
    return any((file.parent / "__pycache__").glob(f"{file.stem}.*-pytest-*.pyc"))


def _import(files: list[Path], config: pytest.Config) -> None:
    gc.disable()
    for file in files:
        with suppress(Exception, pytest.skip.Exception):  # reported when the file is collected
            import_module(".".join(file.resolve().relative_to(config.rootpath).with_suffix("").parts))


def _fork(work: Callable[[], None]) -> int:
    """Return the process id of a child that does this work and ends."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def _turn_of(file: str) -> int:
    """Return the place of a file among the long ones, or the place after them."""
    places = (place for place, name in enumerate(LENGTHY) if file.startswith(name))
    return next(places, len(LENGTHY))


def _file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that asynchronous tests run on."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_url(run_folder: Path) -> Iterator[str]:
    """The URL of a database on the run's server; the template database beside it is migrated."""
    with _server(run_folder) as url:
        yield url


@pytest.fixture(scope="session")
def lively_postgres_url(run_folder: Path) -> Iterator[str]:
    """The same on a server for processes that live on from test to test: their transactions would hold up what waits
    for the end of all. Each of their connections plans a statement once, as after some use, and not anew at first."""
    with _server(run_folder, plan_cache_mode="force_generic_plan") as url:
        yield url


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def _server(run_folder: Path, **settings: str) -> Iterator[str]:
    another = os.environ.get(ANOTHER_SERVER)
    if another is not None:
        _make_template(another)
        yield another
        _dismiss(another)
        return
    folder = open_folder("lockstitch-test-")
    try:
        _lay_cluster(folder, run_folder)
        server = EmbeddedPostgres(folder / "postgres", FAST_AND_LOOSE | settings)
        with server.running(folder / "postgres.log") as url:
            yield url
            _dismiss(url)
    finally:
        shutil.rmtree(folder)


def _lay_cluster(folder: Path, run_folder: Path) -> None:
    """Copy the run's cluster, which has the template database, into `folder`. The first process to need it makes it:
    to make one costs as much as to copy ten."""
    prepared = run_folder / "cluster"
    with (run_folder / "cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not prepared.exists():
            first = EmbeddedPostgres(folder / "first", FAST_AND_LOOSE)
            with first.running(folder / "first.log") as url:
                _make_template(url)
                _dismiss(url)
            _copy(first.folder / "data", unfinished := run_folder / "unfinished")
            unfinished.rename(prepared)
            shutil.rmtree(first.folder)
    target = folder / "postgres"
    _copy(prepared, claim_folder(target, choose_owner(target)) / "data")


def _copy(source: Path, target: Path) -> None:
    """Copy a folder with its owner."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """A database with nothing in it."""
    yield from _made_from(postgres_url, "template0")


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """A database with the schema of this version and no rows."""
    yield from _made_from(postgres_url, TEMPLATE)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Lockstitch's own connections to a database with no rows."""
    opened = await Database.connect(database_url, max_size=16, connect_timeout=60.0, acquire_timeout=60.0)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def session_database_url(lively_postgres_url: str) -> Iterator[str]:
    """One migrated database for processes that live as long as the run."""
    yield from _made_from(lively_postgres_url, TEMPLATE)


@pytest.fixture(scope="module")
def module_database_url(lively_postgres_url: str) -> Iterator[str]:
    """One migrated database for processes of their own that a module starts."""
    yield from _made_from(lively_postgres_url, TEMPLATE)


@pytest.fixture
def logged(run_folder: Path) -> Iterator[tuple[str, Path]]:
    """A server of its own with an empty database, and the log of its statements with the names of applications
    and the numbers of processes."""
    folder = open_folder("lockstitch-test-")
    settings = {**FAST_AND_LOOSE, "log_statement": "all", "log_line_prefix": "%a %p "}
    try:
        _lay_cluster(folder, run_folder)
        with EmbeddedPostgres(folder / "postgres", settings).running(folder / "postgres.log") as url:
            yield url, folder / "postgres.log"
    finally:
        shutil.rmtree(folder)


def _make_template(server_url: str) -> None:
    _administer(server_url, f"DROP DATABASE IF EXISTS {TEMPLATE}")
    _administer(server_url, f"CREATE DATABASE {TEMPLATE}")
    template = _with_database(server_url, TEMPLATE)
    asyncio.run(migrate(template))
    asyncio.run(_add_formats(template))


async def _add_formats(url: str) -> None:
    async with async_closing(asyncpg.connect(url)) as connection:
        await connection.execute(ADD_FORMATS)


def _made_from(server_url: str, template: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{uuid4().hex[:12]}"
    # A copy of the files costs half of what a copy through the log does, and there is nothing to recover.
    _administer(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield _with_database(server_url, name)
    _administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _with_database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


_administrators: dict[str, tuple[asyncio.Runner, "asyncpg.Connection[asyncpg.Record]"]] = {}
"""By the server's URL. A connection costs as much as a database: each is kept as long as its server runs."""


def _administer(url: str, statement: str) -> None:
    if url not in _administrators:
        runner = asyncio.Runner()
        _administrators[url] = (runner, runner.run(asyncpg.connect(url)))
    runner, connection = _administrators[url]
    runner.run(connection.execute(statement))


def _dismiss(url: str) -> None:
    if url not in _administrators:
        return
    runner, connection = _administrators.pop(url)
    runner.run(connection.close())
    runner.close()
