"""The schemas of the OpenAPI document: the committed canonical ones, and those of all other Structs, by their field
docstrings."""

from collections.abc import Iterable, Iterator
from functools import cache
from types import UnionType
from typing import Any, Final, get_args, get_origin

import msgspec
from msgspec import Struct

from app.http.operation import Listing
from app.problem_document import ProblemDocument
from canonical.schema import FOLDER, ROOTS, describe

Schema = dict[str, Any]

COMPONENT: Final = "#/components/schemas/"
DEFINITION: Final = "#/$defs/"
# Public names of Structs whose names in the code differ. A `Subscription` is what a vendor bills repeatedly, and a
# class `Mapping` hides that of Python in generated clients.
PUBLIC_NAMES: Final = {
    "Anchor": "ChainHead",
    "BudgetView": "RateLimit",
    "ClaimView": "Claim",
    "ConnectionView": "Connection",
    "DeadLetterView": "DeadLetter",
    "DifferenceView": "Difference",
    "EventDocument": "Event",
    "MappingView": "VendorMapping",
    "OperationView": "Operation",
    "OptionsView": "FieldOptions",
    "ProblemDocument": "Problem",
    "QueueView": "QueueState",
    "Received": "WebhookReceived",
    "RedriveView": "Redrive",
    "RevisionView": "Revision",
    "RouteView": "Route",
    "RunReport": "Run",
    "RunStep": "RunEntry",
    "ShadowView": "Comparison",
    "StockLevelView": "StockLevel",
    "StockList": "StockLevelList",
    "SubscriptionView": "EventSubscription",
    "UploadView": "Upload",
    "Verification": "AuditVerification",
}
RESULTS: Final = ("Customer", "Order", "Ticket", "Comment", "Archived")
"""The possible results of an operation."""
USUALLY_NULL: Final[dict[str, tuple[str, ...]]] = {
    "Order": ("cancel_reason", "cancel_reason_raw", "cancelled_at"),
    "Ticket": ("parent", "merged_into", "resolved_at", "closed_at", "company"),
}
USUALLY_EMPTY: Final[dict[str, tuple[str, ...]]] = {"Order": ("refunds",), "ResourceMeta": ("loss",)}
# Vendor, remote id, version of the vendor's API. The examples of `meta` are those of a customer.
MAPPED_BY: Final = {
    "Order": ("shopify", "5678901234", "2026-07"),
    "Ticket": ("zendesk", "4711", "v2"),
    "Comment": ("zendesk", "1274", "v2"),
}


def schema_of(shape: Any) -> Schema:
    """Return the schema of an answer or a body: a reference, or what holds references."""
    if isinstance(shape, Listing):
        return {"$ref": COMPONENT + _name_of(shape)}
    if isinstance(shape, UnionType):
        return {"anyOf": [schema_of(option) for option in get_args(shape)]}
    if get_origin(shape) is list:
        return {"type": "array", "items": schema_of(get_args(shape)[0])}
    if shape in (str, dict):
        return {"type": "string" if shape is str else "object"}
    return {"$ref": COMPONENT + _public(shape.__name__)}


def component_schemas(shapes: Iterable[Any]) -> dict[str, Schema]:
    """Return every schema by name: those of the shapes, of the problem document and of the canonical model.

    Raises ValueError if two schemas have one name and differ.
    """
    schemas = dict(canonical_schemas())
    every = [ProblemDocument, *shapes]
    for listing in every:
        if isinstance(listing, Listing):
            _add(schemas, _listing(listing))
    for struct in dict.fromkeys(struct for shape in every for struct in _structs_of(shape)):
        for name, schema in describe(struct).items() if struct.__name__ not in canonical_schemas() else ():
            if name not in canonical_schemas():
                _add(schemas, _moved(schema))
    result = schemas["Operation"]["properties"]["result"]
    result["anyOf"] = [{"$ref": COMPONENT + name} for name in RESULTS]
    return dict(sorted(schemas.items()))


@cache
def canonical_schemas() -> dict[str, Schema]:
    """Split the committed files into their objects.

    Raises ValueError if two files define one name differently.
    """
    schemas: dict[str, Schema] = {}
    for file in ROOTS:
        schema = msgspec.json.decode(FOLDER.joinpath(f"{file}.json").read_bytes())
        root = {key: value for key, value in schema.items() if key not in ("$schema", "$id", "$defs")}
        for definition in (root, *schema.get("$defs", {}).values()):
            _add(schemas, _moved(definition))
    return schemas


