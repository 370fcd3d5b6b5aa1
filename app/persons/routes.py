"""HTTP operations of persons."""

from typing import Final

from app.http.operation import Call, JsonBody, operation
from app.http.parameters import PathText
from app.http.responses import Answered, json_response
from app.persons import erase, export
from app.persons.deps import PersonDeps
from app.persons.models import EraseOrder, Erasure, ErasurePreview, PersonExport, PersonName

TAG: Final = "Operators"
WRITE: Final = ("ops:write",)
ID: Final = PathText("id", "The erasure's id.", "era_0198f0a2b7c47d3c9a51f2e80b6c4d17")
ERASE: Final = JsonBody(into=EraseOrder, example={"email": "ann@example.com", "dry_run": False})
EXPORT: Final = JsonBody(into=PersonName, example={"email": "ann@example.com"})


@operation("POST", "/ops/persons/export", tag=TAG, scopes=WRITE, body=EXPORT, problems=("not-found", "state-conflict"))
async def export_person(call: Call) -> PersonExport:
    """Export what is stored about a person.

    Names every row that is about the person, or has an address or id of theirs, with its contents: states, events,
    receipts, operations with their recorded answers, waiting deliveries, dead letters, links, match keys and audit
    facts. `stays` says what an erasure would leave. It opens every stored value: about a minute of CPU for a million.
    Audited, without the address.
    """
    return await export.export_person(call.deps(PersonDeps), call.body(EXPORT), actor=call.caller.principal)


@operation(
    "POST",
    "/ops/persons/erase",
    tag=TAG,
    scopes=WRITE,
    body=ERASE,
    answer=ErasurePreview,
    also={202: Erasure},
    sends=("Location",),
    problems=("not-found", "state-conflict"),
)
async def erase_person(call: Call) -> Answered:
    """Erase a person.

    Without `"dry_run": false` nothing changes, and a 200 says what would. With it, nothing about the person is read or
    stored from now on: reads and writes are 410 `erased`, webhooks, pulls and copies pass the person over, and orders
    and tickets are shown without them. A worker erases what is stored. It waits for operations that are undecided, then
    publishes `customer.erased`. The vendors keep what they have. Audited, without the address.
    """
    deps, order = call.deps(PersonDeps), call.body(ERASE)
    if order.dry_run:
        return json_response(await erase.preview_erasure(deps, PersonName(email=order.email, id=order.id)))
    begun = await erase.start_erasure(deps, order, actor=call.caller.principal)
    return json_response(begun, status=202, headers={"location": f"/ops/erasures/{begun.id}"})


@operation("GET", "/ops/erasures/{id}", tag=TAG, scopes=("ops:read",), parameters=(ID,))
async def read_erasure(call: Call) -> Erasure:
    """Read an erasure.

    While it is `running`, `waits_for` names what must end first.
    """
    return await erase.read_erasure(call.deps(PersonDeps), call.path("id"))


@operation("POST", "/ops/erasures/{id}/lift", tag=TAG, scopes=WRITE, parameters=(ID,), problems=("state-conflict",))
async def lift_erasure(call: Call) -> Erasure:
    """Lift an erasure.

    The person may return: reads, webhooks and pulls bring what the vendors have. What was erased stays erased. Audited.
    """
    return await erase.lift_erasure(call.deps(PersonDeps), call.path("id"), actor=call.caller.principal)
