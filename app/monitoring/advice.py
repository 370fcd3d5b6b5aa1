"""Turn the calls that a problem or an alarm names into commands."""

import re
from typing import Final

_CALLS: Final = (
    (r"GET /v1/operations/(\S+?)", r"lockstitch operations show \1"),
    (r"POST /v1/operations/(\S+?)/(check|resolve)", r"lockstitch operations \2 \1"),
    (r"POST /v1/operations/(\S+?)/approve", r"lockstitch approvals approve \1"),
    (r"GET /v1/backfills/(\S+?)", r"lockstitch backfill status \1"),
    (r"GET /ops/reconciliations", "lockstitch reconcile list"),
    (r"GET /ops/erasures/(\S+?)", r"lockstitch person status \1"),
    (r"GET /v1/subscriptions/(\S+?)", r"lockstitch subscriptions show \1"),
    (r"GET /ops/dead-letters/(\S+?)", r"lockstitch dead-letters show \1"),
    (r"GET /ops/redrives/(\S+?)", r"lockstitch redrive status \1"),
    (r"GET /ops/(dead-letters|drift)", r"lockstitch \1 list"),
    (r"GET /ops/redrives", "lockstitch redrive status"),
    (r"GET /ops/queue", "lockstitch queue"),
    (r"GET /v1/subscriptions", "lockstitch subscriptions list"),
    (r"GET /v1/backfills", "lockstitch backfill status"),
    (r"GET /v1/uploads/\{connection\}/(\S+?)", r"lockstitch uploads show \1"),
    (r"GET /ops/drift/(\S+?)", "lockstitch drift list"),
    (r"GET /v1/(?:customers|orders|tickets)/(\S+?)", r"lockstitch links show \1"),
    (r"GET /ops/runs/(\S+?)", r"lockstitch runs show \1"),
    (r"GET /ops/audit\?record=(\S+?)", r"lockstitch audit list --record \1"),
    (r"GET /v1/events", "lockstitch events tail"),
    (r"POST /ops/connections/(\S+?)/resume", r"lockstitch connections resume \1"),
    (r"GET /ops/connections", "lockstitch connections list"),
)


def in_commands(text: str) -> str:
    """Return a sentence with the command for each call that has one."""
    for call, command in _CALLS:
        text = re.sub(rf"{call}(?=[.,;]?(?:\s|$))", command, text)
    return text
