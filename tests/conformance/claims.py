"""What the stand-in claims about Stripe, each as one function that any Stripe of this version can be held to.

`tests/conformance/test_claims.py` holds the stand-in to all of them, always. `make stripe-smoke` holds the
real test mode to those that need no lever. A claim begins with nothing but a client, makes what it speaks of
and asserts; its docstring is the claim. Here what money does; in `door_claims.py` how calls are answered.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from tests.conformance import door_claims
from tests.conformance.world import World, refused, standin_only

# --------------------------------------------------------------------------- refunds


def refunds_in_parts(world: World) -> None:
    """A charge is refunded in parts until nothing is left; more is refused, naming the amount."""
    charge, refunds = world.charged(), world.client.v1.refunds
    assert refunds.create({"charge": charge.id, "amount": 2000}).status == "succeeded"
    over = refused(lambda: refunds.create({"charge": charge.id, "amount": 3001}))
    assert (over.http_status, over.param) == (400, "amount")
    assert refunds.create({"payment_intent": charge.payment_intent}).amount == 3000
    now: Any = world.client.v1.charges.retrieve(charge.id)
    assert (now.amount_refunded, now.refunded, now.amount) == (5000, True, 5000)
    again = refused(lambda: refunds.create({"charge": charge.id}))
    assert (again.http_status, again.code) == (400, "charge_already_refunded")


def refund_moves_the_balance(world: World) -> None:
    """A refund's balance transaction takes the amount and no fee; the charge's fee is not given back."""
    charge = world.charged()
    assert world.settled(charge).reporting_category == "charge"
    made = world.client.v1.refunds.create({"charge": charge.id, "expand": ["balance_transaction"]})
    moved: Any = made.balance_transaction
    assert (moved.type, moved.reporting_category, moved.fee) == ("refund", "refund", 0)
    assert moved.net == moved.amount < 0
    assert moved.source == made.id


def refund_key_gives_back_once(world: World) -> None:
    """P-02: the same key gives back once, and other parameters under it are refused."""
    charge, key = world.charged(), f"claim-{secrets.token_hex(8)}"
    refunds = world.client.v1.refunds
    ids = {refunds.create({"charge": charge.id, "amount": 700}, {"idempotency_key": key}).id for _ in "12"}
    assert len(ids) == 1
    assert world.client.v1.charges.retrieve(charge.id).amount_refunded == 700
    other = refused(lambda: refunds.create({"charge": charge.id, "amount": 701}, {"idempotency_key": key}))
    assert (other.http_status, other.error.type) == (400, "idempotency_error")


def refund_is_found_by_its_charge(world: World) -> None:
    """P-03: refunds are listed by charge, newest first, with the metadata they were made with."""
    charge, refunds = world.charged(), world.client.v1.refunds
    made = [
        refunds.create({"charge": charge.id, "amount": 100, "metadata": {"refund": ref}}).id for ref in "ab"
    ]
    listed = refunds.list({"charge": charge.id}).data
    assert [found.id for found in listed] == made[::-1]
    assert [found.metadata["refund"] for found in listed if found.metadata] == ["b", "a"]


def refund_pending_then_succeeded(world: World) -> None:
    """Card …7726: a refund is pending first and succeeds later."""
    charge = world.charged("pm_card_pendingRefund")
    made = world.client.v1.refunds.create({"charge": charge.id})
    assert made.status == "pending"
    world.later(lambda: world.client.v1.refunds.retrieve(made.id).status == "succeeded", days=3)


def refund_succeeded_then_failed(world: World) -> None:
    """P-20; card …5126: a refund succeeds first and fails later; its money is on the balance again."""
    charge = world.charged("pm_card_refundFail")
    made = world.client.v1.refunds.create({"charge": charge.id})
    assert made.status == "succeeded"
    refunds = world.client.v1.refunds
    world.later(lambda: refunds.retrieve(made.id).status == "failed", days=3)
    failed: Any = refunds.retrieve(made.id, {"expand": ["failure_balance_transaction"]})
    assert failed.failure_reason
    assert failed.failure_balance_transaction.reporting_category == "refund_failure"
    assert failed.failure_balance_transaction.amount > 0
    assert world.client.v1.charges.retrieve(charge.id).amount_refunded == 0


def refund_of_nothing(world: World) -> None:
    """A charge that failed or is not there can't be refunded; an amount is a whole number above nil."""
    declined = refused(lambda: world.charged("pm_card_visa_chargeDeclined"))
    intent = declined.error.payment_intent.id
    refunds = world.client.v1.refunds
    assert refused(lambda: refunds.create({"payment_intent": intent})).http_status == 400
    nobody = refused(lambda: refunds.create({"charge": "ch_nobody"}))
    assert (nobody.code, nobody.param) == ("resource_missing", "charge")
    charge = world.charged()
    for wrong in ("12.50", 0, -5):
        amount: Any = wrong
        assert refused(lambda a=amount: refunds.create({"charge": charge.id, "amount": a})).param == "amount"


