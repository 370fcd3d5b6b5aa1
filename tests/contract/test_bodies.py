"""Bodies that cannot be read: too large, of another type, not JSON, broken on the wire."""

import json
import time
from contextlib import suppress
from http.client import HTTPResponse
from typing import Any

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.raw_http import chunk, connect, exchange, head
from tests.contract.samples import customer, word

PATH = "/v1/customers"
MAX = 1024 * 1024


def post(
    caller: Caller, content: bytes, content_type: str | None = "application/json", **headers: str
) -> httpx.Response:
    sent = {"idempotency-key": new_key(), **{name.replace("_", "-"): value for name, value in headers.items()}}
    if content_type is not None:
        sent["content-type"] = content_type
    return caller.post(PATH, content=content, headers=sent)


def padded(size: int) -> bytes:
    """A customer whose JSON has exactly this many bytes."""
    body = json.dumps(customer("hubspot")).encode()
    return body + b" " * (size - len(body))


def chunked(caller: Caller, body: bytes, **options: Any) -> httpx.Response:
    headers = (
        f"Authorization: Bearer {caller.secret}",
        f"Idempotency-Key: {new_key()}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    )
    return exchange(caller.url, head("POST", PATH, *headers) + body, **options)


NOT_JSON = {
    "empty": b"",
    "blank": b" \n\t",
    "not json": b"emails: []",
    "breaks off": b'{"first_name": "Ada"',
    "trailing": b'{"first_name": "Ada"} {}',
    "single quotes": b"{'first_name': 'Ada'}",
    "trailing comma": b'{"first_name": "Ada",}',
    "not a number": b'{"first_name": NaN}',
    "byte order mark": b'\xef\xbb\xbf{"first_name": "Ada"}',
    "utf-16": '{"first_name": "Ada"}'.encode("utf-16"),
    "latin-1": b'{"first_name": "J\xf6rg"}',
    "overlong": b'{"first_name": "\xc0\xaf"}',
    "surrogate bytes": b'{"first_name": "\xed\xa0\x80"}',
    "lone surrogate": b'{"first_name": "\\ud800"}',
    "raw control": b'{"first_name": "A\x01da"}',
    "raw nul": b'{"first_name": "A\x00da"}',
    "invalid key": b'{"\xff": 1}',
    "form": b"first_name=Ada",
    "bad escape": b'{"first_name": "\\x41"}',
}


@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_json_in_utf8(caller: Caller, content: bytes) -> None:
    assert code_of(post(caller, content), 400) == "malformed-body"


@pytest.mark.parametrize("opening", [b"[", b'{"a":'], ids=["arrays", "objects"])
@pytest.mark.parametrize("depth", [65, 5_000, 100_000])
def test_deeper_than_64_is_not_read(caller: Caller, opening: bytes, depth: int) -> None:
    closing = b"]" if opening == b"[" else b"}"
    assert code_of(post(caller, opening * depth + b"1" + closing * depth), 400) == "malformed-body"
    assert code_of(post(caller, opening * depth), 400) == "malformed-body"


def test_64_levels_are_read_and_brackets_in_texts_are_no_levels(caller: Caller) -> None:
    deep = b'{"tags":' + b"[" * 63 + b"]" * 63 + b"}"
    assert code_of(post(caller, deep), 422) == "invalid-field"
    body = customer("hubspot", job_title="[{" * 100 + '"\\')
    assert post(caller, json.dumps(body).encode()).status_code == 201


@pytest.mark.parametrize("content", [b"[]", b"null", b"7", b'"text"', b"true"])
def test_json_that_is_no_object(caller: Caller, content: bytes) -> None:
    assert code_of(post(caller, content), 422) == "invalid-field"


def test_one_mebibyte_is_taken_and_one_byte_more_is_not(caller: Caller) -> None:
    assert post(caller, padded(MAX)).status_code == 201
    assert code_of(post(caller, padded(MAX + 1)), 413) == "body-too-large"


@pytest.mark.parametrize("size", [MAX + 1, 3 * MAX, 7 * MAX])
def test_after_a_large_body_the_caller_goes_on(caller: Caller, size: int) -> None:
    """He hears the answer although he sends all of it first, and loses no request on a connection that was closed."""
    for _ in range(5):
        assert code_of(post(caller, padded(size)), 413) == "body-too-large"
        assert caller.get("/v1/me").status_code == 200


@pytest.mark.parametrize(("path", "key", "status"), [("/v1/customers", "lsk_x", 401), ("/v1/customerz", None, 404)])
def test_the_connection_survives_an_unread_body(caller: Caller, path: str, key: str | None, status: int) -> None:
    for _ in range(5):
        headers = {"content-type": "application/json"} | ({} if key is None else {"authorization": f"Bearer {key}"})
        assert caller.post(path, content=padded(MAX), headers=headers).status_code == status
        assert caller.get("/v1/me").status_code == 200


def test_a_large_body_is_refused_before_its_type(caller: Caller) -> None:
    assert code_of(post(caller, padded(MAX + 1), "text/plain"), 413) == "body-too-large"


def test_an_announced_size_is_believed(caller: Caller) -> None:
    headers = (
        *(f"Authorization: Bearer {caller.secret}", f"Idempotency-Key: {new_key()}", "Content-Type: application/json"),
        "Content-Length: 99999999999999",
    )
    assert code_of(exchange(caller.url, head("POST", PATH, *headers)), 413) == "body-too-large"


def test_chunks_are_put_together(caller: Caller) -> None:
    whole = json.dumps(customer("hubspot")).encode()
    body = b"".join(chunk(whole[at : at + 7]) for at in range(0, len(whole), 7)) + chunk(b"")
    assert chunked(caller, body).status_code == 201


def test_a_body_of_tiny_chunks_is_cut_off(caller: Caller) -> None:
    """Each costs the server as much as a large one: a mebibyte of single bytes would take it half a minute."""
    whole = json.dumps(customer("hubspot")).encode()
    tiny = b"".join(chunk(b" ") for _ in range(6000)) + chunk(whole) + chunk(b"")
    answer = expect(chunked(caller, tiny), 400, "malformed-body").json()
    assert "small pieces" in answer["detail"]
    some = b"".join(chunk(b" ") for _ in range(2000)) + chunk(whole) + chunk(b"")
    assert chunked(caller, some).status_code == 201


def test_endless_chunks_are_cut_off(caller: Caller) -> None:
    """The answer comes although the body has not ended and never will."""
    assert code_of(chunked(caller, chunk(b" " * 65_536) * 17), 413) == "body-too-large"


BROKEN = {
    "no size": b"zz\r\n{}\r\n0\r\n\r\n",
    "negative size": b"-1\r\n{}\r\n0\r\n\r\n",
    "longer than said": b"1\r\n{}\r\n0\r\n\r\n",
    "huge size": b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_broken_chunking(caller: Caller, body: bytes) -> None:
    assert code_of(chunked(caller, body), 400) == "malformed-body"


@pytest.mark.parametrize("body", [b"5\r\n{", b'2\r\n{"\r\n', b""], ids=["in a chunk", "between", "at once"])
def test_a_chunked_body_that_breaks_off(caller: Caller, body: bytes) -> None:
    assert code_of(chunked(caller, body, then_close=True), 400) == "malformed-body"


def test_a_body_shorter_than_announced(caller: Caller) -> None:
    headers = (
        *(f"Authorization: Bearer {caller.secret}", f"Idempotency-Key: {new_key()}", "Content-Type: application/json"),
        "Content-Length: 100",
    )
    answer = exchange(caller.url, head("POST", PATH, *headers) + b'{"first_name"', then_close=True)
    assert code_of(answer, 400) == "malformed-body"


def test_an_announced_size_may_begin_with_zeros(caller: Caller) -> None:
    """The first twelve digits name the size of the first piece here, which is not the whole body."""
    body = padded(500)
    headers = (
        *(f"Authorization: Bearer {caller.secret}", f"Idempotency-Key: {new_key()}", "Content-Type: application/json"),
        f"Content-Length: {len(body):013d}",
    )
    with connect(caller.url) as connection:
        connection.sendall(head("POST", PATH, *headers) + body[:50])
        time.sleep(0.3)
        with suppress(BrokenPipeError):
            connection.sendall(body[50:])
        answer = HTTPResponse(connection, method="POST")
        answer.begin()
        assert answer.status == 201, answer.read()


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/jsonx",
        "application",
    ],
)
def test_another_media_type(caller: Caller, content_type: str | None) -> None:
    body = json.dumps(customer("hubspot")).encode()
    answer = expect(post(caller, body, content_type), 415, "unsupported-media-type")
    assert "accept-patch" not in answer.headers


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"', "application/json;v=1"],
)
def test_media_types_that_are_json(caller: Caller, content_type: str) -> None:
    assert post(caller, json.dumps(customer("hubspot")).encode(), content_type).status_code == 201


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "us-ascii"])
def test_another_charset(caller: Caller, charset: str) -> None:
    body = json.dumps(customer("hubspot")).encode()
    assert code_of(post(caller, body, f"application/json; charset={charset}"), 415) == "unsupported-media-type"


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "x-unknown"])
def test_a_content_coding(caller: Caller, coding: str) -> None:
    body = json.dumps(customer("hubspot")).encode()
    assert code_of(post(caller, body, content_encoding=coding), 415) == "unsupported-media-type"


