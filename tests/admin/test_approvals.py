"""Approvals at the desk: the list, the case, four eyes, and the form for an offer of ours."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import Every, Offer, Plan
from models.invoices import Invoice
from models.money import Money
from models.staff import Role, Staff
from models.states import OfferStatus, PlanStatus
from receivables.arrangements import offer_making, plans
from receivables.arrangements.plan_terms import Wish
from tests import factories as make
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import Visitor, words

BY = (NOON.date() + timedelta(days=9)).isoformat()


@pytest.fixture
def late(desk: Desk) -> Account:
    """£576.00 and £842.40, 100 and 70 days late; the grid forgives £199.44."""

    def fill(session: Session, account: Account) -> None:
        for number, total, days in (("2026-1131", 57600, 100), ("2026-1184", 84240, 70)):
            make.an_invoice(session, account, total=total, number=number,
                            due_on=NOON.date() - timedelta(days=days))  # fmt: skip

    return desk.account(fill)


def signed_in(desk: Desk, person: Staff) -> Visitor:
    visitor = Visitor(desk.app)
    desk.sign_in(person, visitor)
    visitor.get("/desk/")
    return visitor


def proposed(desk: Desk, account: Account, person: Staff, minor: int = 100000) -> Offer:
    with desk.store.write() as session:
        refs = session.scalars(select(Invoice.ref).where(Invoice.account_id == account.id)).all()
        return offer_making.propose(
            session, make.staff_actor(person), account.ref, invoice_refs=refs, amount=Money(minor, "GBP"),
            pay_by_on=NOON.date() + timedelta(days=7), reason="the second shop closes", now=NOON,
        )  # fmt: skip


def countered(desk: Desk, account: Account, minor: int = 90000) -> Offer:
    with desk.store.write() as session:
        return offer_making.counter(
            session, make.holder_actor(account), account_id=account.id, currency="GBP",
            amount=Money(minor, "GBP"), pay_by_on=NOON.date() + timedelta(days=7),
            reason="the bank lends <b>this</b>", name="Joan Pike", now=NOON,
        )  # fmt: skip


def now_is(desk: Desk, offer: Offer) -> OfferStatus:
    with desk.store.read() as session:
        return session.get_one(Offer, offer.id).status


def decide(visitor: Visitor, offer: Offer, what: str, **fields: str):  # type: ignore[no-untyped-def]
    prefix = {"refuse": "r-", "counter": "c-"}.get(what, "")
    visitor.get(f"/desk/approvals/offers/{offer.ref}")
    said = {"digest": offer.content_digest} | fields
    return visitor.post(
        f"/desk/approvals/offers/{offer.ref}/{what}", {f"{prefix}{k}": v for k, v in said.items()}
    )


def test_the_list_and_the_case(desk: Desk, late: Account) -> None:
    """Mock 04: who asks what, since when, the limit it passes, the words, the history."""
    offer = countered(desk, late)
    visitor = desk.at(Role.SUPERVISOR)
    said = words(visitor.get("/desk/approvals"))
    assert "Their own offer" in said
    assert "900.00 GBP 518.40 GBP" in said
    assert "1 waits" in said
    page = visitor.get(f"/desk/approvals/offers/{offer.ref}")
    said = words(page)
    assert "900.00 GBP of 1,418.40 GBP in one payment by" in said
    assert "That forgives 518.40 GBP, 36.5 %." in said
    assert "The rules take 1,218.96 GBP or more without a person" in said
    assert "Supervisor 50 %" in said
    assert "the bank lends <b>this</b>" in said
    assert "0 of 2 paid in full" in said
    assert "Approve 900.00 GBP" in said


def test_approved_refused_countered(desk: Desk, late: Account) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    first = countered(desk, late)
    answer = decide(visitor, first, "approve")
    assert "Approved." in words(visitor.get(answer.location))
    assert now_is(desk, first) is OfferStatus.OPEN
    second = countered(desk, late, 91000)
    assert now_is(desk, first) is OfferStatus.SUPERSEDED
    answer = decide(visitor, second, "refuse", reason="too little")
    assert "Refused." in words(visitor.get(answer.location))
    third = countered(desk, late, 92000)
    answer = decide(visitor, third, "counter", amount="1,250.00", day=BY, reason="as far as we can go")
    assert "The offer is open." in words(visitor.get(answer.location))
    assert now_is(desk, third) is OfferStatus.REFUSED


def test_the_proposer_finds_no_buttons_and_forging_them_is_refused(desk: Desk, late: Account) -> None:
    """A-02: four eyes, in the page and in the action."""
    person = desk.person(Role.SUPERVISOR)
    visitor = signed_in(desk, person)
    offer = proposed(desk, late, person)
    page = visitor.get(f"/desk/approvals/offers/{offer.ref}")
    assert "You put this forward, so somebody else decides." in words(page)
    assert "/approve" not in page.text
    assert "/refuse" not in page.text
    assert "you; somebody else decides" in words(visitor.get("/desk/approvals"))
    for what, fields in (
        ("approve", {}), ("refuse", {"reason": "no"}),
        ("counter", {"amount": "1300", "day": BY, "reason": "x"}),
    ):  # fmt: skip
        assert decide(visitor, offer, what, **fields).status_code == 403, what
    assert now_is(desk, offer) is OfferStatus.AWAITING_APPROVAL
    answer = visitor.post(f"/desk/approvals/offers/{offer.ref}/withdraw")
    assert answer.status_code == 303
    assert now_is(desk, offer) is OfferStatus.WITHDRAWN


def test_beyond_the_limit_there_is_no_approval(desk: Desk, late: Account) -> None:
    """A-03."""
    offer = countered(desk, late)
    visitor = desk.at(Role.COLLECTOR)
    page = visitor.get(f"/desk/approvals/offers/{offer.ref}")
    assert "Beyond your limit of 10 %" in words(page)
    assert "/approve" not in page.text
    answer = decide(visitor, offer, "approve")
    assert answer.status_code == 409
    assert "This is beyond what your role may forgive." in words(answer)


def test_another_content_than_was_read(desk: Desk, late: Account) -> None:
    """A-02: approval binds to the content; an edit voids it."""
    offer = countered(desk, late)
    answer = decide(desk.at(Role.SUPERVISOR), offer, "approve", digest="f" * 64)
    assert answer.status_code == 409
    assert "It has changed since you opened it." in words(answer)
    assert now_is(desk, offer) is OfferStatus.AWAITING_APPROVAL


@pytest.mark.parametrize(
    ("what", "fields", "says"),
    [
        ("refuse", {"reason": " "}, "Fill this in."),
        ("counter", {"amount": "x", "day": BY, "reason": "y"}, "This is not an amount."),
        ("counter", {"amount": "1300", "day": "soon", "reason": "y"}, "Write the day as year"),
    ],
)
def test_what_is_missing_is_said_at_its_field(
    desk: Desk, late: Account, what: str, fields: dict[str, str], says: str
) -> None:
    offer = countered(desk, late)
    answer = decide(desk.at(Role.SUPERVISOR), offer, what, **fields)
    assert answer.status_code == 422
    assert says in words(answer)
    assert now_is(desk, offer) is OfferStatus.AWAITING_APPROVAL


def test_an_auditor_reads_and_decides_nothing(desk: Desk, late: Account) -> None:
    offer = countered(desk, late)
    visitor = desk.at(Role.AUDITOR)
    page = visitor.get(f"/desk/approvals/offers/{offer.ref}")
    assert page.status_code == 200
    assert "/approve" not in page.text
    assert decide(visitor, offer, "approve").status_code == 403


# --------------------------------------------------------------------------- an offer of ours


def offer_form(visitor: Visitor, account: Account, **fields: str):  # type: ignore[no-untyped-def]
    page = visitor.get(f"/desk/accounts/{account.ref}/offer")
    assert page.status_code == 200, words(page)
    refs = re.findall(r'name="invoice" value="([^"]+)"', page.text)
    said = {"currency": "GBP", "amount": "1,300.00", "day": BY, "reason": "kept both promises"} | fields
    return visitor.post(
        f"/desk/accounts/{account.ref}/offer", [*said.items(), *(("invoice", ref) for ref in refs)]
    )


def test_an_offer_within_the_limits_is_open(desk: Desk, late: Account) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    page = visitor.get(f"/desk/accounts/{late.ref}/offer")
    assert "For all these invoices 1,218.96 GBP or more" in words(page)
    answer = offer_form(visitor, late)
    assert "The offer is open." in words(visitor.get(answer.location))


def test_an_offer_beyond_them_waits(desk: Desk, late: Account) -> None:
    visitor = desk.at(Role.COLLECTOR)
    answer = offer_form(visitor, late, amount="1,200.00")
    assert "The offer waits for another person." in words(visitor.get(answer.location))
    assert "Settlement offer" in words(visitor.get("/desk/approvals"))


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"amount": "0"}, 409, "The amount must be more than zero."),
        ({"amount": "1,418.40"}, 409, "This is all that is open"),
        ({"amount": "700"}, 409, "Nobody here may forgive so much."),
        ({"day": "2020-01-01"}, 409, "This day has passed."),
        ({"reason": ""}, 422, "Fill this in."),
        ({"currency": "XXX"}, 422, ""),
    ],
)
def test_an_offer_that_cannot_be(
    desk: Desk, late: Account, fields: dict[str, str], status: int, says: str
) -> None:
    answer = offer_form(desk.at(Role.SUPERVISOR), late, **fields)
    assert answer.status_code == status
    assert says in words(answer)
    with desk.store.read() as session:
        assert session.scalars(select(Offer)).all() == []


def test_the_account_page_leads_there(desk: Desk, late: Account) -> None:
    page = desk.at(Role.COLLECTOR).get(f"/desk/accounts/{late.ref}")
    assert f"/desk/accounts/{late.ref}/offer" in page.text


# --------------------------------------------------------------------------- plans


def requested(desk: Desk, account: Account, parts: int = 9) -> Plan:
    """A plan of more parts than the rules give, signed by the debtor."""
    wish = Wish(parts, NOON.date() + timedelta(days=10), Every.MONTH)
    with desk.store.write() as session:
        refs = session.scalars(select(Invoice.ref).where(Invoice.account_id == account.id)).all()
        signs = select(Contact).where(Contact.account_id == account.id, Contact.may_commit)
        actor = make.holder_actor(account, session.scalars(signs).first())
        plan = plans.propose(session, actor, account_id=account.id, currency="GBP", invoice_refs=refs,
                             wish=wish, now=NOON)  # fmt: skip
        return plans.accept(
            session, actor, plan.ref, digest=plan.terms_digest, reason="the summer was slow", now=NOON,
            signature=plans.Signature("Joan Pike", "Owner", True, "en", None),
        )  # fmt: skip


def decide_plan(visitor: Visitor, plan: Plan, what: str, **fields: str):  # type: ignore[no-untyped-def]
    prefix = {"refuse": "r-", "counter": "c-"}.get(what, "")
    visitor.get(f"/desk/approvals/plans/{plan.ref}")
    said = {"digest": plan.terms_digest} | fields
    return visitor.post(
        f"/desk/approvals/plans/{plan.ref}/{what}", {f"{prefix}{k}": v for k, v in said.items()}
    )


def plan_status(desk: Desk, plan: Plan) -> PlanStatus:
    with desk.store.read() as session:
        return session.get_one(Plan, plan.id).status


def test_a_plan_beyond_the_rules_is_read_and_approved(desk: Desk, late: Account) -> None:
    plan = requested(desk, late)
    visitor = desk.at(Role.SUPERVISOR)
    assert "Plan beyond the rules 9 parts" in words(visitor.get("/desk/approvals"))
    said = words(visitor.get(f"/desk/approvals/plans/{plan.ref}"))
    assert "1,418.40 GBP in 9 parts" in said
    assert "More or smaller parts than the rules give." in said
    assert "the summer was slow" in said
    answer = decide_plan(visitor, plan, "approve")
    assert "The plan is active" in words(visitor.get(answer.location))
    assert plan_status(desk, plan) is PlanStatus.ACTIVE


def test_a_plan_is_refused_or_answered_with_other_terms(desk: Desk, late: Account) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    plan = requested(desk, late)
    assert decide_plan(visitor, plan, "refuse", reason="").status_code == 422
    answer = decide_plan(visitor, plan, "refuse", reason="too long")
    assert "The debtor is told your reason." in words(visitor.get(answer.location))
    assert plan_status(desk, plan) is PlanStatus.DECLINED
    again = requested(desk, late, 8)
    wrong = decide_plan(visitor, again, "counter", parts="0", day=BY, reason="x")
    assert wrong.status_code == 422
    answer = decide_plan(visitor, again, "counter", parts="6", day=BY, reason="six would do")
    assert "Other terms are sent." in words(visitor.get(answer.location))
    assert plan_status(desk, again) is PlanStatus.DECLINED


def test_a_plan_beyond_the_limit_of_the_role(desk: Desk, late: Account) -> None:
    """A-03: a collector agrees to twelve parts."""
    plan = requested(desk, late, 14)
    visitor = desk.at(Role.COLLECTOR)
    assert "Beyond your limit of 12 parts" in words(visitor.get(f"/desk/approvals/plans/{plan.ref}"))
    assert decide_plan(visitor, plan, "approve").status_code == 409
    assert plan_status(desk, plan) is PlanStatus.AWAITING_APPROVAL
