"""Read the e-mail address, the telephone number and the names of people that a vendor stores as one text each."""

from canonical import values
from canonical.customer import Email, EmailStatus, Phone
from canonical.parts import Loss

TRIMMED = "trimmed and lower-cased"


def email_address(text: str | None, path: str, loss: list[Loss], detail: str = TRIMMED) -> str | None:
    """Return an address in lower case, None for an empty one. Add a loss at `path` if that changes it."""
    if not text:
        return None
    address = values.email(text)
    if address != text:
        loss.append(Loss(path=path, kind="coerced", detail=detail))
    return address


def one_email(
    text: str | None,
    loss: list[Loss],
    detail: str = TRIMMED,
    *,
    status: EmailStatus = "unknown",
    status_raw: str | None = None,
) -> tuple[Email, ...]:
    """Return the only address of a customer, none for an empty text."""
    address = email_address(text, "/emails/0/address", loss, detail)
    if address is None:
        return ()
    return (Email(address=address, is_primary=True, status=status, status_raw=status_raw),)


def one_phone(text: str | None, country: str | None = None) -> tuple[Phone, ...]:
    """Return the only number of a customer, none for an empty text. `country` is that of the record (ISO 3166-1), in
    which a number without a prefix is read."""
    return (Phone(e164=values.phone(text, country), raw=text, is_primary=True),) if text else ()
