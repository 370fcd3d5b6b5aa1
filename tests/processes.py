"""`--processes 6`: run the tests in processes that are forked from the one that has collected them.

Each process takes the next file when it has run one. What lives as long as the session is made once in each process.
pytest-xdist would collect in each, and takes twice as long to report a test.
"""

import os
import warnings
from collections import deque
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Final

import pytest

from tests import forked
from tests.ports import NUMBER

_CONTEXT: Final = get_context("fork")
Places = deque[int]
"""Places of tests among those of the session."""


def run_in_processes(session: pytest.Session, count: int) -> None:
    """Run what was collected in so many processes. They report to the plugins of this one."""
    files = dict[str, Places]()
    for place, item in enumerate(session.items):
        files.setdefault(item.nodeid.partition("::")[0], deque()).append(place)
    run = _Run(session, deque(files.values()))
    try:
        for number in range(min(count, len(files))):
            run.start(number)
        while run.workers:
            for connection in wait(list(run.workers)):
                assert isinstance(connection, Connection)
                run.hear(connection)
    finally:
        for connection in run.workers:
            connection.close()
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)


class _Worker:
    """A process, and the places of the tests that it has and did not report yet."""

    def __init__(self, session: pytest.Session, number: int) -> None:
        self.number = number
        self.places: Places = deque()
        self.last = 0
        self.connection, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_work, args=(session, number, theirs, self.connection))
        self.process.start()
        theirs.close()


class _Run:
    """The processes by their connections, and the files that none of them has taken."""

    def __init__(self, session: pytest.Session, files: deque[Places]) -> None:
        self.workers: dict[Connection[Any, Any], _Worker] = {}
        self._session = session
        self._hook = session.config.hook
        self._files = files

    def start(self, number: int) -> None:
        """Start a process."""
        worker = _Worker(self._session, number)
        self.workers[worker.connection] = worker
        self._give_file(worker)

    def hear(self, connection: "Connection[Any, Any]") -> None:
        """Pass on the reports of a test, or note the end of a process. A process that failed is replaced."""
        worker, message = self.workers[connection], None
        with suppress(EOFError, ConnectionResetError):
            message = connection.recv()
        if message is None:
            del self.workers[connection]
            self._bury(worker)
            return
        worker.last = worker.places.popleft()
        reports, warned = message
        for data in reports:
            report = self._hook.pytest_report_from_serializable(config=self._session.config, data=data)
            self._hook.pytest_runtest_logreport(report=report)
        for text, file, line, more in warned:
            warning = warnings.WarningMessage(text, UserWarning, file, line)
            self._hook.pytest_warning_recorded.call_historic(kwargs={"warning_message": warning, **more})
        if not worker.places:
            self._give_file(worker)

    def _give_file(self, worker: _Worker) -> None:
        """Send the places of the next file, or of none."""
        is_over = self._session.shouldfail or self._session.shouldstop or not self._files
        worker.places = deque() if is_over else self._files.popleft()
        with suppress(BrokenPipeError):  # it has ended, which the next read notices
            worker.connection.send(list(worker.places))

    def _bury(self, worker: _Worker) -> None:
        """Wait for the end of a process. If it failed, its test has failed."""
        worker.process.join()
        worker.connection.close()
        if not worker.places and worker.process.exitcode == 0:
            return
        item = self._session.items[worker.places.popleft() if worker.places else worker.last]
        text = f"The process of this test ended with {worker.process.exitcode}."
        self._hook.pytest_runtest_logreport(
            report=pytest.TestReport(item.nodeid, item.location, {}, "failed", longrepr=text, when="teardown")
        )
        if worker.places:
            self._files.appendleft(worker.places)
            self.start(worker.number)


class _Reports:
    """A plugin that collects the reports and the warnings of a test."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._reports: list[object] = []
        self._warnings: list[tuple[str, str, int, dict[str, Any]]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._reports.append(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

    def pytest_warning_recorded(
        self,
        warning_message: warnings.WarningMessage,
        when: str,
        nodeid: str,
        location: tuple[str, int, str] | None,
    ) -> None:
        text = f"{warning_message.category.__name__}: {warning_message.message}"
        more = {"when": when, "nodeid": nodeid, "location": location}
        self._warnings.append((text, warning_message.filename, warning_message.lineno, more))

    def take(self) -> tuple[list[object], list[tuple[str, str, int, dict[str, Any]]]]:
        """Return them and forget them."""
        taken = self._reports, self._warnings
        self._reports, self._warnings = [], []
        return taken


def _work(
    session: pytest.Session, number: int, connection: "Connection[Any, Any]", parents: "Connection[Any, Any]"
) -> None:
    """Run files until there are none."""
    parents.close()
    os.environ[NUMBER] = f"gw{number}"
    forked.share()
    reports = _Reports(session.config)
    _make_own(session.config, number, reports)
    try:
        with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):  # the parent has ended
            while places := connection.recv():
                _run_file(session, [session.items[place] for place in places], reports, connection)
    finally:
        session._setupstate.teardown_exact(None)


def _make_own(config: pytest.Config, number: int, reports: _Reports) -> None:
    """Give a process output, temporary folders and reports of its own."""
    plugins = config.pluginmanager
    plugins.unregister(name="terminalreporter")
    plugins.register(reports)
    capture = plugins.getplugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    folders: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
    folders._basetemp = folders.getbasetemp() / f"gw{number}"
    folders._basetemp.mkdir(mode=0o700, exist_ok=True)


def _run_file(
    session: pytest.Session, items: list[pytest.Item], reports: _Reports, connection: "Connection[Any, Any]"
) -> None:
    for item, following in zip(items, [*items[1:], session], strict=True):
        # After the last test everything ends but what lives as long as the session.
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        connection.send(reports.take())
        if session.shouldfail or session.shouldstop:
            raise EOFError
