"""Record whether the running job asks its vendor anything. One that asks nothing returns the token of its lane."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(kw_only=True)
class VendorCalls:
    """What one attempt at a job has asked. Tasks that it starts share it."""

    any: bool = False


_running: ContextVar[VendorCalls | None] = ContextVar("vendor_calls", default=None)


def count_vendor_calls() -> VendorCalls:
    """Begin to record for the job of the current task."""
    calls = VendorCalls()
    _running.set(calls)
    return calls


def note_vendor_call() -> None:
    """Record that a request is about to be sent to a vendor. Does nothing outside a job."""
    calls = _running.get()
    if calls is not None:
        calls.any = True
