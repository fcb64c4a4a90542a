"""Instalment plans: drawn up, signed, decided by a second person, changed; figures as they were read."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from models.arrangements import Every, PaysBy, Promise
from models.disputes import Dispute, DisputeReason
from models.invoices import Invoice
from models.links import LinkScope
from models.money import Money
from models.pauses import PauseReason
from models.payments import PaymentAttempt
from models.staff import Role, Staff
from models.states import AttemptStatus, DisputeStatus, PlanStatus, PromiseStatus
from models.store import Store
from models.work import Task
from receivables.arrangements import (
    plan_changes,
    plan_deciding,
    plan_outlook,
    plan_reads,
    plan_terms,
    plans,
)
from receivables.arrangements.plan_terms import Wish
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.payments.quotes import Choice
from receivables.permissions import Actor, ActorKind
from receivables.policy import default_policy
from receivables.ports import RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.arrangements.plan_world import (
    TODAY,
    WORDS,
    PlanWorld,
    an_owing_account,
    gbp,
    noon_of,
)

BALANCE = 141840


@pytest.fixture
def world(store: Store) -> PlanWorld:
    return an_owing_account(store)


@pytest.fixture
def lite(sqlite_store: Store) -> PlanWorld:
    """On SQLite only, where the test says nothing of the database."""
    return an_owing_account(sqlite_store)


def code_of(refusal: pytest.ExceptionInfo[Refused]) -> str:
    return refusal.value.code


# --------------------------------------------------------------------------- the band


@pytest.mark.parametrize(
    ("minor", "most", "down"),
    [(4999, 0, None), (5000, 2, None), (50000, 3, None), (50001, 5, None), (141840, 6, None),
     (500001, 12, None), (2000100, 12, 200010)],
)  # fmt: skip
def test_the_band_of_a_balance(minor: int, most: int, down: int | None) -> None:
    """Policy plans.bands: the first band whose `above` is below the balance wins."""
    band = plan_terms.band_of(default_policy(), gbp(minor), kept_promises=0, today=TODAY)
    assert (band.most_parts if band.gives else 0, band.down and band.down.minor) == (most, down)


def test_who_keeps_promises_gets_more_parts(lite: PlanWorld) -> None:
    """Policy better_terms: three kept promises bring three parts more."""
    with lite.store.write() as session:
        for number in range(3):
            session.add(
                Promise(
                    account_id=lite.account.id, amount_minor=100, currency="GBP", made_at=NOON,
                    promised_on=TODAY - timedelta(days=60 + number), status=PromiseStatus.KEPT,
                )
            )  # fmt: skip
    assert lite.propose(9).terms["outside"] == []
    assert lite.propose(10).terms["outside"] == ["more_parts"]


def test_a_currency_without_a_scale_goes_to_a_person() -> None:
    band = plan_terms.band_of(default_policy(), Money(10**6, "SEK"), kept_promises=9, today=TODAY)
    assert not band.gives
    assert plan_terms.ready_wishes(default_policy(), band, TODAY) == []


def test_three_ready_choices(lite: PlanWorld) -> None:
    with lite.store.read() as session:
        found = plan_outlook.outlook(
            session, lite.holder, account_id=lite.account.id, currency=None, invoice_refs=(), now=NOON
        )
    assert [len(choice.parts) for choice in found.choices] == [2, 3, 6]
    assert [part.amount.minor for part in found.choices[2].parts] == [23640] * 6
    assert found.choices[1].last_on == date(2027, 2, 3)
    assert (found.total.minor, found.answer_by_on) == (BALANCE, date(2026, 11, 23))


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish(0, TODAY), "plan_parts_few"),
        (Wish(1, TODAY), "plan_parts_few"),
        (Wish(-3, TODAY), "plan_parts_few"),
        (Wish(37, TODAY), "plan_parts_many"),
        (Wish(1000, TODAY), "plan_parts_many"),
        (Wish(3, TODAY - timedelta(days=1)), "plan_date_past"),
        (Wish(3, TODAY + timedelta(days=91)), "plan_date_far"),
    ],
)
def test_what_nobody_can_ask_for(lite: PlanWorld, wish: Wish, code: str) -> None:
    """Bad input: 0 and 1,000 parts, dates in the past and beyond the horizon."""
    with pytest.raises(Refused) as refusal:
        lite.propose(wish.parts, first_on=wish.first_on)
    assert code_of(refusal) == code


def test_no_part_is_smaller_than_a_card_takes(sqlite_store: Store) -> None:
    """A last part of one minor unit cannot be: parts are equal, and none is below the minimum."""
    world = an_owing_account(sqlite_store, 101)
    with pytest.raises(Refused) as refusal:
        world.propose(4)
    assert (code_of(refusal), refusal.value.facts["most"]) == ("plan_part_too_small", 3)
    assert [part.amount_minor for part in world.parts(world.propose(3))] == [34, 34, 33]


def test_no_part_by_card_is_larger_than_a_card_takes(sqlite_store: Store) -> None:
    """A plan of such parts is paid part by part, where a bank transfer may do it; no card is kept for it."""
    world = an_owing_account(sqlite_store, 300_000_000)
    with pytest.raises(Refused) as refusal:
        world.propose(2, pays_by=PaysBy.CARD)
    assert (code_of(refusal), refusal.value.facts["most"]) == (
        "plan_part_too_large",
        Money(99_999_999, "GBP"),
    )
    assert world.parts(world.propose(2, pays_by=PaysBy.LINK))[0].amount_minor == 150_000_000


# --------------------------------------------------------------------------- proposing


def test_a_draft_binds_nobody(world: PlanWorld) -> None:
    """Decision 10: a draft lives with the account; nothing is held, paused or told."""
    plan = world.propose(3)
    assert plan.status is PlanStatus.PROPOSED
    assert [part.amount_minor for part in world.parts(plan)] == [47280] * 3
    assert [part.due_on for part in world.parts(plan)] == [
        date(2026, 12, 4), date(2027, 1, 4), date(2027, 2, 4),
    ]  # fmt: skip
    assert world.blocking(plan) == {False}
    assert world.asked_for() == BALANCE
    assert (world.paused(PauseReason.PLAN), world.mails()) == (0, [])


def test_the_same_draft_is_one_and_another_takes_its_place(world: PlanWorld) -> None:
    first = world.propose(3)
    assert world.propose(3).id == first.id
    second = world.propose(4)
    assert second.id != first.id
    assert world.plan(first).status is PlanStatus.DECLINED
    with pytest.raises(Refused) as refusal:
        world.accept(first)
    assert code_of(refusal) == "plan_gone"


def test_a_draft_of_last_week_is_gone(lite: PlanWorld) -> None:
    plan = lite.propose(3)
    with pytest.raises(Refused) as refusal:
        lite.accept(plan, now=NOON + timedelta(days=7, minutes=1))
    assert code_of(refusal) == "plan_gone"
    lite.days(TODAY, TODAY + timedelta(days=8))
    assert lite.plan(plan).status is PlanStatus.DECLINED


def test_only_what_is_asked_for_can_be_covered(lite: PlanWorld) -> None:
    with pytest.raises(Refused) as refusal:
        lite.propose(refs=[])
    assert code_of(refusal) == "none_chosen"
    with pytest.raises(Refused) as refusal:
        lite.propose(refs=["no-such-invoice"])
    assert code_of(refusal) == "invoice_not_open"
    lite.agreed(refs=lite.refs[:1])
    with pytest.raises(Refused) as refusal:
        lite.propose(refs=lite.refs)
    assert code_of(refusal) == "invoice_not_open"


# --------------------------------------------------------------------------- accepting


def test_a_signed_plan_is_active_holds_and_pauses(world: PlanWorld) -> None:
    """Decision 12, C-10, A-02: terms frozen with rules, words and digest; invoices leave what is asked."""
    draft = world.propose(3)
    plan = world.accept(draft)
    assert (plan.status, plan.accepted_name, plan.accepted_role) == (
        PlanStatus.ACTIVE, "Helen Marsh", "Owner",
    )  # fmt: skip
    assert world.blocking(plan) == {True}
    assert (world.asked_for(), world.paused(PauseReason.PLAN)) == (0, 2)
    assert world.mails() == ["plan_activated"]
    terms = plan.terms
    assert [part["minor"] for part in terms["parts"]] == [47280] * 3
    assert [invoice["minor"] for invoice in terms["invoices"]] == [57600, 84240]
    assert (terms["fee_percent"], terms["interest_percent"], terms["words"]) == (0, 0, list(WORDS))
    assert terms["rules"]["cure_days"] == 7
    assert plan.terms_digest == plan_terms.digest_of(terms) != draft.terms_digest


def test_the_same_signature_twice_is_one_plan(world: PlanWorld) -> None:
    draft = world.propose(3)
    assert world.accept(draft).id == world.accept(draft).id
    assert world.mails() == ["plan_activated"]
    assert world.paused(PauseReason.PLAN) == 2


@pytest.mark.parametrize(
    ("signed", "code"),
    [
        ({"name": " \u200e\n"}, "name_missing"), ({"role": ""}, "role_missing"),
        ({"may_bind": False}, "bind_missing"), ({"name": "N" * 121}, "words_too_long"),
    ],
)  # fmt: skip
def test_what_a_signature_needs(lite: PlanWorld, signed: dict[str, object], code: str) -> None:
    draft = lite.propose(3)
    with pytest.raises(Refused) as refusal:
        lite.accept(draft, **signed)
    assert code_of(refusal) == code
    assert lite.plan(draft).accepted_name is None


def test_what_was_read_is_what_is_signed(lite: PlanWorld) -> None:
    """A-02: another digest, another balance or a first day that has passed refuses."""
    draft = lite.propose(3, first_on=TODAY + timedelta(days=1))
    draft.terms_digest = "0" * 64
    with pytest.raises(Refused) as refusal:
        lite.accept(draft)
    assert code_of(refusal) == "plan_changed"
    draft = lite.propose(3, first_on=TODAY + timedelta(days=1))
    with pytest.raises(Refused) as refusal:
        lite.accept(draft, now=NOON + timedelta(days=2))
    assert code_of(refusal) == "plan_days_passed"
    ref = lite.start(Choice("chosen", "GBP", lite.refs[:1]), nonce="n")
    lite.told(ref, RemoteState.SUCCEEDED, 57600)
    with pytest.raises(Refused) as refusal:
        lite.accept(draft)
    assert code_of(refusal) == "plan_changed"


def test_an_open_payment_page_is_ended_and_what_it_brings_counts(world: PlanWorld) -> None:
    """Decision 14, race pay ∥ accept: the page is superseded; paid meanwhile, the plan has received it."""
    ref = world.start(Choice("chosen", "GBP", world.refs[:1]), nonce="n")
    plan = world.agreed(3)
    with world.store.read() as session:
        attempt = session.scalars(select(PaymentAttempt)).one()
        assert (attempt.superseded_at, attempt.status) == (NOON, AttemptStatus.OPEN)
    world.told(ref, RemoteState.SUCCEEDED, 57600)
    assert world.view(plan).received.minor == 57600
    assert world.statuses(plan) == ["paid", "scheduled", "scheduled"]


def test_staff_and_forwarded_links_do_not_sign(lite: PlanWorld) -> None:
    """Decision 6: a link held by staff sees and pays; staff never sign for a debtor."""
    draft = lite.propose(3)
    copied = Actor(ActorKind.LINK_HOLDER, id=1, account_id=lite.account.id, scope=LinkScope.VIEW_AND_PAY)
    signature = plans.Signature("A", "B", may_bind=True, language="en", ip_prefix=None)
    for actor in (copied, lite.collector):
        with pytest.raises(NotAllowed), lite.store.write() as session:
            plans.accept(session, actor, draft.ref, digest=draft.terms_digest, signature=signature, now=NOON)


def test_another_account_finds_nothing(lite: PlanWorld) -> None:
    """L-15: every act on another's plan is "not found"."""
    plan = lite.agreed(3)
    with lite.store.write() as session:
        other = make.holder_actor(make.an_account(session, make.a_creditor(session)))
    acts = [
        lambda s: plan_reads.view(s, other, plan.ref, now=NOON),
        lambda s: plan_reads.choice(s, other, plan.ref, "rest", now=NOON),
        lambda s: plans.withdraw(s, other, plan.ref, now=NOON),
        lambda s: plan_changes.pay_by_link(s, other, plan.ref, now=NOON),
        lambda s: plan_changes.move_part(s, other, plan.ref, seq=1, to_on=TODAY, now=NOON),
    ]
    for act in acts:
        with pytest.raises(NotFound), lite.store.write() as session:
            act(session)


