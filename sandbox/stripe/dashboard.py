"""What people do at the Dashboard, and banks behind it: levers under `/_sandbox/`, one a kind of thing.

Each takes what JSON or a form said (texts and numbers), and answers the object as it then is.
"""

from __future__ import annotations

from typing import Any

from sandbox.stripe import balance, cards, disputes, payouts, refunds, setups
from sandbox.stripe.errors import ApiError
from sandbox.stripe.store import Store, Unit


class Refused(Exception):
    """The act makes no sense; the sentence says why."""


def refund(unit: Unit, wish: dict[str, Any]) -> dict[str, Any]:
    """Gives money back from the Dashboard, or lets a refund become something else.

    Args:
        wish: `charge` and perhaps `amount` and `reason`; or `refund` and `becomes`: `succeeded`, `failed`,
            `requires_action`, `canceled`.
    """
    if "refund" not in wish:
        params = {name: wish[name] for name in ("charge", "payment_intent", "reason") if wish.get(name)}
        return refunds.create(unit, params | _amount(wish))
    made, becomes = _thing(unit, wish, "refund", "refund"), wish.get("becomes")
    if becomes == "succeeded":
        return refunds.finish(unit, made)
    if becomes == "failed":
        return refunds.fail(unit, made)
    if becomes == "requires_action" and made["status"] == "pending":
        return refunds.ask_payer(unit, made)
    if becomes == "canceled":
        return refunds.cancel(unit, made)
    raise Refused(f"A {made['status']} refund can't become {becomes}.")


def dispute(unit: Unit, wish: dict[str, Any]) -> dict[str, Any]:
    """Opens a chargeback or an inquiry, or decides one.

    Args:
        wish: `charge` and perhaps `amount`, `reason`, `inquiry`; or `dispute` and `outcome`: `won` (with
            `amount`: in part, the fee is kept), `lost`, `escalated`.
    """
    if "dispute" not in wish:
        charge = _thing(unit, wish, "charge", "charge")
        if charge["status"] != "succeeded":
            raise Refused("Only a charge that succeeded can be contested.")
        reason = str(wish.get("reason") or "fraudulent")
        return disputes.open_dispute(
            unit, charge, reason=reason, inquiry=bool(wish.get("inquiry")), **_amount(wish)
        )
    found, outcome = _thing(unit, wish, "dispute", "dispute"), wish.get("outcome")
    if found["status"] not in disputes.OPEN:
        raise Refused(f"This dispute is {found['status']}.")
    if outcome == "escalated" and found["status"].startswith("warning_"):
        return disputes.escalate(unit, found)
    if outcome in ("won", "lost"):
        return disputes.decide(unit, found, won=outcome == "won", **_amount(wish))
    raise Refused(f"No such outcome: {outcome}.")


def warning(unit: Unit, wish: dict[str, Any]) -> dict[str, Any]:
    """Lets a card network warn of fraud.

    Args:
        wish: `charge`.
    """
    return disputes.warn(unit, _thing(unit, wish, "charge", "charge"))


def review(unit: Unit, wish: dict[str, Any]) -> dict[str, Any]:
    """Opens a review of a charge, or closes one.

    Args:
        wish: `charge`; or `review` and `closes`: `approved`, `refunded`, `refunded_as_fraud`.
    """
    if "review" not in wish:
        return disputes.review(unit, _thing(unit, wish, "charge", "charge"))
    found, why = _thing(unit, wish, "review", "review"), wish.get("closes")
    if not found["open"] or why not in ("approved", "refunded", "refunded_as_fraud"):
        raise Refused(f"This review is not closed as {why}.")
    return disputes.close_review(unit, found, why)


def payout(unit: Unit, wish: dict[str, Any]) -> dict[str, Any]:
    """Pays out by hand, lets a payout fail or be cancelled, or says how payouts go.

    Args:
        wish: `currency` and `amount`; or `payout` and `outcome`: `failed`, `canceled`; or `interval`:
            `daily`, `manual`.
    """
    if "interval" in wish:
        if wish["interval"] not in ("daily", "manual"):
            raise Refused("Payouts go daily or manual.")
        payouts.set_interval(unit, wish["interval"])
        return {"interval": wish["interval"]}
    if "payout" in wish:
        if wish.get("outcome") not in ("failed", "canceled"):
            raise Refused(f"No such outcome: {wish.get('outcome')}.")
        cancelled = wish["outcome"] == "canceled"
        return payouts.fail(unit, _thing(unit, wish, "payout", "payout"), cancelled=cancelled)
    currency = str(wish.get("currency", ""))
    available = {side["currency"]: side["amount"] for side in balance.sums(unit)["available"]}
    amount = _amount(wish).get("amount", available.get(currency, 0))
    if not 0 < amount <= available.get(currency, 0):
        raise Refused(f"There is not so much to pay out in {currency}.")
    return payouts.make(unit, amount, currency, automatic=False)


