"""Settlement offers: made within the rules, decided by a second person, accepted as read, paid, undone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from models.accounts import Account, DebtorType
from models.arrangements import DiscountTax, Offer, OfferInvoice, OfferMaker
from models.invoices import Invoice, InvoiceKind, InvoiceLine
from models.ledger import LedgerCode
from models.money import Money
from models.pauses import PauseReason
from models.payments import Adjustment
from models.states import InvoiceStatus, OfferStatus
from models.store import Store
from models.work import Task, TaskKind
from receivables import credit_notes, invoices, ledger, pauses
from receivables.arrangements import (
    offer_deciding,
    offer_ends,
    offer_making,
    offer_money,
    offer_reads,
    offers,
)
from receivables.arrangements.offer_terms import limits
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from receivables.policy import DEFAULT_BODY, default_policy, publish
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.arrangements.offer_world import TODAY, OfferWorld, a_late_account, gbp

#: 20 % of £576.00 and 10 % of £842.40 may be forgiven by the grid: £199.44 of £1,418.40.
BALANCE, LEAST = 141840, 141840 - 11520 - 8424


@pytest.fixture
def world(store: Store) -> OfferWorld:
    return a_late_account(store)


def code_of(refusal: pytest.ExceptionInfo[Refused]) -> str:
    return refusal.value.code


# --------------------------------------------------------------------------- made


def test_within_grid_and_role_it_is_open_and_the_debtor_is_told(world: OfferWorld) -> None:
    """A-03: each invoice's own age gives its part of the grid; the supervisor's limit covers it."""
    offer = world.propose(LEAST)
    assert (offer.status, offer.balance_minor, offer.discount_tax) == (
        OfferStatus.OPEN, BALANCE, DiscountTax.CREDIT_NOTE,
    )  # fmt: skip
    assert world.mails() == ["offer_made"]
    assert world.blocking(offer.ref) == {False}
    with world.store.read() as session:
        held = pauses.standing(session, world.account.id, TODAY)
        assert {p.reason for p in held} == {PauseReason.OFFER}
        assert session.scalars(select(Task)).all() == []


@pytest.mark.parametrize(
    ("minor", "by", "status"),
    [
        (LEAST - 1, "supervisor", OfferStatus.AWAITING_APPROVAL),  # beyond the grid
        (127656, "collector", OfferStatus.OPEN),  # exactly 10 %
        (127655, "collector", OfferStatus.AWAITING_APPROVAL),  # one unit beyond his limit
        (70920, "collector", OfferStatus.AWAITING_APPROVAL),  # exactly 50 %: somebody may approve it
    ],
)
def test_limits_to_the_unit(world: OfferWorld, minor: int, by: str, status: OfferStatus) -> None:
    """A-03: boundary values."""
    offer = world.propose(minor, by=getattr(world, by))
    assert offer.status is status
    with world.store.read() as session:
        assert len(session.scalars(select(Task)).all()) == (status is OfferStatus.AWAITING_APPROVAL)


def test_what_nobody_may_approve_is_refused_when_it_is_proposed(world: OfferWorld) -> None:
    with pytest.raises(Refused) as refusal:
        world.propose(70919)
    assert refusal.value.facts == {"percent": 50}


@pytest.mark.parametrize(
    ("minor", "code"),
    [
        (0, "amount_zero"), (-1, "amount_negative"), (BALANCE, "amount_is_all"),
        (BALANCE + 1, "amount_above_balance"), (29, "amount_below_minimum"),
    ],
)  # fmt: skip
def test_sums_that_nobody_could_offer(world: OfferWorld, minor: int, code: str) -> None:
    for make_offer in (world.propose, world.counter):
        with pytest.raises(Refused) as refusal:
            make_offer(minor)
        assert code_of(refusal) == code


@pytest.mark.parametrize(("days", "code"), [(-1, "day_past"), (29, "day_too_late")])
def test_days_that_cannot_be(world: OfferWorld, days: int, code: str) -> None:
    for make_offer in (world.propose, world.counter):
        with pytest.raises(Refused) as refusal:
            make_offer(130000, pay_by_on=TODAY + timedelta(days=days))
        assert code_of(refusal) == code


def test_a_link_holder_does_not_propose_as_staff(world: OfferWorld) -> None:
    with pytest.raises(NotAllowed):
        world.propose(LEAST, by=world.holder)


def test_what_is_contested_or_agreed_is_not_offered_again(world: OfferWorld) -> None:
    """INV-11: one accepted offer for an invoice."""
    world.accept(world.propose(LEAST))
    with pytest.raises(Refused) as refusal:
        world.propose(LEAST + 100)
    assert code_of(refusal) == "offer_running"
    with pytest.raises(Refused) as refusal:
        world.counter(LEAST + 100)
    assert code_of(refusal) == "offer_running"


# --------------------------------------------------------------------------- countered


def test_a_counter_within_the_grid_is_answered_at_once(world: OfferWorld) -> None:
    """It takes the place of the offer that stood and names it."""
    first = world.propose(135000)
    mine = world.counter(LEAST)
    assert (mine.status, mine.maker, mine.supersedes_id) == (OfferStatus.OPEN, OfferMaker.DEBTOR, first.id)
    assert world.status(first.ref) is OfferStatus.SUPERSEDED
    assert world.mails() == ["offer_made"]
    assert world.counter(LEAST).id == mine.id  # sent twice


def test_a_counter_beyond_the_grid_waits_for_a_person_and_stops_the_chasing(world: OfferWorld) -> None:
    """Issue B part 4: what waits for us pauses until we answered; the page knows by when."""
    mine = world.counter(100000)
    assert mine.status is OfferStatus.AWAITING_APPROVAL
    assert mine.answer_by_on == TODAY + timedelta(days=4)  # two business days from a Thursday
    with world.store.read() as session:
        held = pauses.standing(session, world.account.id, TODAY)
        assert pauses.paused_by(held) == [PauseReason.AWAITING_OUR_ANSWER]
    theirs = world.store.run(
        lambda s: offer_deciding.approve(s, world.supervisor, mine.ref, digest=mine.content_digest, now=NOON)
    )
    assert theirs.status is OfferStatus.OPEN
    assert world.mails() == ["counter_offer_accepted"]
    with world.store.read() as session:
        assert pauses.paused_by(pauses.standing(session, world.account.id, TODAY)) == []
        assert session.scalars(select(Task.done_by_id)).all() == [world.supervisor.id]


def test_a_counter_is_refused_with_a_reason_or_answered_with_another(world: OfferWorld) -> None:
    mine = world.counter(100000)
    world.store.run(
        lambda s: offer_deciding.refuse(
            s, world.collector, mine.ref, digest=mine.content_digest, reason="too little", now=NOON
        )
    )
    assert (world.status(mine.ref), world.offer(mine.ref).decision_reason) == (
        OfferStatus.REFUSED, "too little",
    )  # fmt: skip
    again = world.counter(101000)
    ours = world.store.run(
        lambda s: offer_deciding.answer_with(
            s, world.supervisor, again.ref, digest=again.content_digest, amount=gbp(LEAST),
            pay_by_on=TODAY + timedelta(days=9), reason="as far as we can go", now=NOON,
        )
    )  # fmt: skip
    assert (ours.status, ours.supersedes_id) == (OfferStatus.OPEN, again.id)
    assert world.status(again.ref) is OfferStatus.REFUSED
    assert world.mails() == ["counter_offer_refused", "counter_offer_changed"]


def test_an_answer_above_our_limit_waits_too_and_the_debtor_hears_in_the_end(world: OfferWorld) -> None:
    """Whoever made us an offer gets an answer, whatever becomes of ours."""
    mine = world.counter(80000)
    ours = world.store.run(
        lambda s: offer_deciding.answer_with(
            s, world.supervisor, mine.ref, digest=mine.content_digest, amount=gbp(90000),
            pay_by_on=TODAY + timedelta(days=9), reason="less than the agency leaves us", now=NOON,
        )
    )  # fmt: skip
    assert ours.status is OfferStatus.AWAITING_APPROVAL
    with pytest.raises(Refused) as refusal:
        world.store.run(lambda s: offer_deciding.withdraw(s, world.supervisor, ours.ref, now=NOON))
    assert code_of(refusal) == "debtor_waits"
    with world.store.read() as session:
        shown = offer_reads.offer(session, world.holder, mine.ref, now=NOON)
        # To him it is one wait, and our reasons stay ours.
        assert (shown.status, shown.next_ref, shown.decision_reason, shown.may_withdraw) == (
            OfferStatus.AWAITING_APPROVAL, None, None, False,
        )  # fmt: skip
        held = pauses.standing(session, world.account.id, TODAY)
        assert pauses.paused_by(held) == [PauseReason.AWAITING_OUR_ANSWER]
    world.store.run(
        lambda s: offer_deciding.refuse(
            s, world.second, ours.ref, digest=ours.content_digest, reason="no", now=NOON
        )
    )
    assert world.mails() == ["counter_offer_refused"]


def test_nothing_overdue_nothing_to_settle(store: Store) -> None:
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        make.an_invoice(session, account, due_on=TODAY + timedelta(days=3))
    world = OfferWorld(store, account, None, ("", ""), *[SYSTEM] * 3)  # type: ignore[arg-type]
    with pytest.raises(Refused) as refusal:
        world.counter(5000)
    assert code_of(refusal) == "nothing_overdue"


# --------------------------------------------------------------------------- four eyes


def test_nobody_approves_his_own_proposal(world: OfferWorld) -> None:
    """A-02: neither through the action nor past it."""
    mine = world.propose(LEAST - 1)
    with pytest.raises(NotAllowed) as refused:
        world.store.run(
            lambda s: offer_deciding.approve(
                s, world.supervisor, mine.ref, digest=mine.content_digest, now=NOON
            )
        )
    assert refused.value.code == "own_proposal"
    with pytest.raises(IntegrityError), world.store.write() as session:
        session.execute(
            update(Offer).where(Offer.id == mine.id).values(decided_by_id=mine.proposed_by_staff_id)
        )
    assert world.status(mine.ref) is OfferStatus.AWAITING_APPROVAL


def test_an_approver_stays_within_his_limit(world: OfferWorld) -> None:
    mine = world.counter(127655)
    assert mine.status is OfferStatus.OPEN  # the grid gives more than a collector may
    beyond = world.counter(LEAST - 1)
    with pytest.raises(Refused) as refusal:
        world.store.run(
            lambda s: offer_deciding.approve(
                s, world.collector, beyond.ref, digest=beyond.content_digest, now=NOON
            )
        )
    assert refusal.value.facts == {"percent": 10}


def test_an_edited_proposal_is_not_approved(world: OfferWorld) -> None:
    """Race approve ∥ edit: the approval is tied to the content that was read."""
    read = world.propose(LEAST - 1)
    edited = world.propose(LEAST - 2)
    for ref, digest, code in (
        (read.ref, read.content_digest, "not_waiting"),
        (edited.ref, read.content_digest, "content_changed"),
    ):
        with pytest.raises(Refused) as refusal:
            world.store.run(
                lambda s, ref=ref, digest=digest: offer_deciding.approve(  # type: ignore[misc]
                    s, world.second, ref, digest=digest, now=NOON
                )
            )
        assert code_of(refusal) == code


# --------------------------------------------------------------------------- accepted


def test_acceptance_keeps_terms_and_evidence_and_reserves_the_invoices(world: OfferWorld) -> None:
    """M-11: a copy of the terms, who, when, from where; what is agreed is no longer asked for."""
    offer = world.accept(world.propose(LEAST))
    assert (offer.status, offer.accepted_name, offer.accepted_role) == (
        OfferStatus.ACCEPTED, "Helen Marsh", "Owner",
    )  # fmt: skip
    assert (offer.accepted_ip_prefix, offer.accepted_language, offer.accepted_at) == (
        "198.51.100.0/24", "en", NOON,
    )  # fmt: skip
    assert offer.terms["accepted"]["name"] == "Helen Marsh"
    assert offer.terms["forgiven_minor"] == BALANCE - LEAST
    assert world.blocking(offer.ref) == {True}
    with world.store.read() as session:
        rows = invoices.open_rows(session, world.account.id, TODAY)
        assert [row.asked.minor for row in rows] == [0, 0]
        assert world.balances() == [57600, 84240]  # nothing is forgiven before the money is in
    assert world.mails() == ["offer_made", "offer_accepted"]
    assert world.accept(offer).id == offer.id  # a resent form


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"name": " "}, "name_missing"), ({"role": ""}, "role_missing"), ({"binds": False}, "binds_missing"),
        ({"digest": "x"}, "offer_changed"),
    ],
)  # fmt: skip
def test_what_an_acceptance_needs(world: OfferWorld, more: dict[str, object], code: str) -> None:
    offer = world.propose(LEAST)
    with pytest.raises(Refused) as refusal:
        world.accept(offer, **more)
    assert code_of(refusal) == code
    assert world.status(offer.ref) is OfferStatus.OPEN


def test_a_private_person_needs_no_role(store: Store) -> None:
    world = a_late_account(store, debtor_type=DebtorType.PRIVATE_PERSON)
    offer = world.propose(LEAST)
    assert offer.discount_tax is DiscountTax.NONE  # decision 5
    assert world.accept(offer, role="", binds=False).status is OfferStatus.ACCEPTED


def test_another_accounts_offer_is_not_found(world: OfferWorld) -> None:
    """L-15."""
    offer = world.propose(LEAST)
    stranger = a_late_account(world.store)
    for act in (offers.decline, offer_deciding.withdraw):
        with pytest.raises(NotFound):
            world.store.run(lambda s, act=act: act(s, stranger.holder, offer.ref, now=NOON))  # type: ignore[misc]
    with pytest.raises(NotFound):
        stranger.accept(offer)


def test_a_change_since_it_was_made_voids_it(world: OfferWorld) -> None:
    """M-11: a credit note voids at once; acceptance of a stale form is refused."""
    offer = world.propose(LEAST)
    world.store.run(
        lambda s: credit_notes.record_credit_note(
            s, SYSTEM, world.refs[0], number="CN-1", amount=gbp(100), reason="torn", now=NOON
        )
    )
    assert world.status(offer.ref) is OfferStatus.VOIDED
    with pytest.raises(Refused) as refusal:
        world.accept(offer)
    assert refusal.value.facts == {"status": "voided"}


def test_acceptance_counts_again_even_where_nobody_voided_it(world: OfferWorld) -> None:
    """M-11: acceptance re-reads the balances under lock; the refusal is followed by the void."""
    offer = world.propose(LEAST)
    with world.store.write() as session:
        invoice = session.scalars(select(Invoice).where(Invoice.ref == world.refs[0])).one()
        ledger.post(
            session, SYSTEM,
            ledger.Draft(
                creditor_id=world.account.creditor_id, reference="x", kind="test", currency="GBP",
                sides=[
                    ledger.debit(LedgerCode.SMALL_DIFFERENCES, gbp(1)),
                    ledger.credit(LedgerCode.RECEIVABLES, gbp(1), account_id=world.account.id,
                                  invoice_id=invoice.id),
                ],
                effective_on=TODAY,
            ),
            now=NOON,
        )  # fmt: skip
    with pytest.raises(Refused) as refusal:
        world.accept(offer)
    assert code_of(refusal) == "offer_changed"
    world.store.run(lambda s: offers.void_if_changed(s, world.holder, offer.ref, now=NOON))
    assert world.status(offer.ref) is OfferStatus.VOIDED


def test_deadline_second(world: OfferWorld) -> None:
    """FT-26: the last day counts to its last second, in the account's zone."""
    last = TODAY + timedelta(days=3)
    offer = world.propose(LEAST, pay_by_on=last)
    end = NOON.replace(hour=23, minute=59, second=59) + timedelta(days=3)
    with pytest.raises(Refused) as refusal:
        world.accept(offer, now=end + timedelta(seconds=1))
    assert code_of(refusal) == "offer_expired"
    assert world.accept(offer, now=end).status is OfferStatus.ACCEPTED


