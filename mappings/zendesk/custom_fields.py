"""Zendesk sends numbers as text on tickets, dates with or without a time, choices as their tags."""

from collections.abc import Mapping

from msgspec import Raw

from canonical.parts import CustomField, CustomFieldSetting, Loss
from mappings.kit import json_custom_fields
from mappings.kit.json_custom_fields import write

__all__ = ["read", "write"]


def read(
    settings: tuple[CustomFieldSetting, ...], held: Mapping[str, Raw], loss: list[Loss]
) -> tuple[CustomField, ...]:
    """The configured fields with what the record holds for them, by vendor field."""
    return json_custom_fields.read("Zendesk", settings, held, loss)
