"""Processes of the product, forked from one that has imported it already: each costs a second of CPU less to start.

They are processes like any other: killed with -9, with an environment, a folder and streams of their own. Only the
imports are shared. Tests of a start itself (`tests/crash`, `tests/dev`) start theirs the ordinary way.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_CONTEXT: Final = multiprocessing.get_context("forkserver")
# The commands themselves are left out: what they read while they are imported is theirs.
_CONTEXT.set_forkserver_preload(
    [
        *("app.api", "app.worker", "emulators.registry", "emulators.serve", "cyclopts", "rich.console", "rich.table"),
        *("phonenumbers", "babel.core", "email_validator", "app.wiring.operators", "app.capabilities"),
        *("anyio._backends._asyncio", "httpcore"),  # which httpx imports when a client is made
        # what Litestar imports when an application is made, and telemetry when it is set up
        *("litestar.plugins.pydantic", "litestar.plugins.attrs", "litestar.routes.http"),
        *("litestar.exceptions.responses", "litestar.middleware._internal.exceptions", "litestar._kwargs"),
        *("litestar.middleware.allowed_hosts", "litestar.middleware.csrf", "litestar.middleware.response_cache"),
        *("app.telemetry.provider", "app.telemetry.exporters", "app.telemetry.logs"),
        *("app.egress.transport", "app.links.manage", "app.events.store.replays", "httpx_aiohttp"),
        *("starlette.exceptions", "cyclopts.validators", "app.dev.folder", "app.child_process"),
        "tests.forked_last",
    ]
)
_FLAGS: Final = (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT | os.O_APPEND] * 2)


class Forked:
    """`python -m module arguments…`, with the methods of `subprocess.Popen` that tests use.

    `streams` are the files that it has as its standard input, output and error."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        streams: tuple[Path, Path, Path],
    ) -> None:
        self._command = [module, *arguments]
        self._process = _CONTEXT.Process(
            target=_run, args=(self._command, dict(environment), folder, streams), daemon=True
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit code, awaited. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self.returncode
        if code is None:
            raise subprocess.TimeoutExpired(self._command, timeout)
        return code

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.terminate()


def _run(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, streams: tuple[Path, Path, Path]
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background processes with it ignored
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, (path, flags) in enumerate(zip(streams, _FLAGS, strict=True)):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
    sys.argv = list(command)
    try:
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()
