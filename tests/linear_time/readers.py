"""Everything that reads text from outside."""

import asyncio
import io
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import msgspec
from litestar import Request

from app.egress.retry_after import seconds_asked
from app.egress.targets import parse_target
from app.errors import InvalidField
from app.http.accept import quality
from app.http.admission import content_type_of
from app.http.bodies import Transfers
from app.http.cursors import SealedCursors
from app.http.decode_body import decode_patch, pointer_of
from app.http.edge import Edge
from app.http.headers import callback, idempotency_key, preferences
from app.http.nearest_name import did_you_mean
from app.http.parameters import Query, choices, instant, text, whole
from app.links.match_keys import MatchFacts, match_facts_of
from app.links.role_mailboxes import is_role
from app.problem_document import Problem, document_of
from app.redaction import addresses_in, shape_of, without_people, word_of
from canonical import markup, values
from canonical.customer import Customer, CustomerPatch, Email
from canonical.order_patch import OrderPatch
from canonical.validate import patch_errors
from mappings.csv.export import read_rows
from mappings.csv.layout import LayoutSetting, make_layout
from mappings.csv.rows_r1 import read_row, remote_id_of
from mappings.freshdesk.field_values import address_of
from mappings.kit.html import text_of
from mappings.spec import Unmappable
from tests.linear_time.growth import ADDRESSES, Attack
from tests.linear_time.reader import HEADER, NO_NUMBER, Reader, bytes_of
from tests.linear_time.vendor_readers import vendor_readers, webhook_readers

# ------------------------------------------------------------------------------------------ bodies


def _refused(patch: Any) -> None:
    """What a caller is answered about a body with mistakes."""
    errors = list(patch_errors(patch))
    if errors:
        raise InvalidField.listing([InvalidField.at(one.pointer, one.detail).errors[0] for one in errors])


def _body(text: str) -> None:
    try:
        _refused(decode_patch(bytes_of(text), CustomerPatch))
    except Problem as problem:
        document = document_of(problem, public_url="https://a.example", instance="/v1/customers", correlation_id="r")
        assert len(msgspec.json.encode(document)) < 300_000


BODIES: Final = (
    Attack("[]" * 65 + '"', '\\"'),
    Attack("[" * 64 + '"', '\\"'),
    Attack('{"tags":["', "[{", '"]}'),
    Attack("", '{"a":'),
    Attack('{"tags":[]', ',"tags":[]', "}"),
    Attack('{"tags":[', '"\\u0000",', '""]}'),
    Attack('{"emails":[', '{"address":"a@example.com"},', '{"address":"b@example.com"}]}'),
    Attack('{"emails":[', '{"address":"x"},', '{"address":"x"}]}'),
    Attack('{"language":"', "a-", '"}'),
    Attack('{"first_name":"', "\\u0301", '"}'),
    Attack('{"', "n", '":1}'),
    Attack('{"', ".a - at `$", '":1}'),
    Attack('{"emails":[{"', "`", '":1}]}'),
)


