"""Shopify's search syntax: `updated_at:>='2026-01-01' AND (tag:vip OR -state:disabled) anna`.

The grammar follows Shopify's page on search syntax. Adjacent terms are joined by AND, which binds tighter than OR; `-`
or NOT negates. A term is a value, or a field with a comparator (`:`, `:>`, `:>=`, `:<`, `:<=`) and a value. A value is
quoted, or ends at a space or a bracket; a `*` at its end matches any ending.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

JsonRecord = dict[str, Any]

_TOKEN = re.compile(
    r"""
    \s+
    | (?P<open>\() | (?P<close>\))
    | (?P<word>(?:AND|OR|NOT)(?=[\s(]|$))
    | (?P<minus>-(?=[\w"'(]))
    | (?:(?P<field>[\w.$-]+):(?P<comparator>>=|<=|>|<)?\s*)?
      (?: '(?P<single>(?:\\.|[^'\\])*)' | "(?P<double>(?:\\.|[^"\\])*)" | (?P<bare>[^\s()]+) )
    """,
    re.VERBOSE,
)


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison. `field` is None for a bare word, which is searched in the record's main texts."""

    field: str | None
    comparator: str
    value: str


Test = Callable[[JsonRecord], bool]
Judge = Callable[[Term], Test]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A bracket, a connective, a minus, or a term."""

    kind: str
    term: Term | None = None


def compiled(query: str, judge: Judge) -> Test:
    """Compile a query into one test of a record; `judge` compiles each term. An empty query matches all."""
    reader = _Reader(_tokens(query), judge)
    return reader.whole()


def _tokens(query: str) -> list[Token]:
    tokens: list[Token] = []
    for match in _TOKEN.finditer(query):
        if match["open"]:
            tokens.append(Token(kind="("))
        elif match["close"]:
            tokens.append(Token(kind=")"))
        elif match["word"]:
            tokens.append(Token(kind=match["word"]))
        elif match["minus"]:
            tokens.append(Token(kind="NOT"))
        elif (value := _value(match)) is not None:
            term = Term(
                field=match["field"],
                comparator=match["comparator"] or "=",
                value=value,
            )
            tokens.append(Token(kind="term", term=term))
    return tokens


def _value(match: re.Match[str]) -> str | None:
    if match["bare"] is not None:
        return match["bare"]
    quoted = match["single"] if match["single"] is not None else match["double"]
    return None if quoted is None else re.sub(r"\\(.)", r"\1", quoted)


class _Reader:
    """Parses tokens by recursive descent. Like Shopify, it ignores an extra bracket or a dangling OR."""

    def __init__(self, tokens: list[Token], judge: Judge) -> None:
        self._tokens = tokens
        self._place = 0
        self._judge = judge

    def whole(self) -> Test:
        tests = [self._either()]
        while self._place < len(self._tokens):
            if self._next() == ")":
                self._place += 1
                continue
            tests.append(self._either())
        return _all(tests)

    def _either(self) -> Test:
        tests = [self._both()]
        while self._next() == "OR":
            self._place += 1
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda record: any(test(record) for test in tests)

    def _both(self) -> Test:
        tests: list[Test] = []
        while self._next() not in (None, ")", "OR"):
            if self._next() == "AND":
                self._place += 1
                continue
            tests.append(self._one())
        return _all(tests)

    def _one(self) -> Test:
        token = self._tokens[self._place]
        self._place += 1
        if token.kind == "NOT":
            if self._next() in (None, ")", "AND", "OR"):
                return _all([])
            inner = self._one()
            return lambda record: not inner(record)
        if token.kind == "(":
            inner = self._either()
            if self._next() == ")":
                self._place += 1
            return inner
        assert token.term is not None  # noqa: S101 - the other kinds are handled by the callers
        return self._judge(token.term)

    def _next(self) -> str | None:
        return self._tokens[self._place].kind if self._place < len(self._tokens) else None


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda record: all(test(record) for test in tests)