def test_withdrawn_or_declined_it_is_gone(world: OfferWorld) -> None:
    first = world.propose(LEAST)
    world.store.run(lambda s: offer_deciding.withdraw(s, world.supervisor, first.ref, now=NOON))
    with pytest.raises(Refused):
        world.accept(first)
    second = world.propose(LEAST)
    world.store.run(lambda s: offers.decline(s, world.holder, second.ref, now=NOON))
    assert world.status(second.ref) is OfferStatus.DECLINED
    with world.store.read() as session:
        assert pauses.standing(session, world.account.id, TODAY) == []
    own = world.counter(100000)
    with pytest.raises(NotAllowed):
        world.store.run(lambda s: offer_deciding.withdraw(s, world.supervisor, own.ref, now=NOON))
    world.store.run(lambda s: offer_deciding.withdraw(s, world.holder, own.ref, now=NOON))
    assert world.status(own.ref) is OfferStatus.WITHDRAWN


def test_two_accepted_offers_for_one_invoice_are_impossible(world: OfferWorld) -> None:
    """Decision 12, INV-11: the partial unique index."""
    offer = world.accept(world.propose(LEAST))
    kept = [c.name for c in Offer.__table__.columns if c.name not in ("id", "ref")]
    with world.store.write() as session:
        session.add(other := Offer(ref="other", **{name: getattr(offer, name) for name in kept}))
        session.flush()
        invoice_id = session.scalars(select(OfferInvoice.invoice_id)).first()
        part = OfferInvoice(offer_id=other.id, invoice_id=invoice_id, balance_minor=1, blocking=True)
    with pytest.raises(IntegrityError), world.store.write() as session:
        session.add(part)


