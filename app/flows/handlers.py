"""Which story each kind of job is, and how patient the queue is with it."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from app.flows import deliver, ingest
from app.flows.seam import Seam
from app.queue_ports import Handler, JobPolicy

POLICIES: Final[Mapping[str, JobPolicy]] = {
    "ingest": ingest.POLICY,
    "deliver": deliver.POLICY,
}


def handlers_of(seam: Seam) -> Mapping[str, Handler]:
    """A handler for each kind, working through these ports."""
    return {
        "ingest": partial(ingest.ingest, seam),
        "deliver": partial(deliver.deliver, seam),
    }
