"""HTTP operations of persons."""

from typing import Final

from app.http.operation import Call, JsonBody, operation
from app.persons import export
from app.persons.deps import PersonDeps
from app.persons.models import PersonExport, PersonName

TAG: Final = "Operators"
EXPORT: Final = JsonBody(into=PersonName, example={"email": "ann@example.com"})


@operation("POST", "/ops/persons/export", tag=TAG, scopes=("ops:write",), body=EXPORT, problems=("not-found",))
async def export_person(call: Call) -> PersonExport:
    """Export what is stored about a person.

    Names every row that is about the person, or has an address or id of theirs, with its contents: states, events,
    receipts, operations with their recorded answers, waiting deliveries, dead letters, links, match keys and audit
    facts. `stays` says what an erasure would leave. It decrypts every row once, about a minute for a million of them.
    Audited, without the address.
    """
    return await export.export_person(call.deps(PersonDeps), call.body(EXPORT), actor=call.caller.principal)


HANDLERS: Final = (export_person,)
