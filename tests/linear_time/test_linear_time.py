"""Nothing takes time that grows faster than the text that it reads, whoever wrote the text."""

import ast
import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.linear_time.growth import MOST, Attack, attacks, growth, is_suspect, may_grow
from tests.linear_time.patterns import Used, attacks_on, module_of, read_sources, used
from tests.linear_time.reader import HEADER, Reader
from tests.linear_time.readers import READERS

TRUSTED: Final = {
    "app.settings": "settings of the operator",
    "app.cli": "what the operator types, and files of the checkout",
    "app.postgres.migrate": "names of our own files",
    "canonical.compatibility": "our own schemas",
    "canonical.schema": "our own docstrings",
}
"""Modules whose regular expressions meet no text from outside, with what they do meet."""
CAPPED: Final = {"app.redaction._DOMAIN": 64 + 3 + 255}
"""Regular expressions that meet texts of so many characters at most."""
PARSERS: Final = frozenset(
    {"csv", "difflib", "email", "email_validator", "fnmatch", "html", "idna", "json", "nh3", "phonenumbers", "quopri"}
    | {"shlex", "unicodedata", "xml"}
)
"""Libraries that read text, some of them in time that grows faster than it."""
READ_BY: Final = {
    ("app.cli.database", "json"): "what the operator's own files say",
    ("app.credentials.aws", "json"): "a secret of the operator",
    ("app.dev.folder", "json"): "what the operator's own files say",
    ("app.http.decode_body", "json"): "body",
    ("app.persons.find", "json"): "only quotes",
    ("mappings.checks.variations", "json"): "the mapping's own requests",
    ("app.http.nearest_name", "difflib"): "an unknown name",
    ("app.monitoring.notify", "email"): "our own mail",
    ("app.egress.retry_after", "email"): "Retry-After",
    ("app.records.fetch", "email"): "the Date of an answer",
    ("app.cli.doctor", "shlex"): "only quotes",
    ("app.cli.vendor.live_account", "email"): "the Date of an answer",
    ("app.vendors.routes", "html"): "our own page",
    ("app.openapi.page", "html"): "our own page",
    ("app.http.problem_pages", "html"): "our own page",
    ("app.dead_letters.advice", "shlex"): "only quotes",
    ("app.cli.tables", "unicodedata"): "the width of a line on the screen",
    ("app.links.match_keys", "unicodedata"): "a name to match",
    ("app.links.role_mailboxes", "unicodedata"): "the mailbox of an office",
    ("app.walks.reconcile.routes", "csv"): "our own findings",
    ("canonical.codes", "unicodedata"): "a country",
    ("canonical.markup", "html"): "HTML",
    ("canonical.markup", "nh3"): "HTML",
    ("canonical.values", "email_validator"): "an address",
    ("canonical.values", "idna"): "an address to compare",
    ("canonical.values", "html"): "a text with references",
    ("canonical.values", "phonenumbers"): "a number",
    ("mappings.csv.export", "csv"): "export",
    ("mappings.freshdesk.field_values", "email"): "a sender",
    ("mappings.kit.html", "html"): "HTML as text",
}
"""The reader that holds each use of them to its time, or what it reads in place of text from outside."""


def test_every_parser_in_use_has_a_reader_here() -> None:
    parsers = set()
    # Most modules import none of them and need not be parsed.
    named = re.compile(rf"^\s*(from|import\b.*)\s({'|'.join(PARSERS)})\b", re.MULTILINE)
    for file, source in read_sources().items():
        module = module_of(file)
        for node in ast.walk(ast.parse(source)) if named.search(source) else ():
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            parsers |= {(module, name.partition(".")[0]) for name in names if name.partition(".")[0] in PARSERS}
    assert parsers == set(READ_BY)


@pytest.fixture(scope="module")
def patterns() -> tuple[Used, ...]:
    """Every regular expression. To find them takes half a second, which only the process that tests them spends."""
    return tuple(used())


def test_what_is_trusted_is_there(patterns: tuple[Used, ...]) -> None:
    names = [one.name for one in patterns]
    assert [module for module in TRUSTED if not any(name.startswith(module) for name in names)] == []


def test_every_regular_expression_is_linear(patterns: tuple[Used, ...]) -> None:
    trusted = tuple(f"{module}{sign}" for module in TRUSTED for sign in ".:")
    tried = [one for one in patterns if not one.name.startswith(trusted)]
    assert [(one.name, one.method, attack) for one in tried for attack in _slow_attacks(one)] == []


def _slow_attacks(one: Used) -> Iterator[Attack]:
    longest = CAPPED.get(one.name, HEADER)
    for attack in attacks_on(one.pattern):
        if may_grow(one.read, attack.of, longest) and growth(one.read, attack.of, longest) > MOST:
            yield attack


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_every_reader_is_linear(reader: Reader) -> None:
    for attack in reader.attacks:
        assert growth(reader.read, attack.of, reader.longest) <= MOST, attack
    for attack in attacks():
        if is_suspect(reader.read, attack.of, reader.longest, reader.short):
            assert growth(reader.read, attack.of, reader.longest) <= MOST, attack
