"""Options of fields: owners, pipelines, stages, and the options of properties and custom fields."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar, get_args

import msgspec
from msgspec import Struct

from canonical.order import OrderStatus
from canonical.parts import ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.hubspot.account import OWNERS
from mappings.hubspot.customer_r1 import LIFECYCLE_WRITE
from mappings.hubspot.field_values import zone
from mappings.hubspot.order_enums_r1 import NEAREST
from mappings.hubspot.requests import next_cursor
from mappings.hubspot.ticket_r1 import CHANNEL_WRITE, PRIORITY_WRITE, TYPE_WRITE
from mappings.hubspot.wire_v3 import Account, Owners, Pipeline
from mappings.kit.choices import joined, labelled
from mappings.kit.custom_fields import name_of
from mappings.kit.names import full_name
from mappings.kit.rest import get
from mappings.manifest import Choices, FieldOptions, Option, Pages
from mappings.spec import decode

C = TypeVar("C", bound=str)  # the canonical values of an enumeration

OBJECT_TYPES: Final[dict[ObjectName, str]] = {"customer": "contacts", "ticket": "tickets", "order": "orders"}


class _Choice(Struct, frozen=True, kw_only=True, rename="camel"):
    value: str
    label: str
    hidden: bool = False
    display_order: int = 0


class _Property(Struct, frozen=True, kw_only=True):
    name: str
    options: tuple[_Choice, ...] = ()


class _Properties(Struct, frozen=True, kw_only=True):
    results: tuple[_Property, ...]


def requests(account: Account) -> tuple[VendorRequest, ...]:
    """Build the requests: owners, then the properties of contacts, tickets and orders."""
    return (OWNERS, *(_definitions(object_type) for object_type in OBJECT_TYPES.values()))


def following(request: VendorRequest, reply: VendorReply) -> VendorRequest | None:
    """Build the request for the next page of owners. Property definitions have one page."""
    after = next_cursor(reply) if request.path == OWNERS.path else None
    return None if after is None else msgspec.structs.replace(OWNERS, query=(*OWNERS.query, ("after", after)))


def read(account: Account, object_name: ObjectName, replies: tuple[Pages, ...]) -> FieldOptions:
    """Return the options of an object's fields."""
    if object_name not in OBJECT_TYPES:
        return {}
    owners, *definitions = replies
    properties = _properties(definitions[list(OBJECT_TYPES).index(object_name)])
    choices: dict[str, tuple[Option, ...]] = {}
    if owners and object_name != "order":
        choices["owner" if object_name == "customer" else "assignee"] = _owners(owners)
    if object_name == "customer":
        _put(choices, "lifecycle_stage", _canonical(properties.get("lifecyclestage"), LIFECYCLE_WRITE))
        _put(choices, "language", _options(properties.get("hs_language", ())))
        _put(choices, "timezone", _zones(properties.get("hs_timezone", ())))
    elif object_name == "order":
        choices |= _order_stages(account)
    else:
        choices |= _stages(account)
        _put(choices, "priority", _canonical(properties.get("hs_ticket_priority"), PRIORITY_WRITE))
        _put(choices, "type", _canonical(properties.get("hs_ticket_category"), TYPE_WRITE))
        _put(choices, "channel", _canonical(properties.get("source_type"), CHANNEL_WRITE))
    for setting in account.custom_fields.get(object_name, ()):
        _put(choices, name_of(setting), _custom(setting.vendor_field, properties, choices))
    return choices


def _definitions(object_type: str) -> VendorRequest:
    return get(f"/crm/v3/properties/{object_type}", route="/crm/v3/properties/{object_type}")


def _properties(pages: Pages) -> dict[str, tuple[_Choice, ...]]:
    return {
        one.name: tuple(sorted(one.options, key=lambda choice: choice.display_order))
        for page in pages
        for one in decode(page.body, _Properties).results
        if one.options
    }


def _owners(pages: Pages) -> tuple[Option, ...]:
    people = [one for page in pages for one in decode(page.body, Owners).results]
    return tuple(
        Option(
            value=one.id, label=full_name(one.first_name, one.last_name) or one.email or one.id, active=not one.archived
        )
        for one in people
    )


def _options(choices: Iterable[_Choice]) -> tuple[Option, ...]:
    return tuple(Option(value=one.value, label=one.label, active=not one.hidden) for one in choices)


def _zones(choices: Iterable[_Choice]) -> tuple[Option, ...]:
    """Time zones by their IANA names. Zones that IANA removed cannot be written."""
    return tuple(
        Option(value=name, label=one.label, active=not one.hidden)
        for one in choices
        if (name := zone(one.value)) is not None
    )


def _canonical(choices: Iterable[_Choice] | None, table: Mapping[C, str]) -> tuple[Option, ...]:
    """Return the canonical values that a write accepts: those with an option in the account, or that clear the
    field."""
    labels = None if choices is None else {one.value: one.label for one in choices}
    return tuple(
        Option(value=ours, label=ours if not theirs or labels is None else labels[theirs])
        for ours, theirs in table.items()
        if not theirs or labels is None or theirs in labels
    )


def _stages(account: Account) -> dict[str, tuple[Option, ...]]:
    """Return pipelines, stages and statuses. The statuses are those of the first pipeline, which gets new tickets."""
    first = next(iter(account.pipelines.values()), None)
    stages = () if first is None else first.stages.values()
    return {"status": joined((stage.status, stage.label) for stage in stages), **_pipelines(account.pipelines)}


def _order_stages(account: Account) -> dict[str, tuple[Option, ...]]:
    """Return pipelines, stages and statuses of orders. The statuses are those of the first pipeline, each with the
    label of the stage that it is written to."""
    pipelines = tuple(account.order_pipelines.values())
    stages = tuple(pipelines[0].stages.values()) if pipelines else ()
    labels: dict[str, str] = {}
    for status in get_args(OrderStatus):
        goes_to = next((one for one in stages if one.status == status), None)
        goes_to = goes_to or next((one for one in stages if one.status == NEAREST.get(status)), None)
        if goes_to is not None and status != "unknown":
            labels[status] = goes_to.label
    return {"status": labelled(labels), **_pipelines(account.order_pipelines)}


def _pipelines(pipelines: Mapping[str, Pipeline[Any]]) -> dict[str, tuple[Option, ...]]:
    several = len(pipelines) > 1
    return {
        "pipeline": tuple(Option(value=one.id, label=one.label) for one in pipelines.values()),
        "stage": tuple(
            Option(value=stage.id, label=f"{one.label}: {stage.label}" if several else stage.label)
            for one in pipelines.values()
            for stage in one.stages.values()
        ),
    }


def _custom(
    vendor_field: str, properties: Mapping[str, tuple[_Choice, ...]], choices: Mapping[str, tuple[Option, ...]]
) -> tuple[Option, ...]:
    """Return the options of the property. Owners, pipelines and stages need separate requests."""
    elsewhere = {"hs_pipeline": "pipeline", "hs_pipeline_stage": "stage", "hubspot_owner_id": "owner"}
    if vendor_field in elsewhere:
        return choices.get(elsewhere[vendor_field], ())
    return _options(properties.get(vendor_field, ()))


def _put(choices: dict[str, tuple[Option, ...]], name: str, options: tuple[Option, ...]) -> None:
    if options:
        choices[name] = options


CHOICES: Final = Choices[Account](
    requests=requests,
    following=following,
    read=read,
    definitions={object_name: _definitions(object_type) for object_name, object_type in OBJECT_TYPES.items()},
)
