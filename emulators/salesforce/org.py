"""One call's view of the org: its state, the time, its fields, and the form of a record."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from emulators.salesforce.errors import Refusal
from emulators.salesforce.ids import USER_ID, eighteen
from emulators.salesforce.schema import CHILD_LINKS, SOBJECTS, Field, SObject
from emulators.state import JsonRecord, State

FIELDS = "fields"
"""The administrator's own fields: records `{sobject, name, type, label?, values?, length?}`. `{…, hidden: true}` hides
a field."""
STATUS_OBJECTS = {"Case": "CaseStatus", "Order": "OrderStatus"}


class Org:
    """The context of a handler. `now` is in Unix seconds; Salesforce reports times in whole seconds."""

    def __init__(self, state: State, now: float, version: str = "v62.0") -> None:
        """`version` is that of the call. The URLs of records contain it."""
        self.state = state
        self.now = now
        self.version = version
        self._known: dict[str, SObject] = {}

    @property
    def stamp(self) -> str:
        """The time of this call in Salesforce's form."""
        return stamped(self.now)

    def sobject(self, name: str) -> SObject:
        """Return an sObject with the administrator's fields and the org's own statuses. 404 if there is none."""
        if name in self._known:
            return self._known[name]
        standard = next((one for one in SOBJECTS.values() if one.name.lower() == name.lower()), None)
        if standard is None:
            raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
        fields = dict(standard.fields)
        for own in self.state.lookup(FIELDS, "sobject", standard.name):
            if own.get("hidden"):
                fields.pop(own["name"], None)
            else:
                fields[own["name"]] = _own_field(own)
        if standard.name in STATUS_OBJECTS:
            values = tuple(one["ApiName"] for one in self.statuses(standard.name))
            fields["Status"] = replace(fields["Status"], values=values)
        known = replace(standard, fields=fields)
        self._known[name] = self._known[standard.name] = known
        return known

    def statuses(self, sobject: str) -> list[JsonRecord]:
        """Return the statuses of cases or orders, in their order."""
        return sorted(self.state.all(STATUS_OBJECTS[sobject]), key=lambda one: int(one["SortOrder"]))

    def get(self, sobject: str, id: str) -> JsonRecord | None:
        """Return a record, also a deleted one, by either form of its id."""
        return self.state.get(sobject, eighteen(id))

    def keep(self, sobject: SObject, record: JsonRecord) -> None:
        """Write a record and its keys. A deleted one releases its unique values."""
        unique = [field.name for field in sobject.fields.values() if field.unique]
        keys = {name: str(record[name]) for name in unique if record.get(name) and not record["IsDeleted"]}
        for field in sobject.fields.values():
            if (sobject.name, field.name) in CHILD_LINKS and record.get(field.name):
                keys[field.name] = str(record[field.name])
        self.state.put(sobject.name, record["Id"], record, keys)

    def url(self, sobject: str, id: str) -> str:
        """Return the address of a record, as in `attributes`."""
        return f"/services/data/{self.version}/sobjects/{sobject}/{id}"

    def blank(self, sobject: SObject, id: str) -> JsonRecord:
        """Return a new record with every field empty."""
        empty: JsonRecord = {
            field.name: False if field.type == "boolean" else None for field in sobject.fields.values()
        }
        stamps = {"CreatedDate": self.stamp, "LastModifiedDate": self.stamp, "SystemModstamp": self.stamp}
        return empty | stamps | {"Id": id, "CreatedById": USER_ID, "LastModifiedById": USER_ID}


def _own_field(own: dict[str, Any]) -> Field:
    return Field(
        name=own["name"],
        label=own.get("label") or own["name"],
        type=own.get("type", "string"),
        length=own.get("length", 255),
        values=tuple(own.get("values", ())),
        restricted=bool(own.get("restricted")),
        custom=True,
    )


def moment(text: str) -> float:
    """Return a time of a record or of SOQL in Unix seconds. Raises ValueError for anything else."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def stamped(seconds: float) -> str:
    """Return Unix seconds as a Salesforce time: whole seconds, UTC, no colon in the offset."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
