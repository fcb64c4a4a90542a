"""The days of a plan: money counts in order, parts are missed, asked for again, the plan ends or is cured."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.arrangements import Instalment, InstalmentCharge, Plan
from models.invoices import Invoice
from models.ledger import LedgerEntry
from models.links import Channel
from models.messages import Message
from models.money import Money
from models.pauses import PauseReason
from models.payments import Payment, PaymentAttempt
from models.states import AttemptStatus, InstalmentStatus, PlanStatus
from models.store import Store
from models.work import Task
from receivables import credit_notes, ledger
from receivables.arrangements import plan_changes, plan_counts, plan_days, plan_letters, plan_reads, plans
from receivables.arrangements.decline_classes import DeclineKind, DeclineReason, Remedy
from receivables.arrangements.plan_terms import Wish
from receivables.errors import Refused
from receivables.permissions import SYSTEM
from receivables.ports import RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.arrangements.plan_world import TODAY, PlanWorld, an_owing_account, gbp, noon_of

#: Days of a plan of three parts of £472.80 that was agreed on 19 November.
DAYS = (date(2026, 12, 4), date(2027, 1, 4), date(2027, 2, 4))


@pytest.fixture
def world(store: Store) -> PlanWorld:
    return an_owing_account(store)


@pytest.fixture
def lite(sqlite_store: Store) -> PlanWorld:
    return an_owing_account(sqlite_store)


def kinds(world: PlanWorld) -> list[str]:
    """Messages about dates, by mail."""
    with world.store.read() as session:
        rows = session.scalars(
            select(Message).where(Message.channel == Channel.EMAIL).order_by(Message.id)
        ).all()
    return [row.kind for row in rows if row.kind.startswith(("instalment", "card_"))]


# --------------------------------------------------------------------------- money


def test_money_counts_towards_parts_in_order(world: PlanWorld) -> None:
    plan = world.agreed(3)
    assert world.pay(plan) == 47280
    assert world.statuses(plan) == ["paid", "scheduled", "scheduled"]
    assert world.pay(plan, on=TODAY + timedelta(days=1)) == 47280  # early
    assert world.pay(plan, "rest", on=TODAY + timedelta(days=2)) == 47280
    done = world.plan(plan)
    assert (done.status, world.blocking(plan)) == (PlanStatus.COMPLETED, {False})
    assert world.paused(PauseReason.PLAN, TODAY + timedelta(days=3)) == 0
    with pytest.raises(Refused) as refusal:
        world.choice(plan, "rest")
    assert refusal.value.code == "nothing_to_pay"


def test_part_of_a_part_leaves_the_rest_of_it(world: PlanWorld) -> None:
    """The row is the only source of what is charged; what came of it is taken off (M-15)."""
    plan = world.agreed(3)
    ref = world.start(world.choice(plan, "next"), nonce="n")
    world.told(ref, RemoteState.SUCCEEDED, 40000)
    view = world.view(plan)
    assert (view.parts[0].left.minor, view.left.minor) == (7280, 101840)
    assert world.choice(plan, "next").amount == Money(7280, "GBP")
    ref = world.start(world.choice(plan, "next"), nonce="n2")
    world.told(ref, RemoteState.SUCCEEDED, 7270)
    assert world.choice(plan, "next").amount == Money(30, "GBP")  # 10p: a card takes no less than 30p


def test_a_credit_note_pays_parts_too(world: PlanWorld) -> None:
    plan = world.agreed(3)
    world.store.run(
        lambda s: credit_notes.record_credit_note(
            s, SYSTEM, world.refs[0], number="CN-1", amount=Money(57600, "GBP"), reason="torn", now=NOON
        )
    )
    world.daily(TODAY)
    assert world.statuses(plan) == ["paid", "scheduled", "scheduled"]
    assert world.view(plan).left.minor == 84240


def test_a_reversed_payment_opens_parts_and_plan_again(world: PlanWorld) -> None:
    """paid→scheduled or missed, completed→active; the invoices are held and paused again."""
    plan = world.agreed(2)
    world.pay(plan)
    world.pay(plan, "rest")
    assert world.plan(plan).status is PlanStatus.COMPLETED

    def reverse(session: Session) -> None:
        entry_id = session.scalars(select(Payment.entry_id).order_by(Payment.id.desc())).first()
        entry = session.get_one(LedgerEntry, entry_id)
        ledger.reverse(session, SYSTEM, entry, effective_on=TODAY, now=NOON)
        plan_counts.recount_account(session, world.account, now=NOON)

    world.store.run(reverse)
    assert (world.plan(plan).status, world.blocking(plan)) == (PlanStatus.ACTIVE, {True})
    assert world.statuses(plan) == ["paid", "scheduled"]
    assert world.paused(PauseReason.PLAN) == 2
    world.store.run(lambda s: plan_counts.recount_account(s, world.account, now=NOON))
    assert world.paused(PauseReason.PLAN) == 2


def test_fractions_of_a_forint_are_not_waited_for(sqlite_store: Store) -> None:
    """Decision 32: in HUF a card pays whole forints; the fraction holds no plan open."""
    world = an_owing_account(sqlite_store)
    with sqlite_store.write() as session:
        ref = make.an_invoice(session, world.account, total=Money(20000037, "HUF")).ref

    def unit(session: Session) -> Plan:
        return plans.propose(
            session, world.holder, account_id=world.account.id, currency="HUF", invoice_refs=[ref],
            wish=Wish(2, TODAY + timedelta(days=15)), now=NOON,
        )  # fmt: skip

    plan = world.accept(sqlite_store.run(unit))
    assert [part.amount_minor for part in world.parts(plan)] == [10000037, 10000000]
    for what in ("next", "rest"):
        amount = world.choice(plan, what).amount
        assert amount == Money(10000000, "HUF")
        reference = world.start(world.choice(plan, what), nonce=what)
        world.told(reference, RemoteState.SUCCEEDED, 10000000, currency="HUF")
    assert world.plan(plan).status is PlanStatus.COMPLETED


# --------------------------------------------------------------------------- the days


def test_a_notice_comes_three_days_before_by_mail_and_sms(world: PlanWorld) -> None:
    """Policy plans.notice_days; once for each date, whatever runs again."""
    plan = world.agreed(3)
    world.days(TODAY, date(2026, 11, 30))
    assert kinds(world) == []
    world.days(date(2026, 12, 1), date(2026, 12, 3))
    world.daily(date(2026, 12, 3))
    with world.store.read() as session:
        notices = session.scalars(select(Message).where(Message.kind == "instalment_due")).all()
        assert {notice.channel for notice in notices} == {Channel.EMAIL, Channel.SMS}
        (mail,) = (notice for notice in notices if notice.channel is Channel.EMAIL)
        said = plan_letters.due_values(session, mail, world.account, TODAY)
        assert said == {"instalment_amount": Money(47280, "GBP"), "due_date": DAYS[0]}
        assert plan_letters.still_due(session, mail, world.account, TODAY)
    world.pay(plan, on=date(2026, 12, 3))
    with world.store.read() as session:
        assert not plan_letters.still_due(session, mail, world.account, TODAY)


def test_a_missed_part_is_asked_for_on_the_days_of_the_terms(world: PlanWorld) -> None:
    """domain.md: a link after 3 days, again after 5; paid then, the plan goes on unchanged."""
    plan = world.agreed(3)
    world.daily(DAYS[0])
    assert world.statuses(plan)[0] == "scheduled"  # its day is not over
    world.daily(DAYS[0] + timedelta(days=1))
    assert (world.statuses(plan)[0], kinds(world)) == ("missed", [])
    world.days(DAYS[0] + timedelta(days=2), DAYS[0] + timedelta(days=3))
    assert kinds(world) == ["instalment_missed"]
    world.days(DAYS[0] + timedelta(days=4), DAYS[0] + timedelta(days=12))
    assert kinds(world) == ["instalment_missed"] * 2
    with world.store.read() as session:
        mail = session.scalars(select(Message).where(Message.kind == "instalment_missed")).first()
        assert mail is not None
        said = plan_letters.missed_values(session, mail, world.account, DAYS[0] + timedelta(days=3))
    assert said == {
        "instalment_amount": Money(47280, "GBP"), "due_date": DAYS[0], "deadline": DAYS[1],
        "balance": Money(141840, "GBP"),
    }  # fmt: skip
    assert world.pay(plan, "late", on=DAYS[0] + timedelta(days=13)) == 47280
    assert (world.statuses(plan), world.plan(plan).missed_in_row) == (["paid", "scheduled", "scheduled"], 0)


def test_two_missed_in_a_row_default_the_plan(world: PlanWorld) -> None:
    """The rest falls due, the pauses end, a person is asked; seven days to put it right."""
    plan = world.agreed(3)
    world.days(DAYS[0], DAYS[1])
    assert world.plan(plan).status is PlanStatus.ACTIVE
    over = DAYS[1] + timedelta(days=1)
    world.daily(over)
    late = world.plan(plan)
    assert (late.status, late.cure_until_on) == (PlanStatus.DEFAULTED, over + timedelta(days=7))
    assert (world.asked_for(over), world.paused(PauseReason.PLAN, over)) == (141840, 0)
    assert world.blocking(plan) == {True}
    with world.store.read() as session:
        assert session.scalars(select(Task.facts)).one()["why"] == "defaulted"
        mail = session.scalars(
            select(Message).where(Message.kind == "instalment_missed").order_by(Message.id.desc())
        ).first()
        assert mail is not None
        said = plan_letters.missed_values(session, mail, world.account, over)
    assert (said["instalment_amount"], said["deadline"]) == (Money(94560, "GBP"), late.cure_until_on)
    # Cured: what is late is paid in time, and the plan runs as it was agreed.
    world.pay(plan, "late", on=over + timedelta(days=7))
    cured = world.plan(plan)
    assert (cured.status, cured.cure_until_on) == (PlanStatus.ACTIVE, None)
    assert (world.asked_for(over), world.paused(PauseReason.PLAN, over + timedelta(days=7))) == (0, 2)
    assert world.statuses(plan) == ["paid", "paid", "scheduled"]


def test_what_is_not_cured_frees_its_invoices(world: PlanWorld) -> None:
    plan = world.agreed(3)
    world.days(DAYS[0], DAYS[1] + timedelta(days=9))
    ended = world.plan(plan)
    assert ended.status is PlanStatus.DEFAULTED
    assert ended.ended_at is not None
    assert world.blocking(plan) == {False}
    after = DAYS[1] + timedelta(days=10)
    assert world.agreed(2, first_on=after + timedelta(days=5), now=noon_of(after)).status is PlanStatus.ACTIVE


def test_the_last_part_alone_ends_the_plan_in_the_end(lite: PlanWorld) -> None:
    plan = lite.agreed(2)
    lite.pay(plan)
    last = DAYS[1]
    lite.days(last, last + timedelta(days=12))
    assert lite.plan(plan).status is PlanStatus.ACTIVE
    lite.daily(last + timedelta(days=13))
    assert (lite.plan(plan).status, lite.blocking(plan)) == (PlanStatus.DEFAULTED, {False})


def test_money_on_its_way_is_waited_for(world: PlanWorld) -> None:
    """A bank debit started in time misses nothing; when it fails, the part is missed after all."""
    plan = world.agreed(3)
    ref = world.start(world.choice(plan, "next"), nonce="n")
    world.told(ref, RemoteState.PROCESSING)
    world.daily(DAYS[0] + timedelta(days=1))
    assert world.statuses(plan)[0] == "scheduled"
    world.told(ref, RemoteState.FAILED)
    world.daily(DAYS[0] + timedelta(days=2))
    assert world.statuses(plan)[0] == "missed"


def test_after_days_without_a_run_nobody_loses_his_plan_without_a_word(world: PlanWorld) -> None:
    """Decision 22: one part a run is found missing, and it is told before the plan can default."""
    plan = world.agreed(3)
    world.daily(date(2027, 3, 1))
    assert world.statuses(plan) == ["missed", "scheduled", "scheduled"]
    assert (world.plan(plan).status, kinds(world)) == (PlanStatus.ACTIVE, ["instalment_missed"])
    world.daily(date(2027, 3, 2))
    assert world.plan(plan).status is PlanStatus.DEFAULTED


def test_a_day_is_done_once(world: PlanWorld) -> None:
    world.agreed(3)
    assert world.daily(DAYS[0])
    assert not world.daily(DAYS[0])


# --------------------------------------------------------------------------- charges


def seqs(world: PlanWorld, on: date) -> list[int]:
    with world.store.read() as session:
        return [session.get_one(Instalment, i).seq for i in world.charges(on)]


def test_a_card_is_charged_on_its_day_and_tried_again_by_the_terms(world: PlanWorld) -> None:
    """P-24: retries follow the schedule, never more than the policy; then a link."""
    plan = world.agreed(3)
    world.on_card(plan)
    assert seqs(world, DAYS[0] - timedelta(days=1)) == []
    tried = []
    for step in range(12):
        on = DAYS[0] + timedelta(days=step)
        world.daily(on)
        for instalment_id in world.charges(on):
            tried.append(step)

            def fail(session: Session, on: date = on, instalment_id: int = instalment_id) -> None:
                part = session.get_one(Instalment, instalment_id)
                plan_days.charge_failed(
                    session, SYSTEM, part, kind=DeclineKind.SOFT, reason=DeclineReason.NO_FUNDS,
                    now=noon_of(on),
                )  # fmt: skip

            world.store.run(fail)
    assert tried == [0, 3, 5]
    assert kinds(world) == ["card_refused"] * 3
    first = world.parts(plan)[0]
    assert (first.tries, first.status, first.last_failure) == (3, InstalmentStatus.MISSED, "no_funds")
    assert world.plan(plan).status is PlanStatus.ACTIVE


@pytest.mark.parametrize(
    ("kind", "reason", "remedy"),
    [
        (DeclineKind.SOFT, DeclineReason.NO_FUNDS, Remedy.RETRY),
        (DeclineKind.HARD, DeclineReason.CARD_EXPIRED, Remedy.CARD),
        (DeclineKind.NEEDS_AUTHENTICATION, DeclineReason.CONFIRM, Remedy.CONFIRM),
    ],
)
def test_the_debtor_reads_why_and_what_helps(
    lite: PlanWorld, kind: DeclineKind, reason: DeclineReason, remedy: Remedy
) -> None:
    """P-24: the reason in our words, the day of the next try or what to do; by mail, SMS where he has to."""
    plan = lite.agreed(3)
    lite.on_card(plan)
    on = DAYS[0]

    def fail(session: Session) -> None:
        part = session.get_one(Instalment, lite.charges(on)[0])
        plan_days.charge_failed(session, SYSTEM, part, kind=kind, reason=reason, now=noon_of(on))

    lite.store.run(fail)
    first = lite.view(plan, on=on).parts[0]
    again = on + timedelta(days=3) if remedy is Remedy.RETRY else None
    assert (first.refused, first.remedy, first.next_try_on) == (reason, remedy, again)
    with lite.store.write() as session:
        mails = session.scalars(select(Message).where(Message.kind == "card_refused")).all()
        channels = {Channel.EMAIL} if remedy is Remedy.RETRY else {Channel.EMAIL, Channel.SMS}
        assert {mail.channel for mail in mails} == channels
        said = plan_letters.refused_values(session, mails[0], lite.account, on)
        assert (said["refusal"], said["remedy"], said["instalment_amount"]) == (reason, remedy, gbp(47280))
        assert said["retry_date"] == (again or on)
        assert said["deadline"] == DAYS[1]
        assert plan_letters.still_refused(session, mails[0], lite.account, on)
        # Another card, or paying by link, makes the letter untrue.
        plan_changes.pay_by_link(session, lite.holder, plan.ref, now=noon_of(on))
        assert not plan_letters.still_refused(session, mails[0], lite.account, on)
    assert lite.view(plan, on=on).parts[0].refused is None
    lite.on_card(plan, last4="4444", now=noon_of(on))
    assert lite.view(plan, on=on).parts[0].refused is None


@pytest.mark.parametrize("kind", [DeclineKind.HARD, DeclineKind.NEEDS_AUTHENTICATION])
def test_a_card_that_will_not_pay_is_not_tried_again(world: PlanWorld, kind: DeclineKind) -> None:
    """P-24: a link at once; another card is tried the same day."""
    plan = world.agreed(3)
    world.on_card(plan)

    def fail(session: Session) -> None:
        part = session.get_one(Instalment, world.charges(DAYS[0])[0])
        plan_days.charge_failed(
            session, SYSTEM, part, kind=kind, reason=DeclineReason.DECLINED, now=noon_of(DAYS[0])
        )

    world.store.run(fail)
    assert kinds(world) == ["card_refused"]
    assert seqs(world, DAYS[0] + timedelta(days=9)) == []
    world.on_card(plan, last4="4444", now=noon_of(DAYS[0]))
    assert seqs(world, DAYS[0]) == [1]


def test_what_was_paid_or_is_on_its_way_is_not_charged(world: PlanWorld) -> None:
    """FT-25: an instalment with a charge on its way waits for its end."""
    plan = world.agreed(3)
    world.on_card(plan)
    (first,) = world.charges(DAYS[0])
    with world.store.write() as session:
        attempt = PaymentAttempt(
            account_id=world.account.id, amount_minor=47280, currency="GBP", status=AttemptStatus.UNKNOWN,
            language="en", form_nonce="c", gateway_account="default", idempotency_key="k", operation="o",
            request_body="{}", expires_at=NOON, started_at=NOON,
        )  # fmt: skip
        session.add(attempt)
        session.flush()
        session.add(InstalmentCharge(attempt_id=attempt.id, instalment_id=first, try_number=1))
    assert world.charges(DAYS[0]) == []
    with world.store.write() as session:
        attempt = session.scalars(select(PaymentAttempt)).one()
        session.delete(session.scalars(select(InstalmentCharge)).one())
        session.flush()
        session.delete(attempt)
    world.pay(plan)
    assert world.charges(DAYS[0]) == []


def test_the_last_part_is_charged_as_its_row_says(lite: PlanWorld) -> None:
    """M-15: the charge is the row's amount, also of the last part."""
    plan = lite.agreed(6)
    lite.on_card(plan)
    with lite.store.read() as session:
        rows = plan_reads.parts_of(session, plan.id)
        assert plan_days.charge_amount(session, rows[0]).minor == rows[0].amount_minor
    lite.pay(plan, "next")
    for _ in range(4):
        lite.pay(plan, "next")
    with lite.store.read() as session:
        last = plan_reads.parts_of(session, plan.id)[-1]
        assert plan_days.charge_amount(session, last).minor == last.amount_minor
        left = session.scalars(select(Invoice.balance_minor)).all()
    assert sum(left) == last.amount_minor


def test_a_card_without_consent_charges_nothing(lite: PlanWorld) -> None:
    plan = lite.agreed(3)
    card = lite.on_card(plan)
    lite.store.run(lambda s: plan_changes.forget_card(s, lite.holder, card, now=NOON))
    assert lite.charges(DAYS[0]) == []