# --------------------------------------------------------------------------- asked for and decided


def test_beyond_the_band_a_person_is_asked(world: PlanWorld) -> None:
    """Chasing stands still until we answered, by the day that is named; a reason is needed."""
    draft = world.propose(9)
    with pytest.raises(Refused) as refusal:
        world.accept(draft, reason=" ")
    assert code_of(refusal) == "reason_missing"
    plan = world.accept(draft, reason="our main customer pays late")
    assert (plan.status, plan.answer_by_on) == (PlanStatus.AWAITING_APPROVAL, date(2026, 11, 23))
    assert world.paused(PauseReason.AWAITING_OUR_ANSWER) == 1
    assert world.blocking(plan) == {False}
    with world.store.read() as session:
        (task,) = session.scalars(select(Task)).all()
        assert (task.kind.value, task.facts["plan_ref"]) == ("approval", plan.ref)


@pytest.mark.parametrize(
    ("first_on", "parts", "outside"),
    [(TODAY + timedelta(days=30), 6, []), (TODAY + timedelta(days=31), 6, ["later_start"]),
     (TODAY, 7, ["more_parts"]), (TODAY + timedelta(days=90), 36, ["more_parts", "later_start"])],
)  # fmt: skip
def test_the_edge_of_the_band(lite: PlanWorld, first_on: date, parts: int, outside: list[str]) -> None:
    assert lite.propose(parts, first_on=first_on).terms["outside"] == outside


