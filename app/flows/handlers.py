"""Which story each kind of job is, and how patient the queue is with it."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from app.flows import deliver, ingest, queued_writes
from app.flows.seam import Seam
from app.queue_ports import Handler, JobPolicy

POLICIES: Final[Mapping[str, JobPolicy]] = {
    queued_writes.KIND: queued_writes.POLICY,
    queued_writes.ABANDON: queued_writes.ABANDON_POLICY,
    "ingest": ingest.POLICY,
    "deliver": deliver.POLICY,
}


def handlers_of(seam: Seam) -> Mapping[str, Handler]:
    """A handler for each kind, working through these ports."""
    return {
        queued_writes.KIND: partial(queued_writes.carry_out, seam),
        queued_writes.ABANDON: partial(queued_writes.abandon, seam),
        "ingest": partial(ingest.ingest, seam),
        "deliver": partial(deliver.deliver, seam),
    }
