"""Customers: the users of the shop. Reference: REST API v3, "Customers", and WC_REST_Customers_Controller."""

from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord
from emulators.woocommerce import lists, meta, places
from emulators.woocommerce.errors import invalid, missing, refused
from emulators.woocommerce.shop import FIRST_USER, Shop, body_of, cleaned, text_of

ROLES = ("all", "administrator", "editor", "author", "contributor", "subscriber", "customer", "shop_manager")
ORDERED_BY = ("id", "include", "name", "registered_date")


def list_all(shop: Shop, call: Call, _ids: tuple[str, ...]) -> Answer:
    """List matching customers. Without a role, only those with the role customer."""
    role = call.param("role") or "customer"
    if role not in ROLES:
        raise invalid("role", "role is not one of the roles of this site.")
    order = call.param("orderby") or "name"
    if order not in ORDERED_BY:
        raise invalid("orderby", f"orderby is not one of {', '.join(ORDERED_BY)}.")
    matches = shop.state.all("customers")
    if (email := call.param("email")) is not None:
        if not places.is_email(email):
            raise invalid("email", "Invalid email address.")
        matches = [one for one in matches if one["email"].lower() == email.lower()]
    if role != "all":
        matches = [one for one in matches if one["role"] == role]
    included, excluded = lists.ids_of(call, "include"), lists.ids_of(call, "exclude") or set()
    matches = [one for one in matches if (included is None or one["id"] in included) and one["id"] not in excluded]
    name = {"name": "username", "registered_date": "date_created_gmt"}.get(order, "id")
    down = lists.is_descending(call) if call.param("order") else False
    matches.sort(key=lambda one: (one[name] or "", one["id"]) if name != "id" else one["id"], reverse=down)
    return lists.paged(call, [rendered(shop, one) for one in matches])


def show(shop: Shop, _call: Call, ids: tuple[str, ...]) -> Answer:
    """Return one customer."""
    return json_answer(200, rendered(shop, _must_get(shop, ids[0], 404)))


def create(shop: Shop, call: Call, _ids: tuple[str, ...]) -> Answer:
    """Create a user, with a name and, if the shop generates them, a password."""
    body = body_of(call)
    if body.get("id"):
        raise refused(400, "woocommerce_rest_customer_exists", "Cannot create existing resource.")
    if "email" not in body:
        raise missing("email")
    if shop.setting("woocommerce_registration_generate_password") == "no" and not body.get("password"):
        raise missing("password")
    email = _email(body)
    if _owner(shop, email) is not None:
        text = "An account is already registered with your email address. Please log in."
        raise refused(400, "registration-error-email-exists", text)
    username = text_of(body, "username") or _name_for(shop, email)
    if any(one["username"] == username for one in shop.state.all("customers")):
        text = "An account is already registered with that username. Please choose another."
        raise refused(400, "registration-error-username-exists", text)
    customer = blank(shop, shop.state.next_id("users", FIRST_USER)) | {"email": email, "username": username}
    return _kept(shop, customer, body, 201)


def update(shop: Shop, call: Call, ids: tuple[str, ...]) -> Answer:
    """Change the members that are sent."""
    customer, body = _must_get(shop, ids[0], 400), body_of(call)
    if "email" in body:
        email = _email(body)
        # The shop compares with case: the user's own address in another case counts as taken.
        if email != customer["email"] and _owner(shop, email) is not None:
            raise refused(400, "woocommerce_rest_customer_invalid_email", "Email address is invalid.")
        customer["email"] = email
    username = text_of(body, "username")
    if username is not None and username != customer["username"]:
        raise refused(400, "woocommerce_rest_customer_invalid_argument", "Username isn't editable.")
    return _kept(shop, customer, body, 200)


def delete(shop: Shop, call: Call, ids: tuple[str, ...]) -> Answer:
    """Remove a user for good: users have no bin."""
    if call.param("force") not in ("true", "1"):
        raise refused(501, "woocommerce_rest_trash_not_supported", "Customers do not support trashing.")
    customer = _must_get(shop, ids[0], 404)
    shop.state.delete("customers", str(customer["id"]))
    return json_answer(200, rendered(shop, customer))


def blank(shop: Shop, id: int) -> JsonRecord:
    """Return an empty user."""
    return {
        "id": id,
        **shop.times("date_created", shop.now),
        **shop.times("date_modified", shop.now),
        "email": "",
        "first_name": "",
        "last_name": "",
        "role": "customer",
        "username": f"user{id}",
        "billing": places.blank("billing"),
        "shipping": places.blank("shipping"),
        "is_paying_customer": False,
        "avatar_url": "https://secure.gravatar.com/avatar/0?s=96&d=mm&r=g",
        "meta_data": [],
    }


def rendered(shop: Shop, customer: JsonRecord) -> JsonRecord:
    """Return a customer as in answers."""
    return customer | {"_links": shop.links("customers", customer["id"])}


def _kept(shop: Shop, customer: JsonRecord, body: JsonRecord, status: int) -> Answer:
    for name in ("first_name", "last_name"):
        text = text_of(body, name)
        customer[name] = customer[name] if text is None else cleaned(text)
    for kind in ("billing", "shipping"):
        customer[kind] = places.changed(kind, customer[kind], body, of_order=False)
    customer["meta_data"] = meta.changed(shop, customer["meta_data"], body)
    customer |= shop.times("date_modified", shop.now)
    shop.state.put("customers", str(customer["id"]), customer, {"email": customer["email"].lower()})
    return json_answer(status, rendered(shop, customer))


def _email(body: JsonRecord) -> str:
    email = (text_of(body, "email") or "").strip()
    if not places.is_email(email):
        raise invalid("email", "Invalid email address.")
    return email


def _owner(shop: Shop, email: str) -> JsonRecord | None:
    return next(iter(shop.state.lookup("customers", "email", email.lower())), None)


def _name_for(shop: Shop, email: str) -> str:
    """Return the part before the @, with a number if it is taken."""
    taken = {one["username"] for one in shop.state.all("customers")}
    name = email.partition("@")[0].lower()
    return name if name not in taken else next(f"{name}{n}" for n in range(1, 10**6) if f"{name}{n}" not in taken)


def _must_get(shop: Shop, id: str, status: int) -> JsonRecord:
    customer = shop.state.get("customers", id)
    if customer is None:
        raise refused(status, "woocommerce_rest_invalid_id", "Invalid resource ID.")
    return customer