@pytest.mark.parametrize("content_type", ["text/plain", "application/json-patch+json", None])
def test_a_patch_lists_its_media_types(caller: Caller, content_type: str | None) -> None:
    headers = {"idempotency-key": new_key()} | ({} if content_type is None else {"content-type": content_type})
    answer = expect(caller.patch(f"{PATH}/cus_{word()}", content=b"{}", headers=headers), 415, "unsupported-media-type")
    assert answer.headers["accept-patch"] == "application/json, application/merge-patch+json"


def test_both_types_of_a_patch_are_taken(caller: Caller) -> None:
    made = caller.create(PATH, customer("hubspot"))
    for content_type in ("application/json", "application/merge-patch+json"):
        answer = caller.write(
            "PATCH", f"{PATH}/{made['id']}", {"job_title": content_type[-9:]}, headers={"content-type": content_type}
        )
        assert answer.status_code == 200
        assert answer.json()["job_title"] == content_type[-9:]


@pytest.mark.parametrize(
    ("body", "pointer", "meant"),
    [
        ({"frist_name": "Ada"}, "/frist_name", "first_name"),
        ({"emails": [{"adress": "ada@example.com"}]}, "/emails/0/adress", "address"),
    ],
)
def test_an_unknown_member_is_offered_the_nearest_known(
    caller: Caller, body: dict[str, Any], pointer: str, meant: str
) -> None:
    (error,) = expect(caller.write("POST", PATH, body), 422, "invalid-field").json()["errors"]
    assert error["pointer"] == pointer
    assert f"Did you mean {meant}?" in error["detail"]


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        (
            "/v1/subscriptions",
            {"event": ["*"]},
            "event is not a field of a subscription request; its fields: target_url, events,",
        ),
        (f"{PATH}/crm:1/copies", {"match_on": "phone"}, "not one of the possible values: email, external_id"),
        ("/v1/orders/shop:1/cancel", {"because": 1}, "because is not a field of an order cancel; its fields: reason, "),
        ("/v1/orders/shop:1/cancel", {"reason": "x"}, "not one of the possible values: customer, "),
    ],
)
def test_what_no_contract_lists_is_listed(caller: Caller, path: str, body: dict[str, Any], detail: str) -> None:
    refused = expect(caller.write("POST", path, body), 422, "invalid-field").json()
    assert detail in refused["detail"]
    assert "/v1/contracts" not in refused["detail"]


def test_an_unknown_parameter_is_offered_the_nearest_known(caller: Caller) -> None:
    refused = expect(caller.get(PATH, params={"limt": "5"}), 422, "invalid-field").json()
    (error,) = refused["errors"]
    assert error["parameter"] == "limt"
    assert "Did you mean limit?" in error["detail"]
    assert refused["detail"].endswith("Did you mean limit?")
