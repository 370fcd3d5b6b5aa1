"""`lockstitch drift`: list and acknowledge drift findings."""

from cyclopts import App, Parameter

from app.cli.commands import declare_action, declare_list, operators
from app.cli.tables import Cells, moment
from app.drift.deps import DriftDeps
from app.drift.findings import acknowledge_drift, list_drift
from app.drift.models import DriftFinding
from app.http.plurals import counted

drift = App(name="drift")
opened = operators(DriftDeps)
ID = Parameter(name="ID", help="The id of the finding, drf_….")


@declare_list(drift, opened, list_drift, ("finding, mapping", "last seen", "what"), none="No matching findings.")
def list_row(finding: DriftFinding) -> Cells:
    """List findings, newest first."""
    what = f"{finding.kind} at {finding.path}: {finding.found}, expected {finding.expected} ({finding.policy})"
    mapping = f"{finding.id}\n{finding.connection} {finding.mapping}@r{finding.revision}"
    return mapping, f"{moment(finding.last_seen)}\n{counted(finding.count, 'time')}", what


@declare_action(drift, opened, acknowledge_drift, finding_id=ID)
def acknowledge(finding: DriftFinding) -> str:
    """Acknowledge a finding: add it to the baseline and end its alarm."""
    what = f"{finding.id} is acknowledged: {finding.kind} at {finding.path} of {finding.mapping}."
    if finding.kind in ("changed_type", "missing_field"):
        what += "\nReads that fail with vendor-drift still do: the mapping needs a revision."
    return what
