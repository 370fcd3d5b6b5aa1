"""Generate JSON Schema (draft 2020-12) from the canonical Structs, into `canonical/schemas`.

The Structs are authoritative. `python -m canonical.schema --write` generates the files; `--check` fails if they are
stale. Types come from msgspec; sentences and examples from the string below each field.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import FieldInfo, fields

from canonical.classes import ESSENTIAL
from canonical.customer import Customer, CustomerPatch
from canonical.order import Order
from canonical.order_patch import OrderCancel, OrderPatch
from canonical.ticket import Comment, CommentPatch, Ticket, TicketPatch

FOLDER: Final = Path(__file__).parent / "schemas"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
VERSION: Final = "v1"
ROOTS: Final[dict[str, type[Struct]]] = {
    "customer": Customer,
    "customer-write": CustomerPatch,
    "order": Order,
    "order-write": OrderPatch,
    "order-cancel": OrderCancel,
    "ticket": Ticket,
    "ticket-write": TicketPatch,
    "comment": Comment,
    "comment-write": CommentPatch,
}
"""The files, and the Struct of each."""
# Members that Lockstitch adds to every resource before it is served.
ENVELOPE: Final = ("id", "ticket_id", "meta")

_EXAMPLE: Final = re.compile(r"^(?P<sentence>.*?)(?: Example: `(?P<example>.*)`)?$", re.DOTALL)
_REFERENCE: Final = "#/$defs/"


class FieldText(Struct, frozen=True, kw_only=True):
    """The string below a field: its meaning, and an example as JSON if the type has none."""

    sentence: str
    example: msgspec.Raw | None = None


def schema_of(name: str) -> dict[str, Any]:
    """Return the JSON Schema of one of `ROOTS`.

    A reading schema requires every member, because every answer has all of them, and allows additional members, so that
    a newer version may add some. A writing schema refuses unknown members.
    """
    struct = ROOTS[name]
    described = describe(struct)
    root = described.pop(struct.__name__)
    if not _is_written(struct):
        properties = root["properties"]
        root["required"] = [member for member in properties if member in root["required"] or member in ENVELOPE]
    head = {"$schema": DIALECT, "$id": f"urn:lockstitch:canonical:{VERSION}:{name}"}
    return head | root | ({"$defs": dict(sorted(described.items()))} if described else {})


def describe(struct: type[Struct]) -> dict[str, dict[str, Any]]:
    """Return the schemas of a Struct and of all Structs in it, by title, with the texts of their fields."""
    _, components = msgspec.json.schema_components([struct], ref_template=_REFERENCE + "{name}")
    structs = {kind.__name__: kind for kind in _structs_of(struct)}
    return {
        title: _described(schema, structs[title], field_texts(structs[title])) for title, schema in components.items()
    }


def render(name: str) -> bytes:
    """Return the content of the file."""
    return msgspec.json.format(msgspec.json.encode(schema_of(name)), indent=2) + b"\n"


def field_texts(struct: type[Struct]) -> dict[str, FieldText]:
    """Return the texts of a Struct's fields. A Patch field without a text gets that of its reading Struct."""
    own = _texts_of(struct)
    reading = _reading_structs().get(struct.__name__.removesuffix("Patch"))
    if reading is None or reading is struct:
        return own
    texts = dict(_texts_of(reading))
    for name, text in own.items():
        example = text.example if text.example is not None or name not in texts else texts[name].example
        texts[name] = FieldText(sentence=text.sentence, example=example)
    return texts


@cache
def _reading_structs() -> dict[str, type[Struct]]:
    return {kind.__name__: kind for root in ROOTS.values() for kind in _structs_of(root) if not _is_written(kind)}


@cache
def _texts_of(struct: type[Struct]) -> dict[str, FieldText]:
    """Return the string after each field in the source of the Struct, or of its base."""
    base = struct.__base__
    texts = dict(_texts_of(base)) if base is not None and base is not Struct else {}
    for field, text in pairwise(_classes_in(struct.__module__)[struct.__name__].body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str):
            texts[field.target.id] = _read(text.value.value, f"{struct.__name__}.{field.target.id}")
    return texts


