"""Release mapping revisions, and check that released ones do not change.

    python -m mappings.release --list     list every revision, released or not
    python -m mappings.release NAME…      release hubspot.customer@r2, or all of hubspot.customer, or all of hubspot
    python -m mappings.release --check    exit with 1 and a sentence for each released revision that changed, or if the
                                          lock file was edited by hand

The lock covers: the text of the revision's modules (those of the vendor that it imports and whose names end in `_rN`),
the shape of the wire Structs that they name, the result for each golden record, and the body sent when the values of
the golden record are written back. Empty values do not count, so a new optional canonical field changes nothing.
Account facts are not covered: a later revision may need more of them.
"""

import ast
import hashlib
import importlib
import sys
from collections.abc import Iterable, Iterator
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from mappings.golden_writes import drafts
from mappings.lock import FILE, Released, read
from mappings.registry import VENDORS, AnyMapping
from mappings.wire_shapes import shape_of, structs_in

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "mappings" / FILE
GOLDEN: Final = "tests/mappings/{vendor}/fixtures"
HEAD: Final = """\
# The released revisions, written by `python -m mappings.release NAME`. None may change: `make check` refuses it.
"""
SEAL: Final = "# SHA-256 of all above: "
"""Start of the last line. It detects an entry that was removed by hand and could otherwise be released again."""
TAMPERED: Final = (
    f"mappings/{FILE} was changed by hand or merged: its last line does not match. Restore the file as last committed,"
    " and release the newer revisions again.\n"
)
EMPTY: Final[tuple[Any, ...]] = (None, [], {}, "", "unknown")


def digests(mapping: AnyMapping, root: Path = ROOT) -> Released:
    """Return the present digests of a revision, from the files below `root`."""
    modules = _modules(mapping)
    return Released(
        modules={path: _sha((root / path).read_bytes()) for path in sorted(map(_path_of, modules))},
        wire=dict(sorted(_wire(mapping, modules))),
        golden=dict(sorted(_golden(mapping, root))),
        writes={key: _sha(sent) for key, sent in sorted(drafts(VENDORS[mapping.vendor], mapping, root))},
    )


def complaints(released: dict[str, Released], root: Path = ROOT) -> list[str]:
    """Return a sentence for each released revision that changed since its release."""
    known = {name_of(mapping): mapping for vendor in VENDORS.values() for mapping in vendor.mappings}
    sentences = []
    for name, before in released.items():
        mapping = known.get(name)
        if mapping is None:
            sentences.append(f"{name} is released and may be in use, but no vendor lists it any more: restore it.")
            continue
        changed = list(_changed(before, digests(mapping, root)))
        if changed:
            sentences.append(
                f"{name} is released and must not change: {', '.join(changed)}. Restore it, and make"
                f" the change in r{_next(mapping, known)} of {mapping.name} (docs/vendor-reference.md, A new revision)."
            )
    return sentences


def name_of(mapping: AnyMapping) -> str:
    """Return the name of a revision, such as `hubspot.customer@r2`."""
    return f"{mapping.name}@r{mapping.revision}"


def render(released: dict[str, Released]) -> str:
    """Return the text of the lock file, with its seal at the end."""
    lines = [HEAD]
    for name, one in sorted(released.items()):
        for part in ("modules", "wire", "golden", "writes"):
            lines.append(f'["{name}".{part}]')
            lines += [f'"{key}" = "{digest}"' for key, digest in getattr(one, part).items()]
            lines.append("")
    text = "\n".join([*lines, ""])
    return f"{text}{SEAL}{_sha(text.encode())}\n"


def is_sealed(text: str) -> bool:
    """Return whether the file is unchanged since `render` wrote it."""
    body, _, seal = text.rpartition(SEAL)
    return seal == f"{_sha(body.encode())}\n"


def _modules(mapping: AnyMapping) -> list[ModuleType]:
    """Return the modules of this revision, following their imports."""
    functions = (mapping.to_canonical, mapping.to_vendor, *(shape.to_canonical for shape in mapping.shapes))
    waiting = list(dict.fromkeys(function.__module__ for function in functions))
    modules: dict[str, ModuleType] = {}
    while waiting:
        name = waiting.pop()
        if name in modules or not _is_revised(name, mapping):
            continue
        modules[name] = importlib.import_module(name)
        waiting += imported(modules[name])
    if not modules:
        raise ValueError(
            f"{name_of(mapping)}: no module whose name ends in _r{mapping.revision} contains its functions"
        )
    return list(modules.values())


def _is_revised(module: str, mapping: AnyMapping) -> bool:
    return module.startswith(f"mappings.{mapping.vendor}.") and module.endswith(f"_r{mapping.revision}")


