"""A parser of SOQL, for the subset that integrations use (SOQL and SOSL Reference).

SELECT field, relation.field, (SELECT … FROM Children …) FROM sObject
WHERE a = 'x' AND (b > 2026-05-01T00:00:00Z OR NOT c IN ('y', 'z')) ORDER BY d DESC NULLS LAST LIMIT 5 OFFSET 2
"""

import re
from dataclasses import dataclass

from emulators.salesforce.errors import malformed_query

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<day>\d{4}-\d\d-\d\d)"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*)"
    r"|(?P<sign><=|>=|!=|<>|[=<>(),]))",
    re.DOTALL,
)
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}
COMPARISONS = ("=", "!=", "<>", "<", ">", "<=", ">=")


@dataclass(frozen=True, kw_only=True)
class Literal:
    """A value: `text`, `moment`, `day`, `number`, `truth` or `null`."""

    kind: str
    value: str | float | bool | None


@dataclass(frozen=True, kw_only=True)
class Compare:
    """A field against one literal (`=`, `LIKE`, …) or several (`IN`, `NOT IN`)."""

    field: str
    sign: str
    literals: tuple[Literal, ...]


@dataclass(frozen=True, kw_only=True)
class Both:
    """Conditions joined by `AND` or `OR`; `NOT` has one."""

    word: str
    parts: "tuple[Condition, ...]"


Condition = Compare | Both


@dataclass(frozen=True, kw_only=True)
class Sort:
    """One sort key."""

    field: str
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query. `children` are the queries of child relationships; their `source` is the relationship."""

    fields: tuple[str, ...]
    children: "tuple[Query, ...]"
    source: str
    where: Condition | None
    sorts: tuple[Sort, ...]
    limit: int | None
    offset: int
    counts: bool = False


def parse(text: str) -> Query:
    """Parse a query. Raises a 400 if it is invalid."""
    reader = _Reader(text)
    query = reader.query()
    if reader.peek() is not None:
        raise malformed_query(f"unexpected token: '{reader.peek()}'")
    return query


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            match = TOKEN.match(text, at)
            if match is None:
                raise malformed_query(f"line 1:{at} no viable alternative at character '{text[at]}'")
            kind = match.lastgroup or ""
            self._tokens.append((kind, match[kind]))
            at = match.end()
        self._at = 0

    def peek(self) -> str | None:
        """Return the next token."""
        return self._tokens[self._at][1] if self._at < len(self._tokens) else None

    def query(self) -> Query:
        """Parse a query, up to its end or a closing bracket."""
        self._word("SELECT")
        fields: list[str] = []
        children: list[Query] = []
        counts = self._counting()
        while not counts:
            if self._is("("):
                self._take()
                children.append(self.query())
                self._word(")")
            else:
                fields.append(self._name())
            if not self._is(","):
                break
            self._take()
        self._word("FROM")
        source = self._name()
        where = self._either() if self._accept("WHERE") else None
        sorts: list[Sort] = []
        if self._accept("ORDER"):
            self._word("BY")
            sorts.append(self._sort())
            while self._accept(","):
                sorts.append(self._sort())
        limit = self._whole() if self._accept("LIMIT") else None
        offset = self._whole() if self._accept("OFFSET") else 0
        return Query(
            fields=tuple(fields),
            children=tuple(children),
            source=source,
            where=where,
            sorts=tuple(sorts),
            limit=limit,
            offset=offset,
            counts=counts,
        )

    def _counting(self) -> bool:
        following = [token for _, token in self._tokens[self._at : self._at + 3]]
        if [token.upper() for token in following] != ["COUNT", "(", ")"]:
            return False
        self._at += 3
        return True

    def _either(self) -> Condition:
        """Parse conditions joined by one word. SOQL requires brackets to mix AND and OR."""
        parts = [self._single()]
        word: str | None = None
        while self._is("AND") or self._is("OR"):
            joiner = self._take().upper()
            if word not in (None, joiner):
                raise malformed_query(f"unexpected token: '{joiner}'")
            word = joiner
            parts.append(self._single())
        return parts[0] if word is None else Both(word=word, parts=tuple(parts))

    def _single(self) -> Condition:
        if self._accept("NOT"):
            return Both(word="NOT", parts=(self._single(),))
        if self._accept("("):
            inner = self._either()
            self._word(")")
            return inner
        field = self._name()
        if self._accept("IN"):
            return Compare(field=field, sign="IN", literals=self._several())
        if self._accept("NOT"):
            self._word("IN")
            return Compare(field=field, sign="NOT IN", literals=self._several())
        if self._accept("LIKE"):
            return Compare(field=field, sign="LIKE", literals=(self._literal(),))
        sign = self._take()
        if sign not in COMPARISONS:
            raise malformed_query(f"unexpected token: '{sign}'")
        return Compare(field=field, sign="!=" if sign == "<>" else sign, literals=(self._literal(),))

    def _several(self) -> tuple[Literal, ...]:
        self._word("(")
        literals = [self._literal()]
        while self._accept(","):
            literals.append(self._literal())
        self._word(")")
        return tuple(literals)

    def _literal(self) -> Literal:
        kind, token = self._next()
        if kind == "text":
            return Literal(kind="text", value=ESCAPED.sub(_unescaped, token[1:-1]))
        if kind == "number":
            return Literal(kind="number", value=float(token))
        if kind in ("moment", "day"):
            return Literal(kind=kind, value=token)
        word = token.lower()
        if word == "null":
            return Literal(kind="null", value=None)
        if word in ("true", "false"):
            return Literal(kind="truth", value=word == "true")
        raise malformed_query(f"unexpected token: '{token}'")

    def _sort(self) -> Sort:
        field = self._name()
        descending = self._accept("DESC")
        if not descending:
            self._accept("ASC")
        nulls_last = False
        if self._accept("NULLS"):
            nulls_last = self._accept("LAST")
            if not nulls_last:
                self._word("FIRST")
        return Sort(field=field, descending=descending, nulls_last=nulls_last)

    def _name(self) -> str:
        kind, token = self._next()
        if kind != "name":
            raise malformed_query(f"unexpected token: '{token}'")
        return token

    def _whole(self) -> int:
        kind, token = self._next()
        if kind != "number" or not token.isdecimal():
            raise malformed_query(f"unexpected token: '{token}'")
        return int(token)

    def _is(self, word: str) -> bool:
        token = self.peek()
        return token is not None and token.upper() == word

    def _accept(self, word: str) -> bool:
        if not self._is(word):
            return False
        self._at += 1
        return True

    def _word(self, word: str) -> None:
        if not self._accept(word):
            raise malformed_query(f"expecting '{word}', found '{self.peek() or '<EOF>'}'")

    def _take(self) -> str:
        return self._next()[1]

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise malformed_query("unexpected token: '<EOF>'")
        self._at += 1
        return self._tokens[self._at - 1]


def _unescaped(match: re.Match[str]) -> str:
    if match[1] not in ESCAPES:
        raise malformed_query(f"Illegal string literal '{match[0]}'")
    return ESCAPES[match[1]]
