"""The webhook part of a vendor's manifest: the signature of webhooks, the place of the event in them, and the record
that it concerns."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from msgspec import Struct

from canonical.parts import ObjectName


@dataclass(frozen=True, kw_only=True, eq=False)
class Signature:
    """How a vendor signs: a header has the HMAC of the `signed` parts.

    `encoding` is the form of the digest, and `label` the text before it; no other form is accepted. `signed` names the
    parts in order: `method`, `url`, `time` and `body`; any other text is signed literally. `time` is the header with
    the signed time, `clock` its form, and `tolerance` the greatest difference from now, in seconds, in both directions.
    `pairs`: the header is a list such as `t=…,v1=…`; these are the names of the time and of the digests in it, of which
    one must match.

    Without a signed time, anyone who saw a body can send it again. That is harmless: an event only causes a read of the
    record. Parts are joined without their lengths, so a time has one spelling, and a signed URL must not run into the
    body: `url` returns the URL as it is signed, or None to refuse the request. `keys` returns the keys to try for a
    configured secret; each is used as UTF-8 text.
    """

    header: str
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    encoding: Literal["base64", "hex"] = "base64"
    label: str = ""
    pairs: tuple[str, str] | None = None
    signed: tuple[str, ...] = ("body",)
    time: str = ""
    clock: Literal["seconds", "milliseconds", "rfc3339"] = "seconds"
    tolerance: float = 300.0
    url: Callable[[str], str | None] = lambda url: url if url.isascii() else None
    keys: Callable[[str], tuple[str, ...]] = lambda secret: (secret,)

    def __post_init__(self) -> None:
        """Raise TypeError for a time that is not signed: a sender could choose it."""
        if ("time" in self.signed) != bool(self.time or self.pairs):
            raise TypeError("a time counts only if it is among what is signed, and needs a header or a pair")


class Place(Struct, frozen=True, kw_only=True):
    """The place of a value in a webhook: a `header`, a `member` of the body by its path, or a constant `text`. Text
    that `matching` does not match as a whole does not count; a group in the pattern is the value."""

    header: str = ""
    member: tuple[str, ...] = ()
    text: str = ""
    matching: re.Pattern[str] | None = None


def header(name: str, matching: str = "(.*)") -> Place:
    """Return the place of a header. `name` is in lower case."""
    return Place(header=name, matching=re.compile(matching))


def member(path: str, matching: str = "(.*)") -> Place:
    """Return the place of a member of the body: `data.object.id`."""
    return Place(member=tuple(path.split(".")), matching=re.compile(matching))


BODY: Final = Place()
"""The digest of the body: equal bytes are the same event."""
Places = tuple[Place, ...]
"""Places of one value, of which the first that has one counts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Envelope:
    """Where the webhooks of a vendor hold what their event is.

    `identity` are the parts that are together equal for all copies of an event and for no other: the sender's id, not
    the bytes, if a retry changes those. Headers that are read must not be repeated. `records` are the vendor's name of
    an object and the record's id; the first pair with both counts. `time` is ISO 8601, with `zone` appended, or a
    number in `unit`. `many`: the body may be an array of events. `genuine` is a value that only events have: without
    it, the members of the body do not count.
    """

    identity: tuple[Places, ...]
    topic: Place
    records: tuple[tuple[Place, Place], ...] = ()
    time: Place | None = None
    unit: Literal["seconds", "milliseconds"] = "seconds"
    zone: str = ""
    many: bool = False
    genuine: Place | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Ping:
    """An unsigned request by which a vendor tests the URL, answered with 200. `body` is its whole body. `only_pending`:
    only while the connection is `pending`."""

    method: str
    body: re.Pattern[bytes] = re.compile(rb"(?s).*")
    only_pending: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Scheme:
    """How webhooks are authenticated and read. `name` begins the identity of each event; it is that of the vendor, or
    of the standard. `shared-secret` is for vendors that do not sign but send a fixed header that an administrator
    configures; `standard-webhooks` is https://www.standardwebhooks.com/."""

    name: str
    signature: Signature | Literal["shared-secret", "standard-webhooks"]
    envelope: Envelope
    ping: Ping | None = None


Happened = Literal["created", "updated", "deleted", "comment_added"]


class Merge(Struct, frozen=True, kw_only=True):
    """Records that the vendor merged into another one."""

    remote_ids: tuple[str, ...]
    into: str


class Part(Struct, frozen=True, kw_only=True):
    """A record that the vendor keeps apart and that belongs to another one, such as a line item. `is_gone`: it was
    deleted."""

    remote_id: str
    is_gone: bool = False


class Notice(Struct, frozen=True, kw_only=True):
    """A change of a mapped record, as a webhook reports it.

    It is only a hint: vendors send webhooks late, twice and in any order, so read the record. A record that was
    restored, merged or marked as spam is `updated`; a read shows its new state. `comment_id` and `comment_text` are the
    vendor's id and the text of the comment that was added to the ticket, if the webhook has them. `merge` is the merge
    that the webhook reports. `trashed`: a deleted record is kept for a while, and can be restored. `adds_comments`: the
    ticket may have new comments, which the webhook does not name. `part` is the part of the record that the webhook is
    about: then `remote_id` is empty, and the vendor says which record it belongs to. `changed` is the canonical field
    that changed, if the webhook is about one and may lack its value.
    """

    object: ObjectName
    remote_id: str
    happened: Happened
    comment_id: str | None = None
    comment_text: str | None = None
    merge: Merge | None = None
    trashed: bool = False
    adds_comments: bool = False
    part: Part | None = None
    changed: str | None = None


Reading = Callable[[str | None, str | None, str | None, bytes], Notice | None]
"""Takes the topic, the vendor's object type, the record's id and the payload, and returns the Notice. Returns None for
a topic that concerns no mapping. Never raises, for any payload."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WebhookManifest:
    """The webhooks of a vendor: their `scheme`, and how to read them.

    `notice` is called only after the signature was verified. `changing` are the top-level members of a payload that
    differ between deliveries of one event, such as the number of attempts. `exact`: the times of events and of records
    are from one clock, in milliseconds, so a record that says it changed at the time of an event shows that change.
    `account` reads from the headers (names in lower case) and the payload of one event which account sent it, as in
    `manifest.Identity`. Never raises. `gone` is the status, by object, with which the vendor still returns deleted
    records. `silent` are objects whose changes no webhook reports.
    """

    scheme: Scheme
    notice: Reading
    changing: frozenset[str] = frozenset()
    exact: bool = False
    account: Callable[[Mapping[str, str], bytes], Mapping[str, str]] | None = None
    gone: Mapping[ObjectName, str] = field(default_factory=dict)
    silent: frozenset[ObjectName] = frozenset()


def unmapped(topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes) -> None:
    """Return None: the vendor has no mappings."""
