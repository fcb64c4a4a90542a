"""The demo shows each way out: every named case exists and stands as its name says (decision 27)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from jobs import demo, demo_ladder, demo_outcomes, demo_seed, demo_ways_out
from jobs.demo_customers import WAYS_OUT
from jobs.demo_ladder_customers import CAME_BACK, LADDER, STOPPED
from jobs.demo_outcome_customers import OUTCOMES
from models.accounts import Account
from models.answers import AnswerFile, HardshipCase, Request
from models.arrangements import CreditHold, Instalment, Offer, Plan, Promise, SavedCard
from models.disputes import Dispute, DisputeFile, DisputeNote
from models.invoices import Invoice
from models.links import LinkScope
from models.messages import Message
from models.staff import Role, Staff
from models.states import InvoiceStatus
from receivables import branches, invoices, ledger
from receivables.arrangements import approvals
from receivables.calendar_days import business_date
from receivables.early_payment import discount_today
from receivables.permissions import Actor, ActorKind
from receivables.standing import standing_of
from tests import factories as make
from tests.jobs.demo_played import Played
from tests.proof import check

STANDS = [
    ("dispute open", Dispute, "under_review"),
    ("dispute upheld in part", Dispute, "partly_upheld"),
    ("dispute refused", Dispute, "rejected"),
    ("plan by saved card", Plan, "active"),
    ("plan by link", Plan, "active"),
    ("plan awaiting approval", Plan, "awaiting_approval"),
    ("offer open", Offer, "open"),
    ("counter-offer to answer", Offer, "awaiting_approval"),
    ("offer accepted", Offer, "accepted"),
    ("offer settled", Offer, "settled"),
    ("promise open", Promise, "open"),
    ("promise broken", Promise, "broken"),
    ("says paid", Request, "open"),
    ("document requested", Request, "open"),
    ("tax withheld", Request, "open"),
    ("hardship", HardshipCase, "open"),
    ("credit hold", CreditHold, "active"),
]


@pytest.mark.parametrize(("case", "kind", "status"), STANDS)
def test_each_case_stands_as_its_name_says(played: Played, case: str, kind: Any, status: str) -> None:
    assert played.one(kind, case).status.value == status


def test_no_case_is_forgotten(played: Played) -> None:
    """Every case has an account nobody else plays, scenes, a place in the table, one of four languages."""
    cases = [customer.case for customer in demo_seed.CUSTOMERS]
    assert [case for case, count in Counter(cases).items() if count > 1] == []
    papers_only = {"early-payment discount", "head office", "branch, harbour", "branch, mill"}
    assert {customer.case for customer in WAYS_OUT} == {case for case, *_ in STANDS} | papers_only
    assert {scene.case for scene in demo_ways_out.SCENES} == {customer.case for customer in WAYS_OUT}
    assert {scene.case for scene in demo_outcomes.SCENES} == {customer.case for customer in OUTCOMES}
    assert {scene.case for scene in demo_ladder.SCENES} >= {customer.case for customer in LADDER}
    assert sorted(case for room in demo_seed.ROOMS.values() for case in room) == sorted(cases)
    assert {(c.language, p.currency) for c in demo_seed.PLAYED for p in c.papers} == {
        ("en", "GBP"), ("he", "ILS"), ("ru", "EUR"), ("hu", "HUF"),
    }  # fmt: skip
    told = demo.describe(played.house, demo.Places(8000, Path()), now=played.now)["links"]
    colleagues = "promise kept, invoice forwarded" + demo.COLLEAGUE
    assert {link["case"] for link in told} == {*cases, colleagues}


class TestDisputes:
    def test_a_line_is_set_aside_and_talked_about(self, played: Played) -> None:
        """Both sides have written, with a file; only the questioned part is not asked for (X-09)."""
        dispute = played.one(Dispute, "dispute open")
        with played.house.store.read() as s:
            notes = s.scalars(select(DisputeNote).where(DisputeNote.dispute_id == dispute.id)).all()
            assert [note.staff_id is None for note in notes] == [True, False, True]
            assert s.scalars(select(DisputeFile).where(DisputeFile.dispute_id == dispute.id)).one()
            owed = s.scalar(
                select(func.sum(Invoice.balance_minor)).where(Invoice.account_id == dispute.account_id)
            )
        assert played.asked("dispute open") == (owed or 0) - dispute.contested_minor > 0

    def test_an_end_is_paid_for_or_asked_again(self, played: Played) -> None:
        """What was upheld is credited, what was refused is asked for."""
        upheld, refused = (played.one(Dispute, f"dispute {end}") for end in ("upheld in part", "refused"))
        assert 0 < upheld.credited_minor < upheld.contested_minor
        with played.house.store.read() as s:
            credited, whole = s.get_one(Invoice, upheld.invoice_id), s.get_one(Invoice, refused.invoice_id)
        assert credited.balance_minor == credited.total_minor - upheld.credited_minor
        assert played.asked("dispute refused") == whole.total_minor == whole.balance_minor


class TestPlans:
    def test_the_first_part_was_taken_from_the_card_that_takes_the_next(self, played: Played) -> None:
        """P-24, decision 11: kept on the page that took the first part."""
        plan, card = played.one(Plan, "plan by saved card"), played.one(SavedCard, "plan by saved card")
        assert (card.status.value, card.last4, plan.saved_card_id) == ("active", "4242", card.id)
        with played.house.store.read() as s:
            parts = s.scalars(select(Instalment).where(Instalment.plan_id == plan.id).order_by("seq")).all()
        assert [part.status.value for part in parts] == ["paid", "scheduled", "scheduled"]
        assert parts[1].due_on > business_date(played.now, "Europe/London")

    def test_who_pays_by_link_has_no_card(self, played: Played) -> None:
        assert played.one(Plan, "plan by link").saved_card_id is None
        assert played.asked("plan by link") == 0


class TestOffers:
    def test_a_collector_made_the_open_one(self, played: Played) -> None:
        offer = played.one(Offer, "offer open")
        with played.house.store.read() as s:
            maker = s.get_one(Staff, offer.proposed_by_staff_id)
        assert (offer.maker.value, maker.role) == ("staff", Role.COLLECTOR)

    def test_a_settled_one_has_closed_its_invoice(self, played: Played) -> None:
        """M-11: what was forgiven and what was paid are the whole."""
        with played.house.store.read() as s:
            settled = s.scalars(
                select(Invoice).where(Invoice.account_id == played.account(s, "offer settled").id)
                .order_by(Invoice.id)
            ).first()  # fmt: skip
        assert settled is not None
        assert (settled.status, settled.balance_minor) == (InvoiceStatus.PAID, 0)

    def test_what_waits_for_us_is_in_the_list(self, played: Played) -> None:
        """A-02: the counter-offer and the plan are there for a second person."""
        with played.house.store.read() as s:
            supervisor = s.scalars(select(Staff).where(Staff.role == Role.SUPERVISOR)).one()
            names = {row.account_name for row in approvals.waiting(s, make.staff_actor(supervisor))}
            waiting = ("counter-offer to answer", "plan awaiting approval", "tax withheld")
            assert {played.account(s, case).name for case in waiting} <= names


def test_answers_are_what_they_say(played: Played) -> None:
    kinds = {case: played.one(Request, case).kind.value for case in ("says paid", "document requested")}
    assert kinds == {"says paid": "payment_claim", "document requested": "document"}
    withheld = played.one(Request, "tax withheld")
    assert withheld.kind.value == "withholding"
    with played.house.store.read() as s:
        query = select(func.count()).select_from(AnswerFile)
        assert s.scalar(query.where(AnswerFile.answer_id == withheld.answer_id)) == 1, "the certificate"


def test_a_discount_can_still_be_had(played: Played) -> None:
    with played.house.store.read() as s:
        account = played.account(s, "early-payment discount")
        today = business_date(played.now, account.zone)
        [row] = invoices.open_rows(s, account.id, today)
        assert discount_today(row, today)


def test_a_head_office_sees_its_branches(played: Played) -> None:
    """Both are shown with what they owe; none of them sees another (L-15)."""
    with played.house.store.read() as s:
        head = played.account(s, "head office")
        holder = Actor(ActorKind.LINK_HOLDER, account_id=head.id, scope=LinkScope.FULL)
        [seen] = branches.views(s, holder, account_id=head.id, now=played.now)
        family = ("head office", "branch, harbour", "branch, mill")
        assert {branch.name for branch in seen.branches} == {played.account(s, case).name for case in family}
        for case, pays in (("branch, mill", False), ("head office", True)):
            account = played.account(s, case)
            assert standing_of(s, account.id, played.now.date()).pays_for_branches is pays


def test_credit_in_favour_stays(played: Played) -> None:
    with played.house.store.read() as s:
        found = played.account(s, "credit note, credit in favour")
        assert ledger.unapplied_credit(s, found.id)


def test_the_main_accounts_have_their_papers_only(played: Played) -> None:
    """What the guide and the pictures tell of stays: nothing was agreed on, everything is asked for."""
    for case, count in (("overdue, English", 4), ("overdue, Hebrew", 3)):
        with played.house.store.read() as s:
            account = played.account(s, case)
            rows = invoices.open_rows(s, account.id, business_date(played.now, account.zone))
            assert len(rows) == count
            assert all(row.asked == row.total for row in rows)


def test_every_message_left(played: Played) -> None:
    """The mailbox tells every story to its end; what a card did at night is told in the morning (C-03).

    Only who said STOP and whose address is dead are not written to, and each is told by its reason.
    """
    with played.house.store.read() as s:
        stuck = s.execute(
            select(Account.name, Message.kind, Message.status)
            .join(Account, Account.id == Message.account_id)
            .where(Message.status.not_in(["sent", "delivered"]))
            .where(~((Message.kind == "card_refused") & (Message.not_before > played.now)))
            .where(Account.name.not_in([played.account(s, case).name for case in (CAME_BACK, STOPPED)]))
        ).all()
        kinds = set(s.scalars(select(Message.kind)))
    assert stuck == []
    assert kinds >= {
        "dispute_received", "dispute_answered", "dispute_partly_upheld", "dispute_refused", "plan_activated",
        "offer_made", "offer_accepted", "promise_recorded", "promise_due_tomorrow", "promise_broken",
        "credit_hold_placed", "first_reminder", "courtesy", "payment_confirmation", "due_today",
        "official_letter", "formal_warning", "handover_notice", "prepayment_reminder", "prepayment_due",
        "callback_invitation",
    }  # fmt: skip


def test_the_checker_finds_nothing(played: Played) -> None:
    """`make check` on what was played (INV-1…INV-14)."""
    done = check(played.house.settings.DATABASE_URL, stripe_log=played.stripe_log, mailbox=played.mailbox)
    assert done.returncode == 0, done.stdout + done.stderr
