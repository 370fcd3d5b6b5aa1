"""Property definitions, and the initial definitions of every account."""

from typing import Any

SEEDED_AT = "2024-01-15T09:00:00.000Z"

Definition = dict[str, Any]


def define(
    name: str,
    label: str,
    type: str,
    field_type: str,
    *,
    group: str,
    options: list[dict[str, Any]] | None = None,
    read_only: bool = False,
    unique: bool = False,
    external: bool = False,
    description: str = "",
    by_hubspot: bool = True,
    at: str = SEEDED_AT,
) -> Definition:
    """Return a definition as `/crm/v3/properties` returns it. `external` options are kept elsewhere: owners, pipelines,
    stages."""
    return {
        "updatedAt": at,
        "createdAt": at,
        "name": name,
        "label": label,
        "type": type,
        "fieldType": field_type,
        "description": description,
        "groupName": group,
        "options": options or [],
        "displayOrder": -1,
        "calculated": read_only and by_hubspot,
        "externalOptions": external,
        "archived": False,
        "hasUniqueValue": unique,
        "hidden": False,
        "hubspotDefined": by_hubspot,
        "modificationMetadata": {
            "archivable": not by_hubspot,
            "readOnlyDefinition": by_hubspot,
            "readOnlyOptions": by_hubspot,
            "readOnlyValue": read_only,
        },
        "formField": not read_only,
        "dataSensitivity": "non_sensitive",
    }


def option(value: str, label: str, order: int) -> dict[str, Any]:
    """Return one option of an enumeration."""
    return {"label": label, "value": value, "displayOrder": order, "hidden": False}


def _options(choices: str) -> list[dict[str, Any]]:
    """Read `value=Label` pairs, one a line."""
    pairs = [line.strip().split("=", 1) for line in choices.strip().splitlines()]
    return [option(value, label, order) for order, (value, label) in enumerate(pairs)]


class Sheet:
    """The definitions of one object type, line by line."""

    def __init__(self, group: str) -> None:
        self._group = group
        self.rows: list[Definition] = []

    def text(self, **names: str) -> None:
        """Add properties of one line of text."""
        self._add("string", "text", names)

    def long_text(self, **names: str) -> None:
        """Add properties of several lines of text."""
        self._add("string", "textarea", names)

    def phone(self, **names: str) -> None:
        """Add phone numbers, which HubSpot keeps as they are entered."""
        self._add("string", "phonenumber", names)

    def number(self, **names: str) -> None:
        """Add numbers."""
        self._add("number", "number", names)

    def moment(self, **names: str) -> None:
        """Add dates with a time."""
        self._add("datetime", "date", names)

    def choice(self, name: str, label: str, choices: str, *, several: bool = False) -> None:
        """Add an enumeration with its options."""
        field_type = "checkbox" if several else "select"
        self.rows.append(define(name, label, "enumeration", field_type, group=self._group, options=_options(choices)))

    def outside(self, **names: str) -> None:
        """Add enumerations whose options are owners, pipelines or stages."""
        for name, label in names.items():
            self.rows.append(define(name, label, "enumeration", "select", group=self._group, external=True))

    def made(self, type: str, **names: str) -> None:
        """Add properties that only HubSpot sets."""
        self._add(type, "date" if type == "datetime" else type.replace("string", "text"), names, read_only=True)

    def yes_or_no(self, **names: str) -> None:
        """Add read-only booleans."""
        for name, label in names.items():
            self.rows.append(
                define(
                    name,
                    label,
                    "bool",
                    "booleancheckbox",
                    group=self._group,
                    options=[option("true", "Yes", 0), option("false", "No", 1)],
                    read_only=True,
                )
            )

    def provenance(self) -> None:
        """Add the properties of every record about its origin."""
        self.made("number", hs_object_id="Record ID")
        self.made(
            "string",
            hs_object_source="Record creation source",
            hs_object_source_id="Record creation source ID",
            hs_object_source_label="Record source",
        )

    def _add(self, type: str, field_type: str, names: dict[str, str], *, read_only: bool = False) -> None:
        self.rows += [
            define(
                name,
                label,
                type,
                field_type,
                group=self._group,
                read_only=read_only,
                unique=name in ("hs_object_id", "hs_ticket_id", "hs_external_order_id"),
            )
            for name, label in names.items()
        ]
