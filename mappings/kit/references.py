"""Build references to other records by the vendor's id."""

from canonical.parts import ProductReference, Reference


def reference(remote_id: str | int | None, name: str | None = None, email: str | None = None) -> Reference | None:
    """Return the reference to a record, None without an id."""
    return None if remote_id is None else Reference(remote_id=str(remote_id), name=name, email=email)


def product(
    remote_id: str | None, variant: str | None = None, sku: str | None = None, name: str | None = None
) -> ProductReference | None:
    """Return the product of an order line, None without an id."""
    if remote_id is None and variant is None:
        return None
    return ProductReference(remote_id=remote_id, variant_remote_id=variant, sku=sku, name=name)
