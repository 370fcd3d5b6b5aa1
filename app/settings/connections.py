"""The connections of `lockstitch.toml`: `[connections.<name>]`."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from app.settings.drift import DriftRule
from app.settings.pull import STOCK_LEVEL, PulledObject, PullSettings, StockSettings
from app.settings.reading import PLURALS, SettingsError, convert, require_reference
from app.settings.reconcile import ReconcileSettings
from canonical.parts import CustomFieldSetting, ObjectName
from mappings.csv.layout import Layout, LayoutError, LayoutSetting, make_layout
from mappings.tokens import Access, GrantKind

CONNECTION_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class PacingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit that replaces the vendor's published one: `units` per `per_seconds`, `concurrency` requests at once."""

    units: Annotated[float, Meta(gt=0)]
    per_seconds: Annotated[float, Meta(gt=0)]
    concurrency: Annotated[int, Meta(ge=1)] = 8


class WebhookSecretSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reference to a webhook secret of a connection, and when it is valid. A rotation has two secrets."""

    secret: str
    not_before: datetime | None = None
    not_after: datetime | None = None


class _Shared(Struct, frozen=True, kw_only=True):
    """The settings that the file writes as they are used."""

    vendor: str
    pacing: PacingSettings | None = None
    pending: bool = False
    drift: tuple[DriftRule, ...] = ()
    pull: PullSettings = PullSettings()
    reconcile: ReconcileSettings = ReconcileSettings()
    realm: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$")] | None = None
    grant: GrantKind | None = None
    scopes: tuple[Annotated[str, Meta(pattern=r"^[!#-\[\]-~]+$")], ...] = ()
    attach_orders_by_email: bool = False
    stock: StockSettings | None = None
    account: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class ConnectionSettings(_Shared, frozen=True, kw_only=True):
    """One authorised account at a vendor.

    `credentials` maps the names in the vendor's manifest (`token`, `email` …) to references, never to values;
    `resolve_secret` returns the value. `base_url` has no trailing slash; None is the vendor's default. `pending`: the
    webhooks are being set up, so a vendor's unsigned handshake is answered. `csv` is the layout of uploaded exports;
    None for other vendors than `csv`. `realm`: links to records stay inside it; connections that name none
    share one. `grant` says how tokens are obtained, where the names of the credentials do not. Scopes are asked for the
    `access` to each object (empty: all that the vendor's mapping can), and `scopes` in addition.
    `attach_orders_by_email`: a new order belongs to the shop's account with the buyer's address, if there is one.
    `options` are settings that only some vendors have (`Vendor.options`). `stock`: its stock levels are read.
    `account` names the vendor's account: connections that name the same one share its rate limit.
    """

    name: str
    base_url: str | None
    credentials: dict[str, str]
    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]]
    webhook_secrets: tuple[WebhookSecretSettings, ...]
    csv: Layout | None = None
    access: Mapping[ObjectName, Access] = {}
    options: Mapping[str, str | bool] = {}

    @property
    def only_takes_webhooks(self) -> bool:
        """Return whether the connection has settings for webhooks and none for calls to the vendor."""
        calls = self.base_url or self.credentials or self.custom_fields or self.pacing
        return bool(self.webhook_secrets or self.pending) and not calls

    def may_use(self, object_name: PulledObject) -> bool:
        """Return whether `access` covers an object. Stock levels are read if the connection has `stock`."""
        return object_name == STOCK_LEVEL or not self.access or object_name in self.access


class _ConnectionTable(_Shared, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[connections.<name>]` as written in the file."""

    base_url: str | None = None
    credentials: dict[str, str] = field(default_factory=dict)
    custom_fields: dict[str, tuple[CustomFieldSetting, ...]] = field(default_factory=dict)
    webhook_secrets: tuple[str | WebhookSecretSettings, ...] = ()
    csv: LayoutSetting | None = None
    access: dict[str, Access] = field(default_factory=dict)
    default_account: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    default_product: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    create_accounts: bool = False
    create_products: bool = False


OPTIONS = ("default_account", "default_product", "create_accounts", "create_products")
"""The settings that only some vendors have."""


def check_base_url(value: str) -> str:
    """Return an http(s) URL without its trailing slash. Raises SettingsError."""
    if re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", value) is None:
        raise SettingsError(f"is {value!r}: it must be an http or https URL without a query.")
    return value.rstrip("/")


def read_connection(name: str, table: Any) -> ConnectionSettings:
    """Return the connection of a table. Raises SettingsError."""
    if CONNECTION_NAME.fullmatch(name) is None:
        raise SettingsError("must be named with a-z, 0-9, - and _, starting with a letter: URLs contain the name.")
    read = convert(table, _ConnectionTable)
    for credential, reference in read.credentials.items():
        require_reference(f"credentials.{credential}", reference)
    webhook_secrets = tuple(
        WebhookSecretSettings(secret=one) if isinstance(one, str) else one for one in read.webhook_secrets
    )
    for number, setting in enumerate(webhook_secrets):
        require_reference(f"webhook_secrets[{number}]", setting.secret)
        if any(edge is not None and edge.utcoffset() is None for edge in (setting.not_before, setting.not_after)):
            raise SettingsError(f"webhook_secrets[{number}] has a time without a zone.")
    for table_name, objects in (("custom_fields", read.custom_fields), ("access", read.access)):
        if unknown := sorted(set(objects) - set(PLURALS)):
            raise SettingsError(f"{table_name} has unknown object {', '.join(unknown)}; use {', '.join(PLURALS)}.")
    try:
        base_url = None if read.base_url is None else check_base_url(read.base_url)
    except SettingsError as error:
        raise SettingsError(f"base_url {error}") from None
    return ConnectionSettings(
        **{shared: getattr(read, shared) for shared in _Shared.__struct_fields__},
        name=name,
        base_url=base_url,
        credentials=read.credentials,
        custom_fields={PLURALS[plural]: fields for plural, fields in read.custom_fields.items()},
        webhook_secrets=webhook_secrets,
        csv=_layout_of(read),
        access={PLURALS[plural]: may for plural, may in read.access.items()},
        options={name: value for name in OPTIONS if (value := getattr(read, name))},
    )


def _layout_of(read: _ConnectionTable) -> Layout | None:
    if read.vendor != "csv":
        if read.csv is not None:
            raise SettingsError(f"csv is not allowed: it is only for vendor csv, and this is {read.vendor}.")
        return None
    if read.csv is None:
        raise SettingsError("csv is missing: it describes the layout of the export.")
    for pointless in ("base_url", "credentials", "custom_fields", "pacing", "webhook_secrets", "pending", "drift"):
        if getattr(read, pointless):
            raise SettingsError(f"{pointless} is not allowed: Lockstitch makes no calls for vendor csv.")
    try:
        return make_layout(read.csv)
    except LayoutError as error:
        raise SettingsError(str(error)) from None
