"""One value has one spelling: digests, times and ids that lenient readers accept are refused, signed or not."""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from .bodies import SECRETS
from .senders import NOW, SCHEMES, SIGNATURE, TIMED, TIMESTAMP, URL, Sent, in_base64, in_hex, refusal, sent

SPELLINGS = {
    "hex": (
        lambda text: text.upper(),
        lambda text: b" " + text,
        lambda text: text + b"\n",
        lambda text: text[:-1],
        lambda text: text + b"00",
        lambda text: text[:10] + b" " + text[11:],
        lambda text: text[:-1] + b"\xff",
        lambda text: b"",
    ),
    "base64": (
        lambda text: text.rstrip(b"="),
        lambda text: text + b"=",
        lambda text: text + b"\n",
        lambda text: b" " + text,
        lambda text: text[:10] + b"\n" + text[10:],
        lambda text: text.replace(b"=", b"%3D"),
        lambda text: text + b"AAAA",
        lambda text: text[:-1] + b"\xc3\xbc",
        lambda text: b"====",
        lambda text: base64.b64encode(base64.b64decode(text)[:-1]),
    ),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_digest_has_one_spelling(scheme: str) -> None:
    case = sent(scheme)
    value = case.header(SIGNATURE[scheme])
    kind = "hex" if scheme in ("stripe", "intercom", "github") else "base64"
    separator = {"hex": b"=", "base64": b","}[kind]
    before, mark, digest = value.rpartition(separator) if separator in value.rstrip(b"=") else (b"", b"", value)

    for spelling in SPELLINGS[kind]:
        written = before + mark + spelling(digest)
        if written != value:
            assert refusal(case.with_header(SIGNATURE[scheme], written)) in ("malformed", "missing"), written


def test_stray_bits_in_the_last_base64_character_are_refused() -> None:
    case = sent("shopify")
    signature = case.header("X-Shopify-Hmac-Sha256")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = alphabet[alphabet.index(signature[42]) ^ 1]

    loose = signature[:42] + bytes((twin,)) + b"="

    assert base64.b64decode(loose) == base64.b64decode(signature)
    assert refusal(case.with_header("X-Shopify-Hmac-Sha256", loose)) == "malformed"


def test_the_label_of_the_algorithm_belongs_to_the_scheme() -> None:
    github, intercom = sent("github"), sent("intercom")
    sha1 = github.header("X-Hub-Signature")

    assert refusal(github.without("X-Hub-Signature-256")) == "missing"
    assert refusal(github.with_header("X-Hub-Signature-256", sha1)) == "malformed"
    assert refusal(github.with_header("X-Hub-Signature-256", b"sha256=" + sha1.removeprefix(b"sha1="))) == "malformed"
    strong = b"sha256=" + in_hex(SECRETS["intercom"].encode(), intercom.body)
    assert refusal(intercom.with_header("X-Hub-Signature", strong)) == "malformed"


@pytest.mark.parametrize("scheme", TIMED)
def test_a_signed_time_counts_five_minutes_either_way(scheme: str) -> None:
    for edge in (timedelta(minutes=5), timedelta(minutes=-5)):
        sent(scheme, at=NOW + edge).proven_by()
        beyond = edge + edge / 300
        assert refusal(sent(scheme, at=NOW + beyond)) == "stale"
    assert refusal(sent(scheme, at=NOW - timedelta(days=365))) == "stale"
    assert refusal(sent(scheme, at=NOW + timedelta(days=365))) == "stale"


SECONDS = (b"-1", b"+%d", b" %d", b"%d ", b"%d.0", b"%d.5", b"0%d", b"1e9", b"nan", b"inf", b"0x65", b"9" * 400, b"")
MILLISECONDS = (b"-%d", b"+%d", b"%d.0", b"%d0", b"0%d", b"%d\n", b"1795602600", b"NaN", b"9" * 400)
INSTANTS = (
    b"2026-11-25T10:30:00",
    b"2026-11-25 10:30:00Z",
    b"2026-13-25T10:30:00Z",
    b"2026-11-25T10:30:61Z",
    b"2026-11-25T10:30:00+99:00",
    b"2026-11-25T10:30:00Zx",
    b"2026-11-25T10:30:00.Z",
    b"20261125T103000Z",
    b"2026-W48-3T10:30:00Z",
    b"0000-00-00T00:00:00Z",
    b"1795602600",
    "\uff12\uff1026-11-25T10:30:00Z".encode(),  # digits to Unicode, but not to us
)


def test_times_have_one_spelling_even_when_they_are_signed() -> None:
    """The signature is good every time: what is refused is how the time is written."""
    seconds, milliseconds = int(NOW.timestamp()), int(NOW.timestamp() * 1000)
    for text in SECONDS:
        time = text % seconds if b"%d" in text else text
        signed = b"t=%b,v1=%b" % (time, in_hex(SECRETS["stripe"].encode(), time + b"." + sent("stripe").body))
        assert refusal(sent("stripe").with_header("Stripe-Signature", signed)) == "malformed", time
        assert refusal(standard(b"msg_1", time)) in ("malformed", "missing"), time
    for text in MILLISECONDS:
        time = text % milliseconds if b"%d" in text else text
        content = b"POST" + URL.encode() + b"[]" + time
        case = sent("hubspot", b"[]").with_header(SIGNATURE["hubspot"], in_base64(SECRETS["hubspot"].encode(), content))
        assert refusal(case.with_header(TIMESTAMP["hubspot"], time)) == "malformed", time
    for time in INSTANTS:
        case = sent("zendesk", b"")
        case = case.with_header(SIGNATURE["zendesk"], in_base64(SECRETS["zendesk"].encode(), time))
        assert refusal(case.with_header(TIMESTAMP["zendesk"], time)) == "malformed", time


def standard(message_id: bytes, time: bytes, body: bytes = b"{}") -> Sent:
    key = base64.b64decode(SECRETS["standard-webhooks"].removeprefix("whsec_"))
    headers = (
        (b"webhook-id", message_id),
        (b"webhook-timestamp", time),
        (b"webhook-signature", b"v1," + in_base64(key, message_id + b"." + time + b"." + body)),
    )
    return Sent(scheme="standard-webhooks", headers=headers, body=body)


def test_a_full_stop_in_an_id_is_refused() -> None:
    """`a.1795602600` and then a time signs the same bytes as `a`, that number as time, and a longer body."""
    now = b"%d" % NOW.timestamp()
    twin = standard(b"a", now, now + b".{}")

    assert standard(b"a." + now, now).header("webhook-signature") == twin.header("webhook-signature")
    assert refusal(standard(b"a." + now, now)) == "malformed"
    for unreadable in (b"a b", b"a\x00", b"\xff\xfe", "ü".encode(), b"x" * 256):
        assert refusal(standard(unreadable, now)) == "malformed", unreadable
    standard(b"x" * 255, now).proven_by()


def test_stripe_names_one_time() -> None:
    value = sent("stripe").header("Stripe-Signature")

    assert refusal(sent("stripe").with_header("Stripe-Signature", b"t=1," + value)) == "duplicate"
    assert refusal(sent("stripe").with_header("Stripe-Signature", value.partition(b",")[2])) == "malformed"
    assert refusal(sent("stripe").with_header("Stripe-Signature", value.partition(b",")[0])) == "malformed"


def test_hubspot_signs_its_uri_with_some_escapes_undone() -> None:
    """Twelve escapes, in either case; %20, %25 and %5B stay. An escape that an escape hides is not one."""
    escaped = URL + "?a=%3A%2f%3F%40%21%24%27%28%29%2A%2c%3B&b=%20%25%5B&c=%253A&d=x%2Fy"
    undone = URL + "?a=:/?@!$'()*,;&b=%20%25%5B&c=%253A&d=x/y"

    replace(sent("hubspot", url=undone), url=escaped).proven_by()
    sent("hubspot", url=undone).proven_by()
    assert refusal(sent("hubspot", url=escaped)) == "mismatch"


def test_no_byte_of_a_hubspot_body_passes_for_one_of_the_uri() -> None:
    """Method, URI, body and time are joined without a mark between them."""
    case = sent("hubspot", url=URL + "?from=hubspot")

    for moved in range(1, len(case.body)):
        split = replace(case, url=case.url + case.body[:moved].decode("latin-1"), body=case.body[moved:])
        assert refusal(split) == "malformed"
    at_the_end = sent("hubspot", b"[1]1")
    timestamp = at_the_end.header(TIMESTAMP["hubspot"])
    moved_on = replace(at_the_end, body=b"[1]").with_header(TIMESTAMP["hubspot"], b"1" + timestamp)
    assert refusal(moved_on) == "malformed"
    for url in ("", "hooks.example.com/x", URL + "\n", URL + "?ü", URL + "#[", "https://hooks.example.com", "\ud800"):
        assert refusal(replace(case, url=url)) == "malformed", url


def test_no_byte_of_a_zendesk_body_passes_for_one_of_the_time() -> None:
    case = sent("zendesk", b"+00:00{}")
    timestamp = case.header(TIMESTAMP["zendesk"])

    case.proven_by()
    for moved in range(1, len(case.body)):
        split = replace(case, body=case.body[moved:]).with_header(TIMESTAMP["zendesk"], timestamp + case.body[:moved])
        assert refusal(split) == "malformed"
