"""Credit hold at the desk: placed with what releases it, ended with a reason (part 10)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.arrangements import CreditHold
from models.staff import Role
from models.states import HoldStatus
from tests.admin.conftest import Desk
from tests.portal.visitor import words

FIELDS = {"currency": "GBP", "release": "£1,000.00", "reason": "Two invoices are late."}


def holds(desk: Desk) -> list[CreditHold]:
    with desk.store.read() as session:
        return list(session.scalars(select(CreditHold)))


def test_placed_shown_and_ended(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    path = f"/desk/accounts/{tidewater.ref}/hold"
    assert "At most what is overdue, 1,418.40 GBP." in words(visitor.get(f"{path}?currency=GBP"))
    answer = visitor.post(path, FIELDS)
    assert answer.status_code == 303, words(answer)
    assert "Placed on credit hold until 1,000.00 GBP is paid." in words(visitor.get(answer.location))
    (hold,) = holds(desk)
    assert (hold.release_minor, hold.currency, hold.status) == (100000, "GBP", HoldStatus.ACTIVE)
    page = words(visitor.get(path))
    assert "Two invoices are late." in page
    assert "Still to come 1,000.00 GBP" in page
    assert visitor.post(path, FIELDS).status_code == 409
    visitor.get(path)
    assert visitor.post(f"{path}/release", {"reason": ""}).status_code == 422
    assert visitor.post(f"{path}/release", {"reason": "agreed by telephone"}).status_code == 303
    assert holds(desk)[0].status is HoldStatus.RELEASED
    assert {"credit_hold.placed", "credit_hold.released"} <= set(desk.codes())


@pytest.mark.parametrize(
    ("change", "says", "status"),
    [
        ({"release": ""}, "Fill this in.", 422),
        ({"release": "abc"}, "This is not an amount.", 422),
        ({"release": "0"}, "The amount must be more than zero.", 409),
        ({"release": "1418.41"}, "This is more than is overdue and asked for.", 409),
        ({"reason": " \u202e"}, "Fill this in.", 422),
        ({"reason": "x" * 501}, "This is too long.", 422),
        ({"currency": "XXQ"}, "Credit hold of", 422),
    ],
)
def test_bad_input_stays_at_its_field(
    desk: Desk, tidewater: Account, change: dict[str, str], says: str, status: int
) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    path = f"/desk/accounts/{tidewater.ref}/hold"
    visitor.get(path)
    answer = visitor.post(path, FIELDS | change)
    assert answer.status_code == status, words(answer)
    assert says in words(answer)
    assert holds(desk) == []


def test_another_currency_that_is_overdue(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    path = f"/desk/accounts/{tidewater.ref}/hold"
    assert "To pay for the release, EUR" in words(visitor.get(f"{path}?currency=EUR"))
    assert visitor.post(path, FIELDS | {"currency": "EUR", "release": "215.00"}).status_code == 303
    assert holds(desk)[0].currency == "EUR"


def test_nothing_overdue_nothing_to_place(desk: Desk) -> None:
    account = desk.account()
    page = desk.at(Role.SUPERVISOR).get(f"/desk/accounts/{account.ref}/hold")
    assert "A hold needs something overdue that releases it." in words(page)
