"""Sales at the desk: own accounts, results, time to talk, early warnings (part 10)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import CreditHold
from models.invoices import Invoice, InvoiceKind
from models.pauses import Pause, PauseReason
from models.staff import Role, Staff
from models.states import HoldStatus
from models.task_links import TaskLink
from models.work import Task, TaskKind
from receivables import outbox, task_links
from receivables.policy import default_policy
from tests.admin.conftest import Desk, password_hash
from tests.conftest import NOON
from tests.portal.visitor import Visitor, words


@pytest.fixture
def seller(desk: Desk, tidewater: Account) -> Visitor:
    """Tidewater's salesperson, signed in; the account has a task for sales."""
    person = desk.person(Role.SALESPERSON, name="Dan Ellis", password_hash=password_hash())
    with desk.store.write() as s:
        s.get_one(Account, tidewater.id).salesperson_id = person.id
        outbox.ask_person(s, TaskKind.SALES, "step:1:sales", account_id=tidewater.id, facts={}, now=NOON)
    visitor = Visitor(desk.app)
    assert desk.sign_in(person, visitor).status_code == 303
    visitor.get("/desk/")
    return visitor


def task_ref(desk: Desk) -> str:
    with desk.store.read() as s:
        return s.scalars(select(Task.ref).where(Task.kind == TaskKind.SALES)).one()


def test_own_accounts_and_no_others(desk: Desk, tidewater: Account, seller: Visitor) -> None:
    """L-15: another's account is not found."""
    other = desk.account()
    desk.invoice(other)
    page = words(seller.get("/desk/sales"))
    assert tidewater.name in page
    assert "1,418.40 GBP" in page
    assert "215.00 EUR" in page
    assert "Sales to talk with the customer" in page
    assert seller.get(f"/desk/sales/{other.ref}").status_code == 404
    assert seller.post(f"/desk/sales/{other.ref}/warn", {"words": "x"}).status_code == 404
    assert seller.post(f"/desk/sales/{other.ref}/time").status_code == 404
    stranger = desk.at(Role.SALESPERSON)
    assert "Nothing is overdue, and nothing is asked of sales." in words(stranger.get("/desk/sales"))
    assert stranger.post(f"/desk/sales/tasks/{task_ref(desk)}/report").status_code == 404
    assert words(desk.at(Role.SUPERVISOR).get("/desk/sales")).count(tidewater.number) == 1


def test_result_comes_back_to_the_timeline(desk: Desk, tidewater: Account, seller: Visitor) -> None:
    ref, page = task_ref(desk), f"/desk/sales/{tidewater.ref}"
    seller.get(page)
    answer = seller.post(f"/desk/sales/tasks/{ref}/report", {"outcome": "will_pay", "words": ""})
    assert answer.status_code == 422
    assert "Fill this in." in words(answer)
    answer = seller.post(f"/desk/sales/tasks/{ref}/report", {"outcome": "bribe", "words": "x"})
    assert answer.status_code == 422
    fields = {"outcome": "will_pay", "words": "Their owner signs on Friday."}
    answer = seller.post(f"/desk/sales/tasks/{ref}/report", fields)
    assert answer.status_code == 303
    assert "Noted on the timeline." in words(seller.get(answer.location))
    line = words(desk.at(Role.COLLECTOR).get(f"/desk/accounts/{tidewater.ref}"))
    assert "Sales spoke with them: will pay · “Their owner signs on Friday.” · Dan Ellis" in line


def test_48_hours_once(desk: Desk, tidewater: Account, seller: Visitor) -> None:
    path = f"/desk/sales/{tidewater.ref}"
    assert "Ask for 48 hours" in words(seller.get(path))
    answer = seller.post(f"{path}/time")
    assert answer.status_code == 303
    page = words(seller.get(answer.location))
    assert "The account rests for two business days." in page
    assert "Time was asked for in this case already." in page
    with desk.store.read() as s:
        assert s.scalars(select(Pause.reason)).one() is PauseReason.SALES_TALK
    again = seller.post(f"{path}/time")
    assert again.status_code == 409
    assert "once is all there is" in words(again)


def test_warned_before_anything_is_late(desk: Desk, tidewater: Account, seller: Visitor) -> None:
    path = f"/desk/sales/{tidewater.ref}"
    seller.get(path)
    assert seller.post(f"{path}/warn", {"words": " \u202e"}).status_code == 422
    answer = seller.post(f"{path}/warn", {"words": "Half the ovens are for sale."})
    assert answer.status_code == 303
    assert "Half the ovens are for sale." in words(seller.get(answer.location))
    seen = words(desk.at(Role.COLLECTOR).get(f"/desk/accounts/{tidewater.ref}"))
    assert "Sales warns that a customer may stop paying" in seen
    assert "Sales warned early · “Half the ovens are for sale.”" in seen


# --------------------------------------------------------------------------- before delivery, and one tap


def test_before_delivery_is_promised(desk: Desk, tidewater: Account, seller: Visitor) -> None:
    """ok, watch or hold with what releases it; orders whose money hangs, and until when they are kept."""
    supervisor = desk.actor(Role.SUPERVISOR)
    ref = desk.invoice(tidewater, 40000, late=5, number="P-7001")
    with desk.store.write() as s:
        s.scalars(select(Invoice).where(Invoice.ref == ref)).one().kind = InvoiceKind.PREPAYMENT
    page = words(seller.get("/desk/sales"))
    assert "ask before you promise" in page or "deliver" in page
    assert "400.00 GBP goods kept until" in page
    with desk.store.write() as s:
        account = s.get_one(Account, tidewater.id)
        s.add(
            CreditHold(
                account_id=account.id, status=HoldStatus.ACTIVE, reason="Two promises were not kept.",
                since_on=NOON.date(), release_minor=57600, currency="GBP", placed_by_id=supervisor.id,
                placed_at=NOON,
            )
        )  # fmt: skip
    page = words(seller.get(f"/desk/sales/{tidewater.ref}"))
    assert "no delivery on credit" in page
    assert "576.00 GBP" in page
    assert "Two promises were not kept." in page
    assert "P-7001" in page


