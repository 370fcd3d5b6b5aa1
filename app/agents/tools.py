"""The operations that agents may call, described as tools."""

from collections.abc import Iterable
from typing import Any, Final

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from app.http.headers import APPROVAL, IDEMPOTENCY_KEY, IF_MATCH
from app.http.operation import JsonBody, KeyOperation, declaration_of
from app.openapi.shapes import COMPONENT, Schema, component_schemas, schema_of
from app.writes.models import OperationView
from app.writes.routes import DRY_RUN, REPLAYS

READS: Final = (
    *("look_up_customer", "look_up_order", "look_up_ticket", "list_orders_of_customer", "list_tickets_of_customer"),
    *("list_customers", "list_orders", "list_tickets", "list_comments", "list_stock_levels"),
    *("read_customer", "read_order", "read_ticket", "read_operation", "read_options", "offer_connections"),
)
ADDS: Final = ("add_comment",)
"""Writes that overwrite nothing."""
REPEATABLE: Final = (
    *("change_customer", "change_order", "change_ticket", "archive_customer", "cancel_order"),
    *("change_tags_of_customer", "change_tags_of_order", "change_tags_of_ticket"),
)
"""Writes with the same end however often they run."""
WRITES: Final = (
    *("create_customer", "create_order", "create_ticket", *REPEATABLE, *ADDS),
    *("copy_customer", "copy_order", "copy_ticket"),
)
NAMES: Final = {"offer_connections": "list_connections"}
"""Operations whose name alone says less."""
CONFIRM: Final = "confirm"
REQUEST_KEY: Final = "request_key"
IF_MATCH_ARGUMENT: Final = "if_match"
ASK_APPROVAL: Final = "ask_approval"
BODY: Final = "body"
SCHEMA_WORDS: Final = {
    *("type", "enum", "const", "items", "anyOf", "oneOf", "allOf", "required", "additionalProperties", "description"),
    *("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "pattern", "format", "default"),
}
"""What a model needs to fill in a body. The rest doubles the size of all tools."""
DRY_RUN_FIRST: Final = (
    " Without `confirm` nothing is sent: the answer says what would happen. Show it, then call again with the same"
    " arguments and `confirm` true. The outcome may take longer than the call: then read_operation has it."
)


class OperationTool(Struct, frozen=True):
    """A tool over an operation."""

    name: str
    operation: KeyOperation
    title: str
    description: str
    schema: Schema

    @property
    def writes(self) -> bool:
        """Whether it changes something at a vendor."""
        return self.operation.name in WRITES

    @property
    def hints(self) -> dict[str, bool]:
        """The annotations of the protocol. A client may ask a person before it calls a destructive tool."""
        name = self.operation.name
        return {
            "read_only_hint": not self.writes,
            "destructive_hint": self.writes and name not in ADDS,
            "idempotent_hint": not self.writes or name in REPEATABLE,
            "open_world_hint": True,
        }

    def permits(self, scopes: frozenset[str]) -> bool:
        """Return whether a key with these scopes may call the operation."""
        needed = self.operation.scopes
        return (all if self.operation.needs_all else any)(one in scopes for one in needed) if needed else True


def tools_of(served: Iterable[HTTPRouteHandler]) -> dict[str, OperationTool]:
    """Return the tools over these operations, by name."""
    declared = {one.name: one for one in map(declaration_of, served) if isinstance(one, KeyOperation)}
    operations = [declared[name] for name in (*READS, *WRITES) if name in declared]
    bodies = [one.body.into for one in operations if isinstance(one.body, JsonBody)]
    schemas = component_schemas([OperationView, *bodies])
    tools = (_tool(one, schemas) for one in operations)
    return {tool.name: tool for tool in tools}


def _tool(one: KeyOperation, schemas: dict[str, Schema]) -> OperationTool:
    title, _, text = one.text.replace(REPLAYS, "").partition("\n")
    title, text = title.strip().removesuffix("."), " ".join(text.split())
    description = f"{title}. {text}".strip()
    if one.name in WRITES:
        description += DRY_RUN_FIRST
    return OperationTool(NAMES.get(one.name, one.name), one, title, description, _input_schema(one, schemas))


def _input_schema(one: KeyOperation, schemas: dict[str, Schema]) -> Schema:
    """Return the JSON Schema of the arguments: path and query by name, the body, and those of each write.

    Definitions stand where they are used, because many clients follow no references."""
    members: dict[str, Schema] = {
        path.name: {"type": "string", "description": path.meaning, "examples": [path.example]}
        for path in one.parameters
    }
    required = list(members)
    for query in one.query or ():
        if query.name != DRY_RUN.name:
            members[query.name] = dict(query.schema) | {"description": query.meaning}
    if isinstance(one.body, JsonBody):
        members[BODY] = _inlined(schema_of(one.body.into), schemas) | {"examples": [one.body.example]}
        required += [] if one.body.optional else [BODY]
    if any(header.name == IF_MATCH.name for header in one.headers):
        members[IF_MATCH_ARGUMENT] = {"type": "string", "description": IF_MATCH.meaning, "examples": [IF_MATCH.example]}
    if any(header.name == APPROVAL.name for header in one.headers):
        members[ASK_APPROVAL] = {
            "type": "boolean",
            "default": False,
            "description": "Whether a person has to approve the write before it is sent.",
        }
    if any(header.name == IDEMPOTENCY_KEY.name for header in one.headers):
        members[CONFIRM] = {
            "type": "boolean",
            "default": False,
            "description": "Whether to write. Otherwise the answer says what would happen.",
        }
        members[REQUEST_KEY] = {
            "type": "string",
            "description": "Names this write: a call with the same key is not written twice. Without it, the same"
            " arguments within 10 minutes are the same write.",
            "examples": ["ticket-of-order-1051"],
        }
    return {"type": "object", "properties": members, "required": required, "additionalProperties": False}


def _inlined(part: Any, schemas: dict[str, Schema]) -> Any:
    """Return a schema with the definitions in place of the references, without what only a person reads."""
    if isinstance(part, list):
        return [_inlined(one, schemas) for one in part]
    if not isinstance(part, dict):
        return part
    if isinstance(part.get("$ref"), str):
        rest = {name: value for name, value in part.items() if name != "$ref"}
        return _inlined(schemas[part["$ref"].removeprefix(COMPONENT)] | rest, schemas)
    properties = {
        name: _inlined(value, schemas)
        for name, value in part.get("properties", {}).items()
        if not value.get("readOnly")
    }
    rest = {name: _inlined(value, schemas) for name, value in part.items() if name in SCHEMA_WORDS}
    return rest | ({"properties": properties} if properties else {})
