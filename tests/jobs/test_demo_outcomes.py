"""The demo shows how each way out can end: the pages' reads say what a case is named for (decision 27)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from jobs import demo
from models.accounts import Contact
from models.answers import HardshipCase, Request, RequestKind
from models.arrangements import Offer, Plan, Promise
from models.disputes import Dispute
from models.invoices import Invoice, InvoiceKind
from models.links import LinkScope
from models.money import Money
from models.pauses import PauseReason
from models.payments import Payment
from models.staff import Role, Staff
from models.states import (
    DisputeStatus,
    InstalmentStatus,
    InvoiceStatus,
    OfferStatus,
    PlanStatus,
    PromiseStatus,
    RequestStatus,
)
from receivables import credits, invoices, links, pauses, surveys, ways
from receivables.answers import callbacks, hardship
from receivables.answers import reads as answers
from receivables.arrangements import offer_reads, plan_reads, promises
from receivables.arrangements.decline_classes import DeclineReason, Remedy
from receivables.calendar_days import business_date
from receivables.disputes.reads import dispute_view
from receivables.errors import NotFound
from receivables.people import forwarding
from receivables.policy import current_policy
from tests import factories as make
from tests.jobs.demo_played import Played

UPHELD = "dispute upheld, another withdrawn"
OPENED = "dispute just opened, another to answer, cheque"
COUNTERED = "plan answered with another, promise moved and withdrawn"
COMPLETED = "plan completed, question after paying answered"
DEFAULTED = "plan in default, may still be cured"
OFFERS = "offers ended: expired, lapsed, voided, declined, refused"
KEPT = "promise kept, invoice forwarded"
APPROVAL = "their approval, ring me, document sent"
INTEREST = "interest worked out, credit asked back, claim refused"


def test_a_question_was_taken_back_and_one_upheld_in_full(played: Played) -> None:
    """X-09: what was upheld is credited whole, what was taken back is asked for again."""
    with played.house.store.read() as s:
        holder = played.holder(s, UPHELD)
        back, upheld = (
            dispute_view(s, holder, ref, now=played.now) for ref in played.refs(s, Dispute, UPHELD)
        )  # fmt: skip
    assert (back.status, back.holds) == (DisputeStatus.WITHDRAWN, False)
    assert upheld.status is DisputeStatus.UPHELD
    assert upheld.credited == upheld.contested > Money(0, "GBP")


def test_one_question_waits_for_us_and_one_for_them(played: Played) -> None:
    """The last word of the older one is ours; nobody has looked at the younger one yet."""
    with played.house.store.read() as s:
        holder = played.holder(s, OPENED)
        answered, opened = (
            dispute_view(s, holder, ref, now=played.now) for ref in played.refs(s, Dispute, OPENED)
        )  # fmt: skip
    assert (answered.status, answered.thread[-1].by_us) == (DisputeStatus.UNDER_REVIEW, True)
    assert opened.status is DisputeStatus.OPENED
    assert not any(said.by_us for said in opened.thread)


def test_a_cheque_dated_ahead_is_announced(played: Played) -> None:
    with played.house.store.read() as s:
        holder = played.holder(s, OPENED)
        [cheque] = ways.announced(s, holder, account_id=holder.account_id or 0, now=played.now)
        today = business_date(played.now, "Asia/Jerusalem")
    assert cheque.dated_on > today
    assert 0 < cheque.amount.minor <= played.asked(OPENED)


def test_a_wish_beyond_the_band_was_answered_with_other_terms(played: Played) -> None:
    """A-02: the request is declined, ours waits for a signature."""
    with played.house.store.read() as s:
        holder = played.holder(s, COUNTERED)
        theirs, ours = (
            plan_reads.view(s, holder, ref, now=played.now) for ref in played.refs(s, Plan, COUNTERED)
        )  # fmt: skip
    assert (theirs.status, len(theirs.parts), theirs.by_staff) == (PlanStatus.DECLINED, 10, False)
    assert (ours.status, len(ours.parts), ours.by_staff) == (PlanStatus.PROPOSED, 6, True)
    assert ours.open_to_on >= ours.today


@pytest.mark.parametrize(
    ("case", "statuses"),
    [(COUNTERED, [PromiseStatus.SUPERSEDED, PromiseStatus.WITHDRAWN]), (KEPT, [PromiseStatus.KEPT])],
)
def test_promises_ended(played: Played, case: str, statuses: list[PromiseStatus]) -> None:
    with played.house.store.read() as s:
        holder = played.holder(s, case)
        refs = played.refs(s, Promise, case)
        assert [promises.view(s, holder, ref, now=played.now).status for ref in refs] == statuses


def test_a_plan_is_paid_to_its_end_and_the_question_answered(played: Played) -> None:
    with played.house.store.read() as s:
        holder = played.holder(s, COMPLETED)
        [plan_ref], [paid] = played.refs(s, Plan, COMPLETED), played.refs(s, Payment, COMPLETED)
        plan = plan_reads.view(s, holder, plan_ref, now=played.now)
        assert plan.status is PlanStatus.COMPLETED
        assert {part.status for part in plan.parts} == {InstalmentStatus.PAID}
        assert surveys.question(s, holder, paid).answered


def test_a_plan_in_default_can_still_be_cured(played: Played) -> None:
    """Two parts in a row did not come; what is late can be paid, and the days for it run."""
    with played.house.store.read() as s:
        [ref] = played.refs(s, Plan, DEFAULTED)
        plan = plan_reads.view(s, played.holder(s, DEFAULTED), ref, now=played.now)
    assert plan.status is PlanStatus.DEFAULTED
    assert plan.cure_until_on is not None
    assert plan.cure_until_on >= plan.today
    assert [part.status for part in plan.parts[:2]] == [InstalmentStatus.MISSED] * 2
    assert plan_reads.choice_of(plan, "late").amount


@pytest.mark.parametrize(
    ("case", "reason", "remedy", "again"),
    [
        ("card declined", DeclineReason.CARD_EXPIRED, Remedy.CARD, False),
        ("card to be confirmed", DeclineReason.CONFIRM, Remedy.CONFIRM, False),
        ("card to be tried again", DeclineReason.NO_FUNDS, Remedy.RETRY, True),
    ],
)
def test_a_saved_card_did_not_pay(
    played: Played, case: str, reason: DeclineReason, remedy: Remedy, again: bool
) -> None:
    """P-24: the page says why and what helps; only a soft refusal has a next day."""
    with played.house.store.read() as s:
        [ref] = played.refs(s, Plan, case)
        part = plan_reads.view(s, played.holder(s, case), ref, now=played.now).parts[0]
    assert (part.refused, part.remedy, part.next_try_on is not None) == (reason, remedy, again)


def test_offers_end_in_five_ways(played: Played) -> None:
    """M-11: by their day, unpaid, by a changed balance, by their word, by ours."""
    with played.house.store.read() as s:
        holder = played.holder(s, OFFERS)
        seen = [offer_reads.offer(s, holder, ref, now=played.now) for ref in played.refs(s, Offer, OFFERS)]
    assert [offer.status for offer in seen] == [
        OfferStatus.EXPIRED, OfferStatus.LAPSED, OfferStatus.VOIDED, OfferStatus.DECLINED,
        OfferStatus.REFUSED,
    ]  # fmt: skip
    assert seen[1].accepted_name
    assert seen[-1].decision_reason


def test_a_colleague_sees_one_invoice(played: Played) -> None:
    """L-15: his link in the description shows what was forwarded and nothing else."""
    told = demo.describe(played.house, demo.Places(8000, Path()), now=played.now)["links"]
    [url] = [link["url"] for link in told if link["case"] == KEPT + demo.COLLEAGUE]
    with played.house.store.write() as s:
        token = url.rpartition("/")[2]
        cookie, _ = links.redeem(
            s, token, policy=current_policy(s, played.now), now=played.now, request_id=None
        )
        holder = links.holder(s, cookie, now=played.now, request_id=None).actor
        colleague = s.get_one(Contact, holder.contact_id)
        paid, invoice = s.scalars(
            select(Invoice).where(Invoice.account_id == holder.account_id).order_by(Invoice.id)
        )
        assert invoices.document(s, holder, invoice.ref, now=played.now).row.asked == Money(39600, "GBP")
        with pytest.raises(NotFound):
            invoices.document(s, holder, paid.ref, now=played.now)
        [entry] = forwarding.forwarded(s, played.holder(s, KEPT), invoice)
    assert holder.scope is LinkScope.ONE_INVOICE
    assert entry.name == colleague.name


def test_a_document_was_sent(played: Played) -> None:
    with played.house.store.read() as s:
        [ref] = played.refs(s, Request, APPROVAL)
        asked = answers.request_view(s, played.holder(s, APPROVAL), ref)
    assert (asked.kind, asked.status) == (RequestKind.DOCUMENT, RequestStatus.ANSWERED)
    assert asked.reply
    assert asked.reply_file is not None


def test_a_claim_was_refused_with_a_reason(played: Played) -> None:
    """What was said to be paid is asked for again."""
    with played.house.store.read() as s:
        [ref] = played.refs(s, Request, INTEREST)
        claim = answers.request_view(s, played.holder(s, INTEREST), ref)
    assert (claim.kind, claim.status) == (RequestKind.PAYMENT_CLAIM, RequestStatus.REFUSED)
    assert claim.reply
    assert played.asked(INTEREST) == 120000 + 1184


def test_they_wait_for_somebodys_approval_and_a_call(played: Played) -> None:
    with played.house.store.read() as s:
        holder = played.holder(s, APPROVAL)
        held = pauses.standing(s, holder.account_id or 0, business_date(played.now, "Europe/Budapest"))
        call = callbacks.waiting(s, holder)
    assert [pause.reason for pause in held] == [PauseReason.THEIR_APPROVAL]
    assert call is not None
    assert call.at > played.now


@pytest.mark.parametrize("case", ["somebody else", "not us"])
def test_who_is_not_the_right_person_is_left_in_peace(played: Played, case: str) -> None:
    with played.house.store.read() as s:
        holder = played.holder(s, case)
        [ref] = played.refs(s, Request, case)
        asked = answers.request_view(s, holder, ref)
        account = played.account(s, case)
        held = pauses.standing(s, account.id, business_date(played.now, account.zone))
    assert (asked.kind, asked.status) == (RequestKind.OTHER_CONTACT, RequestStatus.OPEN)
    assert [(p.reason, p.contact_id) for p in held] == [(PauseReason.WRONG_CONTACT, holder.contact_id)]


def test_hardship_is_answered_and_kept_apart(played: Played) -> None:
    """By a person who may read it; nothing stands still for it any more."""
    with played.house.store.read() as s:
        supervisor = s.scalars(select(Staff).where(Staff.role == Role.SUPERVISOR)).one()
        [ref] = played.refs(s, HardshipCase, "hardship answered")
        case = hardship.case_view(s, make.staff_actor(supervisor), ref)
        held = pauses.standing(s, case.account_id, business_date(played.now, case.zone))
    assert (case.row.status, case.answered_by) == (RequestStatus.ANSWERED, supervisor.name)
    assert held == []


def test_interest_says_how_it_was_worked_out(played: Played) -> None:
    """The sum is the basis at its rate for its days, to the penny, and names the invoice and the law."""
    with played.house.store.read() as s:
        account = played.account(s, INTEREST)
        fee = s.scalars(
            select(Invoice).where(Invoice.account_id == account.id, Invoice.kind == InvoiceKind.FEE)
        ).one()
        seen = invoices.document(s, played.holder(s, INTEREST), fee.ref, now=played.now)
        assert seen.refers_to is not None
        late = invoices.document(s, played.holder(s, INTEREST), seen.refers_to.ref, now=played.now)
    [line] = seen.lines
    assert line.basis is not None
    assert line.legal_basis
    assert (line.basis.principal, line.basis.days) == (late.row.total, 30)
    assert round(line.basis.principal.minor * int(line.basis.rate) * 30 / 36500) == seen.row.total.minor
    assert seen.status is InvoiceStatus.OPEN


def test_credit_is_asked_back(played: Played) -> None:
    with played.house.store.read() as s:
        holder = played.holder(s, INTEREST)
        [view] = credits.views(
            s, holder, account_id=holder.account_id or 0, zone="Europe/London", now=played.now
        )  # fmt: skip
    assert view.asked_back is not None
    assert (view.asked_back.amount, view.free) == (view.credit, Money(0, "GBP"))
