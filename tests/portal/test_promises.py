"""Promises in the portal on two devices: what one did is what the other is shown."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.arrangements import Promise
from models.states import PromiseStatus
from receivables.calendar_days import is_business_day
from tests.portal.conftest import Portal
from tests.portal.visitor import Visitor, complaint, hidden, words


def working_days(portal: Portal) -> list[date]:
    return [day for n in range(1, 15) if is_business_day(day := portal.day(n), "GB")]


def promised(visitor: Visitor, on: date, amount: str = "300.50") -> str:
    """Promise as a person does; returns the address of the promise."""
    visitor.get("/account/promise")
    form = {"currency": "GBP", "amount": amount, "on": on.isoformat()}
    review = visitor.get(visitor.post("/account/promise", form).location)
    place = visitor.post("/account/promise/review", hidden(review)).location
    assert place is not None
    return place


def statuses(portal: Portal) -> list[PromiseStatus]:
    with portal.store.read() as session:
        return list(session.scalars(select(Promise.status).order_by(Promise.id)))


def test_taken_back_here_and_changed_there(portal: Portal, tidewater: Account) -> None:
    """Issue B, bad input: the change that comes after the withdrawal counts as the one that is allowed."""
    here, there = portal.visitor(tidewater), portal.visitor(tidewater)
    first, second = working_days(portal)[2:4]
    place = promised(here, first)
    there.get("/account/promise")
    stale = there.get(
        there.post(
            "/account/promise", {"currency": "GBP", "amount": "300", "on": second.isoformat()}
        ).location
    )
    here.get(f"{place}/withdraw")
    assert here.post(f"{place}/withdraw").status_code == 303
    answer = there.post("/account/promise/review", hidden(stale))
    assert answer.status_code == 303
    assert statuses(portal) == [PromiseStatus.WITHDRAWN, PromiseStatus.OPEN]
    # The first device, not reloaded, takes back a promise that it has never seen: only its own is gone.
    here.post(f"{place}/withdraw")
    assert statuses(portal) == [PromiseStatus.WITHDRAWN, PromiseStatus.OPEN]


def test_two_changes_from_two_devices(portal: Portal, tidewater: Account) -> None:
    """Policy promises.changes: the second change is told that the day was moved already, and which stands."""
    here, there = portal.visitor(tidewater), portal.visitor(tidewater)
    days = working_days(portal)
    promised(here, days[2])
    there.get("/account/promise")
    form = {"currency": "GBP", "amount": "300", "on": days[4].isoformat()}
    stale = there.get(there.post("/account/promise", form).location)
    promised(here, days[3])
    late = there.post("/account/promise/review", hidden(stale))
    assert late.status_code == 422
    assert f"{days[3].day} {days[3]:%B %Y}" in words(late)
    assert statuses(portal) == [PromiseStatus.SUPERSEDED, PromiseStatus.OPEN]


@pytest.mark.parametrize("language", ["he", "ru", "hu"])
@pytest.mark.parametrize(
    "change",
    [
        {"on": "2020-01-01"},
        {"on": "2199-01-01"},
        {"on": ""},
        {"amount": "0"},
        {"amount": "-5"},
        {"amount": "99999"},
    ],
)
def test_what_is_wrong_is_said_in_each_language(
    portal: Portal, tidewater: Account, language: str, change: dict[str, str]
) -> None:
    """Issue B, parts 5 and 12: past, beyond the horizon, nothing, too much: told in the reader's words."""
    fields = {"currency": "GBP", "amount": "300", "on": working_days(portal)[2].isoformat()} | change
    said = []
    for shown in ("en", language):
        visitor = portal.visitor(tidewater)
        visitor.get(f"/account/promise?lang={shown}")
        answer = visitor.post(f"/account/promise?lang={shown}", fields)
        assert answer.status_code == 422
        said.append(complaint(answer))
    assert said[0]
    assert said[0] != said[1]


def test_a_holiday_is_named_with_the_nearest_day_that_works(portal: Portal, tidewater: Account) -> None:
    """Issue B, bad input: no bank works then, and the sentence says when one does."""
    off = next(day for n in range(1, 14) if not is_business_day(day := portal.day(n), "GB"))
    visitor = portal.visitor(tidewater)
    visitor.get("/account/promise")
    answer = visitor.post("/account/promise", {"currency": "GBP", "amount": "10", "on": off.isoformat()})
    assert answer.status_code == 422
    near = next(day for day in (off + timedelta(days=n) for n in range(5)) if is_business_day(day, "GB"))
    assert f"{near.day} {near:%B}" in words(answer)