def _long_names(text: str) -> None:
    """A name as long as the body, above as many mistakes as fit."""
    half, nul = "n" * (len(text) // 2), r'"\u0000"'
    twice, nuls = ",".join(['"b":1'] * (len(half) // 6)), ",".join([nul] * (len(half) // 9))
    _body(f'{{"{half}":{{"b":1,{twice}}}}}')
    _body(f'{{"tags":["{half}",{nul}],"emails":[{nuls}]}}')


# ----------------------------------------------------------------------------------------- headers


_RUNNER: Final = asyncio.Runner()


def _asked(use: Callable[[Any], object], header: bytes = b"x", query: bool = False) -> Callable[[str], None]:
    """A request whose header, or query, is the text, as it comes through the outermost layer."""

    def read(text: str) -> None:
        raw = text.encode("latin-1", "replace")
        scope: Any = {
            "type": "http",
            "method": "POST",
            "path": "/v1/customers",
            "headers": [(b"host", b"127.0.0.1:8080"), *([] if query else [(header, raw)])],
            "http_version": "1.1",
            "query_string": raw if query else b"",
            "state": {},
        }

        async def app(inner: Any, receive: Any, send: Any) -> None:
            use(Request(inner))

        silent: Any = None  # the application neither reads nor answers
        edge = Edge(app, public_url="http://127.0.0.1:8080", answers=Transfers(idle_seconds=30.0, seconds=60.0))
        _RUNNER.run(edge(scope, silent, silent))

    return read


QUERY: Final = (
    choices("type", "Types.", ("customer.*", "order.*"), example="order.*"),
    instant("since", "A time"),
    whole("limit", "A number.", 1, 250, example=50, default=50),
    text("email", "A text.", "ann@example.com"),
    text("a", "A text.", "a"),
)


def _query(request: Any) -> None:
    Query(request, QUERY).check()


def _content_type(request: Any) -> None:
    content_type_of(request)
    re.search(r"charset\s*=\s*\"?([A-Za-z0-9_-]+)", request.headers.get("content-type", ""), re.IGNORECASE)


def _cursor(text: str) -> None:
    cursors = SealedCursors((b"k" * 32,))
    cursors.open(text, cursors.scope("hubspot", "hubspot.customer", None, {}, None))


SPACES: Final = (
    *(Attack(beginning, " ", "!") for beginning in ("a", "a=", "a=1", "a;", "a,", "wait=", "charset", "a;q", "a;q=")),
    *(Attack(beginning, '"') for beginning in ("a", "a=")),
)
QUERIES: Final = (
    *(Attack(f"{name}=", part) for name in ("type", "since", "limit", "a") for part in ("a,", "%2C", "9", "+", " ")),
    *(Attack("type=", "%61,b,"), Attack("", "type=a&"), Attack("", "b=1;")),
)
HEADERS: Final = (
    Reader(name="Prefer", call=_asked(preferences, b"prefer"), longest=HEADER, attacks=SPACES),
    Reader(name="Idempotency-Key", call=_asked(idempotency_key, b"idempotency-key"), longest=HEADER),
    Reader(name="Lockstitch-Callback", call=_asked(callback, b"lockstitch-callback"), longest=HEADER),
    Reader(name="Content-Type", call=_asked(_content_type, b"content-type"), longest=HEADER, attacks=SPACES),
    Reader(name="Accept", call=lambda text: quality([text], "application/json"), longest=HEADER, attacks=SPACES),
    Reader(name="X-Correlation-ID", call=_asked(str, b"x-correlation-id"), longest=HEADER),
    Reader(name="traceparent", call=_asked(str, b"traceparent"), longest=HEADER),
    Reader(name="tracestate", call=_asked(str, b"tracestate"), longest=HEADER),
    Reader(name="query", call=_asked(_query, query=True), longest=HEADER, attacks=QUERIES),
    Reader(name="cursor", call=_cursor, longest=4096),
)


# ------------------------------------------------------------------------------------- normalisers

DAMAGED_HTML: Final = (
    *(
        Attack("", part)
        for part in ("<div>", "<b title=x>", "<ul><li>", "<div><table><td></div></td></table>", "<table>")
    ),
    *(
        Attack("", part)
        for part in ("<h1><i>", "<dl><dd><b>", "<a><p>x</a>", "<svg>", "<title>", "<p>x", "<td>x", "a<![ ")
    ),
    *(Attack("", part) for part in ("words and &nbsp;", "words &amp; words ", "\u00ad ")),
    Attack("<table>", "<b>x</b>"),
    Attack("<table>", "x<tr>"),
    Attack("<p>" + "".join(f"<b title={number}>" for number in range(90)), "<div>x</div>"),
    Attack("<i>" * 100, "</u>"),
    Attack("<a ", "b=c "),
    Attack("<a ", "b "),
    Attack("<a x='1' ", "y=\"2\" z='3' "),
    Attack("<img src='data:,", "A", "'>"),
)


def _formatting(text: str) -> str:
    """Different elements without end, then paragraphs that each take all of them up again."""
    half = len(text) // 2
    return "<p>" + "".join(f"<i title={number}>" for number in range(half // 14)) + "<p>x" * (half // 4)


def _match_by_name(name: str) -> MatchFacts:
    customer = Customer(display_name=name, emails=(Email(address="ann@example.com", is_primary=True),))
    return match_facts_of(customer, "shop", "1", is_staff=False)


def _plain(function: Any) -> Callable[[str], object]:
    """Without its memory, which a second measuring would meet."""
    return function.__wrapped__


NORMALISERS: Final = (
    *(
        Reader(name=f"values.{function.__name__}", call=function)
        for function in (values.phone, values.country, values.language)
    ),
    Reader(name="values.email", call=values.email, attacks=ADDRESSES),
    Reader(name="values.is_email", call=values.is_email, attacks=ADDRESSES),
    Reader(name="values.language_key", call=values.language_key),
    Reader(name="values.timezone", call=values.timezone),
    Reader(name="an address", call=_plain(values.is_email), longest=320, attacks=ADDRESSES),
    Reader(name="an address to compare", call=_plain(values.email_key), attacks=ADDRESSES),
    # The @ is its only syntax, so what comes first makes no difference.
    Reader(name="the mailbox of an office", call=is_role, attacks=tuple(one for one in ADDRESSES if not one.beginning)),
    Reader(name="a number", call=_plain(values.phone), longest=250),
    Reader(name="a number at home", call=lambda text: _plain(values.phone)(text, "DE"), longest=250),  # type: ignore[call-arg]
    Reader(name="a country", call=_plain(values.country), longest=100),
    Reader(name="a language", call=_plain(values.language), longest=100),
    Reader(name="values.money", call=lambda text: values.money(text, "EUR"), refusals=NO_NUMBER),
    Reader(name="values.unit_price", call=lambda text: values.unit_price(text, "EUR"), refusals=NO_NUMBER),
    Reader(name="values.quantity", call=values.quantity, refusals=NO_NUMBER),
    Reader(name="a text with references", call=values.unescaped, attacks=(Attack("", "&#9"), Attack("&", "a"))),
    Reader(name="HTML", call=values.safe_html, attacks=DAMAGED_HTML),
    Reader(name="HTML with formatting", call=lambda text: values.safe_html(_formatting(text))),
    Reader(name="HTML as text", call=lambda text: text_of(values.safe_html(text)), attacks=DAMAGED_HTML),
    Reader(name="HTML that is cut", call=markup.is_cut),
    Reader(name="a sender", call=address_of, attacks=ADDRESSES),
    Reader(name="people", call=without_people, attacks=(Attack("", "a.b%40c.d "), Attack("", "+1234567"))),
    Reader(
        name="addresses",
        call=lambda text: list(addresses_in(text)),
        attacks=(Attack("", "a.b%40c.d "), Attack("", "@"), Attack("", "'a@")),
    ),
    Reader(name="shape", call=lambda text: (shape_of(text), shape_of({text: [text]}), word_of(text))),
    Reader(name="Retry-After", call=seconds_asked, longest=HEADER),
    Reader(name="target", call=parse_target, attacks=(Attack("https://a.example/", "a/"), Attack("https://", "a."))),
    Reader(name="pointer", call=lambda text: pointer_of(f"$.{text}")),
    Reader(name="a name to match", call=_match_by_name),
    Reader(name="an unknown name", call=lambda text: did_you_mean(text, CustomerPatch.__struct_fields__)),
)

# ----------------------------------------------------------------------------------------- exports

LAYOUT: Final = make_layout(
    msgspec.convert(
        {
            "object": "customers",
            "key": "No",
            "date_format": "%d.%m.%Y",
            "constants": {"kind": "person", "order_stats.currency": "EUR"},
            "columns": [
                {"column": "Name", "field": "last_name"},
                {"column": "E-mail", "field": "emails[0].address"},
                {"column": "Phone", "field": "phones[0].raw"},
                {"column": "Land", "field": "addresses[0].country_code"},
                {"column": "State", "field": "status", "type": "enum", "values": {"A": "active"}},
                {"column": "Since", "field": "created_at", "type": "date"},
                {"column": "Orders", "field": "order_stats.count", "type": "number"},
                {"column": "Spent", "field": "order_stats.total_spent", "type": "money"},
                {"column": "VIP", "field": "custom_fields.vip", "type": "boolean"},
            ],
        },
        LayoutSetting,
    )
)


def _export(text: str) -> None:
    for _ in read_rows(io.BytesIO(bytes_of(",".join(LAYOUT.names) + "\n" + text)), LAYOUT):
        pass


def _cells(text: str) -> None:
    for name in LAYOUT.names:
        cells = dict.fromkeys(LAYOUT.names, "") | {"No": "1", name: text}
        with suppress(Unmappable):
            read_row(msgspec.json.encode({"row": 2, "cells": cells}), LAYOUT)


EXPORTS: Final = (
    Reader(name="export", call=_export, attacks=(Attack("", "1,,\n"), Attack("", '"1""\n'), Attack('"', "a\n"))),
    Reader(name="cells", call=_cells, longest=131_072),
    Reader(name="key", call=lambda text: remote_id_of({"No": text}, ("No",)), longest=131_072),
)

READERS: Final = (
    Reader(name="body", call=_body, attacks=BODIES),
    Reader(name="body with long names", call=_long_names),
    Reader(
        name="body of an order", call=lambda text: _refused(decode_patch(bytes_of(text), OrderPatch)), attacks=BODIES
    ),
    *HEADERS,
    *webhook_readers(),
    *vendor_readers(),
    *NORMALISERS,
    *EXPORTS,
)