@cache
def _classes_in(module: str) -> dict[str, ast.ClassDef]:
    source = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in ast.walk(source) if isinstance(node, ast.ClassDef)}


def _read(text: str, where: str) -> FieldText:
    match = _EXAMPLE.match(" ".join(text.split()))
    if match is None:
        raise ValueError(f"the text of {where} cannot be read")
    example = match["example"]
    if example is None:
        return FieldText(sentence=match["sentence"])
    msgspec.json.decode(example)  # raises for an example that is not JSON
    return FieldText(sentence=match["sentence"], example=msgspec.Raw(example.encode()))


def _described(schema: dict[str, Any], struct: type[Struct], texts: dict[str, FieldText]) -> dict[str, Any]:
    """Add the texts of its fields to one object's schema, in the order of the Struct."""
    written = _is_written(struct)
    members: dict[str, Any] = {}
    for field in fields(struct):
        member = _compact(schema["properties"][field.encode_name], _literal_of(field.type))
        if not written:
            member.pop("default", None)
        if (text := texts.get(field.name)) is not None:
            member["description"] = text.sentence
            if text.example is not None:
                member["examples"] = [msgspec.json.decode(text.example)]
        if struct in ESSENTIAL:
            member["x-class"] = "essential" if field.name in ESSENTIAL[struct] else "descriptive"
        if "examples" not in member and "enum" in member:
            member["examples"] = [member["enum"][0]]
        members[field.encode_name] = member
    described = {
        "title": schema["title"],
        "description": " ".join(schema["description"].split()),
        "type": "object",
        "properties": members,
        "required": [field.encode_name for field in fields(struct) if _is_required(field, written)],
    }
    if written:
        described["additionalProperties"] = False
    return described


def _compact(schema: dict[str, Any], values: tuple[str, ...]) -> dict[str, Any]:
    """Use `{"type": ["string", "null"], …}` instead of an `anyOf` of two, and the model's order of enum values."""
    options = schema.get("anyOf", [])
    plain = [option for option in options if option != {"type": "null"}]
    if len(plain) == 1 and len(options) == 2 and "$ref" not in plain[0]:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        inner = _compact(plain[0], values)
        kinds = inner.get("type", "string")
        nullable = {"type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}
        if "enum" in inner:
            nullable["enum"] = [*inner["enum"], None]
        return {**inner, **nullable, **rest}
    if "enum" in schema:
        return {"type": "string", **schema, "enum": list(values)}
    return dict(schema)


def _is_written(struct: type[Struct]) -> bool:
    return bool(struct.__struct_config__.forbid_unknown_fields)


def _is_required(field: FieldInfo, written: bool) -> bool:
    return field.required if written else field.default is not UNSET


def _structs_of(kind: Any) -> Iterator[type[Struct]]:
    """Yield the Struct itself and every Struct in its fields."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield kind
        for field in fields(kind):
            yield from _structs_of(field.type)
    for option in get_args(kind):
        yield from _structs_of(option)


def _literal_of(kind: Any) -> tuple[str, ...]:
    """Return the values of an enum, in the order of the model. Empty for any other type."""
    if get_origin(kind) is Literal:
        return tuple(str(value) for value in get_args(kind))
    return next((values for option in get_args(kind) if (values := _literal_of(option))), ())


def main(arguments: list[str]) -> int:
    """Write the files with `--write`. With `--check`, name the stale files and exit with 1 if there are any."""
    if arguments not in (["--write"], ["--check"]):
        sys.stderr.write("usage: python -m canonical.schema --check|--write\n")
        return 2
    wanted = {FOLDER / f"{name}.json": render(name) for name in ROOTS}
    present = {path: path.read_bytes() for path in FOLDER.glob("*.json")}
    if arguments == ["--write"]:
        FOLDER.mkdir(exist_ok=True)
        for path in present.keys() - wanted.keys():
            path.unlink()
        for path, content in wanted.items():
            path.write_bytes(content)
        return 0
    stale = sorted(path.name for path in wanted.keys() | present.keys() if wanted.get(path) != present.get(path))
    for file in stale:
        sys.stderr.write(f"canonical/schemas/{file} is stale: run python -m canonical.schema --write\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
