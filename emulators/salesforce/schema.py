"""The org's sObjects: their fields, types, and which can be written (Object Reference). Only common fields are here; an
administrator's own fields are records of `fields`, see `org`."""

from dataclasses import dataclass, field, replace
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field. `writes` is when it can be set: `c` on create, `u` on update. `refers` are the sObjects of an id in
    it, `relation` the name that reads the record of the id."""

    name: str
    label: str
    type: str = "string"
    length: int = 255
    writes: str = "cu"
    required: bool = False
    values: tuple[str, ...] = ()
    restricted: bool = False
    unique: bool = False
    case_sensitive: bool = False
    refers: tuple[str, ...] = ()
    relation: str | None = None
    custom: bool = False


@dataclass(frozen=True, kw_only=True)
class SObject:
    """One sObject. `children` are its lists of other sObjects: relation, sObject, the field that refers back."""

    name: str
    prefix: str
    fields: dict[str, Field]
    children: dict[str, tuple[str, str]] = field(default_factory=dict)

    @cached_property
    def in_any_case(self) -> dict[str, Field]:
        """Its fields by their names in small letters: queries write them in any case."""
        return {name.lower(): one for name, one in self.fields.items()}


def text(name: str, label: str, length: int = 255, **more: object) -> Field:
    """Return a text field."""
    return replace(Field(name=name, label=label, length=length), **more)  # type: ignore[arg-type]


def typed(name: str, type: str, writes: str = "cu", **more: object) -> Field:
    """Return a field of another type, labelled by its name."""
    return replace(Field(name=name, label=name, type=type, length=0, writes=writes), **more)  # type: ignore[arg-type]


def reference(name: str, *refers: str, writes: str = "cu", required: bool = False) -> Field:
    """Return a field that holds the id of another record."""
    return Field(
        name=name,
        label=f"{name.removesuffix('Id')} ID",
        type="reference",
        length=18,
        writes=writes,
        required=required,
        refers=refers,
        relation=name.removesuffix("Id"),
    )


def choice(name: str, *values: str, restricted: bool = False, writes: str = "cu", required: bool = False) -> Field:
    """Return a picklist."""
    return Field(
        name=name, label=name, type="picklist", values=values, restricted=restricted, writes=writes, required=required
    )


def address(kind: str) -> list[Field]:
    """Return the flat fields of one address."""
    parts = (("Street", "textarea", 255), ("City", "string", 40), ("State", "string", 80))
    more = (("PostalCode", "string", 20), ("Country", "string", 80))
    return [
        Field(name=f"{kind}{name}", label=f"{kind} {name}", type=type, length=length)
        for name, type, length in (*parts, *more)
    ]


SYSTEM = (
    typed("Id", "id", writes=""),
    typed("IsDeleted", "boolean", writes=""),
    typed("CreatedDate", "datetime", writes=""),
    reference("CreatedById", "User", writes=""),
    typed("LastModifiedDate", "datetime", writes=""),
    reference("LastModifiedById", "User", writes=""),
    typed("SystemModstamp", "datetime", writes=""),
)
OURS = (
    text("Lockstitch_Key__c", "Lockstitch Key", unique=True, case_sensitive=True, custom=True),
    text("Lockstitch_Operation__c", "Lockstitch Operation", unique=True, case_sensitive=True, custom=True),
)
OWNER = reference("OwnerId", "User", "Group")


def sobject(name: str, prefix: str, *fields: Field, children: dict[str, tuple[str, str]] | None = None) -> SObject:
    """Return an sObject with the system's fields before its own."""
    named = {one.name: one for one in (*SYSTEM, *fields)}
    return SObject(name=name, prefix=prefix, fields=named, children=children or {})


