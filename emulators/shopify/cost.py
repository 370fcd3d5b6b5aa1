"""The cost of a query, and the bucket that pays for it.

Prices follow Shopify's page on rate limits: a scalar or enum 0, an object 1, an interface or union its dearest
selection, a connection by its `first`, a mutation 10; no single query above 1,000 points. The published page
does not say how a connection is sized. Its older edition did: two points and the price of every requested node. Objects
without an id (money, user errors, page infos) and jobs are free. This agrees with recorded answers: an `orderCancel`
costs 10; an `orderOpen` that finds no order has a requested cost of 11 and an actual cost of 10.
"""

from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

JsonRecord = dict[str, Any]

MUTATION = 10
CONNECTION = 2
MOST_OF_ONE_QUERY = 1000
FREE = {"Job"}

# `per_minute` counts points here. The bucket holds 20 seconds of them, as at Shopify.
DEFAULT_PER_MINUTE = 6_000_000
BUCKET_SECONDS = 20


class Pricer:
    """Prices one operation: before it runs by its selection, afterwards by its result."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: JsonRecord) -> None:
        """Price a document that was validated against the schema."""
        self._schema = schema
        self._variables = variables
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }

    def requested(self, operation: OperationDefinitionNode) -> int:
        """Return the price of everything that the operation could return."""
        return self._selections(operation.selection_set, self._root(operation), None, requested=True)

    def actual(self, operation: OperationDefinitionNode, data: JsonRecord | None) -> int:
        """Return the price of the result, at most the requested one."""
        if data is None:
            return 0
        return self._selections(operation.selection_set, self._root(operation), data, requested=False)

    def _root(self, operation: OperationDefinitionNode) -> GraphQLObjectType:
        root = self._schema.get_root_type(operation.operation)
        if root is None:
            raise TypeError(f"The schema has no {operation.operation}.")
        return root

    def _selections(self, selected: SelectionSetNode, kind: Any, data: JsonRecord | None, *, requested: bool) -> int:
        price, dearest = 0, 0
        for node in selected.selections:
            if isinstance(node, FieldNode):
                if node.selection_set is not None:  # scalars cost nothing
                    price += self._field(node, node.selection_set, kind, data, requested=requested)
                continue
            condition, inner = self._fragment(node)
            inner_kind = self._schema.type_map[condition] if condition else kind
            inner_price = self._selections(inner, inner_kind, data, requested=requested)
            if isinstance(kind, (GraphQLInterfaceType, GraphQLUnionType)) and condition != kind.name:
                dearest = max(dearest, inner_price)
            else:
                price += inner_price
        return price + dearest

    def _fragment(self, node: Any) -> tuple[str | None, SelectionSetNode]:
        if isinstance(node, FragmentSpreadNode):
            fragment = self._fragments[node.name.value]
            return fragment.type_condition.name.value, fragment.selection_set
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            return condition.name.value if condition else None, node.selection_set
        raise TypeError(f"{node.kind} cannot be selected.")

    def _field(
        self, node: FieldNode, inner: SelectionSetNode, kind: Any, data: JsonRecord | None, *, requested: bool
    ) -> int:
        name = node.name.value
        if name.startswith("__") or isinstance(kind, GraphQLUnionType):
            return 0
        named = get_named_type(kind.fields[name].type)
        key = node.alias.value if node.alias else name
        if not requested and (data is None or key not in data):
            # A fragment for another type of the interface.
            return 0
        value = None if data is None else data[key]
        if kind.name == "Mutation":
            return MUTATION + self._inside(inner, named, value, requested=requested)
        if named.name.endswith("Connection"):
            return self._connection(node, inner, named, value, requested=requested)
        if not requested and isinstance(value, list):
            return sum(self._one(inner, named, item) for item in value[:1])
        if not requested:
            return self._one(inner, named, value)
        return _own(named) + self._selections(inner, named, None, requested=True)

    def _connection(
        self, node: FieldNode, selected: SelectionSetNode, named: Any, value: Any, *, requested: bool
    ) -> int:
        if not requested and value is None:
            return 0
        kind = get_named_type(named.fields["nodes"].type)
        price = CONNECTION
        for key, inner in self._nodes(selected):
            if requested:
                each = _own(kind) + self._selections(inner, kind, None, requested=True)
                price += each * self._size(node)
            else:
                price += sum(self._one(inner, kind, item) for item in value.get(key) or ())
        return price

    def _nodes(self, selected: SelectionSetNode) -> list[tuple[str, SelectionSetNode]]:
        """Return where the nodes of a connection are selected."""
        selections: list[tuple[str, SelectionSetNode]] = []
        for node in selected.selections:
            if not isinstance(node, FieldNode):
                selections += self._nodes(self._fragment(node)[1])
            elif node.name.value == "nodes" and node.selection_set is not None:
                selections.append((_key(node), node.selection_set))
        return selections

    def _one(self, selected: SelectionSetNode, named: Any, value: JsonRecord | None) -> int:
        if value is None:
            return 0
        return _own(named) + self._selections(selected, named, value, requested=False)

    def _inside(self, selected: SelectionSetNode, named: Any, value: JsonRecord | None, *, requested: bool) -> int:
        if not requested and value is None:
            return 0
        return self._selections(selected, named, value, requested=requested)

    def _size(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            if argument.name.value != "first":
                continue
            if isinstance(argument.value, VariableNode):
                size = self._variables.get(argument.value.name.value)
                if isinstance(size, int):
                    return size
            elif isinstance(argument.value, IntValueNode):
                return int(argument.value.value)
        return 0


class Bucket(msgspec.Struct, kw_only=True):
    """A leaky bucket: it fills at `rate` points a second up to `most`."""

    most: float
    rate: float
    points: float
    at: float

    def take(self, cost: int, now: float) -> bool:
        """Take points. Return False, and take nothing, if there are too few."""
        self.points = min(self.most, self.points + max(0.0, now - self.at) * self.rate)
        self.at = now
        if self.points < cost:
            return False
        self.points -= cost
        return True

    def give_back(self, cost: int) -> None:
        """Return points that were reserved and not used."""
        self.points = min(self.most, self.points + cost)

    def status(self) -> JsonRecord:
        """`throttleStatus`."""
        return {
            "maximumAvailable": int(self.most),
            "currentlyAvailable": int(self.points),
            "restoreRate": round(self.rate, 2),
        }


def full_bucket(per_minute: float, now: float) -> Bucket:
    """Return a full bucket for this many points a minute."""
    rate = per_minute / 60
    return Bucket(most=rate * BUCKET_SECONDS, rate=rate, points=rate * BUCKET_SECONDS, at=now)


def _own(named: Any) -> int:
    """Return the price of an object without its selection."""
    if isinstance(named, GraphQLObjectType) and (named.name in FREE or "id" not in named.fields):
        return 0
    return 0 if isinstance(named, GraphQLAbstractType) else 1


def _key(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value
