"""The first host of the database's URL is silent, as one that is cut off: every process and command is ready in 5 s."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.commands import lockstitch
from tests.contract.facade import Facade
from tests.postgres.relay import over_tcp_in_thread

SECONDS = 5.0


@contextmanager
def silent_host() -> Iterator[int]:
    """A port that never answers the packets of further connections: its backlog is full."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        is_full = False
        while not is_full:
            client = stack.enter_context(socket.socket())
            client.settimeout(0.5)
            try:
                client.connect(server.getsockname())
            except TimeoutError:
                is_full = True
        yield server.getsockname()[1]


@pytest.fixture
def facade(tmp_path: Path, database_url: str) -> Iterator[Facade]:
    """Processes without connections that reach the database by a URL with a silent host first."""
    config = tmp_path / "none.toml"
    config.touch()
    lockstitch("--help")  # the imports, which all processes of the tests share, are no part of the limit
    parts = urlsplit(database_url)
    with silent_host() as silent, over_tcp_in_thread(database_url) as port:
        hosts = f"{parts.username or 'postgres'}@127.0.0.1:{silent},127.0.0.1:{port}"
        url = parts._replace(netloc=hosts, query="").geturl()
        yield Facade(tmp_path, database_url, LOCKSTITCH_DATABASE_URL=url, LOCKSTITCH_CONFIG=str(config))


def seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


@pytest.mark.long  # the limit holds on a machine that does nothing else
@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_process_is_ready(facade: Facade, command: str) -> None:
    process = facade.process(command)
    try:
        assert seconds(process.start) < SECONDS
    finally:
        process.stop()


@pytest.mark.long
@pytest.mark.parametrize("command", ["migrate", "key list", "doctor"])
def test_a_command_ends(facade: Facade, command: str) -> None:
    def run() -> None:
        done = lockstitch(*command.split(), environment=facade.api.environment)
        assert "does not answer" not in done.stdout + done.stderr
        assert done.returncode == (command == "doctor"), done.stdout + done.stderr  # which finds no worker

    assert seconds(run) < SECONDS
