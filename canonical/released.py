"""Compare the contracts and schemas with the last released ones in `canonical/released`.

`lockstitch contract check` compares; `lockstitch contract release` writes the copies if nothing breaks. A breaking
change must wait for `v2`.
"""

import tomllib
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from canonical.compatibility import Addition, Breach, Change, changes
from canonical.parts import ObjectName
from canonical.schema import ROOTS, VERSION, render

FOLDER: Final = Path(__file__).parent / "released"
CONTRACTS: Final = Path(__file__).parent / "contracts"
OBJECTS: Final[tuple[ObjectName, ...]] = tuple(name for name in get_args(ObjectName) if name != "comment")
"""The objects with a contract. The ticket's contract includes comments."""

Contract = dict[str, Any]


class Rewording(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A confirmation that a changed sentence keeps the meaning of the released one. Valid for that sentence only."""

    schema: str
    field: str
    sentence: str
    why: str


class Verdict(Struct, frozen=True, kw_only=True):
    """The changes of one object since its release."""

    object: str
    version: str
    released_version: str | None
    breaches: tuple[Breach, ...]
    additions: tuple[Addition, ...]


def contract_of(object_name: str) -> Contract:
    """Read the present contract. Raises KeyError for an object without one."""
    if object_name not in OBJECTS:
        raise KeyError(object_name)
    return tomllib.loads((CONTRACTS / f"{object_name}.toml").read_text("utf-8"))


def schemas_of(object_name: str) -> tuple[str, ...]:
    """Return the names of the schemas in an object's contract: its own, those of its writes, and of its comments."""
    families = (object_name, "comment") if object_name == "ticket" else (object_name,)
    return tuple(name for name in ROOTS if name.partition("-")[0] in families)


def judge(object_name: str, folder: Path = FOLDER) -> Verdict:
    """Compare the present contract and schemas of an object with the released ones in `folder`."""
    contract = contract_of(object_name)
    present = {name: msgspec.json.decode(render(name), type=dict[str, Any]) for name in schemas_of(object_name)}
    released_contract = _released_contract(object_name, folder)
    differences: list[Change] = []
    for name in _released_names(object_name, folder) | present.keys():
        released = _released_schema(name, folder)
        if released is None:
            differences.append(Addition(schema=name, field="", what="schema"))
        elif name not in present:
            differences.append(Breach(rule="schema-removed", schema=name, field="", was="there", now="gone"))
        else:
            differences += changes(name, released, present[name])
    if released_contract is not None:
        differences += contract_changes(object_name, released_contract, contract)
    reworded = msgspec.convert(contract.get("rewordings", []), tuple[Rewording, ...])
    breaches = tuple(one for one in differences if isinstance(one, Breach) and not _is_reworded(one, reworded))
    return Verdict(
        object=object_name,
        version=contract["version"],
        released_version=None if released_contract is None else released_contract["version"],
        breaches=tuple(sorted(breaches, key=lambda one: (one.schema, one.field))),
        additions=tuple(
            sorted((one for one in differences if isinstance(one, Addition)), key=lambda one: (one.schema, one.field))
        ),
    )


def contract_changes(object_name: str, released: Contract, present: Contract) -> list[Breach]:
    """Return the guarantees of a contract, besides its schemas, that were withdrawn or changed."""
    name = f"{object_name} contract"
    promised, kept = (set(one["guarantees"]["nullability"]["never_null"]) for one in (released, present))
    breaches = [
        Breach(rule="guarantee-withdrawn", schema=name, field=field, was="never null", now="possibly null")
        for field in sorted(promised - kept)
    ]
    before, after = (int(one["change_policy"]["notice_days"]) for one in (released, present))
    if after < before:
        breaches.append(
            Breach(
                rule="guarantee-withdrawn",
                schema=name,
                field="change_policy.notice_days",
                was=f"{before} days",
                now=f"{after} days",
            )
        )
    old, new = (_sentences(one["guarantees"]) for one in (released, present))
    for field, sentence in old.items():
        if field not in new:
            breaches.append(
                Breach(
                    rule="guarantee-withdrawn",
                    schema=name,
                    field=f"guarantees.{field}",
                    was=f'"{sentence}"',
                    now="gone",
                )
            )
        elif new[field] != sentence:
            was, now = f'"{sentence}"', f'"{new[field]}"'
            breaches.append(Breach(rule="meaning-changed", schema=name, field=f"guarantees.{field}", was=was, now=now))
    if released["meaning"] != present["meaning"]:
        breaches.append(
            Breach(
                rule="meaning-changed",
                schema=name,
                field="meaning",
                was=f'"{released["meaning"]}"',
                now=f'"{present["meaning"]}"',
            )
        )
    return breaches


def write_release(object_name: str, folder: Path = FOLDER) -> None:
    """Write the present contract and schemas as the released ones. The caller has checked them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{object_name}.{VERSION}.toml").write_bytes((CONTRACTS / f"{object_name}.toml").read_bytes())
    for name in schemas_of(object_name):
        (folder / f"{name}.{VERSION}.json").write_bytes(render(name))


def version_key(version: str) -> tuple[int, ...]:
    """Parse `1.10.0` into comparable numbers."""
    return tuple(int(part) for part in version.split("."))


def _sentences(guarantees: dict[str, Any]) -> dict[str, str]:
    return {field: sentence for field, sentence in guarantees.items() if isinstance(sentence, str)}


def _is_reworded(breach: Breach, rewordings: tuple[Rewording, ...]) -> bool:
    return breach.rule == "meaning-changed" and any(
        (one.schema, one.field) == (breach.schema, breach.field) and breach.now == f'"{one.sentence}"' and one.why
        for one in rewordings
    )


def _released_names(object_name: str, folder: Path) -> set[str]:
    families = (object_name, "comment") if object_name == "ticket" else (object_name,)
    names = (path.name.removesuffix(f".{VERSION}.json") for path in folder.glob(f"*.{VERSION}.json"))
    return {name for name in names if name.partition("-")[0] in families}


def _released_schema(name: str, folder: Path) -> dict[str, Any] | None:
    file = folder / f"{name}.{VERSION}.json"
    return msgspec.json.decode(file.read_bytes(), type=dict[str, Any]) if file.exists() else None


def _released_contract(object_name: str, folder: Path) -> Contract | None:
    file = folder / f"{object_name}.{VERSION}.toml"
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else None
