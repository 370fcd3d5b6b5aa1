"""Which story each kind of job is, and how patient the queue is with it."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from app.events import deliver
from app.queue.models import Handler, JobPolicy
from app.seam import Seam
from app.webhooks import ingest
from app.writes import queued

POLICIES: Final[Mapping[str, JobPolicy]] = {
    queued.KIND: queued.POLICY,
    queued.ABANDON: queued.ABANDON_POLICY,
    "ingest": ingest.POLICY,
    "deliver": deliver.POLICY,
}


def handlers_of(seam: Seam) -> Mapping[str, Handler]:
    """A handler for each kind, working through these ports."""
    return {
        queued.KIND: partial(queued.carry_out, seam),
        queued.ABANDON: partial(queued.abandon, seam),
        "ingest": partial(ingest.ingest, seam),
        "deliver": partial(deliver.deliver, seam),
    }
