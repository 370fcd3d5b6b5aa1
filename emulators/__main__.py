"""`python -m emulators`: serve every vendor's emulator on one port."""

import argparse
import asyncio
import ctypes
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

from emulators.registry import EMULATORS
from emulators.serve import App
from emulators.store import Store
from emulators.targets import FIRST_PAUSE_MS, Target

PR_SET_PDEATHSIG = 1
PARENT_WATCH_SECONDS = 0.5


def main() -> None:
    """Read the command line and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m emulators", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default %(default)s)")
    parser.add_argument("--port", type=int, default=8090, help="port to listen at (default %(default)s)")
    parser.add_argument("--state", type=Path, default=None, help="folder that keeps all state; memory without")
    parser.add_argument("--no-calls", action="store_true", help="do not record calls (for benchmarks)")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process ends")
    parser.add_argument(
        "--webhooks",
        nargs="*",
        default=[],
        metavar="VENDOR=URL",
        help="send a vendor's webhooks there, signed with EMULATOR_<VENDOR>_WEBHOOK_SECRET of the environment; "
        "EMULATOR_<VENDOR>_WEBHOOK_OLD_SECRET is for the fault old_secret",
    )
    parser.add_argument(
        "--first-pause-ms",
        type=int,
        default=FIRST_PAUSE_MS,
        help="pause before a webhook's second try; each later pause is twice as long (default %(default)s)",
    )
    options = parser.parse_args()
    try:
        targets = [_target(option, options.first_pause_ms, os.environ) for option in options.webhooks]
    except ValueError as error:
        parser.error(str(error))
    parent = os.getppid()
    if options.die_with_parent:
        bind_life_to(parent)
    try:
        _refuse_taken_port(options.host, options.port)
    except OSError as error:
        sys.exit(f"Port {options.port} cannot be used: {error.strerror}.")
    uvloop.run(
        serve(
            options.host,
            options.port,
            options.state,
            record_calls=not options.no_calls,
            targets=targets,
            parent=parent if options.die_with_parent else None,
        )
    )


async def serve(
    host: str,
    port: int,
    state: Path | None,
    *,
    record_calls: bool = True,
    targets: Sequence[Target] = (),
    parent: int | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, or until `parent` is no longer our parent. Then end held calls and exit."""
    store = Store(state)
    app = App(EMULATORS, store, record_calls=record_calls)
    for target in targets:
        app.targets.put(target)
    server = Server(app, address=host, port=port, interface=Interfaces.ASGINL, websockets=False, log_enabled=False)

    def stop() -> None:
        app.leave()
        server.stop()  # type: ignore[no-untyped-call]

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    sending = loop.create_task(app.run())
    sending.add_done_callback(partial(_stop_on_failure, stop))
    watch = loop.create_task(_stop_without(parent, stop)) if parent is not None else None
    sys.stdout.write(f"The emulators listen at http://{host}:{port}: {', '.join(sorted(EMULATORS))}\n")
    sys.stdout.flush()
    try:
        await server.serve()
    finally:
        if watch is not None:
            watch.cancel()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        store.close()


def bind_life_to(parent: int) -> None:
    """On Linux, have the kernel kill this process when its parent dies, even by SIGKILL (prctl(2))."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before prctl was called
        sys.exit(1)


def _refuse_taken_port(host: str, port: int) -> None:
    """Raise OSError if other emulators listen at the port. Granian would share it (SO_REUSEPORT), and each process
    would get some of the requests."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _target(option: str, first_pause_ms: int, environment: Mapping[str, str]) -> Target:
    """Read `hubspot=http://…`, with the secrets of the environment. Raises ValueError with the reason."""
    vendor, _, url = option.partition("=")
    if vendor not in EMULATORS:
        raise ValueError(f"--webhooks {option}: there is no vendor {vendor}.")
    name = f"EMULATOR_{vendor.upper()}_WEBHOOK_SECRET"
    target = Target(
        vendor=vendor,
        url=url,
        secret=environment.get(name, ""),
        old_secret=environment.get(f"EMULATOR_{vendor.upper()}_WEBHOOK_OLD_SECRET") or None,
        first_pause_ms=first_pause_ms,
    )
    if not target.secret:
        raise ValueError(f"--webhooks {option} needs a secret: set {name}.")
    flaw = target.flaw()
    if flaw is not None:
        raise ValueError(f"--webhooks {option}: {flaw}")
    return target


def _stop_on_failure(stop: Callable[[], None], sending: "asyncio.Task[None]") -> None:
    """End the process if the sender of webhooks fails, so that the failure is visible."""
    if sending.cancelled() or sending.exception() is None:
        return
    logging.getLogger("emulators").critical("The work in the background broke", exc_info=sending.exception())
    stop()


async def _stop_without(parent: int, stop: Callable[[], None]) -> None:
    """Poll whether the parent is still ours, where the kernel does not report its death."""
    while os.getppid() == parent:  # noqa: ASYNC110 - no event reports it
        await asyncio.sleep(PARENT_WATCH_SECONDS)
    stop()


if __name__ == "__main__":
    main()
