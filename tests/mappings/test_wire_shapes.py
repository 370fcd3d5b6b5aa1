"""The description of a wire Struct shows every change of it, also for a write-only Struct."""

from typing import Any

import msgspec
import pytest
from msgspec import Struct

from mappings.wire_shapes import shape_of, structs_in


class Hook(Struct):
    size: int


class Hidden(Struct):
    eye: Hook | None = None


class Thread(Struct):
    colour: str


class Write(Struct):
    """msgspec writes it, and would refuse to read it: nothing tells the two apart."""

    fields: Hidden | Thread
    custom: dict[str, str] = {}


class Order(Struct):
    write: Write
    lines: tuple[Write, ...] = ()


def changed(**members: Any) -> Any:
    """The shape of an order whose thread has other members."""
    thread: Any = msgspec.defstruct("Thread", list(members.items()))
    write: Any = msgspec.defstruct("Write", [("fields", Hidden | thread), ("custom", dict[str, str], {})])
    return shape_of(msgspec.defstruct("Order", [("write", write), ("lines", tuple[write, ...], ())]))


def test_a_write_only_struct_is_described_in_full() -> None:
    with pytest.raises(TypeError):
        msgspec.json.Decoder(Order)

    assert changed(colour=str) == shape_of(Order)
    assert changed(colour=int) != shape_of(Order)
    assert changed(colour=str, weight=float) != shape_of(Order)


def test_every_struct_in_it_is_found() -> None:
    assert structs_in(Order) == {Order, Write, Hidden, Hook, Thread}
    assert structs_in(Hidden) == {Hidden, Hook}


def test_a_default_belongs_to_the_shape() -> None:
    one, other = (msgspec.defstruct("Hook", [("size", int, size)]) for size in (1, 2))

    assert shape_of(one) != shape_of(other)