SOBJECTS = {
    one.name: one
    for one in (
        sobject(
            "User",
            "005",
            text("Name", "Full Name"),
            typed("Email", "email"),
            choice("UserType", "Standard"),
            typed("IsActive", "boolean"),
        ),
        sobject("Group", "00G", text("Name", "Name"), choice("Type", "Queue", "Regular")),
        sobject(
            "Account",
            "001",
            text("Name", "Account Name", required=True),
            Field(name="Phone", label="Account Phone", type="phone", length=40),
            OWNER,
            *address("Billing"),
            children={"Contacts": ("Contact", "AccountId")},
        ),
        sobject(
            "Contact",
            "003",
            reference("AccountId", "Account"),
            text("LastName", "Last Name", 80, required=True),
            text("FirstName", "First Name", 40),
            choice("Salutation", "Mr.", "Ms.", "Mrs.", "Dr.", "Prof."),
            text("Name", "Full Name", 121, writes=""),
            *address("Other"),
            *address("Mailing"),
            *(Field(name=name, label=name, type="phone", length=40) for name in ("Phone", "Fax", "MobilePhone")),
            *(Field(name=name, label=name, type="phone", length=40) for name in ("HomePhone", "OtherPhone")),
            Field(name="Email", label="Email", type="email", length=80),
            text("Title", "Title", 128),
            text("Department", "Department", 80),
            choice("LeadSource", "Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"),
            Field(name="Description", label="Contact Description", type="textarea", length=32000),
            OWNER,
            typed("HasOptedOutOfEmail", "boolean"),
            typed("DoNotCall", "boolean"),
            typed("IsEmailBounced", "boolean", writes=""),
            reference("MasterRecordId", "Contact", writes=""),
            *OURS,
            children={"Cases": ("Case", "ContactId")},
        ),
        sobject(
            "Case",
            "500",
            text("CaseNumber", "Case Number", 30, writes=""),
            reference("MasterRecordId", "Case", writes=""),
            reference("ContactId", "Contact"),
            reference("AccountId", "Account"),
            reference("ParentId", "Case"),
            reference("RecordTypeId", "RecordType"),
            text("SuppliedName", "Name", 80),
            Field(name="SuppliedEmail", label="Email Address", type="email", length=80),
            text("SuppliedPhone", "Phone", 40),
            choice("Type", "Question", "Problem", "Feature Request", "Mechanical"),
            choice("Status", restricted=True),
            choice("Reason", "Installation", "Performance", "Breakdown", "Other"),
            choice("Origin", "Phone", "Email", "Web", restricted=True),
            text("Subject", "Subject"),
            choice("Priority", "High", "Medium", "Low", restricted=True),
            Field(name="Description", label="Description", type="textarea", length=32000),
            typed("IsClosed", "boolean", writes=""),
            typed("ClosedDate", "datetime", writes=""),
            typed("IsEscalated", "boolean"),
            OWNER,
            *OURS,
            children={"CaseComments": ("CaseComment", "ParentId")},
        ),
        sobject(
            "CaseComment",
            "00a",
            reference("ParentId", "Case", writes="c", required=True),
            Field(name="CommentBody", label="Body", type="textarea", length=4000),
            typed("IsPublished", "boolean"),
        ),
        sobject(
            "Order",
            "801",
            text("OrderNumber", "Order Number", 30, writes=""),
            reference("AccountId", "Account", required=True),
            reference("Pricebook2Id", "Pricebook2"),
            reference("OriginalOrderId", "Order", writes="c"),
            typed("EffectiveDate", "date", required=True),
            typed("IsReductionOrder", "boolean", writes="c"),
            choice("Status", restricted=True, required=True),
            choice("StatusCode", "Draft", "Activated", writes=""),
            Field(name="Description", label="Description", type="textarea", length=32000),
            reference("BillToContactId", "Contact"),
            reference("ShipToContactId", "Contact"),
            *address("Billing"),
            *address("Shipping"),
            typed("TotalAmount", "currency", writes=""),
            OWNER,
            *OURS,
            children={"OrderItems": ("OrderItem", "OrderId")},
        ),
        sobject(
            "OrderItem",
            "802",
            text("OrderItemNumber", "Order Product Number", 30, writes=""),
            reference("OrderId", "Order", writes="c", required=True),
            reference("PricebookEntryId", "PricebookEntry", writes="c", required=True),
            reference("Product2Id", "Product2", writes=""),
            typed("Quantity", "double", required=True),
            typed("UnitPrice", "currency", required=True),
            typed("ListPrice", "currency", writes=""),
            typed("TotalPrice", "currency", writes=""),
            text("Description", "Line Description"),
        ),
        sobject(
            "Product2",
            "01t",
            text("Name", "Product Name", required=True),
            text("ProductCode", "Product Code"),
            typed("IsActive", "boolean"),
        ),
        sobject(
            "Pricebook2",
            "01s",
            text("Name", "Price Book Name", required=True),
            typed("IsActive", "boolean"),
            typed("IsStandard", "boolean", writes=""),
        ),
        sobject(
            "PricebookEntry",
            "01u",
            reference("Pricebook2Id", "Pricebook2", writes="c", required=True),
            reference("Product2Id", "Product2", writes="c", required=True),
            typed("UnitPrice", "currency", required=True),
            typed("IsActive", "boolean"),
        ),
        sobject("RecordType", "012", text("Name", "Name"), text("DeveloperName", "Name"), text("SobjectType", "Type")),
        sobject(
            "CaseStatus",
            "3T0",
            text("ApiName", "API Name", writes=""),
            text("MasterLabel", "Label", writes=""),
            typed("IsClosed", "boolean", writes=""),
            typed("IsDefault", "boolean", writes=""),
            typed("SortOrder", "int", writes=""),
        ),
        sobject(
            "OrderStatus",
            "0lN",
            text("ApiName", "API Name", writes=""),
            text("MasterLabel", "Label", writes=""),
            choice("StatusCode", "Draft", "Activated", writes=""),
            typed("IsDefault", "boolean", writes=""),
            typed("SortOrder", "int", writes=""),
        ),
    )
}
CHILD_LINKS = {link for one in SOBJECTS.values() for link in one.children.values()}
"""The fields that index records by the record that they name."""
