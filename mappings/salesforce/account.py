"""Account facts: the fields and picklists of an org, and the meaning of its statuses."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.kit.refusals import read
from mappings.kit.rest import get
from mappings.manifest import AccountMarks, Identity
from mappings.salesforce.enums import case_status
from mappings.salesforce.requests import API, query
from mappings.salesforce.wire_v62 import KEY, MARKER, Account, Status
from mappings.spec import decode

DESCRIBED: Final = ("Contact", "Case", "Order")


class _Choice(Struct, frozen=True, kw_only=True):
    value: str
    active: bool = True


class _Field(Struct, frozen=True, kw_only=True, rename="camel"):
    name: str
    picklist_values: tuple[_Choice, ...] = ()
    restricted_picklist: bool = False
    unique: bool | None = None

    @property
    def is_unusable(self) -> bool:
        """Whether it has the name of the key or the marker, but is not unique. Then it cannot identify a record."""
        return self.name in (KEY, MARKER) and self.unique is False


class _RecordType(Struct, frozen=True, kw_only=True, rename="camel"):
    record_type_id: str
    developer_name: str | None = None
    name: str
    available: bool = True


class _Urls(Struct, frozen=True, kw_only=True, rename="camel"):
    ui_detail_template: str | None = None


class _Described(Struct, frozen=True, kw_only=True, rename="camel"):
    fields: tuple[_Field, ...]
    record_type_infos: tuple[_RecordType, ...] = ()
    urls: _Urls = _Urls()


class _CaseStatus(Struct, frozen=True, kw_only=True, rename="pascal"):
    api_name: str
    master_label: str | None = None
    is_closed: bool = False


class _CaseStatuses(Struct, frozen=True, kw_only=True):
    records: tuple[_CaseStatus, ...]


class _OrderStatus(Struct, frozen=True, kw_only=True, rename="pascal"):
    api_name: str
    status_code: str | None = None


class _OrderStatuses(Struct, frozen=True, kw_only=True):
    records: tuple[_OrderStatus, ...]


class _Features(Struct, frozen=True, kw_only=True, rename="camel"):
    default_currency_iso_code: str | None = None


class _Organization(Struct, frozen=True, kw_only=True):
    features: _Features = _Features()
    org_id: str | None = field(name="orgId", default=None)


def _describe(sobject: str) -> VendorRequest:
    return get(f"{API}/sobjects/{sobject}/describe")


_CONTACT, _CASE, _ORDER = (_describe(sobject) for sobject in DESCRIBED)
_CASE_STATUSES: Final = query("SELECT ApiName, MasterLabel, IsClosed FROM CaseStatus ORDER BY SortOrder")
_ORDER_STATUSES: Final = query("SELECT ApiName, StatusCode FROM OrderStatus ORDER BY SortOrder")
_ORGANIZATION: Final = get(f"{API}/connect/organization")
REQUESTS: Final = (_CONTACT, _CASE, _ORDER, _CASE_STATUSES, _ORDER_STATUSES, _ORGANIZATION)
NEEDS: Final[dict[ObjectName, tuple[VendorRequest, ...]]] = {
    "customer": (_CONTACT,),
    # Cases and orders are read with members of their contact.
    "ticket": (_CONTACT, _CASE, _CASE_STATUSES),
    "order": (_CONTACT, _ORDER, _ORDER_STATUSES),
    "comment": (),
}


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """Build the account from the replies to REQUESTS, in that order; None is a failed one. Requests about orders fail
    in an org without them. Facts that are missing are those of a new org.

    Raises VendorDrift for a reply of another shape.
    """
    described = {
        sobject: decode(reply.body, _Described)
        for sobject, reply in zip(DESCRIBED, replies, strict=False)
        if reply is not None
    }
    cases, orders, organization = replies[len(DESCRIBED) :]
    new = Account()
    return Account(
        custom_fields=dict(custom_fields),
        fields={
            sobject: frozenset(field.name for field in description.fields if not field.is_unusable)
            for sobject, description in described.items()
        },
        picklists=new.picklists | _picklists(described),
        restricted=frozenset(
            f"{sobject}.{field.name}"
            for sobject, description in described.items()
            for field in description.fields
            if field.restricted_picklist
        ),
        case_statuses=new.case_statuses if cases is None else _case_statuses(cases),
        order_statuses=new.order_statuses if orders is None else _order_statuses(orders),
        record_types={
            sobject: {one.record_type_id: one.developer_name or one.name for one in description.record_type_infos}
            for sobject, description in described.items()
        },
        currency=None
        if organization is None
        else decode(organization.body, _Organization).features.default_currency_iso_code,
        pages={
            sobject: description.urls.ui_detail_template
            for sobject, description in described.items()
            if description.urls.ui_detail_template is not None
        },
    )


def _org(replies: tuple[VendorReply | None, ...]) -> AccountMarks:
    reply = replies[-1] if replies else None
    org = None if reply is None else read(reply.body, _Organization)
    return {} if org is None or org.org_id is None else {"org": org.org_id}


IDENTITY: Final = Identity(replies=_org, shown_in=(_ORGANIZATION,))


def _picklists(described: Mapping[str, _Described]) -> dict[str, tuple[str, ...]]:
    return {
        f"{sobject}.{field.name}": tuple(choice.value for choice in field.picklist_values if choice.active)
        for sobject, description in described.items()
        for field in description.fields
        if field.picklist_values
    }


def _case_statuses(reply: VendorReply) -> dict[str, Status]:
    return {
        one.api_name: Status(
            value=one.api_name,
            label=one.master_label or one.api_name,
            closed=one.is_closed,
            status=case_status(one.api_name, one.is_closed),
        )
        for one in decode(reply.body, _CaseStatuses).records
    }


def _order_statuses(reply: VendorReply) -> dict[str, str]:
    return {one.api_name: one.status_code or "" for one in decode(reply.body, _OrderStatuses).records}