def refund_that_is_final_is_not_cancelled(world: World) -> None:
    """Only a refund that waits for its payer can be cancelled."""
    made = world.client.v1.refunds.create({"charge": world.charged().id})
    assert refused(lambda: world.client.v1.refunds.cancel(made.id)).http_status == 400


# --------------------------------------------------------------------------- disputes


def chargeback_takes_the_money(world: World) -> None:
    """P-21; card …0259: the amount and a fee are withdrawn, and the charge can't be refunded any more."""
    dispute = world.contested("pm_card_createDispute")
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 5000)
    assert not dispute.is_charge_refundable
    moved = world.later(lambda: world.client.v1.disputes.retrieve(dispute.id).balance_transactions)[0]
    assert (moved.type, moved.reporting_category) == ("adjustment", "dispute")
    assert moved.amount < 0 < moved.fee
    assert moved.net == moved.amount - moved.fee
    assert world.client.v1.charges.retrieve(dispute.charge).disputed is True
    held = refused(lambda: world.client.v1.refunds.create({"charge": dispute.charge}))
    assert held.code == "charge_disputed"


def chargeback_is_won(world: World) -> None:
    """Evidence `winning_evidence` wins in test mode: the amount comes back."""
    dispute, disputes = world.contested("pm_card_createDispute"), world.client.v1.disputes
    disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True})
    won = world.later(lambda: next((d for d in [disputes.retrieve(dispute.id)] if d.status == "won"), None))
    back = world.later(lambda: disputes.retrieve(won.id).balance_transactions[1:])[0]
    assert back.reporting_category == "dispute_reversal"
    assert back.amount == 5000 or back.currency != "eur"


def chargeback_is_lost(world: World) -> None:
    """Closing a dispute loses it for good; a second time is refused and nothing comes back."""
    dispute, disputes = world.contested("pm_card_createDispute"), world.client.v1.disputes
    assert disputes.close(dispute.id).status == "lost"
    assert refused(lambda: disputes.close(dispute.id)).http_status == 400
    assert len(disputes.retrieve(dispute.id).balance_transactions) == 1


def inquiry_moves_nothing(world: World) -> None:
    """Card …1976: an inquiry has a warning status, no balance transaction, and the charge is refundable."""
    inquiry = world.contested("pm_card_createDisputeInquiry")
    assert inquiry.status == "warning_needs_response"
    assert (inquiry.balance_transactions, inquiry.is_charge_refundable) == ([], True)
    assert world.client.v1.refunds.create({"charge": inquiry.charge}).status == "succeeded"


def early_warning_can_be_acted_on(world: World) -> None:
    """Card …5423: an early fraud warning is actionable until the charge was refunded."""
    charge = world.charged("pm_card_createIssuerFraudRecord")
    warnings = world.client.v1.radar.early_fraud_warnings
    warning = world.later(lambda: warnings.list({"charge": charge.id}).data)[0]
    assert (warning.actionable, warning.charge) == (True, charge.id)
    world.client.v1.refunds.create({"charge": charge.id})
    world.later(lambda: not warnings.retrieve(warning.id).actionable)