# --------------------------------------------------------------------------- paid


def test_where_the_country_says_ask_a_person_decides_about_the_tax(store: Store) -> None:
    """Decision 5, policy discount_tax: the rest is posted whole, a task names the tax of each invoice."""
    with store.write() as session:
        body = DEFAULT_BODY.replace("by_country = {}", 'by_country = { GB = "ask" }')
        publish(session, body, reason="test", author_id=None, now=NOON - timedelta(days=1))
    world = a_late_account(store)
    offer = world.accept(world.propose(LEAST))
    world.pay_offer(offer)
    assert world.status(offer.ref) is OfferStatus.SETTLED
    assert world.ledger(LedgerCode.SETTLEMENT_DISCOUNT_TAX) == 0
    with store.read() as session:
        tasks = session.scalars(select(Task).where(Task.kind == TaskKind.DISCOUNT_TAX)).all()
        assert session.scalars(select(Invoice).where(Invoice.kind == InvoiceKind.CREDIT_NOTE)).all() == []
    assert sum(task.facts["amount_minor"] for task in tasks) == 3324


def test_paid_in_full_the_rest_is_written_off_with_its_tax(world: OfferWorld) -> None:
    """M-17, decision 5: paid + written off = owed; tax lines sum to the credit note."""
    offer = world.accept(world.propose(LEAST))
    world.pay_offer(offer)
    assert world.status(offer.ref) is OfferStatus.SETTLED
    assert world.blocking(offer.ref) == {False}
    assert world.balances() == [0, 0]
    forgiven = BALANCE - LEAST
    tax = world.ledger(LedgerCode.SETTLEMENT_DISCOUNT_TAX)
    assert (tax, world.ledger(LedgerCode.SETTLEMENT_DISCOUNTS) + tax) == (3324, forgiven)
    with world.store.read() as session:
        assert sum(session.scalars(select(Adjustment.amount_minor))) == forgiven
        notes = session.scalars(select(Invoice).where(Invoice.kind == InvoiceKind.CREDIT_NOTE)).all()
        assert [(n.total_minor, n.tax_minor, n.balance_minor, n.status) for n in notes] == [
            (forgiven, 3324, 0, InvoiceStatus.PAID)
        ]
        lines = session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == notes[0].id)).all()
        assert [(line.net_minor, line.tax_minor, line.tax_rate) for line in lines] == [
            (forgiven - 3324, 3324, "20")
        ]
        view = invoices.document(session, world.holder, world.refs[1], now=NOON)
        assert [(m.source, m.amount.minor) for m in view.movements] == [
            ("payment", LEAST - 57600), ("settlement_discount", forgiven),
        ]  # fmt: skip
        assert ledger.trial_balance(session) == {"GBP": 0}
        assert pauses.paused_by(pauses.standing(session, world.account.id, TODAY)) == []


