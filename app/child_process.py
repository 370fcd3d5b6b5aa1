"""How a child process is started so that it cannot outlive the process that started it.

`kill -9` gives the killed process no chance to stop what it started, so the kernel has to: on Linux every child asks
(PR_SET_PDEATHSIG, prctl(2)) to be signalled when its parent is gone. Elsewhere the request does not exist and a child
outlives a parent that was killed with -9; an orderly end is the same everywhere.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import TypedDict

PR_SET_PDEATHSIG = 1

# Loaded here, once: between fork and exec nothing may be imported or looked up.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class TiedProcess(TypedDict, total=False):
    """Keyword arguments for `subprocess.Popen` and `asyncio.create_subprocess_exec`."""

    start_new_session: bool
    preexec_fn: Callable[[], None]
    user: int
    group: int
    extra_groups: list[int]


def tied_to_parent(death_signal: signal.Signals, owner: tuple[int, int] | None = None) -> TiedProcess:
    """Say how to start a child that receives `death_signal` the moment this process is gone.

    The child gets a session of its own, so that a Ctrl-C in the terminal reaches its parent alone and the parent
    decides the order in which things end. `owner` is the (uid, gid) to run as. The kernel ties the child to the
    *thread* that forks it: start it from a thread that lives as long as the process, such as the main one.
    """
    parent = os.getpid()

    def ask_for_signal() -> None:
        # A change of user clears the request, so it is made here: Popen changes the user before it calls this.
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, death_signal)
        # The parent may have died before the request was made; then nobody would ever signal us.
        if os.getppid() != parent:
            os._exit(1)

    options = TiedProcess(start_new_session=True, preexec_fn=ask_for_signal)
    if owner is not None:
        options["user"], options["group"] = owner
        options["extra_groups"] = []
    return options