def adjustment(unit: Unit, wish: dict[str, Any]) -> dict[str, Any]:
    """Moves the balance for a reason of Stripe's own, such as a reserve that is kept or released.

    Args:
        wish: `currency` and `amount`, negative where it is taken off; perhaps `description`.
    """
    amount = int(wish.get("amount") or 0)
    if not amount:
        raise Refused("An adjustment moves some amount.")
    return balance.move(
        unit, {"id": None}, "adjustment", "other_adjustment", amount, str(wish.get("currency", "")),
        description=str(wish.get("description") or "Adjustment"),
    )  # fmt: skip


def card(unit: Unit, wish: dict[str, Any]) -> dict[str, Any]:
    """Lets the world change its mind about a saved card: the bank, the network, or a person.

    Args:
        wish: `payment_method`, and `becomes` (a card's name in `cards.py`, as which it behaves from now on),
            `detach` (true), or `exp_month` and `exp_year` (the network renewed it).
    """
    method, becomes = _thing(unit, wish, "payment_method", "payment_method"), str(wish.get("becomes", ""))
    if wish.get("detach"):
        setups.detach(unit, method)
    elif "exp_year" in wish:
        if "card" not in method:
            raise Refused("Only a card has an expiry date.")
        setups.renew(unit, method, int(wish.get("exp_month", 12)), int(wish["exp_year"]))
    elif becomes in cards.BY_NAME:
        unit.put(method, private=unit.private(method["id"]) | {"card": becomes})
    else:
        raise Refused(f"No such card: {becomes}. Known: {', '.join(cards.BY_NAME)}.")
    return {"payment_method": method["id"], "becomes": becomes or None}


def mandate(unit: Unit, wish: dict[str, Any]) -> dict[str, Any]:
    """Lets a holder take back the permission to charge, or give it again.

    Args:
        wish: `mandate`, or the `payment_method` that it is for; `status`: `inactive`, `active`, `pending`.
    """
    if wish.get("status") not in ("inactive", "active", "pending"):
        raise Refused(f"No such status: {wish.get('status')}.")
    if "mandate" in wish:
        found = _thing(unit, wish, "mandate", "mandate")
    else:
        found = setups.mandate_of(unit, _thing(unit, wish, "payment_method", "payment_method"))
    return setups.set_mandate(unit, found, wish["status"])


def endpoint(unit: Unit, wish: dict[str, Any]) -> dict[str, Any]:
    """Switches webhook endpoints off or on.

    Args:
        wish: `status`: `disabled`, `enabled`; `endpoint`, an id, or all of them.
    """
    if wish.get("status") not in ("disabled", "enabled"):
        raise Refused(f"No such status: {wish.get('status')}.")
    chosen = [_thing(unit, wish, "endpoint", "webhook_endpoint")] if wish.get("endpoint") else None
    for found in chosen or list(unit.each("webhook_endpoint")):
        unit.put(found | {"status": wish["status"]})
    return {"status": wish["status"]}


def settlement(unit: Unit, wish: dict[str, Any]) -> dict[str, Any]:
    """Says in which currency payments in another one settle, and are paid out.

    Args:
        wish: `currency`, `into` and `rate` (decimal text); without `into` the currency settles as itself.
    """
    currency, into = str(wish.get("currency", "")).lower(), wish.get("into")
    balance.settle_into(unit, currency, str(into).lower() if into else None, str(wish.get("rate", "")))
    return {"currency": currency, "into": into, "rate": wish.get("rate")}


LEVERS = {
    "refund": refund, "dispute": dispute, "warning": warning, "review": review, "payout": payout,
    "adjustment": adjustment, "card": card,
    "mandate": mandate, "endpoint": endpoint, "settlement": settlement,
}  # fmt: skip


def act(store: Store, lever: str, wish: dict[str, Any]) -> dict[str, Any]:
    """Does one of the acts above; the API's own refusals are refusals here too.

    Raises:
        Refused: the act makes no sense.
    """
    try:
        with store.unit() as unit:
            return LEVERS[lever](unit, wish)
    except ApiError as error:
        raise Refused(str(error)) from error


def _thing(unit: Unit, wish: dict[str, Any], name: str, kind: str) -> dict[str, Any]:
    found = unit.get(str(wish.get(name, "")), kind)
    if found is None:
        raise Refused(f"No such {kind}: {wish.get(name)}.")
    return found


def _amount(wish: dict[str, Any]) -> dict[str, int]:
    return {"amount": int(wish["amount"])} if wish.get("amount") else {}
