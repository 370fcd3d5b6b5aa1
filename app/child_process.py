"""Start a child process that cannot outlive its parent.

A process killed with `kill -9` cannot stop its children, so the kernel has to: on Linux, each child requests a signal
for the death of its parent (PR_SET_PDEATHSIG, prctl(2)). Other systems have no such request, and a child outlives a
parent that was killed with -9. A normal shutdown works the same everywhere.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import TypedDict

PR_SET_PDEATHSIG = 1

# Loaded once, because nothing may be imported or looked up between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class TiedProcess(TypedDict, total=False):
    """Keyword arguments for `subprocess.Popen` and `asyncio.create_subprocess_exec`."""

    start_new_session: bool
    preexec_fn: Callable[[], None]
    user: int
    group: int
    extra_groups: list[int]


def tied_to_parent(death_signal: signal.Signals, owner: tuple[int, int] | None = None) -> TiedProcess:
    """Return the arguments that start a child which receives `death_signal` when this process dies.

    The child gets its own session, so that Ctrl-C in the terminal reaches only the parent, which then stops its
    children in order. `owner` is the (uid, gid) to run as. The kernel ties the child to the *thread* that forks it:
    start it from a thread that lives as long as the process, such as the main thread.
    """
    parent = os.getpid()

    def request_death_signal() -> None:
        # A change of user clears the request. Popen calls this function after it has changed the user.
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, death_signal)
        # If the parent died before the request, the signal would never arrive.
        if os.getppid() != parent:
            os._exit(1)

    options = TiedProcess(start_new_session=True, preexec_fn=request_death_signal)
    if owner is not None:
        options["user"], options["group"] = owner
        options["extra_groups"] = []
    return options