def test_an_approved_plan_is_active_at_once(world: PlanWorld) -> None:
    """Four eyes: the debtor proposed, one of us decides; the task and the pause end."""
    plan = world.asked(9)
    world.store.run(
        lambda s: plan_deciding.approve(s, world.collector, plan.ref, digest=plan.terms_digest, now=NOON)
    )
    approved = world.plan(plan)
    assert (approved.status, approved.decided_by_id) == (PlanStatus.ACTIVE, world.collector.id)
    assert (world.paused(PauseReason.AWAITING_OUR_ANSWER), world.paused(PauseReason.PLAN)) == (0, 2)
    assert world.mails() == ["plan_activated"]
    with world.store.read() as session:
        assert session.scalars(select(Task.done_by_id)).one() == world.collector.id


def test_nobody_decides_above_his_limit_or_what_he_did_not_read(world: PlanWorld) -> None:
    """A-02, A-03: policy approvals.plan_parts by role; the content that was read is the one decided."""
    plan = world.asked(13)
    for actor, digest, code in (
        (world.collector, plan.terms_digest, "above_limit"),
        (world.supervisor, "0" * 64, "plan_changed"),
    ):
        with pytest.raises(Refused) as refusal, world.store.write() as session:
            plan_deciding.approve(session, actor, plan.ref, digest=digest, now=NOON)
        assert code_of(refusal) == code
    for actor in (world.holder, make.staff_actor(_accountant(world.store))):
        with pytest.raises(NotAllowed), world.store.write() as session:
            plan_deciding.approve(session, actor, plan.ref, digest=plan.terms_digest, now=NOON)


