"""`lockstitch drift`: what vendors changed, and that somebody has seen it."""

import sys
from typing import Annotated, Final

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from app.cli.operators import actor, usage, with_operators
from app.cli.printing import write_json
from app.cli.tables import moment, table
from app.drift_ports import DriftFilter, DriftFinding
from app.drift_rules import DriftKind
from app.flows.drift_findings import acknowledge_drift, list_drift

MOST: Final = 250

Json = Annotated[bool, Parameter(name="--json", negative=())]

drift = App(name="drift", help="Look at what vendors changed without telling.")


@drift.command(name="list")
def list_all(
    *,
    connection: str | None = None,
    kind: DriftKind | None = None,
    acknowledged: Annotated[bool, Parameter(negative=())] = False,
    limit: int = 50,
    cursor: str | None = None,
    json: Json = False,
) -> None:
    """Show findings, newest first.

    Parameters
    ----------
    connection
        Only of this connection.
    kind
        Only of this kind.
    acknowledged
        Those that somebody has acknowledged; those that nobody has when left out.
    limit
        At most so many, up to 250.
    cursor
        Go on behind this one.
    json
        As JSON.
    """
    if not 1 <= limit <= MOST:
        usage(f"--limit {limit}: 1 to {MOST}.")
    which = DriftFilter(connection=connection, kind=kind, acknowledged=acknowledged)
    page = with_operators(lambda seam: list_drift(seam, which, after=cursor, limit=limit))
    if json:
        write_json(page)
        return
    if not page.data:
        sys.stdout.write("There are no such findings.\n")
        return
    shown = table("finding", "last seen", "times", "mapping", "what")
    for finding in page.data:
        shown.add_row(*_row(finding))
    Console().print(shown)
    if page.next_cursor is not None:
        sys.stderr.write(f"There are more: --cursor {page.next_cursor}\n")


@drift.command
def acknowledge(finding_id: Annotated[str, Parameter(name="ID")], /, *, json: Json = False) -> None:
    """Say that a finding is seen: it is no news any more.

    Parameters
    ----------
    finding_id
        Which one, drf_….
    json
        As JSON.
    """
    finding = with_operators(lambda seam: acknowledge_drift(seam, finding_id, actor=actor()))
    if json:
        write_json(finding)
        return
    sys.stdout.write(f"{finding.id} is acknowledged: {finding.kind} at {finding.path} of {finding.mapping}.\n")


def _row(finding: DriftFinding) -> tuple[str | Text, ...]:
    what = f"{finding.kind} at {finding.path}: {finding.found}, not {finding.expected} ({finding.policy})"
    mapping = f"{finding.connection}\n{finding.mapping}@r{finding.revision}"
    return finding.id, moment(finding.last_seen), str(finding.count), Text(mapping), Text(what)
