"""Every regular expression of the product, how it is used, and texts that are made of its own parts against it."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from re import _constants as code
from re import _parser as parser
from typing import Any, Final

from msgspec import Struct

from mappings.registry import schemes
from mappings.webhooks import Envelope
from tests.linear_time.growth import Attack

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("app", "canonical", "mappings")
METHODS: Final = frozenset({"match", "fullmatch", "search", "sub", "findall", "finditer", "split"})
_USES: Final = re.compile(rf"\b(\w+)(?:\[[^\]\n]*\])?\.({'|'.join(sorted(METHODS))})\b")
_MAY_HOLD_ONE: Final = re.compile(r"^import re$|\bpattern=", re.MULTILINE)
MOST_BEGINNINGS: Final = 12
MOST_PARTS: Final = 80
_BY_CATEGORY: Final = {
    code.CATEGORY_DIGIT: "1",
    code.CATEGORY_SPACE: " ",
    code.CATEGORY_WORD: "a",
    code.CATEGORY_NOT_SPACE: "x",
    code.CATEGORY_NOT_WORD: "-",
    code.CATEGORY_NOT_DIGIT: "x",
}


class Used(Struct, frozen=True, kw_only=True):
    """A regular expression where it stands, such as `app.redaction._EMAIL`, and a method that it is used by."""

    name: str
    pattern: Any
    method: str

    def read(self, text: str) -> object:
        """Use it so."""
        subject: Any = text.encode("latin-1", "replace") if isinstance(self.pattern.pattern, bytes) else text
        if self.method == "sub":
            return self.pattern.sub(subject[:0], subject)
        result = getattr(self.pattern, self.method)(subject)
        return list(result) if self.method == "finditer" else result


def read_sources() -> dict[Path, str]:
    """Return the text of every module of the product."""
    return {file: file.read_text() for name in PACKAGES for file in sorted((ROOT / name).rglob("*.py"))}


def used() -> Iterator[Used]:
    """Those that stand at the top of a module, those that are written where they are used, and those of msgspec's
    `Meta`, which searches."""
    sources = read_sources()
    methods: dict[str, set[str]] = {}
    for owner, method in (use for source in sources.values() for use in _USES.findall(source)):
        methods.setdefault(owner, set()).add(method)
    trees = {file: ast.parse(source) for file, source in sources.items() if _MAY_HOLD_ONE.search(source)}
    for file, tree in trees.items():
        module = module_of(file)
        for statement in tree.body:
            target = _target(statement)
            if target is not None and any(_called(node) == "compile" for node in ast.walk(statement)):
                value = getattr(importlib.import_module(module), target)
                for pattern in value.values() if isinstance(value, dict) else [value]:
                    for method in sorted(methods.get(target, {"fullmatch"})):
                        yield Used(name=f"{module}.{target}", pattern=pattern, method=method)
        for node in ast.walk(tree):
            yield from _written_in_place(module, node)
    for pattern in dict.fromkeys(pattern for scheme in schemes() for pattern in _declared(scheme.envelope)):
        yield Used(name=f"webhooks: {pattern.pattern}", pattern=pattern, method="fullmatch")


def _declared(envelope: Envelope) -> Iterator[Any]:
    """The patterns of the places that an envelope names."""
    places = (
        *(place for part in envelope.identity for place in part),
        *(one for pair in envelope.records for one in pair),
    )
    for place in (*places, envelope.topic, envelope.time, envelope.genuine):
        if place is not None and place.matching is not None:
            yield place.matching


def module_of(file: Path) -> str:
    """Return the name of the module that a file holds."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _written_in_place(module: str, node: ast.AST) -> Iterator[Used]:
    method = _called(node)
    if method in METHODS:
        assert isinstance(node, ast.Call)
        flags = re.IGNORECASE if "IGNORECASE" in ast.unparse(node) else 0
        if isinstance(node.args[0], ast.Constant):
            yield Used(
                name=f"{module}:{node.lineno}", pattern=re.compile(node.args[0].value, flags), method=str(method)
            )
    if isinstance(node, ast.keyword) and node.arg == "pattern" and isinstance(node.value, ast.Constant):
        yield Used(name=f"{module}:{node.value.lineno}", pattern=re.compile(str(node.value.value)), method="search")


def _target(statement: ast.stmt) -> str | None:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    return target.id if isinstance(target, ast.Name) else None


def _called(node: ast.AST) -> str | None:
    """`compile` of `re.compile(…)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        return node.func.attr if node.func.value.id == "re" else None
    return None


def attacks_on(pattern: Any) -> Iterator[Attack]:
    """Its characters, pairs of them and its words, repeated behind each of them."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    signs: dict[str, None] = {}
    words: dict[str, None] = {}
    _collect(parser.parse(source, pattern.flags & ~re.UNICODE), signs, words)
    pairs = [one + other for one in signs for other in signs if one != other]
    beginnings = list(dict.fromkeys(["", *words, *signs, *(sign + word for word in words for sign in signs)]))
    parts = list(dict.fromkeys([*signs, *words, *pairs]))
    for beginning in beginnings[:MOST_BEGINNINGS]:
        for part in parts[:MOST_PARTS]:
            yield Attack(beginning, part, "\0!")


def _collect(sequence: Any, signs: dict[str, None], words: dict[str, None]) -> None:
    word = ""
    for operation, argument in [*sequence, (None, None)]:
        if operation is code.LITERAL:
            word += chr(argument)
            signs[chr(argument)] = None
            continue
        if word:
            words[word] = None
            word = ""
        match operation:
            case code.ANY | code.NOT_LITERAL:
                signs["x"] = None
            case code.IN:
                _collect_class(argument, signs)
            case code.MAX_REPEAT | code.MIN_REPEAT | code.POSSESSIVE_REPEAT:
                _collect(argument[2], signs, words)
            case code.SUBPATTERN:
                _collect(argument[3], signs, words)
            case code.ATOMIC_GROUP:
                _collect(argument, signs, words)
            case code.ASSERT | code.ASSERT_NOT:
                _collect(argument[1], signs, words)
            case code.BRANCH:
                for branch in argument[1]:
                    _collect(branch, signs, words)


def _collect_class(members: Any, signs: dict[str, None]) -> None:
    for operation, argument in members[:6]:
        if operation is code.NEGATE:
            signs.update(dict.fromkeys("x1 "))
        elif operation is code.LITERAL:
            signs[chr(argument)] = None
        elif operation is code.RANGE:
            signs[chr(argument[0])] = None
        elif operation is code.CATEGORY:
            signs[_BY_CATEGORY[argument]] = None