def imported(module: ModuleType) -> Iterator[str]:
    """Yield the names of all modules that a module may import, including imports inside functions."""
    for node in ast.walk(ast.parse(_source(module))):
        if isinstance(node, ast.ImportFrom):
            named = resolve_name("." * node.level + (node.module or ""), module.__package__ or "")
            yield named
            yield from (f"{named}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _source(module: ModuleType) -> str:
    assert module.__file__ is not None  # noqa: S101 - all mapping modules are files
    return Path(module.__file__).read_text("utf-8")


def _path_of(module: ModuleType) -> str:
    assert module.__file__ is not None  # noqa: S101 - all mapping modules are files
    return Path(module.__file__).relative_to(ROOT).as_posix()


def _wire(mapping: AnyMapping, modules: Iterable[ModuleType]) -> Iterator[tuple[str, str]]:
    """Yield the digests of the vendor's Structs that the modules name, by name."""
    # A record with two tagged forms is a union of their Structs.
    named = {*(get_args(mapping.record) or (mapping.record,)), *(shape.record for shape in mapping.shapes)}
    for module in modules:
        named.update(value for value in vars(module).values() if isinstance(value, type))
    for struct in named - structs_in(mapping.account):
        if issubclass(struct, Struct) and struct.__module__.startswith(f"mappings.{mapping.vendor}."):
            yield struct.__qualname__, _sha(msgspec.json.encode(shape_of(struct), order="sorted"))


def _golden(mapping: AnyMapping, root: Path) -> Iterator[tuple[str, str]]:
    """Yield the digests of this revision's golden records, `<object>-*.out.json` or `<object>-*.rN.out.json`."""
    folder = root / GOLDEN.format(vendor=mapping.vendor)
    for path in folder.glob(f"{mapping.object}-*.out.json"):
        case, _, revision = path.name.removesuffix(".out.json").partition(".r")
        if int(revision or 1) == mapping.revision:
            sent = (folder / f"{case}.in.json").read_bytes()
            expected = _without_empty(msgspec.json.decode(path.read_bytes()))
            yield case, _sha(sent + b"\n" + msgspec.json.encode(expected, order="sorted"))


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: kept for key, one in value.items() if (kept := _without_empty(one)) not in EMPTY}
    return [_without_empty(one) for one in value] if isinstance(value, list) else value


def _changed(before: Released, now: Released) -> Iterator[str]:
    """Yield what changed of the released digests. Additional golden records are allowed."""
    for path, digest in before.modules.items():
        if now.modules.get(path) != digest:
            yield f"{path} was changed"
    yield from (f"{path} was added" for path in now.modules.keys() - before.modules.keys())
    for name, digest in before.wire.items():
        if now.wire.get(name) != digest:
            yield f"the wire Struct {name} was changed"
    for case, digest in before.golden.items():
        if now.golden.get(case) != digest:
            yield f"it maps the golden record {case} to another result"
    for key, digest in before.writes.items():
        case, _, field = key.partition("/")
        if case in now.golden and now.writes.get(key) != digest:
            yield f"it sends another value for {field} of the golden record {case}"


def _next(mapping: AnyMapping, known: dict[str, AnyMapping]) -> int:
    return 1 + max(one.revision for one in known.values() if one.name == mapping.name)


def _sha(content: bytes) -> str:
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def _chosen(wanted: str) -> list[AnyMapping]:
    """Return every revision with this name, or of this mapping or vendor."""
    every = [mapping for vendor in VENDORS.values() for mapping in vendor.mappings]
    return [mapping for mapping in every if wanted in (mapping.vendor, mapping.name, name_of(mapping))]


def _release(names: list[str], released: dict[str, Released]) -> int:
    for wanted in names:
        chosen = _chosen(wanted)
        if not chosen:
            sys.stderr.write(f"Unknown revision {wanted}: python -m mappings.release --list shows all.\n")
            return 2
        for mapping in chosen:
            if name_of(mapping) not in released:
                before = mapping.builds_on
                if before is not None and name_of(before) not in released:
                    sys.stderr.write(f"{name_of(mapping)} builds on {name_of(before)}: release that first.\n")
                    return 1
                now = digests(mapping)
                if not now.golden:
                    sys.stderr.write(
                        f"{name_of(mapping)} has no golden records: {GOLDEN.format(vendor=mapping.vendor)}.\n"
                    )
                    return 1
                released[name_of(mapping)] = now
                sys.stdout.write(f"{name_of(mapping)} is released.\n")
    LOCK.write_text(render(released), "utf-8")
    return 0


def main(arguments: list[str]) -> int:
    """Run one of the three commands. Return 0 for success, 1 for a refusal, 2 for wrong arguments."""
    text = LOCK.read_text("utf-8") if LOCK.exists() else render({})
    released = read(text)
    if arguments == ["--list"]:
        for vendor in VENDORS.values():
            for mapping in vendor.mappings:
                word = "released" if name_of(mapping) in released else "not released"
                sys.stdout.write(f"{name_of(mapping):32} {word}\n")
        return 0
    if arguments == ["--check"]:
        lines = [f"{sentence}\n" for sentence in complaints(released)]
        if not is_sealed(text):
            lines.append(TAMPERED)
        sys.stderr.writelines(lines)
        return 1 if lines else 0
    if not arguments or any(argument.startswith("-") for argument in arguments):
        sys.stderr.write("usage: python -m mappings.release --check | --list | NAME…\n")
        return 2
    if not is_sealed(text):
        sys.stderr.write(TAMPERED)
        return 1
    return _release(arguments, released)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
