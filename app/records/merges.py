"""Follow merges at the vendor: the record that went gets the canonical id of the one that stayed."""

from app.records.deps import RecordDeps
from app.vendors.models import Connection
from canonical.parts import ObjectName


async def follow_merge(
    deps: RecordDeps, connection: Connection, object_name: ObjectName, remote_id: str, into: str
) -> None:
    """Link a merged record to the record that it became. Does nothing if that is known, or for comments."""
    if object_name == "comment":
        return
    await deps.links.merge(object_name, connection.name, remote_id, into)
    if object_name == "customer":
        await deps.matches.erase([(connection.name, remote_id)])