def _accountant(store: Store) -> Staff:
    with store.write() as session:
        return make.a_person(session, Role.ACCOUNTANT)


def test_a_refusal_says_why_and_chasing_goes_on(world: PlanWorld) -> None:
    plan = world.asked()
    world.store.run(
        lambda s: plan_deciding.refuse(
            s, world.collector, plan.ref, reason="Please pay half first.", now=NOON
        )
    )
    refused = world.plan(plan)
    assert (refused.status, refused.decision_reason) == (PlanStatus.DECLINED, "Please pay half first.")
    assert world.paused(PauseReason.AWAITING_OUR_ANSWER) == 0
    assert world.mails() == ["plan_answered"]
    with pytest.raises(Refused) as refusal, world.store.write() as session:
        plan_deciding.approve(session, world.collector, plan.ref, digest=plan.terms_digest, now=NOON)
    assert code_of(refusal) == "plan_gone"


def test_other_terms_wait_for_the_debtor(world: PlanWorld) -> None:
    """A counter is a new plan; the debtor signs it without another approval, its proposer never decides."""
    plan = world.asked(9)
    new = world.store.run(
        lambda s: plan_deciding.counter(
            s, world.supervisor, plan.ref, parts=8, first_on=TODAY + timedelta(days=7),
            reason="Eight we can do.", now=NOON,
        )
    )  # fmt: skip
    assert (world.plan(plan).status, new.status) == (PlanStatus.DECLINED, PlanStatus.PROPOSED)
    assert new.proposed_by_staff_id == world.supervisor.id
    assert world.paused(PauseReason.PLAN) == 1
    assert world.paused(PauseReason.PLAN, TODAY + timedelta(days=7)) == 0
    world.propose(3)  # a draft of his own leaves ours standing
    signed = world.accept(new)
    assert signed.status is PlanStatus.ACTIVE
    assert world.mails() == ["plan_answered", "plan_activated"]


def test_a_request_can_be_taken_back(world: PlanWorld) -> None:
    plan = world.asked()
    for _ in range(2):
        world.store.run(lambda s: plans.withdraw(s, world.holder, plan.ref, now=NOON))
    assert world.plan(plan).status is PlanStatus.WITHDRAWN
    assert world.paused(PauseReason.AWAITING_OUR_ANSWER) == 0


