"""The allowed values of a shop's custom fields: the choices of metafield definitions. No other writable field of
Shopify has a list of choices."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from canonical.parts import ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.kit.choices import of_custom_fields, plain
from mappings.kit.graphql import NULL, PageInfo, data_of
from mappings.manifest import Choices, FieldOptions, Option, Pages
from mappings.shopify import documents
from mappings.shopify.requests import call
from mappings.shopify.wire_2026_07 import Account
from mappings.shopify.wire_variables_2026_07 import DefinitionsOf
from mappings.spec import VendorDrift, decode

OWNERS: Final[dict[ObjectName, str]] = {"customer": "CUSTOMER", "order": "ORDER"}
COST: Final = 12.0
"""The estimated cost of a page of a hundred definitions, in points. The budget in the answer corrects it."""
CHOICES_OF: Final = "choices"


class _Validation(Struct, frozen=True, kw_only=True):
    name: str
    value: str | None = None


class _Definition(Struct, frozen=True, kw_only=True):
    namespace: str
    key: str
    validations: tuple[_Validation, ...] = ()


class _Definitions(Struct, frozen=True, kw_only=True, rename="camel"):
    nodes: tuple[_Definition, ...]
    page_info: PageInfo = PageInfo()


class _Request(Struct, frozen=True, kw_only=True):
    variables: DefinitionsOf


def requests(account: Account) -> tuple[VendorRequest, ...]:
    """Return the requests for the metafield definitions of customers, then those of orders."""
    return tuple(_page(DefinitionsOf(owner_type=owner)) for owner in OWNERS.values())


def following(request: VendorRequest, reply: VendorReply) -> VendorRequest | None:
    """Return the request for the next page of the same owner's definitions, None after the last."""
    page = _read(reply).page_info
    if not page.has_next_page or page.end_cursor is None:
        return None
    variables = decode(request.body or b"", _Request).variables
    return _page(DefinitionsOf(owner_type=variables.owner_type, after=page.end_cursor))


def read(account: Account, object_name: ObjectName, replies: tuple[Pages, ...]) -> FieldOptions:
    """Return the options of an object's custom fields."""
    if object_name not in OWNERS:
        return {}
    pages = replies[list(OWNERS).index(object_name)]
    defined = {f"{one.namespace}.{one.key}": _options(one) for page in pages for one in _read(page).nodes}
    return of_custom_fields(account.custom_fields.get(object_name, ()), defined)


def _page(of: DefinitionsOf) -> VendorRequest:
    return call(documents.METAFIELD_DEFINITIONS, "metafieldDefinitions", of, cost=COST)


def _read(reply: VendorReply) -> _Definitions:
    return decode(data_of(reply).get("metafieldDefinitions", NULL), _Definitions)


def _options(definition: _Definition) -> tuple[Option, ...]:
    named = (one.value for one in definition.validations if one.name == CHOICES_OF)
    return plain(choice for value in named for choice in _texts(value))


def _texts(value: str | None) -> Iterable[str]:
    """Return the texts in a value, which Shopify documents as a JSON array of text."""
    try:
        return msgspec.json.decode(value or "[]", type=tuple[str, ...])
    except msgspec.MsgspecError as error:
        raise VendorDrift("$.data.metafieldDefinitions", "the choices of a definition are not text") from error


CHOICES: Final = Choices[Account](
    requests=requests,
    following=following,
    read=read,
    definitions={object_name: _page(DefinitionsOf(owner_type=owner)) for object_name, owner in OWNERS.items()},
)