# --------------------------------------------------------------------------- bank debits


def debit_settles_later(world: World) -> None:
    """P-17, P-19; SEPA …3000: processing first, succeeded later; its balance transaction is made when it is
    sent to the bank, pending, and is the one of the money that came."""
    intent = world.debited("DE89370400440532013000")
    assert intent.status == "processing"
    charge: Any = world.client.v1.charges.retrieve(intent.latest_charge)
    assert (charge.status, charge.paid) == ("pending", False)
    sent = world.settled(charge)
    assert (sent.type, sent.reporting_category, sent.status) == ("payment", "charge", "pending")
    assert (sent.source, sent.amount) == (charge.id, 5000)
    intents = world.client.v1.payment_intents
    world.later(lambda: intents.retrieve(intent.id).status == "succeeded", days=6)
    come: Any = world.client.v1.charges.retrieve(charge.id)
    assert (come.status, come.balance_transaction) == ("succeeded", sent.id)
    assert come.failure_balance_transaction is None


def debit_fails_later(world: World) -> None:
    """P-17, P-19; SEPA …3001: processing first, then it asks for another payment method and says why; a
    second balance transaction, `payment_failure_refund`, takes what the first one brought."""
    intent, intents = world.debited("DE62370400440532013001"), world.client.v1.payment_intents
    charge: Any = world.client.v1.charges.retrieve(intent.latest_charge)
    sent = world.settled(charge)
    world.later(lambda: intents.retrieve(intent.id).status == "requires_payment_method", days=6)
    assert intents.retrieve(intent.id).last_payment_error is not None
    failed: Any = world.client.v1.charges.retrieve(charge.id, {"expand": ["failure_balance_transaction"]})
    back = failed.failure_balance_transaction
    assert (failed.status, failed.balance_transaction) == ("failed", sent.id)
    assert (back.type, back.reporting_category) == ("payment_failure_refund", "charge_failure")
    assert (back.amount, back.currency) == (-sent.amount, sent.currency)


def debit_is_returned(world: World) -> None:
    """SEPA …3002: succeeds and is disputed; no evidence is taken and the money is gone."""
    intent = world.debited("DE35370400440532013002")
    disputes = world.client.v1.disputes
    found = world.later(lambda: disputes.list({"payment_intent": intent.id}).data, days=6)[0]
    assert found.balance_transactions[0].amount < 0
    assert not found.is_charge_refundable


# --------------------------------------------------------------------------- cards and customers


def decline_codes(world: World) -> None:
    """A decline is a 402 with code and decline_code, and its intent asks for another method."""
    for card, code, reason in (
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ):
        error = refused(lambda c=card: world.charged(c))
        assert (error.http_status, error.code) == (402, code)
        assert getattr(error.error, "decline_code", None) == reason
        left = world.client.v1.payment_intents.retrieve(error.error.payment_intent.id)
        assert (left.status, left.last_payment_error.code) == ("requires_payment_method", code)  # type: ignore[union-attr]


def off_session_needs_authentication(world: World) -> None:
    """P-24: a card that always asks its holder is a 402 authentication_required while nobody is there."""
    customer = world.client.v1.customers.create({"description": "claim"})
    method = world.client.v1.payment_methods.attach(
        "pm_card_authenticationRequired", {"customer": customer.id}
    )
    error = refused(lambda: world.charged(method.id, customer=customer.id, off_session=True))
    assert (error.http_status, error.code) == (402, "authentication_required")


def kept_card_may_be_declined(world: World) -> None:
    """Card …0341: it can be kept, and every later charge is declined."""
    customer = world.client.v1.customers.create({"description": "claim"})
    method = world.client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    error = refused(lambda: world.charged(method.id, customer=customer.id, off_session=True))
    assert (error.http_status, error.code) == (402, "card_declined")