def sample_of(schema: Schema, schemas: dict[str, Schema], *, written: bool = False) -> Any:
    """Build an example of a schema from the examples of its leaves. `schemas` are those that it refers to.

    `written`: build the answer to a write, with the members of `meta` that only those have.
    """
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(COMPONENT)
        return _usual(name, sample_of(schemas[name], schemas, written=written))
    if schema.get("examples"):
        return schema["examples"][0]
    if "anyOf" in schema:
        chosen = next(option for option in schema["anyOf"] if option != {"type": "null"})
        return sample_of(chosen, schemas, written=written)
    if schema.get("type") == "array":
        return [sample_of(schema["items"], schemas, written=written)]
    left_out = {"raw"} if written else {"raw", "operation_id", "correlation_id"}
    required = schema.get("required", ())
    return {
        name: sample_of(member, schemas, written=written)
        for name, member in schema.get("properties", {}).items()
        if name in required or name not in left_out
    }


def _usual(name: str, sample: Any) -> Any:
    """Make a resource typical: some fields empty though they have an example, `meta` of its own vendor."""
    for member in USUALLY_NULL.get(name, ()):
        sample[member] = None
    for member in USUALLY_EMPTY.get(name, ()):
        sample[member] = []
    if name in MAPPED_BY:
        vendor, remote_id, vendor_api = MAPPED_BY[name]
        sample["meta"] |= {
            "connection": vendor,
            "vendor": vendor,
            "remote_id": remote_id,
            "remote_url": f"https://{vendor}.example/{remote_id}",
            "links": [{"connection": vendor, "remote_id": remote_id}],
            "mapping": {"name": f"{vendor}.{name.lower()}", "revision": 1, "vendor_api": vendor_api},
            "unsupported": [],
        }
    return sample


def _listing(listing: Listing) -> Schema:
    """Build the list envelope of one kind of item."""
    item = _public(listing.item.__name__)
    members: dict[str, Schema] = {
        "data": {
            "type": "array",
            "items": {"$ref": COMPONENT + item},
            "description": "May hold fewer than `limit` while `has_more` is true.",
        },
        "next_cursor": {
            "type": ["string", "null"],
            "description": listing.cursor,
            "examples": [listing.cursor_example],
        },
        "has_more": {"type": "boolean", "description": "Whether there are more pages.", "examples": [False]},
    }
    if item in canonical_schemas():
        members["unreadable"] = {
            "type": "array",
            "items": {"$ref": f"{COMPONENT}UnreadableRecord"},
            "description": "Records of this page that cannot be mapped. The page contains the others.",
        }
    return {
        "title": _name_of(listing),
        "description": listing.meaning,
        "type": "object",
        "properties": members,
        "required": list(members),
    }


def _name_of(listing: Listing) -> str:
    return listing.name or f"{_public(listing.item.__name__)}List"


def _structs_of(shape: Any) -> Iterator[type[Struct]]:
    """Yield the Structs that a shape names."""
    if isinstance(shape, Listing):
        yield shape.item
    elif isinstance(shape, type) and issubclass(shape, Struct):
        yield shape
    for option in get_args(shape):
        yield from _structs_of(option)


def _add(schemas: dict[str, Schema], schema: Schema) -> None:
    if schemas.setdefault(schema["title"], schema) != schema:
        raise ValueError(f"two schemas are called {schema['title']}, and differ")


def _moved(schema: Schema) -> Schema:
    """Return the schema with its references in the form of OpenAPI, and public names."""

    def follow(part: Any) -> Any:
        if isinstance(part, dict):
            return {
                key: COMPONENT + _public(value.removeprefix(DEFINITION))
                if key == "$ref" and isinstance(value, str)
                else follow(value)
                for key, value in part.items()
            }
        return [follow(inner) for inner in part] if isinstance(part, list) else part

    moved: Schema = follow(schema)
    moved["title"] = _public(moved["title"])
    return moved


def _public(name: str) -> str:
    return PUBLIC_NAMES.get(name, name)
