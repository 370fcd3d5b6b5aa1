"""The choices of fields in an account: fetch the lists, page by page, and add them to the settings of custom enum
fields."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from app.vendors.connection_state import LiveConnection
from app.vendors.models import VendorRefused
from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.kit.custom_fields import CHOOSING, add_choices
from mappings.manifest import Choices, Pages
from mappings.spec import Unmappable

Deliver = Callable[[LiveConnection, VendorRequest, float], Awaitable[VendorReply]]
FieldSettings = Mapping[ObjectName, tuple[CustomFieldSetting, ...]]

# Longer lists are useless in a drop-down.
MAX_PAGES: Final = 20
NOTHING: Final[Pages] = ()
_log = logging.getLogger("lockstitch.outbound")


async def pages_of(
    deliver: Deliver, live: LiveConnection, choices: Choices[Any], request: VendorRequest, deadline: float
) -> Pages:
    """Fetch all pages of a list; empty if the vendor refuses it, because the credential lacks a scope. Raises its
    problems."""
    pages: list[VendorReply] = []
    next_request: VendorRequest | None = request
    while next_request is not None and len(pages) < MAX_PAGES:
        try:
            reply = await deliver(live, next_request, deadline)
        except VendorRefused as refused:
            _log.warning("%s refuses %s", live.connection.name, request.route, exc_info=refused)
            return NOTHING
        pages.append(reply)
        next_request = choices.following(next_request, reply)
    return tuple(pages)


def definitions_of(live: LiveConnection, object_name: ObjectName | None) -> Mapping[ObjectName, VendorRequest]:
    """Return the requests for the definitions of custom fields, by object, for the objects with custom enum fields: for
    one object or, for None, all."""
    choices = live.connection.vendor.choices
    if choices is None:
        return {}
    wanted = _objects_with_enums(live, object_name)
    return {one: choices.definitions[one] for one in wanted if one in choices.definitions}


def with_choices(
    live: LiveConnection, account: Any, definitions: Mapping[ObjectName, Pages], object_name: ObjectName | None
) -> FieldSettings:
    """Return the configured custom fields, with the account's choices in those of enums: of one object, or of all."""
    choices = live.connection.vendor.choices
    settings = dict(live.custom_fields)
    objects = _objects_with_enums(live, object_name)
    if choices is None or not objects:
        return settings
    known = {choices.definitions[one]: pages for one, pages in definitions.items()}
    replies = tuple(known.get(request, NOTHING) for request in choices.requests(account))
    for object_name in objects:
        try:
            options = choices.read(account, object_name, replies)
        except Unmappable as error:
            _log.warning("%s: the fields of %ss cannot be read", live.connection.name, object_name, exc_info=error)
            continue
        settings[object_name] = add_choices(settings[object_name], options, choices.open_fields(account, object_name))
    return settings


def _objects_with_enums(live: LiveConnection, object_name: ObjectName | None) -> list[ObjectName]:
    """Return the objects that have enums among their custom fields, or the one."""
    return [
        name
        for name, fields in live.custom_fields.items()
        if object_name in (None, name) and any(one.type in CHOOSING for one in fields)
    ]
