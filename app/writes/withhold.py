"""What a caller without the read scope of an object gets of a write: ids, `meta`, and the values as they sent them.

The recorded answer is the whole one. It is narrowed where it leaves, so a replay is byte for byte the same for a key
with equal scopes. Details of losses, and what a vendor says of a conflict, may quote stored values: they are replaced.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import replace

from app.http.callers import Caller
from app.http.plurals import READ_SCOPE
from app.problem_document import Problem, ProblemDocument, VendorSays
from app.writes.approval import APPROVES
from app.writes.models import Answer, Intent, Operation, OperationView
from canonical.output_only import READING
from canonical.parts import Loss, ObjectName, ResourceMeta

IDS: Final = ("id", "remote_id", "ticket_id")
"""The members of an answer that name the record."""
PATCHES: Final = {reading.__name__.lower(): patch for patch, reading in READING.items()}
SENDING: Final = ("create", "update", "upsert", "comment")
"""The actions whose body has fields of the record."""
CONFLICTS: Final = ("duplicate-record", "version-conflict")
"""Problems in which a vendor compares what was sent with what it stores."""
PLAIN: Final[Mapping[str, str]] = {
    "dropped": "is not stored",
    "truncated": "is stored shortened",
    "coerced": "is stored as another value",
    "defaulted": "has a value that was not sent",
    "folded": "is part of another value",
    "ambiguous": "has several readings",
}
"""What is said of a loss instead of its detail."""


class WithheldRecord(Struct, frozen=True, kw_only=True):
    """The answer to a write for a key without the read scope of the object: ids, `meta`, and next to them the values
    exactly as they were sent. Details in `meta.loss` quote nothing."""

    id: str | UnsetType = UNSET
    """Canonical id of the record. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    remote_id: str | UnsetType = UNSET
    """The vendor's id of a comment, which has no canonical id. Example: `"31400000"`"""
    ticket_id: str | UnsetType = UNSET
    """Canonical id of the ticket of a comment. Example: `"tkt_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    meta: ResourceMeta
    """Where the record is."""


def sent_values(intent: Intent) -> bytes:
    """Return the values of a recorded write as its caller sent them, a JSON object. A copy was sent none."""
    if intent.copy_of is not None or intent.edits_tags or intent.action not in SENDING:
        return b"{}"
    return intent.sent or intent.body


def withhold_answer(answer: Answer, object_name: ObjectName, sent: bytes) -> Answer:
    """Return the answer to a write without stored values. `sent` is the body of the write."""
    if answer.status >= 400:
        document = withhold_problem(msgspec.json.decode(answer.body, type=ProblemDocument), object_name)
        return replace(answer, body=msgspec.json.encode(document))
    return replace(answer, body=_withheld_resource(answer.body, object_name, sent))


def withhold_problem(document: ProblemDocument, object_name: ObjectName) -> ProblemDocument:
    """Return a problem without the vendor's words about what it stores."""
    if document.code not in CONFLICTS or document.vendor is UNSET:
        return document
    vendor = replace(document.vendor, detail=None)
    return replace(document, detail=_of_conflict(document.title, vendor, object_name), vendor=vendor)


def withhold_raised(problem: Problem, object_name: ObjectName) -> None:
    """Remove the same from a problem that is raised."""
    if problem.code in CONFLICTS and problem.vendor is not None:
        problem.vendor = replace(problem.vendor, detail=None)
        problem.detail = _of_conflict(problem.title, problem.vendor, object_name)


def may_approve(caller: Caller, operation: Operation) -> bool:
    """Return whether a caller may see an operation because they may approve it, or could have."""
    return operation.approval is not None and APPROVES in caller.scopes


def view_for(caller: Caller, operation: Operation, view: OperationView) -> OperationView:
    """Return the view of an operation as this caller may see it."""
    if READ_SCOPE[operation.object] in caller.scopes:
        return view
    is_own = operation.principal == caller.principal
    return withheld_view(operation, view, is_own=is_own, approves=may_approve(caller, operation))


def withheld_view(operation: Operation, view: OperationView, *, is_own: bool, approves: bool = False) -> OperationView:
    """Return the view without stored values. What was sent is shown to those who sent it, and to those who approve
    it."""
    result = view.result
    if isinstance(result, Raw):
        sent = sent_values(operation.intent) if is_own else b"{}"
        result = Raw(_withheld_resource(bytes(result), operation.object, sent))
    problem = UNSET if view.problem is UNSET else withhold_problem(view.problem, operation.object)
    approval = view.approval
    if approval is not UNSET:
        # The values of a copy are those that another system stores.
        shows = (is_own or approves) and operation.intent.copy_of is None
        values, loss = approval.values if shows else UNSET, tuple(map(withheld_loss, approval.loss))
        approval = replace(approval, values=values, loss=loss)
    return replace(view, result=result, problem=problem, approval=approval)


def _withheld_resource(body: bytes, object_name: ObjectName, sent: bytes) -> bytes:
    members = msgspec.json.decode(body, type=dict[str, Raw])
    writable = PATCHES[object_name].__struct_encode_fields__
    values = msgspec.json.decode(sent, type=dict[str, Raw]) if sent else {}
    allowed: dict[str, Any] = {name: members[name] for name in IDS if name in members}
    allowed |= {name: value for name, value in values.items() if name in writable}
    return msgspec.json.encode({**allowed, "meta": _withheld_meta(members["meta"])})


def _withheld_meta(meta: Raw) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.json.decode(meta, type=dict[str, Raw])
    if "loss" in members:
        members["loss"] = [withheld_loss(one) for one in msgspec.json.decode(members["loss"], type=list[Loss])]
    return members


def withheld_loss(loss: Loss) -> Loss:
    """Return a loss whose detail quotes nothing."""
    return replace(loss, detail=PLAIN.get(loss.kind, "is stored in another way"))


def _of_conflict(title: str, vendor: VendorSays, object_name: ObjectName) -> str:
    existing = "" if vendor.existing is UNSET else f" It is {vendor.existing}."
    return f"{title}.{existing} A key with {READ_SCOPE[object_name]} sees the vendor's words."