def test_without_tax_the_whole_discount_is_gross(store: Store) -> None:
    """Decision 5: no tax on the lines, no credit note."""
    world = a_late_account(store, tax=False)
    world.pay_offer(world.accept(world.propose(LEAST)))
    assert world.ledger(LedgerCode.SETTLEMENT_DISCOUNTS) == BALANCE - LEAST
    with store.read() as session:
        assert session.scalars(select(Invoice).where(Invoice.kind == InvoiceKind.CREDIT_NOTE)).all() == []


def test_one_unit_short_settles_nothing(world: OfferWorld) -> None:
    """FT-26: and the missing unit settles it."""
    offer = world.accept(world.propose(LEAST))
    world.pay_offer(offer, LEAST - 1)
    assert world.status(offer.ref) is OfferStatus.ACCEPTED
    assert sum(world.balances()) == BALANCE - LEAST + 1
    assert world.ledger(LedgerCode.SETTLEMENT_DISCOUNTS) == 0
    with world.store.read() as session:
        assert offer_money.sums(session, session.get_one(Offer, offer.id)).due == gbp(1)


def test_one_unit_over_is_left_over_for_a_person(world: OfferWorld) -> None:
    """FT-26: unapplied credit and a task, and no unit more is forgiven or taken."""
    offer = world.accept(world.propose(LEAST))
    world.pay_offer(offer, LEAST + 1)
    assert world.status(offer.ref) is OfferStatus.SETTLED
    assert world.ledger(LedgerCode.UNAPPLIED_CREDIT) == -1
    with world.store.read() as session:
        assert [t.facts["amount_minor"] for t in session.scalars(select(Task))] == [1]