def test_books_and_lists_show_a_salesperson_his_own(desk: Desk, tidewater: Account, seller: Visitor) -> None:
    """L-15: every list and page that a salesperson may open."""
    other = desk.account()
    ref = desk.invoice(other, number="2026-9999")
    assert "2026-9999" not in words(seller.get("/desk/books/invoices/"))
    assert "2026-1131" in words(seller.get("/desk/books/invoices/"))
    assert words(seller.get("/desk/books/accounts/")).count(tidewater.number) == 1
    assert other.number not in words(seller.get("/desk/books/accounts/"))
    for path in (f"/desk/accounts/{other.ref}", f"/desk/invoices/{ref}", f"/desk/accounts/{other.ref}/flags",
                 f"/desk/books/accounts/details/?id={other.id}"):  # fmt: skip
        assert seller.get(path).status_code == 404, path
    assert other.number not in words(seller.get("/desk/"))


def test_a_supervisor_sees_one_salespersons(desk: Desk, tidewater: Account, seller: Visitor) -> None:
    with desk.store.read() as s:
        who = s.scalars(select(Staff.ref).where(Staff.name == "Dan Ellis")).one()
    visitor = desk.at(Role.SUPERVISOR)
    assert tidewater.name in words(visitor.get(f"/desk/sales?who={who}"))
    assert tidewater.name not in words(visitor.get("/desk/sales?who=nobody"))
    assert "everybody" not in words(seller.get("/desk/sales"))


@pytest.fixture
def token(desk: Desk, tidewater: Account, seller: Visitor) -> str:
    """The clear token of the mail that asks Dan Ellis."""

    def unit(s: Session) -> str:
        account, task = s.get_one(Account, tidewater.id), s.scalars(select(Task)).one()
        task.assigned_to_id = account.salesperson_id
        link = task_links.mail_task(s, account, task, now=NOON)
        assert link is not None
        assert task_links.mail_task(s, account, task, now=NOON) is link
        minted = task_links.mint(s, link.ref, policy=default_policy(), now=NOON)
        assert minted is not None
        return minted[0]

    return desk.store.run(unit)


def done(desk: Desk) -> bool:
    with desk.store.read() as s:
        return s.scalars(select(Task.done_at)).one() is not None


def test_one_tap_answers_once_and_only_when_pressed(desk: Desk, tidewater: Account, token: str) -> None:
    """L-04: opening changes nothing; the answer spends the link, which then opens nothing."""
    visitor, path = Visitor(desk.app), f"/desk/answer/{token}"
    for _ in range(3):
        seen = words(visitor.get(path))
    assert tidewater.name in seen
    assert "GBP" not in seen  # no figures without sign-in
    assert not done(desk)
    answer = visitor.post(path, {"outcome": "will_pay", "words": ""})
    assert answer.status_code == 200
    assert "It stands on the timeline of" in words(answer)
    assert done(desk)
    assert visitor.get(path).status_code == 410
    assert visitor.post(path, {"outcome": "refuses", "words": "x"}).status_code == 410
    line = words(desk.at(Role.COLLECTOR).get(f"/desk/accounts/{tidewater.ref}"))
    assert "Sales spoke with them: will pay" in line


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"outcome": "bribe", "words": ""}, 422, ""),
        ({"words": "x"}, 422, ""),
        ({"outcome": "refuses", "words": " "}, 409, "Write"),
        ({"outcome": "will_pay", "words": "x" * 1001}, 422, "This is too long."),
    ],
)
def test_a_tap_with_nothing_in_it_is_refused(
    desk: Desk, token: str, fields: dict[str, str], status: int, says: str
) -> None:
    visitor, path = Visitor(desk.app), f"/desk/answer/{token}"
    visitor.get(path)
    answer = visitor.post(path, fields)
    assert answer.status_code == status
    assert says in words(answer)
    assert not done(desk)


def test_links_that_answer_nothing(desk: Desk, tidewater: Account, token: str) -> None:
    """Guessed, over, of who has left, or of who no longer looks after the account."""
    visitor = Visitor(desk.app)
    assert visitor.get("/desk/answer/" + "A" * 43).status_code == 410
    assert (
        visitor.post(f"/desk/answer/{token}", {"outcome": "will_pay", "words": ""}).status_code == 400
    )  # no CSRF
    visitor.get(f"/desk/answer/{token}")
    with desk.store.write() as s:
        s.get_one(Account, tidewater.id).salesperson_id = None
    assert visitor.post(f"/desk/answer/{token}", {"outcome": "will_pay", "words": ""}).status_code == 404
    with desk.store.write() as s:
        s.scalars(select(Staff).where(Staff.name == "Dan Ellis")).one().is_active = False
    assert visitor.get(f"/desk/answer/{token}").status_code == 410
    assert not done(desk)


def test_a_link_that_is_over(desk: Desk, token: str) -> None:
    """Policy task_links.valid_hours: three days after the task was due."""
    visitor = Visitor(desk.app)
    assert visitor.get(f"/desk/answer/{token}").status_code == 200
    desk.clock.at = NOON + timedelta(hours=73)
    assert visitor.get(f"/desk/answer/{token}").status_code == 410
    with desk.store.read() as s:
        assert s.scalars(select(TaskLink.token_digest)).one() != token
