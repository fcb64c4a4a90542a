"""What the stand-in claims about Stripe's front door: keys, parameters, lists, pages and intents.

How claims are held is told in `claims.py`.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import stripe

from tests.conformance.world import World, refused


def opened(world: World, key: str | None = None, options: Any = None, **more: Any) -> Any:
    """A hosted page as the portal asks for it; None leaves a parameter out."""
    line = line_of(4999, "eur")
    params = {
        "mode": "payment", "ui_mode": "hosted_page", "line_items": [line], "submit_type": "pay",
        "locale": "en", "metadata": {"attempt": "claim"}, "adaptive_pricing": {"enabled": False},
        "success_url": "https://portal.example/r/1", "cancel_url": "https://portal.example/r/1?left=1",
    } | more  # fmt: skip
    given: Any = {name: value for name, value in params.items() if value is not None}
    options = options or ({"idempotency_key": key} if key else {})
    return world.client.v1.checkout.sessions.create(given, options)


def line_of(amount: int, currency: str) -> dict[str, Any]:
    """The one line of a page."""
    price = {"currency": currency, "unit_amount": amount, "product_data": {"name": "Claim"}}
    return {"quantity": 1, "price_data": price}


def setup_opened(world: World, **more: Any) -> Any:
    """A hosted page that saves a card."""
    without = dict.fromkeys(("line_items", "submit_type", "adaptive_pricing"))
    return opened(world, **{"mode": "setup", "currency": "eur"} | without | more)


def fresh_key() -> str:
    """A key that nobody used."""
    return f"claim-{secrets.token_hex(8)}"


# --------------------------------------------------------------------------- keys


def wrong_keys_are_unauthorised(world: World) -> None:
    """A key that is not ours is a 401, whatever is asked."""
    error = refused(lambda: world.client.v1.balance.retrieve({}, {"api_key": "sk_test_of_nobody"}))
    assert (error.http_status, isinstance(error, stripe.AuthenticationError)) == (401, True)


def every_answer_names_its_request(world: World) -> None:
    """Answers and refusals carry a Request-Id, each its own."""
    good: Any = world.client.v1.balance.retrieve()
    bad = refused(lambda: world.client.v1.charges.retrieve("ch_nobody"))
    ids = [good.last_response.headers["Request-Id"], bad.headers["Request-Id"]]
    assert all(found.startswith("req_") for found in ids)
    assert len(set(ids)) == 2


def one_key_opens_one_page(world: World) -> None:
    """P-02: the key replays its first answer and says so; other parameters or another call are refused."""
    key = fresh_key()
    first, second = opened(world, key), opened(world, key)
    assert (first.id, first.url) == (second.id, second.url)
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert second.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    for call in (
        lambda: opened(world, key, locale="hu"),
        lambda: world.client.v1.customers.create({}, {"idempotency_key": key}),
    ):
        error = refused(call)
        assert (error.http_status, error.error.type) == (400, "idempotency_error")


def the_first_answer_is_replayed(world: World) -> None:
    """P-03: a replay tells what was, not what is: whoever wants the truth retrieves."""
    key = fresh_key()
    page = opened(world, key)
    world.client.v1.checkout.sessions.expire(page.id)
    assert opened(world, key).status == "open"
    assert world.client.v1.checkout.sessions.retrieve(page.id).status == "expired"


def refused_parameter_leaves_the_key_free(world: World) -> None:
    """Decision 13: after a 400 on `expires_at` nothing was made, and the key has no result."""
    key = fresh_key()
    error = refused(lambda: opened(world, key, expires_at=int(time.time()) + 60))
    assert (error.http_status, error.param) == (400, "expires_at")
    assert opened(world, key).status == "open"


def decline_is_kept_under_its_key(world: World) -> None:
    """P-02: the same key answers the same decline again; only a new key makes a new attempt."""
    intents, key = world.client.v1.payment_intents, fresh_key()
    asked: Any = {
        "amount": 1200, "currency": "eur", "payment_method": "pm_card_visa_chargeDeclined", "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }  # fmt: skip
    errors = [refused(lambda: intents.create(asked, {"idempotency_key": key})) for _ in "12"]
    assert [error.http_status for error in errors] == [402, 402]
    assert len({error.error.payment_intent.id for error in errors}) == 1
    assert errors[1].headers["Idempotent-Replayed"] == "true"


def ten_calls_with_one_key_open_one_page(world: World) -> None:
    """P-02: ten calls with one key at once open one page; each is answered it, or 409 while it is made."""
    key, together = fresh_key(), threading.Barrier(10)
    options: Any = {"idempotency_key": key, "max_network_retries": 0}  # a 409 is not asked again by itself

    def call(_number: int) -> str | tuple[int | None, str | None]:
        together.wait()
        try:
            return str(opened(world, options=options, client_reference_id=key).id)
        except stripe.StripeError as error:
            return error.http_status, getattr(error.error, "code", None)

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(call, range(10)))
    ids = {answer for answer in answers if isinstance(answer, str)}
    assert len(ids) == 1, answers
    assert set(answers) - ids <= {(409, "idempotency_key_in_use")}, answers
    listed = world.client.v1.checkout.sessions.list({"limit": 100}).data
    assert {page.id for page in listed if page.client_reference_id == key} == ids


# --------------------------------------------------------------------------- parameters and lists


def what_this_version_does_not_know_is_refused(world: World) -> None:
    """P-27: parameters and words of older versions are a 400 that names them."""
    wrong: tuple[tuple[str, Any], ...] = (
        ("payment_method_types", ["card"]), ("ui_mode", "hosted"), ("locale", "he"), ("mode", "once"),
    )  # fmt: skip
    for name, value in wrong:
        error = refused(lambda n=name, v=value: opened(world, **{n: v}))
        assert (error.http_status, error.param.partition("[")[0]) == (400, name)
    intents: Any = world.client.v1.payment_intents
    unknown = refused(
        lambda: intents.create({"amount": 900, "currency": "eur", "payment_method_types": ["card"]})
    )
    assert (unknown.http_status, unknown.code) == (400, "parameter_unknown")
    half = refused(lambda: intents.create({"amount": "12.50", "currency": "eur"}))
    assert (half.http_status, half.param) == (400, "amount")
    absent = refused(lambda: intents.create({"currency": "eur"}))
    assert (absent.code, absent.param) == ("parameter_missing", "amount")


def amounts_have_a_least(world: World) -> None:
    """P-07: one cent is too little to be charged, on a page and without one."""
    intents = world.client.v1.payment_intents
    assert refused(lambda: intents.create({"amount": 1, "currency": "eur"})).code == "amount_too_small"


def amounts_have_bounds_and_steps(world: World) -> None:
    """P-07: each currency has a least, a most and a step of its own: forints, dinars, krónur, yen."""
    for amount, currency, code in (
        (49, "eur", "amount_too_small"), (17_499, "huf", "amount_too_small"),
        (100_000_000, "eur", "amount_too_large"),
    ):  # fmt: skip
        error = refused(lambda a=amount, c=currency: opened(world, line_items=[line_of(a, c)]))
        assert (error.http_status, error.code) == (400, code)
    for amount, currency in ((1005, "kwd"), (1050, "isk")):
        error = refused(lambda a=amount, c=currency: opened(world, line_items=[line_of(a, c)]))
        assert error.http_status == 400
    for amount, currency in ((20_000, "huf"), (1010, "kwd"), (30_000, "isk"), (500, "jpy")):
        assert opened(world, line_items=[line_of(amount, currency)]).amount_total == amount


def lists_go_page_by_page(world: World) -> None:
    """Newest first; `starting_after` goes on to older ones, `ending_before` back to newer ones."""
    room = world.client.v1.customers
    ids = [room.create({"description": "claim"}).id for _ in range(4)][::-1]
    page = room.list({"limit": 2})
    assert ([found.id for found in page.data], page.has_more) == (ids[:2], True)
    assert [found.id for found in room.list({"limit": 2, "starting_after": ids[1]}).data] == ids[2:]
    assert [found.id for found in room.list({"limit": 2, "ending_before": ids[3]}).data] == ids[1:3]
    newest = page.data[0].created
    assert room.list({"created": {"gt": newest + 3600}}).data == []
    for wrong in ({"limit": 101}, {"starting_after": "cus_nobody"}, {"created": {"since": 1}}):
        assert refused(lambda w=wrong: room.list(w)).http_status == 400


def expansion_ends_at_four_levels(world: World) -> None:
    """`expand` shows objects in place of ids, four deep; further, or what is no object, is refused."""
    path = "latest_charge.balance_transaction.source.payment_intent"
    charge = world.charged()
    world.settled(charge)
    intents = world.client.v1.payment_intents
    shown: Any = intents.retrieve(charge.payment_intent, {"expand": [path]})
    assert shown.latest_charge.balance_transaction.source.payment_intent.id == charge.payment_intent
    for wrong in (f"{path}.customer", "metadata"):
        error = refused(lambda w=wrong: intents.retrieve(charge.payment_intent, {"expand": [w]}))
        assert (error.http_status, error.param) == (400, "expand[0]")


# --------------------------------------------------------------------------- pages


def a_page_is_opened_and_ended(world: World) -> None:
    """P-05: an open page has an address and no intent yet; it can be ended once."""
    sessions = world.client.v1.checkout.sessions
    page = opened(world)
    assert (page.status, page.payment_status, page.payment_intent) == ("open", "unpaid", None)
    assert (page.amount_total, page.currency, bool(page.url)) == (4999, "eur", True)
    line = sessions.line_items.list(page.id).data[0]
    assert (line.description, line.amount_total, line.quantity) == ("Claim", 4999, 1)
    over = sessions.expire(page.id)
    assert (over.status, over.url) == ("expired", None)
    assert refused(lambda: sessions.expire(page.id)).http_status == 400


def a_page_lives_from_half_an_hour_to_a_day(world: World) -> None:
    """Decision 13: `expires_at` outside 30 minutes to 24 hours is refused; unsaid, it is a day."""
    page = opened(world)
    now = page.created  # by its own clock
    assert page.expires_at == now + 24 * 3600
    for wrong in (now + 29 * 60, now + 25 * 3600):
        assert refused(lambda w=wrong: opened(world, expires_at=w)).param == "expires_at"
    assert opened(world, expires_at=now + 40 * 60).expires_at == now + 40 * 60


def a_page_that_saves_a_card_needs_a_currency(world: World) -> None:
    """Mode `setup` takes no amount but a currency, and begins its setup intent at once."""
    setup: dict[str, Any] = {"mode": "setup"} | dict.fromkeys(
        ("line_items", "submit_type", "adaptive_pricing")
    )
    assert refused(lambda: opened(world, **setup)).param == "currency"
    page = opened(world, **setup, currency="eur")
    assert (page.amount_total, page.payment_intent, page.payment_status) == (
        None, None, "no_payment_required",
    )  # fmt: skip
    intent = world.client.v1.setup_intents.retrieve(page.setup_intent)
    assert (intent.status, intent.usage) == ("requires_payment_method", "off_session")


def a_page_that_is_refused_names_the_parameter(world: World) -> None:
    """Decision 13: what is wrong with a page is named, and no page was made."""
    ref = fresh_key()
    wrong: tuple[tuple[str, Any], ...] = (
        ("success_url", None), ("success_url", "portal.example"), ("customer", "cus_nobody"),
        ("metadata", {"k": "x" * 501}), ("expand", ["metadata"]), ("setup_intent_data", {"description": "x"}),
    )  # fmt: skip
    for name, value in wrong:
        error = refused(lambda n=name, v=value: opened(world, client_reference_id=ref, **{n: v}))
        assert (error.http_status, str(error.param).partition("[")[0]) == (400, name)
    listed = world.client.v1.checkout.sessions.list({"limit": 100}).data
    assert ref not in [page.client_reference_id for page in listed]


def a_setup_page_that_is_refused_names_the_parameter(world: World) -> None:
    """Mode `setup` knows nothing of what belongs to a payment."""
    wrong: tuple[tuple[str, Any], ...] = (
        ("submit_type", "pay"), ("payment_intent_data", {"description": "x"}),
        ("expires_at", int(time.time()) + 60), ("customer", "cus_nobody"),
        ("line_items", [line_of(500, "eur")]),
    )  # fmt: skip
    for name, value in wrong:
        error = refused(lambda n=name, v=value: setup_opened(world, **{n: v}))
        assert (error.http_status, str(error.param).partition("[")[0]) == (400, name)


# --------------------------------------------------------------------------- intents and customers


def intents_are_confirmed_or_cancelled(world: World) -> None:
    """An intent that took money can't be cancelled, a cancelled one can't be confirmed."""
    intents = world.client.v1.payment_intents
    asked: Any = {
        "amount": 900, "currency": "eur",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }  # fmt: skip
    paid, left = intents.create(asked), intents.create(asked)
    assert paid.status == "requires_payment_method"
    assert intents.confirm(paid.id, {"payment_method": "pm_card_visa"}).status == "succeeded"
    ended = intents.cancel(left.id, {"cancellation_reason": "abandoned"})
    assert (ended.status, ended.cancellation_reason) == ("canceled", "abandoned")
    calls: tuple[Callable[[], object], ...] = (
        lambda: intents.cancel(paid.id),
        lambda: intents.confirm(left.id, {"payment_method": "pm_card_visa"}),
    )
    for call in calls:
        error = refused(call)
        assert (error.http_status, error.code) == (400, "payment_intent_unexpected_state")


def a_challenge_leads_to_another_page(world: World) -> None:
    """P-24; card …3184: with its holder there, the intent asks for a redirect and comes back to us."""
    intent: Any = world.client.v1.payment_intents.create(
        {
            "amount": 900, "currency": "eur", "payment_method": "pm_card_authenticationRequired",
            "confirm": True, "return_url": "https://portal.example/r",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "always"},
        }
    )  # fmt: skip
    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    assert intent.next_action.redirect_to_url.return_url == "https://portal.example/r"


def customers_are_changed_in_part(world: World) -> None:
    """An update changes what it names; an empty text takes a metadata key away."""
    room = world.client.v1.customers
    made = room.create({"name": "Mill", "metadata": {"a": "1", "b": "2"}})
    room.update(made.id, {"description": "claim", "metadata": {"a": "", "c": "3"}})
    found: Any = room.retrieve(made.id)
    assert (found.name, found.description, found.metadata.to_dict()) == (
        "Mill", "claim", {"b": "2", "c": "3"},
    )  # fmt: skip


CLAIMS: tuple[Callable[[World], None], ...] = (
    wrong_keys_are_unauthorised, every_answer_names_its_request, one_key_opens_one_page,
    the_first_answer_is_replayed, ten_calls_with_one_key_open_one_page, amounts_have_bounds_and_steps,
    a_page_that_is_refused_names_the_parameter, a_setup_page_that_is_refused_names_the_parameter,
    refused_parameter_leaves_the_key_free, decline_is_kept_under_its_key,
    what_this_version_does_not_know_is_refused, amounts_have_a_least, lists_go_page_by_page,
    expansion_ends_at_four_levels, a_page_is_opened_and_ended, a_page_lives_from_half_an_hour_to_a_day,
    a_page_that_saves_a_card_needs_a_currency, intents_are_confirmed_or_cancelled,
    a_challenge_leads_to_another_page, customers_are_changed_in_part,
)  # fmt: skip
