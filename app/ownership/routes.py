"""HTTP operation that shows who owns what."""

from typing import Final

from app.errors import NotFound
from app.http.operation import Call, operation
from app.http.parameters import PathText
from app.http.responses import Answered, json_response
from app.ownership.deps import OwnershipDeps
from app.ownership.views import OwnershipView, view_of
from app.settings.ownership import OBJECTS

OBJECT: Final = PathText("object", "customer, order or ticket.", "customer")


@operation("GET", "/v1/ownership/{object}", tag="About", parameters=(OBJECT,), answer=OwnershipView)
async def read_ownership(call: Call) -> Answered:
    """Read who owns each field of an object.

    For each field: its owner, who else may write it, how fresh a copy is, and what happens to a change by anyone else.
    As configured in `lockstitch.toml`.
    """
    asked = call.path("object")
    name = next((one for one in OBJECTS if one == asked), None)
    if name is None:
        raise NotFound(f"Unknown object {asked[:80]!r}. The objects are {', '.join(OBJECTS)}.")
    return json_response(view_of(call.deps(OwnershipDeps).ownership, name))


HANDLERS: Final = (read_ownership,)