def test_a_full_payment_begun_before_acceptance_pays_the_agreed_sum_only(world: OfferWorld) -> None:
    """Requirements 0.1, pay(full) ∥ accept, history (b): the rest is unapplied."""
    ref = world.start(Choice("all", "GBP"), nonce="before")
    offer = world.accept(world.propose(LEAST))
    world.pay(ref, BALANCE)
    assert world.status(offer.ref) is OfferStatus.SETTLED
    assert world.ledger(LedgerCode.UNAPPLIED_CREDIT) == LEAST - BALANCE
    assert world.balances() == [0, 0]


def test_a_payment_voids_what_was_only_offered(world: OfferWorld) -> None:
    """M-11, history (a): payment first, acceptance refused."""
    offer = world.propose(LEAST)
    world.pay(world.start(Choice("all", "GBP"), nonce="first"), BALANCE)
    assert world.status(offer.ref) is OfferStatus.VOIDED
    with pytest.raises(Refused) as refusal:
        world.accept(offer)
    assert code_of(refusal) == "offer_not_open"


# --------------------------------------------------------------------------- by the day


def end(world: OfferWorld, days: int) -> int:
    now = NOON + timedelta(days=days)

    def unit(session):  # type: ignore[no-untyped-def]
        account = session.get_one(Account, world.account.id)
        return offer_ends.end_outlived(session, account, today=now.date(), now=now)

    return world.store.run(unit)


