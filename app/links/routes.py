"""HTTP operation of links."""

from typing import Final

from app.http.admission import AnyRequest
from app.http.operation import Call, operation
from app.http.parameters import PathText
from app.http.plurals import PLURAL
from app.links.deps import LinkDeps
from app.links.manage import object_of, show_links
from app.links.models import LinkedRecords

ID: Final = PathText("id", "A canonical id, or an alias of one.", "cus_0198f0a2b7c47d3c9a51f2e80b6c4d17")


def _scope(request: AnyRequest) -> tuple[str, ...]:
    return (f"{PLURAL[object_of(request.path_params['id'])]}:read",)


@operation(
    "GET",
    "/v1/links/{id}",
    tag="About",
    scopes=("customers:read", "orders:read", "tickets:read"),
    scopes_of=_scope,
    parameters=(ID,),
)
async def read_links(call: Call) -> LinkedRecords:
    """Read the links of a canonical id.

    Lists the records that the id names, at most one per connection, and the ids that have become its aliases. A write
    to the bare id goes to the first record. Needs the scope to read the object.
    """
    return await show_links(call.deps(LinkDeps), call.path("id"))
