"""Find the products of a new order by SKU, where the vendor's lines name products by id."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from app.errors import AmbiguousMatch
from app.problem_document import Candidate
from app.records.fetch import send_read
from app.writes.resolved_write import ResolvedWrite
from canonical import values
from canonical.order_patch import LineItemPatch, OrderPatch
from canonical.parts import ProductReferencePatch
from mappings.endpoints import MOST_SKUS, Product


def skus_in(resolved: ResolvedWrite, patch: object) -> tuple[str, ...]:
    """Return the SKUs to look up: those of lines that name no product by id."""
    if resolved.mapping.endpoints.find_products is None or not isinstance(patch, OrderPatch):
        return ()
    return tuple(dict.fromkeys(line.sku for line in patch.line_items or () if line.sku and not _has_id(line)))


async def find_products(resolved: ResolvedWrite, order: OrderPatch, skus: tuple[str, ...]) -> dict[str, Product]:
    """Return the product of each SKU that the shop has, with one read for each `MOST_SKUS` of them.

    Raises AmbiguousMatch if two products have one SKU, and the vendor's problems.
    """
    endpoints, account = resolved.mapping.endpoints, await resolved.account()
    assert endpoints.find_products is not None and endpoints.products is not None  # noqa: S101, PT018 - checked
    products: list[Product] = []
    for start in range(0, len(skus), MOST_SKUS):
        request = endpoints.find_products(order, skus[start : start + MOST_SKUS], account)
        reply = await send_read(resolved.deps, resolved.connection, request, resolved.deadline)
        with resolved.as_drift():
            products += endpoints.products(reply)
    return dict(_chosen(resolved, products, skus))


def with_products(order: OrderPatch, products: Mapping[str, Product]) -> OrderPatch:
    """Return the order whose lines name their products by id, where the shop has them."""

    def named(line: LineItemPatch) -> LineItemPatch:
        product = None if _has_id(line) else products.get(line.sku or "")
        if product is None:
            return line
        ids = ProductReferencePatch(remote_id=product.product, variant_remote_id=product.variant, sku=product.sku)
        return replace(line, product=ids)

    return replace(order, line_items=tuple(named(line) for line in order.line_items or ()))


def _has_id(line: LineItemPatch) -> bool:
    return line.product_id is not None or line.variant_id is not None


def _chosen(resolved: ResolvedWrite, products: list[Product], skus: tuple[str, ...]) -> Iterator[tuple[str, Product]]:
    """Yield the product of each SKU. Shops take a SKU in another case for the same one, so an exact match comes
    first."""
    exact, folded = defaultdict(list), defaultdict(list)
    for one in products:
        exact[one.sku].append(one)
        folded[values.fold(one.sku)].append(one)
    for sku in skus:
        matches = exact.get(sku) or folded.get(values.fold(sku), [])
        if len(matches) > 1:
            raise _ambiguous(resolved, sku, matches)
        if matches:
            yield sku, matches[0]


def _ambiguous(resolved: ResolvedWrite, sku: str, matches: list[Product]) -> AmbiguousMatch:
    connection = resolved.connection
    ids = [one.variant or one.product or "" for one in matches]
    named = tuple(f"{connection.name}:{remote_id}" for remote_id in ids)
    return AmbiguousMatch(
        f"{connection.vendor.title} ({connection.name}) has several products with the SKU {sku[:80]}:"
        f" {' and '.join(named)}. Send the product.variant_remote_id of one.",
        candidates=tuple(
            Candidate(id=name, connection=connection.name, remote_id=remote_id)
            for name, remote_id in zip(named, ids, strict=True)
        ),
    )