def anothers_card_is_refused(world: World) -> None:
    """P-24: a kept card is charged for the customer who has it, and for nobody else."""
    v1 = world.client.v1
    mine, other = (v1.customers.create({"description": "claim"}).id for _ in "12")
    method = v1.payment_methods.attach("pm_card_visa", {"customer": mine}).id
    assert world.charged(method, customer=mine, off_session=True).paid
    error = refused(lambda: world.charged(method, customer=other, off_session=True))
    assert (error.http_status, error.param) == (400, "payment_method")


def detached_card_is_gone(world: World) -> None:
    """A detached card can still be read: it has no customer, can't be charged or detached again."""
    methods, customer = world.client.v1.payment_methods, world.client.v1.customers.create({})
    method = methods.attach("pm_card_visa", {"customer": customer.id})
    assert [found.id for found in methods.list({"customer": customer.id}).data] == [method.id]
    assert methods.detach(method.id).customer is None
    assert methods.retrieve(method.id).customer is None
    assert refused(lambda: methods.detach(method.id)).http_status == 400
    assert refused(lambda: world.charged(method.id)).http_status == 400


# --------------------------------------------------------------------------- books and events


def transactions_are_found_by_source(world: World) -> None:
    """P-17: balance transactions are listed by source and by type; net = amount - fee."""
    charge = world.charged()
    made = world.settled(charge)
    room = world.client.v1.balance_transactions
    assert [found.id for found in room.list({"source": charge.id}).data] == [made.id]
    newest = room.list({"type": "charge", "limit": 1}).data[0]
    assert (newest.type, newest.net) == ("charge", newest.amount - newest.fee)
    assert sum(part.amount for part in made.fee_details) == made.fee


def expanded_source_is_the_charge(world: World) -> None:
    """`expand` reaches through a list: data.source shows the charge with its own currency."""
    made = world.settled(world.charged())
    listed = world.client.v1.balance_transactions.list({"limit": 1, "expand": ["data.source"]}).data[0]
    assert listed.id == made.id
    source: Any = listed.source
    assert (source.object, source.currency, source.amount) == ("charge", "eur", 5000)


def balance_has_two_sides(world: World) -> None:
    """The balance says by currency what is available and what is pending."""
    world.settled(world.charged())
    balance = world.client.v1.balance.retrieve()
    assert {side.currency for side in balance.pending} == {side.currency for side in balance.available}


def events_tell_what_happened(world: World) -> None:
    """P-15: the events list knows of a charge and its refund, by type, whoever listens."""
    charge = world.charged()
    refund = world.client.v1.refunds.create({"charge": charge.id})
    events = world.client.v1.events
    wanted: Any = ["charge.succeeded", "charge.refunded", "refund.created"]

    def told() -> bool:
        page = events.list({"types": wanted, "limit": 100}).data
        seen = {(event.type, event.data.object["id"]) for event in page}
        return set(zip(wanted, (charge.id, charge.id, refund.id), strict=True)) <= seen

    world.later(told)
    assert {event.type for event in events.list({"type": "refund.*", "limit": 5}).data} <= {
        "refund.created", "refund.updated", "refund.failed",
    }  # fmt: skip
    assert refused(lambda: events.list({"type": "refund.created", "types": wanted})).http_status == 400
    many: Any = [f"charge.{number}" for number in range(21)]
    assert refused(lambda: events.list({"types": many})).http_status == 400


def events_since_the_last_seen(world: World) -> None:
    """P-15: events of a type are read on from the last seen, oldest first, page by page, nothing twice."""
    v1, tag = world.client.v1, secrets.token_hex(4)
    first = v1.customers.create({"name": f"{tag} 0"})

    def told(wanted: str) -> Any:
        page = v1.events.list({"types": ["customer.created"], "limit": 20}).data
        return next((event for event in page if event.data.object["id"] == wanted), None)

    last_seen = world.later(lambda: told(first.id))
    made = [v1.customers.create({"name": f"{tag} {number}"}).id for number in range(1, 8)]
    for customer in made:
        world.later(lambda c=customer: told(c))
    page = v1.events.list({"types": ["customer.created"], "ending_before": last_seen.id, "limit": 3})
    assert page.has_more
    names = [str(event.data.object["name"]) for event in page.auto_paging_iter()]
    assert [name for name in names if name.startswith(tag)] == [f"{tag} {number}" for number in range(1, 8)]


