"""`lockstitch drift`: list and acknowledge drift findings."""

from cyclopts import App, Parameter

from app.cli.commands import declare_action, declare_list, operators
from app.cli.tables import Cells, moment
from app.drift.deps import DriftDeps
from app.drift.findings import acknowledge_drift, list_drift
from app.drift.models import DriftFinding

drift = App(name="drift")
opened = operators(DriftDeps)
ID = Parameter(name="ID", help="The id of the finding, drf_….")


@declare_list(
    drift, opened, list_drift, ("finding", "last seen", "times", "mapping", "what"), none="No matching findings."
)
def list_row(finding: DriftFinding) -> Cells:
    """List findings, newest first."""
    what = f"{finding.kind} at {finding.path}: {finding.found}, not {finding.expected} ({finding.policy})"
    mapping = f"{finding.connection}\n{finding.mapping}@r{finding.revision}"
    return finding.id, moment(finding.last_seen), str(finding.count), mapping, what


@declare_action(drift, opened, acknowledge_drift, finding_id=ID)
def acknowledge(finding: DriftFinding) -> str:
    """Acknowledge a finding: add it to the baseline and end its alarm."""
    return f"{finding.id} is acknowledged: {finding.kind} at {finding.path} of {finding.mapping}."
