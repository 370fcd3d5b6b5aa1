"""The declaration of a vendor: its name, its webhooks, how it is called, and the mapped objects (`spec`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from canonical.classes import Traits
from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import Budget, VendorRefusal, VendorReply, VendorRequest
from mappings.spec import VendorMapping
from mappings.stock import StockReads
from mappings.tokens import NO_SCOPES, Grant, Scopes
from mappings.webhooks import WebhookManifest

A = TypeVar("A", bound=Struct)  # facts about the account


class Option(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value that a field can hold at a connection."""

    value: str
    """The value to write. Example: `"waiting_on_customer"`"""
    label: str
    """The name that users of the vendor see. Example: `"Waiting on contact"`"""
    active: bool | UnsetType = UNSET
    """False if only older records have it; absent if the vendor does not say. Example: `true`"""


FieldOptions = Mapping[str, tuple[Option, ...]]
"""Options by field name; for a custom field by `custom_fields.<key>`."""

Pages = tuple[VendorReply, ...]
"""The answers to one request, one per page; empty if the request failed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Choices(Generic[A]):
    """The source of field options: the account facts, and lists that are fetched on demand.

    `requests` builds the requests for an account, `following` the request for the next page of an answer. `read` builds
    the options of an object from the answers, in the order of the requests. It omits a field whose request failed.

    A write checks custom fields against their options. `definitions` are the requests for these options, by object;
    they are fetched with the account facts if a connection has custom fields. A vendor whose account facts include the
    options needs none. `open_fields` are the keys of fields that accept other values as well.
    """

    requests: Callable[[A], tuple[VendorRequest, ...]]
    following: Callable[[VendorRequest, VendorReply], VendorRequest | None]
    read: Callable[[A, ObjectName, tuple[Pages, ...]], FieldOptions]
    definitions: Mapping[ObjectName, VendorRequest] = field(default_factory=dict)
    open_fields: Callable[[A, ObjectName], frozenset[str]] = lambda account, object_name: frozenset()


AccountMarks = Mapping[str, str]
"""What identifies an account at a vendor, by name: `{"portal": "24861357"}`, `{"mode": "test"}`. Empty if
unknown."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Identity:
    """How to find out which account a credential opens.

    `request` asks for it, and `read` reads the answer; `replies` reads those to the vendor's account requests;
    `credential` reads the header with the credential. Without any of them, the host of the base URL identifies
    the account, at vendors where each account has its own.
    """

    request: VendorRequest | None = None
    read: Callable[[VendorReply], AccountMarks] | None = None
    replies: Callable[[tuple[VendorReply | None, ...]], AccountMarks] | None = None
    credential: Callable[[str], AccountMarks] | None = None
    shown_in: tuple[VendorRequest, ...] = ()  # the account requests whose replies `replies` reads


@dataclass(frozen=True, kw_only=True)
class Auth:
    """How credentials become a header. `template` names the secrets: `Bearer {token}`. With `basic` the template is
    `user:password` and is sent base64-encoded (RFC 7617). `names` are those that are no secrets, such as a user's."""

    secrets: tuple[str, ...]
    header: str
    template: str
    basic: bool = False
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Pacing:
    """The vendor's published rate limit: `units` per `per_seconds`, at most `concurrency` requests at once."""

    units: float
    per_seconds: float
    concurrency: int = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Manifest:
    """The declaration of a vendor: its name, its webhooks, and the mapped objects.

    Lockstitch never calls a vendor with only a Manifest. It receives its webhooks or its uploaded exports.
    `remote_id` is the pattern of the vendor's ids; text that does not match is not an id.
    `remote_id_form` normalises an id, for vendors that have several forms.
    """

    name: str
    title: str
    docs: str
    webhooks: WebhookManifest | None = None
    mappings: tuple[VendorMapping[Any, Any, Any, Any, Any], ...] = ()
    remote_id: str = r"[A-Za-z0-9._~@=+-]{1,255}"
    remote_id_form: Callable[[str], str] = str


@dataclass(frozen=True, kw_only=True, eq=False)
class Vendor(Manifest, Generic[A]):
    """The declaration of a vendor that Lockstitch calls. It adds the transport, as data.

    `refusal` reads an error from a reply of any status; it returns None for a success. `budget` reads the rest of the
    rate limit, if the vendor reports it. `account_requests` fetch the account facts; `build_account` builds them from
    the replies, in the same order, with None for a failed request. `account_needs` are those that an object needs, all
    without an entry; the others are None for it. A `side_load` may ask for one of them, which is then answered from the
    known facts.
    `setup` are requests that prepare an account once (such as properties for the
    marker). Each is safe to repeat, and a refusal of kind `duplicate` counts as success. `setup_of`
    are those that the writes of an object need, all without an entry. `setup_at_once` does the same for an object with
    one request; if the vendor refuses it, they are sent one by one. `unwrap` finds the records of
    one object in a whole answer, a webhook body or a bare record; it raises Unmappable if there is none. `choices` are
    the options of fields, for drop-downs. `traits` say which fields it acts on, so that losing them would matter.
    `identity` identifies the account: a connection stays with the account that it first reached.
    `removable`: objects that `lockstitch verify --write` may create and archive, because the vendor notifies no one.
    `grants` are the ways to obtain tokens in place of the secrets of `auth`, and `scopes` what each object needs.
    `buckets` are limits that the vendor has for some requests alone, which name them.
    `logins`: objects whose e-mail address is a login, so that a copy does not replace it.
    `options` are the settings of a connection that this vendor has beyond those of all.
    `line_fields`: its order lines have custom fields (`mappings.kit.line_fields`).
    `stock` reads how many of each item are available, at vendors that count them.
    `notifies`: objects about whose new records it sends messages by the account's rules, which no request suppresses.
    """

    api_version: str
    default_base_url: str | None
    auth: Auth
    grants: tuple[Grant, ...] = ()
    scopes: Scopes = NO_SCOPES
    pacing: Pacing
    buckets: Mapping[str, Pacing] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    request_id_header: str | None
    refusal: Callable[[VendorReply], VendorRefusal | None]
    budget: Callable[[VendorReply], Budget | None] = lambda reply: None
    account_requests: tuple[VendorRequest, ...] = ()
    build_account: Callable[[tuple[VendorReply | None, ...], Mapping[ObjectName, tuple[CustomFieldSetting, ...]]], A]
    unwrap: Callable[[bytes, ObjectName], tuple[msgspec.Raw, ...]]
    account_needs: Mapping[ObjectName, tuple[VendorRequest, ...]] = field(default_factory=dict)
    setup: tuple[VendorRequest, ...] = ()
    setup_of: Mapping[ObjectName, tuple[VendorRequest, ...]] = field(default_factory=dict)
    setup_at_once: Mapping[ObjectName, VendorRequest] = field(default_factory=dict)
    choices: Choices[A] | None = None
    identity: Identity = Identity()
    traits: Traits = frozenset()
    removable: frozenset[ObjectName] = frozenset()
    notifies: frozenset[ObjectName] = frozenset()
    logins: frozenset[ObjectName] = frozenset()
    options: frozenset[str] = frozenset()
    line_fields: bool = False
    stock: StockReads | None = None
    mappings: tuple[VendorMapping[Any, Any, Any, Any, A], ...]
    timeout_seconds: float = 10.0
    response_limit_bytes: int = 16 * 1024 * 1024
