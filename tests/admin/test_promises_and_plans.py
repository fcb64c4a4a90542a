"""Promises and plans at the desk: due, at risk, not kept; noted, put forward, ended (issue D, part 8)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account, Contact
from models.arrangements import Plan, Promise
from models.messages import Message
from models.staff import Role
from models.states import PlanStatus, PromiseStatus
from receivables.arrangements import plan_deciding, plans
from tests import factories as make
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import Visitor, hidden, words

#: A Thursday in the horizon of two weeks, on which banks work.
DAY = (NOON.date() + timedelta(days=7)).isoformat()


def promises_of(desk: Desk) -> list[Promise]:
    with desk.store.read() as s:
        return list(s.scalars(select(Promise).order_by(Promise.id)))


def plans_of(desk: Desk) -> list[Plan]:
    with desk.store.read() as s:
        return list(s.scalars(select(Plan).order_by(Plan.id)))


def kinds(desk: Desk) -> list[str]:
    with desk.store.read() as s:
        return list(s.scalars(select(Message.kind).order_by(Message.id)))


def note(visitor: Visitor, account: Account, amount: str = "100.00", day: str = DAY) -> None:
    """Note a promise in two steps, as the page asks for it."""
    path = f"/desk/accounts/{account.ref}/promise"
    visitor.get(path)
    seen = visitor.post(path, {"amount": amount, "day": day, "currency": "GBP", "contact": "", "shown": ""})
    assert seen.status_code == 200, words(seen)
    shown = dict(hidden(seen))["shown"]
    answer = visitor.post(
        path, {"amount": amount, "day": day, "currency": "GBP", "contact": "", "shown": shown}
    )
    assert answer.status_code == 303, words(answer)


def refs_of(page: str) -> list[str]:
    return re.findall(r'name="invoice" value="([^"]+)"', page)


def put_forward(
    visitor: Visitor, account: Account, parts: int = 3, days: int = 15, *, replaces: str = ""
) -> None:
    """Put a plan over all that is offered forward, in two steps."""
    path = f"/desk/accounts/{account.ref}/plan"
    refs = refs_of(visitor.get(f"{path}?currency=GBP&replaces={replaces}").text)
    fields = [
        ("parts", str(parts)), ("day", (NOON.date() + timedelta(days=days)).isoformat()), ("every", "month"),
        ("currency", "GBP"), ("replaces", replaces), ("reason", "They asked for time by telephone."),
        *(("invoice", ref) for ref in refs),
    ]  # fmt: skip
    seen = visitor.post(path, [*fields, ("shown", "")])
    assert seen.status_code == 200, words(seen)
    answer = visitor.post(path, [*fields, ("shown", dict(hidden(seen))["shown"])])
    assert answer.status_code == 303, words(answer)


def test_a_promise_is_noted_after_what_follows_was_read(desk: Desk, tidewater: Account) -> None:
    """Nothing is written by the first press; changed figures are shown again before they are kept."""
    visitor, path = desk.at(Role.COLLECTOR), f"/desk/accounts/{tidewater.ref}/promise"
    assert "Overdue or asked for: 1,418.40 GBP" in words(visitor.get(f"{path}?currency=GBP"))
    fields = {"amount": "1,418.40", "day": DAY, "currency": "GBP", "contact": "", "shown": ""}
    seen = visitor.post(path, fields)
    assert "Note the promise of 1,418.40 GBP" in words(seen)
    assert promises_of(desk) == []
    other = visitor.post(path, fields | {"amount": "1,000.00", "shown": dict(hidden(seen))["shown"]})
    assert "Note the promise of 1,000.00 GBP" in words(other)
    assert promises_of(desk) == []
    answer = visitor.post(path, fields | {"shown": dict(hidden(seen))["shown"]})
    assert answer.status_code == 303
    (row,) = promises_of(desk)
    assert (row.amount_minor, row.status, row.recorded_by_id is not None) == (
        141840,
        PromiseStatus.OPEN,
        True,
    )
    assert "The promise of 1,418.40 GBP is noted." in words(visitor.get(answer.location))
    assert "promise_recorded" in kinds(desk)


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"amount": ""}, 422, "Fill this in."),
        ({"amount": "0"}, 409, "more than zero"),
        ({"amount": "99,999.00"}, 409, "more than"),
        ({"day": "soon"}, 422, "day"),
        ({"day": "2026-11-01"}, 409, "day"),
        ({"day": "2027-05-03"}, 409, "day"),
        ({"currency": "XXX"}, 422, ""),
    ],
)
def test_bad_promises_are_refused_at_their_field(
    desk: Desk, tidewater: Account, fields: dict[str, str], status: int, says: str
) -> None:
    visitor, path = desk.at(Role.COLLECTOR), f"/desk/accounts/{tidewater.ref}/promise"
    visitor.get(path)
    sound = {"amount": "500.00", "day": DAY, "currency": "GBP", "contact": "", "shown": ""}
    answer = visitor.post(path, sound | fields)
    assert answer.status_code == status, words(answer)
    assert says in words(answer)
    assert promises_of(desk) == []


def test_somebody_elses_contact_is_not_found(desk: Desk, tidewater: Account) -> None:
    """L-15."""
    other = desk.account()
    with desk.store.read() as s:
        stranger = s.scalars(select(Contact.ref).where(Contact.account_id == other.id)).first()
    visitor, path = desk.at(Role.COLLECTOR), f"/desk/accounts/{tidewater.ref}/promise"
    fields = {"amount": "500.00", "day": DAY, "currency": "GBP", "contact": stranger or "", "shown": ""}
    seen = visitor.post(path, fields) if visitor.get(path) else None
    assert seen is not None
    answer = visitor.post(path, fields | {"shown": dict(hidden(seen))["shown"]})
    assert answer.status_code == 404
    assert promises_of(desk) == []


def test_due_today_and_sums_by_currency(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.COLLECTOR)
    assert "Nothing was promised for today." in words(visitor.get("/desk/promises"))
    note(visitor, tidewater, "500.00")
    page = words(visitor.get("/desk/promises?show=open"))
    assert "500.00 GBP (1)" in page
    assert "noted by" in page
    desk.clock.at = NOON + timedelta(days=7)
    page = words(desk.at(Role.COLLECTOR).get("/desk/promises"))
    assert "Due today 1" in page
    assert "500.00 GBP (1)" in page
    assert "Nothing was promised for today." in words(
        desk.at(Role.COLLECTOR).get("/desk/promises?whose=mine")
    )


def test_withdrawn_with_a_reason_and_what_the_ladder_does(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.COLLECTOR)
    note(visitor, tidewater, "500.00")
    (row,) = promises_of(desk)
    path = f"/desk/promises/{row.ref}/withdraw"
    page = words(visitor.get(path))
    assert "paused: promise to pay" in page
    assert "counts neither as kept nor as broken" in page
    assert visitor.post(path, {"reason": " "}).status_code == 422
    assert promises_of(desk)[0].status is PromiseStatus.OPEN
    answer = visitor.post(path, {"reason": "Noted on the wrong account."})
    assert answer.status_code == 303
    assert promises_of(desk)[0].status is PromiseStatus.WITHDRAWN
    assert "The promise is taken back." in words(visitor.get(answer.location))
    assert visitor.get(path).status_code == 200  # says that it is over, with no button
    assert 'class="btn stop"' not in visitor.get(path).text


def test_a_plan_within_the_rules_goes_to_be_signed(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.COLLECTOR)
    put_forward(visitor, tidewater)
    (plan,) = plans_of(desk)
    assert plan.status is PlanStatus.PROPOSED
    assert "plan_proposed" in kinds(desk)
    page = words(visitor.get("/desk/plans?show=signature"))
    assert "to be signed" in page
    assert tidewater.name in page


def test_beyond_the_rules_a_second_person_first(desk: Desk, tidewater: Account) -> None:
    """A-02: the proposer is refused, the debtor hears nothing before the approval."""
    visitor = desk.at(Role.COLLECTOR)
    put_forward(visitor, tidewater, parts=20)
    (plan,) = plans_of(desk)
    assert plan.status is PlanStatus.AWAITING_APPROVAL
    assert "plan_proposed" not in kinds(desk)
    forged = visitor.post(f"/desk/approvals/plans/{plan.ref}/approve", {"digest": plan.terms_digest})
    assert forged.status_code in (403, 409)
    assert plans_of(desk)[0].status is PlanStatus.AWAITING_APPROVAL
    supervisor = desk.actor(Role.SUPERVISOR)
    desk.store.run(
        lambda s: plan_deciding.approve(s, supervisor, plan.ref, digest=plan.terms_digest, now=NOON)
    )
    assert plans_of(desk)[0].status is PlanStatus.PROPOSED
    assert "plan_proposed" in kinds(desk)


def test_a_plan_is_cancelled_with_its_consequences_first(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.COLLECTOR)
    put_forward(visitor, tidewater)
    (plan,) = plans_of(desk)
    assert visitor.get(f"/desk/plans/{plan.ref}/cancel").status_code == 409  # it does not run yet
    _sign(desk, plan)
    page = words(visitor.get(f"/desk/plans/{plan.ref}/cancel"))
    assert "Cancel the plan and ask for" in page
    assert "2026-1131" in page
    assert visitor.post(f"/desk/plans/{plan.ref}/cancel", {"reason": ""}).status_code == 422
    answer = visitor.post(f"/desk/plans/{plan.ref}/cancel", {"reason": "They want to pay it all now."})
    assert answer.status_code == 303
    assert plans_of(desk)[0].status is PlanStatus.CANCELLED
    assert "plan_cancelled" in kinds(desk)
    assert "No plan runs." in words(visitor.get("/desk/plans?show=running"))


def _sign(desk: Desk, plan: Plan) -> None:
    """Let the debtor sign, as his page does."""
    with desk.store.read() as s:
        account = s.get_one(Account, plan.account_id)
        contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).first()
        assert contact is not None
    signed = plans.Signature("Helen Marsh", "Owner", may_bind=True, language="en", ip_prefix=None)
    desk.store.run(
        lambda s: plans.accept(
            s, make.holder_actor(account, contact), plan.ref, digest=plan.terms_digest, signature=signed,
            now=NOON,
        )
    )  # fmt: skip


@pytest.mark.parametrize("path", ["promises", "plans"])
def test_strange_questions_get_the_usual_page(desk: Desk, path: str) -> None:
    visitor = desk.at(Role.AUDITOR)
    for query in ("?show=none", "?currency=%00%22", "?first=-4", "?first=x&whose=%F0%9F%92%A9"):
        assert visitor.get(f"/desk/{path}{query}").status_code == 200
