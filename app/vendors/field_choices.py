"""What the fields of an account can hold: the lists that tell it, page by page, and the choices of custom fields, by
which a write is judged."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from app.errors import Problem
from app.vendors.connection_state import LiveConnection
from app.vendors.models import VendorRefused
from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.kit.custom_fields import CHOOSING, knowing
from mappings.spec import Choices, Pages, Unmappable

Deliver = Callable[[LiveConnection, VendorRequest, float], Awaitable[VendorReply]]
FieldSettings = Mapping[ObjectName, tuple[CustomFieldSetting, ...]]

# More than so many people, or fields, nobody chooses from in a drop-down.
MOST_PAGES: Final = 20
NOTHING: Final[Pages] = ()
_log = logging.getLogger("lockstitch.outbound")


async def pages_of(
    deliver: Deliver, line: LiveConnection, choices: Choices[Any], request: VendorRequest, deadline: float
) -> Pages:
    """A list that the vendor refuses to tell, as the credential lacks a scope, is empty. Raises its problems."""
    pages: list[VendorReply] = []
    following: VendorRequest | None = request
    while following is not None and len(pages) < MOST_PAGES:
        try:
            reply = await deliver(line, following, deadline)
        except VendorRefused as refused:
            _log.warning("%s does not tell %s", line.connection.name, request.route, exc_info=refused)
            return NOTHING
        pages.append(reply)
        following = choices.following(following, reply)
    return tuple(pages)


async def ask_definitions(
    deliver: Deliver, line: LiveConnection, deadline: float
) -> tuple[Mapping[ObjectName, Pages], bool]:
    """The answers that tell what custom fields can hold, by object, for those of which the connection has enumerations;
    and whether some are missing because of trouble that may pass."""
    choices = line.connection.vendor.choices
    if choices is None:
        return {}, False
    wanted = [one for one in _choosing(line) if one in choices.definitions]
    outcomes = await asyncio.gather(
        *(pages_of(deliver, line, choices, choices.definitions[one], deadline) for one in wanted),
        return_exceptions=True,
    )
    told: dict[ObjectName, Pages] = {}
    missing = False
    for object_name, outcome in zip(wanted, outcomes, strict=True):
        if not isinstance(outcome, BaseException):
            told[object_name] = outcome
            continue
        if not isinstance(outcome, Problem | Unmappable):
            raise outcome
        _log.warning("%s does not tell the fields of %ss", line.connection.name, object_name, exc_info=outcome)
        missing = missing or isinstance(outcome, Problem)
    return told, missing


def with_choices(line: LiveConnection, account: Any, definitions: Mapping[ObjectName, Pages]) -> FieldSettings:
    """The configured custom fields, those of enumerations with the choices that the account tells."""
    choices = line.connection.vendor.choices
    settings = dict(line.custom_fields)
    objects = _choosing(line)
    if choices is None or not objects:
        return settings
    told = {choices.definitions[one]: pages for one, pages in definitions.items()}
    replies = tuple(told.get(request, NOTHING) for request in choices.requests(account))
    for object_name in objects:
        try:
            options = choices.read(account, object_name, replies)
        except Unmappable as error:
            _log.warning("%s: the fields of %ss cannot be read", line.connection.name, object_name, exc_info=error)
            continue
        settings[object_name] = knowing(settings[object_name], options, choices.open_fields(account, object_name))
    return settings


def _choosing(line: LiveConnection) -> list[ObjectName]:
    """The objects that have enumerations among their custom fields."""
    return [name for name, fields in line.custom_fields.items() if any(one.type in CHOOSING for one in fields)]
