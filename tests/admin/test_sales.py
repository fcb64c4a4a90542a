"""Sales at the desk: own accounts, results, time to talk, early warnings (part 10)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.pauses import Pause, PauseReason
from models.staff import Role
from models.work import Task, TaskKind
from receivables import outbox
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
