"""The schemas of the OpenAPI document: the committed canonical ones, and those of all other answers."""

from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.openapi.calls import audit_texts, dead_letter_texts, mapping_texts, options, subscription_texts, uploads
from app.openapi.texts import ANSWERS, COMPONENT, TEXTS, Schema
from canonical.schema import FOLDER, ROOTS, FieldText, describe

DEFINITION: Final = "#/$defs/"
# Public names of Structs whose names in the code are longer.
PUBLIC_NAMES: Final = {
    "ProblemDocument": "Problem",
    "Unreadable": "UnreadableRecord",
    "OperationView": "Operation",
    "Received": "WebhookReceived",
    "ConnectionView": "Connection",
    "LaneView": "Lane",
    "EventDocument": "Event",
    **dead_letter_texts.NAMES,
    **subscription_texts.NAMES,
    **audit_texts.NAMES,
    **mapping_texts.NAMES,
    **options.NAMES,
    **uploads.NAMES,
}

USUALLY_NULL: Final[dict[str, tuple[str, ...]]] = {
    "Order": ("cancel_reason", "cancel_reason_raw", "cancelled_at"),
    "Ticket": ("parent_remote_id", "merged_into_remote_id", "resolved_at", "closed_at", "company_remote_id"),
}
USUALLY_EMPTY: Final[dict[str, tuple[str, ...]]] = {
    "Order": ("refunds",),
    "ResourceMeta": ("loss",),
}
# Vendor, remote id, version of the vendor's API. The examples of `meta` are those of a customer.
MAPPED_BY: Final = {
    "Order": ("shopify", "5678901234", "2026-07"),
    "Ticket": ("zendesk", "4711", "v2"),
    "Comment": ("zendesk", "1274", "v2"),
}


@lru_cache(maxsize=1)
def component_schemas() -> dict[str, Schema]:
    """Return every schema by name, with references into `#/components/schemas/`."""
    return dict(sorted((canonical_schemas() | _around()).items()))


def canonical_schemas() -> dict[str, Schema]:
    """Split the committed files into their objects.

    Raises ValueError if two files define one name differently.
    """
    found: dict[str, Schema] = {}
    for file in ROOTS:
        schema = msgspec.json.decode(FOLDER.joinpath(f"{file}.json").read_bytes())
        root = {key: value for key, value in schema.items() if key not in ("$schema", "$id", "$defs")}
        for name, definition in ({root["title"]: root} | schema.get("$defs", {})).items():
            moved = _moved(definition)
            if found.setdefault(name, moved) != moved:
                raise ValueError(f"two schemas are called {name}, and differ")
    return found


def sample_of(schema: Schema, *, written: bool = False) -> Any:
    """Build an example of a schema from the examples of its leaves.

    `written`: build the answer to a write, with the members of `meta` that only those have.
    """
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(COMPONENT)
        return _usual(name, sample_of(component_schemas()[name], written=written))
    if schema.get("examples"):
        return schema["examples"][0]
    if "anyOf" in schema:
        return sample_of(next(option for option in schema["anyOf"] if option != {"type": "null"}), written=written)
    if schema.get("type") == "array":
        return [sample_of(schema["items"], written=written)]
    left_out = {"raw"} if written else {"raw", "operation_id", "correlation_id"}
    required = schema.get("required", ())
    return {
        name: sample_of(member, written=written)
        for name, member in schema.get("properties", {}).items()
        if name in required or name not in left_out
    }


def _usual(name: str, sample: Any) -> Any:
    """A whole resource as it usually is: some fields empty though they have an example, `meta` of its own vendor."""
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


def _around() -> dict[str, Schema]:
    schemas: dict[str, Schema] = {}
    for struct in TEXTS:
        for name, schema in describe(struct, _texts_of).items():
            if name not in canonical_schemas():
                schemas[PUBLIC_NAMES.get(name, name)] = _moved(schema)
    operation = schemas["Operation"]["properties"]
    results = ("Customer", "Order", "Ticket", "Comment", "Archived")
    operation["result"] = operation["result"] | {"anyOf": [{"$ref": COMPONENT + name} for name in results]}
    return schemas | {shape["title"]: shape for shape in ANSWERS}


def _texts_of(struct: type[Struct]) -> dict[str, FieldText]:
    return {
        name: FieldText(sentence=sentence, example=None if example is None else msgspec.Raw(example.encode()))
        for name, (sentence, example) in TEXTS.get(struct, {}).items()
    }


def _moved(schema: Schema) -> Schema:
    """Return the schema with its references in the form of OpenAPI."""

    def follow(part: Any) -> Any:
        if isinstance(part, dict):
            return {
                key: _renamed(value) if key == "$ref" and isinstance(value, str) else follow(value)
                for key, value in part.items()
            }
        return [follow(inner) for inner in part] if isinstance(part, list) else part

    moved: Schema = follow(schema)
    moved["title"] = PUBLIC_NAMES.get(moved["title"], moved["title"])
    return moved


def _renamed(reference: str) -> str:
    name = reference.removeprefix(DEFINITION)
    return COMPONENT + PUBLIC_NAMES.get(name, name)
