"""Unannounced changes by administrators and by Salesforce's three releases a year: a new picklist value, another type,
a new field, or one that the connection's user no longer sees."""

from emulators.drift import Drift

bent = Drift(
    mark="attributes",
    enums={"Status": "Awaiting Vendor", "StatusCode": "Suspended", "Priority": "Blocker", "Origin": "Fax"},
    types={
        "IsDeleted": lambda _: "false",
        "IsClosed": lambda _: "yes",
        "Phone": lambda _: 415,
        "TotalAmount": lambda _: {"amount": "1.00", "currency": "EUR"},
    },
    field={"EinsteinScore": {"value": 0.82, "model": "v3"}},
    gone=("Id",),
).bent
