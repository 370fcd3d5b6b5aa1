"""`lockstitch drift`: list and acknowledge drift findings."""

from typing import Annotated

from cyclopts import App, Parameter
from rich.text import Text

from app.cli.listing import Cells, check_limit, show_page
from app.cli.operators import actor, with_operators
from app.cli.printing import Flag, Json, print_result
from app.cli.tables import moment, table
from app.drift.deps import DriftDeps
from app.drift.findings import acknowledge_drift, list_drift
from app.drift.models import DriftFilter, DriftFinding
from app.settings.drift import DriftKind

drift = App(name="drift", help="List and acknowledge unannounced changes at vendors.")


@drift.command(name="list")
def list_all(
    *,
    connection: str | None = None,
    kind: DriftKind | None = None,
    acknowledged: Flag = False,
    limit: int = 50,
    cursor: str | None = None,
    json: Json = False,
) -> None:
    """List findings, newest first.

    Parameters
    ----------
    connection
        Only findings of this connection.
    kind
        Only findings of this kind.
    acknowledged
        Only acknowledged findings. Without it, only open ones.
    limit
        The maximum number of findings, up to 250.
    cursor
        Continue after this cursor.
    json
        Print JSON.
    """
    check_limit(limit)
    which = DriftFilter(connection=connection, kind=kind, acknowledged=acknowledged)
    page = with_operators(DriftDeps, lambda deps: list_drift(deps, which, after=cursor, limit=limit))
    shown = table("finding", "last seen", "times", "mapping", "what")
    show_page(page, shown, _row, none="No matching findings.", json=json)


@drift.command
def acknowledge(finding_id: Annotated[str, Parameter(name="ID")], /, *, json: Json = False) -> None:
    """Acknowledge a finding: add it to the baseline and end its alarm.

    Parameters
    ----------
    finding_id
        The id of the finding, drf_….
    json
        Print JSON.
    """
    finding = with_operators(DriftDeps, lambda deps: acknowledge_drift(deps, finding_id, actor=actor()))
    print_result(
        finding, f"{finding.id} is acknowledged: {finding.kind} at {finding.path} of {finding.mapping}.", json=json
    )


def _row(finding: DriftFinding) -> Cells:
    what = f"{finding.kind} at {finding.path}: {finding.found}, not {finding.expected} ({finding.policy})"
    mapping = f"{finding.connection}\n{finding.mapping}@r{finding.revision}"
    return finding.id, moment(finding.last_seen), str(finding.count), Text(mapping), Text(what)