def endpoints_come_and_go(world: World) -> None:
    """P-18: an endpoint's secret is shown once, its status is listed, and it can be deleted."""
    room = world.client.v1.webhook_endpoints
    made = room.create(
        {
            "url": f"https://portal.example/claims/{secrets.token_hex(4)}",
            "enabled_events": ["refund.failed"],
            "api_version": "2026-10-28.endive",
        }
    )
    try:
        assert str(made.secret).startswith("whsec_")
        listed = next(found for found in room.list({"limit": 100}).data if found.id == made.id)
        assert (listed.status, listed.enabled_events, listed.api_version) == (
            "enabled", ["refund.failed"], "2026-10-28.endive",
        )  # fmt: skip
        assert getattr(listed, "secret", None) is None
    finally:
        assert room.delete(made.id).deleted is True
    assert made.id not in [found.id for found in room.list({"limit": 100}).data]


def unknown_ids_are_missing(world: World) -> None:
    """An id that is not there is a 404 resource_missing."""
    v1 = world.client.v1
    looks: tuple[Callable[[], object], ...] = (
        lambda: v1.refunds.retrieve("re_nobody"),
        lambda: v1.disputes.retrieve("du_nobody"),
        lambda: v1.payouts.retrieve("po_nobody"),
        lambda: v1.mandates.retrieve("mandate_nobody"),
        lambda: v1.events.retrieve("evt_nobody"),
        lambda: v1.charges.retrieve("ch_nobody"),
    )
    for look in looks:
        error = refused(look)
        assert (error.http_status, error.code) == (404, "resource_missing")


def metadata_is_merged(world: World) -> None:
    """An intent's metadata is merged by an update; an empty text takes a key away."""
    intents = world.client.v1.payment_intents
    made = intents.create({"amount": 900, "currency": "eur", "metadata": {"a": "1", "b": "2"}})
    intents.update(made.id, {"metadata": {"a": "", "c": "3"}, "amount": 950})
    found = intents.retrieve(made.id)
    assert (found.metadata.to_dict(), found.amount) == ({"b": "2", "c": "3"}, 950)
    intents.cancel(made.id)


@standin_only
def payout_is_the_sum_of_its_transactions(world: World) -> None:
    """P-17: an automatic payout's transactions, its own included, sum to nil: the others to its amount."""
    world.settled(world.charged())
    payouts = world.later(lambda: world.client.v1.payouts.list({"status": "paid"}).data, days=5)
    room = world.client.v1.balance_transactions
    for payout in payouts:
        nets = {
            found.id: found.net for found in room.list({"payout": payout.id, "limit": 100}).auto_paging_iter()
        }
        assert sum(nets.values()) == 0
        assert nets[str(payout.balance_transaction)] == -payout.amount
        assert (payout.automatic, payout.reconciliation_status) == (True, "completed")


CLAIMS: tuple[Callable[[World], None], ...] = (
    refunds_in_parts, refund_moves_the_balance, refund_key_gives_back_once, refund_is_found_by_its_charge,
    refund_pending_then_succeeded, refund_succeeded_then_failed, refund_of_nothing,
    refund_that_is_final_is_not_cancelled, chargeback_takes_the_money, chargeback_is_won, chargeback_is_lost,
    inquiry_moves_nothing, early_warning_can_be_acted_on, debit_settles_later, debit_fails_later,
    debit_is_returned, decline_codes, off_session_needs_authentication, kept_card_may_be_declined,
    anothers_card_is_refused, detached_card_is_gone,
    transactions_are_found_by_source, expanded_source_is_the_charge, balance_has_two_sides,
    events_tell_what_happened, events_since_the_last_seen, endpoints_come_and_go, unknown_ids_are_missing,
    metadata_is_merged, payout_is_the_sum_of_its_transactions, *door_claims.CLAIMS,
)  # fmt: skip