def test_an_open_offer_expires_the_day_after_its_last(world: OfferWorld) -> None:
    offer = world.propose(LEAST)
    assert (end(world, 10), world.status(offer.ref)) == (0, OfferStatus.OPEN)
    with world.store.read() as session:
        assert offer_ends.concerned(session, TODAY + timedelta(days=11)) == [world.account.id]
    assert (end(world, 11), world.status(offer.ref)) == (1, OfferStatus.EXPIRED)


def test_accepted_and_unpaid_it_lapses_and_the_whole_balance_less_what_came_stands(world: OfferWorld) -> None:
    offer = world.accept(world.propose(LEAST))
    world.pay_offer(offer, 50000)
    assert end(world, 11) == 1
    assert world.status(offer.ref) is OfferStatus.LAPSED
    with world.store.read() as session:
        rows = invoices.open_rows(session, world.account.id, TODAY)
        assert sum(row.asked.minor for row in rows) == BALANCE - 50000
    assert world.mails()[-1] == "offer_lapsed"
    assert end(world, 12) == 0


def test_money_begun_in_time_is_waited_for(world: OfferWorld) -> None:
    """Deadlines look at when the payment was initiated, not when we learned of it."""
    offer = world.accept(world.propose(LEAST))
    late = NOON + timedelta(days=10, hours=13, minutes=50)  # ten to midnight of the last day
    refs = tuple(world.refs)
    ref = world.start(Choice("arranged", "GBP", refs, gbp(LEAST)), nonce="last", now=late)
    assert (end(world, 11), world.status(offer.ref)) == (0, OfferStatus.ACCEPTED)
    world.pay(ref, LEAST, now=late + timedelta(minutes=20))
    assert world.status(offer.ref) is OfferStatus.SETTLED


