"""Ids: a prefix that tells the sObject, a counter, and three characters that tell which letters are capitals."""

from emulators.state import State

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
ORG = "dM00000"
FIRST = 3_500_000


def eighteen(id: str) -> str:
    """The long form of an id of 15 characters; one of 18 as it is."""
    if len(id) != 15:
        return id
    blocks = (id[0:5], id[5:10], id[10:15])
    return id + "".join(CHECK[sum(2**at for at, one in enumerate(block) if one.isupper())] for block in blocks)


def new_id(prefix: str, state: State) -> str:
    """An id never given before; ids of one sObject grow with time."""
    number, text = state.next_id(f"id {prefix}", FIRST), ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        text = DIGITS[digit] + text
    return eighteen(prefix + ORG[: 12 - len(text)].ljust(12 - len(text), "0") + text)


def looks_like(id: object, prefix: str | None = None) -> bool:
    """Whether a value has the form of an id, of the sObject with this prefix where one is named."""
    if not isinstance(id, str) or len(id) not in (15, 18) or not (id.isascii() and id.isalnum()):
        return False
    return prefix is None or id.startswith(prefix)


USER_ID = eighteen("005dM00000EmLtr")
"""The user whose token it is."""
QUEUE_ID = eighteen("00GdM00000Frst1")
