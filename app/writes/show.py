"""Show a dead write to operators: the request, its target, and the refusal."""

from typing import Any

from msgspec import Struct

from app.dependencies import Dependencies
from app.problem_document import ProblemDocument
from app.queue.kinds import Shown, legible
from app.writes.deps import OperationDeps
from canonical.parts import ObjectName
from mappings.spec import Action


class DeadWrite(Struct, frozen=True, kw_only=True):
    """`request` is the path that the caller called, `body` what they sent, `problem` the refusal, if there is one."""

    operation: str
    object: ObjectName
    action: Action
    connection: str
    remote_id: str | None
    request: str
    body: Any
    problem: ProblemDocument | None


async def show_write(dependencies: Dependencies, payload: bytes) -> Shown:
    """Show the operation that a payload names. Raises SealBroken."""
    operation = await dependencies.of(OperationDeps).find_operation(payload.decode())
    if operation is None:
        return Shown(payload=legible(payload), note="Its operation is gone: retention has removed it.")
    intent = operation.intent
    return Shown(
        payload=DeadWrite(
            operation=operation.id,
            object=operation.object,
            action=operation.action,
            connection=operation.connection,
            remote_id=intent.remote_id or intent.parent,
            request=intent.instance,
            body=legible(intent.body) if intent.body else None,
            problem=operation.problem,
        ),
        note=f"GET /v1/operations/{operation.id} shows how far it has come.",
    )