def test_money_that_came_too_late_settles_nothing(world: OfferWorld) -> None:
    offer = world.accept(world.propose(LEAST))
    late = NOON + timedelta(days=11)
    ref = world.start(Choice("arranged", "GBP", tuple(world.refs), gbp(LEAST)), nonce="late", now=late)
    world.pay(ref, LEAST, now=late)
    assert world.status(offer.ref) is OfferStatus.ACCEPTED
    assert (end(world, 11), world.status(offer.ref)) == (1, OfferStatus.LAPSED)
    assert sum(world.balances()) == BALANCE - LEAST


# --------------------------------------------------------------------------- undone


def test_a_reversed_payment_reopens_the_offer_and_takes_the_discount_back(world: OfferWorld) -> None:
    offer = world.accept(world.propose(LEAST))
    world.pay_offer(offer)
    (payment,) = world.payments()
    with world.store.write() as session:
        session.get_one(Account, world.account.id, with_for_update=True)
        entry = session.get_one(ledger.LedgerEntry, payment.entry_id)
        ledger.reverse(session, SYSTEM, entry, effective_on=TODAY, now=NOON)
        assert [o.id for o in offer_ends.reopen(session, SYSTEM, payment, now=NOON)] == [offer.id]
    assert world.status(offer.ref) is OfferStatus.REOPENED
    assert world.balances() == [57600, 84240]
    for code in (LedgerCode.SETTLEMENT_DISCOUNTS, LedgerCode.SETTLEMENT_DISCOUNT_TAX):
        assert world.ledger(code) == 0
    with world.store.read() as session:
        view = invoices.document(session, world.holder, world.refs[1], now=NOON)
        assert [m.source for m in view.movements] == ["payment"]


def test_forints_are_offered_in_whole_units(store: Store) -> None:
    """M-02: the payable step of HUF; the grid's least sum is payable."""
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        make.an_invoice(session, account, total=Money(1234500, "HUF"), due_on=TODAY - timedelta(days=65))
    with store.read() as session:
        rows = offer_making.overdue_rows(session, account.id, "HUF", TODAY)
        assert limits(default_policy(), rows, TODAY).least == Money(1111100, "HUF")


def test_the_database_refuses_an_offer_of_all_or_nothing(world: OfferWorld) -> None:
    offer = world.propose(LEAST)
    for minor in (0, BALANCE):
        with pytest.raises(IntegrityError), world.store.write() as session:
            session.execute(text(f"UPDATE offer SET amount_minor = {minor} WHERE id = {offer.id}"))  # noqa: S608