def test_approved_too_late_or_after_a_payment_it_is_refused(lite: PlanWorld) -> None:
    plan = lite.asked()
    late = noon_of(date(2026, 12, 5))
    with pytest.raises(Refused) as refusal, lite.store.write() as session:
        plan_deciding.approve(session, lite.collector, plan.ref, digest=plan.terms_digest, now=late)
    assert code_of(refusal) == "plan_days_passed"
    lite.told(lite.start(Choice("chosen", "GBP", lite.refs[:1]), nonce="n"), RemoteState.SUCCEEDED, 57600)
    with pytest.raises(Refused) as refusal, lite.store.write() as session:
        plan_deciding.approve(session, lite.collector, plan.ref, digest=plan.terms_digest, now=NOON)
    assert code_of(refusal) == "plan_changed"


# --------------------------------------------------------------------------- changing


def test_one_date_moves_once(world: PlanWorld) -> None:
    """Policy plans.moves, plans.move_days: the day is a business day, after the old, before the next."""
    plan = world.agreed(3)

    def move(to_on: date, seq: int = 1) -> None:
        world.store.run(
            lambda s: plan_changes.move_part(s, world.holder, plan.ref, seq=seq, to_on=to_on, now=NOON)
        )

    for to_on, code in (
        (date(2026, 12, 4), "plan_move_not_later"), (date(2026, 11, 1), "plan_move_not_later"),
        (date(2026, 12, 19), "plan_move_far"),
    ):  # fmt: skip
        with pytest.raises(Refused) as refusal:
            move(to_on)
        assert code_of(refusal) == code
    move(date(2026, 12, 12))  # a Saturday
    first = world.parts(plan)[0]
    assert (first.due_on, first.moved_from_on) == (date(2026, 12, 14), date(2026, 12, 4))
    move(date(2026, 12, 12))  # the same form again
    with pytest.raises(Refused) as refusal:
        move(date(2027, 1, 11), seq=2)
    assert code_of(refusal) == "plan_move_used"


def test_a_moved_part_stays_before_the_next(lite: PlanWorld) -> None:
    plan = lite.agreed(3, every=Every.WEEK)
    with pytest.raises(Refused) as refusal, lite.store.write() as session:
        plan_changes.move_part(session, lite.holder, plan.ref, seq=1, to_on=date(2026, 12, 11), now=NOON)
    assert (code_of(refusal), refusal.value.facts["before"]) == ("plan_move_order", date(2026, 12, 11))


def test_the_way_of_paying_changes_both_ways(world: PlanWorld) -> None:
    plan = world.agreed(3)
    card = world.on_card(plan)
    assert (world.plan(plan).pays_by, world.plan(plan).saved_card_id) == (PaysBy.CARD, card.id)
    assert world.store.run(lambda s: plan_changes.forget_card(s, world.holder, card, now=NOON)) == 1
    assert (world.plan(plan).pays_by, world.plan(plan).saved_card_id) == (PaysBy.LINK, None)


# --------------------------------------------------------------------------- a dispute beside a plan


def test_a_contested_part_stays_beside_the_plan(lite: PlanWorld) -> None:
    """ "The rest stays payable": what was contested at the signature is of no instalment, then or later."""
    with lite.store.write() as session:
        invoice_id = session.scalars(select(Invoice.id).order_by(Invoice.id)).first()
        session.add(
            Dispute(account_id=lite.account.id, invoice_id=invoice_id, contested_minor=7600, **a_dispute())
        )
    plan = lite.agreed(2)
    assert plan.total_minor == BALANCE - 7600
    lite.pay(plan)
    with lite.store.write() as session:
        session.scalars(select(Dispute)).one().holds = False
    assert lite.pay(plan, "rest") == plan.total_minor // 2
    assert lite.plan(plan).status is PlanStatus.COMPLETED


def a_dispute() -> dict[str, object]:
    return {
        "currency": "GBP", "reason": DisputeReason.WRONG_PRICE,
        "status": DisputeStatus.UNDER_REVIEW, "holds": True, "opened_at": NOON, "answer_by_on": TODAY,
    }  # fmt: skip


def test_plans_are_locked_by_constraint(world: PlanWorld) -> None:
    """One active plan per invoice, even if nobody asked (decision 12)."""
    world.agreed(2, refs=world.refs[:1])
    other = world.propose(2, refs=world.refs[1:])
    with pytest.raises(IntegrityError), world.store.write() as session:
        session.execute(
            text("UPDATE plan_invoice SET blocking = true, invoice_id = (SELECT MIN(id) FROM invoice)"
                 " WHERE plan_id = :id"), {"id": other.id},
        )  # fmt: skip
