"""FT-20, B20: what one gateway account says, rightly signed, of another account's things changes nothing.

Two accounts may belong to two businesses; the second knows or guesses our names, its gateway answers with
them, and still nothing of ours is asked of it, sent to it or believed of it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.approvals import Refund
from models.arrangements import CardSetup
from models.money import Money
from models.payments import InboxEvent, Payment, PaymentAttempt
from models.reconciliation import GatewayMovement
from models.reversals import Chargeback, PaymentReversal
from models.states import AttemptStatus, CardStatus, InboxStatus, RefundStatus
from models.store import Store
from models.work import Alert, Task
from receivables.arrangements import card_setups, cards
from receivables.payments import inbox
from receivables.policy import default_policy
from receivables.ports import (
    DisputeState,
    GatewayEvent,
    MovementKind,
    OutcomeUnknown,
    RemoteState,
    RemoteWarning,
)
from receivables.reconciling import bringing_in
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.receivables.arrangements.test_card_changes import GONE, RENEWED, Kept, a_kept_card, go, noon_of
from tests.receivables.payments.test_settling import Books, hint, now, open_books, raises
from tests.receivables.reconciling.world import ListedGateway
from tests.receivables.reversals.test_refunds import approved, refund
from tests.receivables.reversals.world import LATER, Paid, a_paid_account

OTHER = "other"
#: How an event may name an attempt: by our tag, or by the gateway's names of its page and its payment.
NAMED = {
    "tag": {"attempt_ref": "{ref}", "tagged": True},
    "page": {"session_id": "page-{ref}"},
    "payment": {"intent_id": "intent-{ref}"},
}


def hear(store: Store, gateway: ToldGateway, event: GatewayEvent) -> InboxStatus:
    """Bring an event of an account through the inbox, as the worker does."""
    store.run(lambda s: inbox.accept(s, event, gateway_account=gateway.name, now=now()))
    store.run(lambda s: inbox.end_needless(s, now=now()))
    for row_id in store.run(lambda s: inbox.claim(s, worker="w", policy=default_policy(), now=now())):
        inbox.process(store, gateway, row_id, now=now())
    with store.read() as s:
        return s.scalars(select(InboxEvent.status).where(InboxEvent.event_id == event.event_id)).one()


def the_other(books: Books, ref: str) -> ToldGateway:
    """Another account, whose gateway calls our attempt paid."""
    paid = a_truth(ref, RemoteState.SUCCEEDED, a_charge(ref, Money(141840, "GBP"), fee=Money(300, "GBP")))
    return ToldGateway(truths=[paid], name=OTHER)


def event_of(ref: str, named: str) -> GatewayEvent:
    fields = {n: v.format(ref=ref) if isinstance(v, str) else v for n, v in NAMED[named].items()}
    return replace(hint(None, f"evt_{named}"), **fields)  # type: ignore[arg-type]


class TestAttempts:
    @pytest.mark.parametrize("named", NAMED)
    def test_of_another_accounts_page_nothing_is_asked(self, store: Store, named: str) -> None:
        """FT-20, B20: our tag is unknown there and parked with an alert; names without a tag are foreign."""
        books = open_books(store, ToldGateway())
        ref = books.start().ref
        with store.write() as s:
            s.scalars(select(PaymentAttempt)).one().intent_id = f"intent-{ref}"
        other = the_other(books, ref)
        event = event_of(ref, named)
        is_tagged = named == "tag"
        assert hear(store, other, event) is (InboxStatus.FAILED if is_tagged else InboxStatus.DONE)
        assert other.calls == []
        attempt = books.attempt(ref)
        assert (attempt.status, attempt.failure_code) == (AttemptStatus.OPEN, None)
        assert (books.count(Payment), books.balances()) == (0, [57600, 84240])
        if is_tagged:
            late = now() + timedelta(hours=80)
            [row_id] = store.run(lambda s: inbox.claim(s, worker="w", policy=default_policy(), now=late))
            assert inbox.process(store, other, row_id, now=late) is InboxStatus.PARKED
            assert (other.calls, books.alerts()) == ([], ["event_not_understood"])

    def test_the_stored_call_is_not_made_there(self, sqlite_store: Store) -> None:
        """FT-20, P-22: younger than a day and without a page, its call would be sent again, there."""
        books = open_books(sqlite_store, ToldGateway(on_send=raises(OutcomeUnknown("no_answer"))))
        ref = books.start().ref
        other = the_other(books, ref)
        assert hear(sqlite_store, other, event_of(ref, "tag")) is InboxStatus.FAILED
        assert other.calls == []
        attempt = books.attempt(ref)
        assert (attempt.status, attempt.remote_id) == (AttemptStatus.UNKNOWN, None)

    def test_our_end_does_not_end_theirs_unheard(self, sqlite_store: Store) -> None:
        """FT-11, B20: only the events of its own account are needless once a payment is booked."""
        books = open_books(sqlite_store, ToldGateway())
        ref = books.start().ref
        other = the_other(books, ref)
        books.gateway.truths = other.truths
        assert books.settle(ref) is AttemptStatus.SUCCEEDED
        assert hear(sqlite_store, other, event_of(ref, "tag")) is InboxStatus.FAILED
        assert hear(sqlite_store, books.gateway, replace(hint(ref, "evt_own"))) is InboxStatus.DONE

    def test_a_charge_in_its_list_is_not_brought_in(self, sqlite_store: Store) -> None:
        """B20, P-15: a movement of the other account under our tag stays on its list, for a person."""
        books = open_books(sqlite_store, ToldGateway())
        ref = books.start().ref
        paid = a_truth(ref, RemoteState.SUCCEEDED, a_charge(ref, Money(141840, "GBP")))
        other = ListedGateway(name=OTHER, charges={f"ch-{ref}": paid})
        found = GatewayMovement(
            kind=MovementKind.CHARGE, source_id=f"ch-{ref}", gateway_account=OTHER, amount_minor=141840,
            currency="GBP", made_at=now(),
        )  # fmt: skip
        assert not bringing_in.bring_in(sqlite_store, other, found, now=now())
        assert books.count(Payment) == 0


class TestCards:
    def test_a_page_that_saves_a_card(self, sqlite_store: Store) -> None:
        """FT-20, B20: a card setup is known to its own account alone."""
        world = a_kept_card(sqlite_store).world
        begun = card_setups.begin_saving(
            sqlite_store, ToldGateway(), world.holder, cards.Consent("You may keep it.", "en", None),
            account_id=world.account.id, currency="GBP", language="en", note=None,
            base_url="http://127.0.0.1:9", now=now(),
        )  # fmt: skip
        other = ToldGateway(truths=[a_truth(begun.ref, RemoteState.SUCCEEDED)], name=OTHER)
        for named in ("tag", "page"):
            hear(sqlite_store, other, event_of(begun.ref, named))
        assert other.calls == []
        with sqlite_store.read() as s:
            assert s.scalars(select(CardSetup.status)).one() is AttemptStatus.OPEN

    @pytest.mark.parametrize("kind", [*GONE, "payment_method.updated"])
    def test_a_kept_card_stays(self, sqlite_store: Store, kind: str) -> None:
        """FT-20, B20: deleted, let go, withdrawn or renewed elsewhere, ours goes on as it was."""
        kept = a_kept_card(sqlite_store)
        there = Kept(kept.world, kept.plan, replace(kept.gateway, name=OTHER, calls=[]))
        there.gateway.cards = {"pm_4242": RENEWED}
        at = noon_of(kept.due - timedelta(days=9))
        if kind in GONE:
            assert go(there, kind, now=at) is InboxStatus.DONE
        else:
            assert there.hear(kind, "pm_4242", now=at) is InboxStatus.DONE
        card = kept.card()
        assert (card.status, card.last4, card.customer_gone_at) == (CardStatus.ACTIVE, "4242", None)
        assert (there.gateway.calls, kept.now_plan().saved_card_id) == ([], card.id)


class TestReversals:
    """FT-20, B20: the other account's desk names our charge; its gateway even shows it as ours."""

    def elsewhere(self, paid: Paid) -> Paid:
        return replace(paid, gateway=replace(paid.gateway, name=OTHER))

    def assert_untouched(self, paid: Paid) -> None:
        with paid.store.read() as s:
            for what in (Chargeback, PaymentReversal, Task, Alert):
                assert s.scalar(select(func.count()).select_from(what)) == 0, what
        assert paid.balances() == [0]

    @pytest.mark.parametrize("kind", ["refund.created", "charge.refunded"])
    def test_a_refund(self, sqlite_store: Store, kind: str) -> None:
        paid = a_paid_account(sqlite_store)
        there = self.elsewhere(paid)
        there.gateway.refunded(paid.charge, 4000, number="re_theirs")
        assert there.hear(kind, "re_theirs" if kind.startswith("refund") else paid.charge) is InboxStatus.DONE
        self.assert_untouched(paid)

    def test_a_dispute(self, sqlite_store: Store) -> None:
        paid = a_paid_account(sqlite_store)
        there = self.elsewhere(paid)
        there.gateway.contested(paid.charge, 10000, number="dp_theirs", state=DisputeState.LOST)
        assert there.hear("charge.dispute.closed", "dp_theirs") is InboxStatus.DONE
        self.assert_untouched(paid)

    def test_a_warning(self, sqlite_store: Store) -> None:
        paid = a_paid_account(sqlite_store)
        there = self.elsewhere(paid)
        there.gateway.warnings["w_1"] = RemoteWarning("w_1", paid.charge, None, "stolen", True, LATER)
        assert there.hear("radar.early_fraud_warning.created", "w_1") is InboxStatus.DONE
        self.assert_untouched(paid)

    def test_a_refund_under_our_name(self, sqlite_store: Store) -> None:
        """Our own refund is under way; another account claims to have paid it."""
        paid = a_paid_account(sqlite_store, came=13000)
        made: Refund = approved(paid, 3000)
        there = self.elsewhere(paid)
        there.gateway.refunded(paid.charge, 3000, number="re_theirs", ref=made.ref)
        assert there.hear("refund.updated", "re_theirs") is InboxStatus.DONE
        mine = refund(paid)
        assert (mine.status, mine.remote_id) == (RefundStatus.UNDER_WAY, None)
