"""Ids: a prefix for the sObject, a counter, and three characters that encode which letters are capitals."""

from emulators.state import State

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
ORG = "dM00000"
FIRST = 3_500_000


def eighteen(id: str) -> str:
    """Return the long form of an id of 15 characters; one of 18 stays."""
    if len(id) != 15:
        return id
    blocks = (id[0:5], id[5:10], id[10:15])
    return id + "".join(CHECK[sum(2**at for at, one in enumerate(block) if one.isupper())] for block in blocks)


def new_id(prefix: str, state: State) -> str:
    """Return a new id. The ids of an sObject grow with time."""
    number, text = state.next_id(f"id {prefix}", FIRST), ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        text = DIGITS[digit] + text
    return eighteen(prefix + ORG[: 12 - len(text)].ljust(12 - len(text), "0") + text)


def looks_like(id: object, prefix: str | None = None) -> bool:
    """Return whether a value has the form of an id, with this prefix if there is one."""
    if not isinstance(id, str) or len(id) not in (15, 18) or not (id.isascii() and id.isalnum()):
        return False
    return prefix is None or id.startswith(prefix)


USER_ID = eighteen("005dM00000EmLtr")
"""Return the user of a token."""
QUEUE_ID = eighteen("00GdM00000Frst1")
