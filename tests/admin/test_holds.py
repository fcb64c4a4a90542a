"""Credit hold at the desk: placed with what releases it, ended with a reason (part 10)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask_babel import force_locale, gettext
from sqlalchemy import select
from werkzeug.test import TestResponse

from admin.hold_words import HOLD_REASONS
from models.accounts import Account
from models.arrangements import CreditHold, HoldEnd
from models.staff import Role
from models.states import HoldStatus
from receivables.credit_status import COLUMNS
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import Visitor, words

FIELDS = {
    "currency": "GBP", "cause": "other", "by": "amount", "release": "£1,000.00",
    "reason": "Two invoices are late.", "prepaid": "y", "plan": "y",
}  # fmt: skip


def holds(desk: Desk) -> list[CreditHold]:
    with desk.store.read() as session:
        return list(session.scalars(select(CreditHold)))


def shown(answer: TestResponse) -> dict[str, str]:
    """What the page says it has shown, to be sent back with the form."""
    found = re.search(r'name="shown" value="([^"]*)"', answer.text)
    assert found is not None
    return {"shown": found[1]}


def place(visitor: Visitor, path: str, **more: str) -> TestResponse:
    """Look at what follows, then press."""
    fields = FIELDS | more
    return visitor.post(path, fields | shown(visitor.post(path, fields)))


def test_placed_shown_and_asked_to_be_ended(desk: Desk, tidewater: Account) -> None:
    """Part 5: nothing is placed before what follows was shown; an early end needs a second person."""
    visitor = desk.at(Role.COLLECTOR)
    path = f"/desk/accounts/{tidewater.ref}/hold"
    first = words(visitor.get(f"{path}?currency=GBP"))
    assert "At most what is overdue, 1,418.40 GBP." in first
    assert "Within 10 minutes by you" in first
    looked = visitor.post(path, FIELDS)
    assert looked.status_code == 200
    assert holds(desk) == []
    assert "Two invoices are late. 1,000.00 GBP" in words(looked)
    answer = visitor.post(path, FIELDS | shown(looked))
    assert answer.status_code == 303, words(answer)
    assert "Placed on credit hold until 1,000.00 GBP is paid." in words(visitor.get(answer.location))
    (hold,) = holds(desk)
    assert (hold.release_minor, hold.currency, hold.status) == (100000, "GBP", HoldStatus.ACTIVE)
    assert (hold.plan_releases, hold.prepaid_allowed) == (True, True)
    page = words(visitor.get(path))
    assert "Two invoices are late." in page
    assert "Still to come 1,000.00 GBP" in page
    assert visitor.post(f"{path}/release", {"reason": ""}).status_code == 422
    assert visitor.post(f"{path}/release", {"reason": "agreed by telephone"}).status_code == 303
    assert holds(desk)[0].status is HoldStatus.ACTIVE
    assert "early end waits for a second person" in words(visitor.get(path))
    assert {"credit_hold.placed", "approval.asked"} <= set(desk.codes())


def test_what_was_typed_is_what_was_shown(desk: Desk, tidewater: Account) -> None:
    """A form that was changed after its consequences were shown places nothing."""
    visitor = desk.at(Role.COLLECTOR)
    path = f"/desk/accounts/{tidewater.ref}/hold"
    seen = shown(visitor.get(f"{path}?currency=GBP"))
    assert visitor.post(path, FIELDS | seen).status_code == 200
    assert holds(desk) == []


def test_taken_back_in_time_or_not_at_all(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.COLLECTOR)
    path = f"/desk/accounts/{tidewater.ref}/hold"
    place(visitor, path)
    assert visitor.post(f"{path}/undo").status_code == 303
    assert holds(desk)[0].ended_as is HoldEnd.UNDONE
    place(visitor, path)
    desk.clock.at += timedelta(minutes=11)
    late = visitor.post(f"{path}/undo")
    assert late.status_code == 409
    assert "The time to take it back is over" in words(late)


def test_the_debtor_reads_the_reason_in_his_language(desk: Desk) -> None:
    account = desk.account(language="hu")
    desk.invoice(account, 50000)
    visitor = desk.at(Role.COLLECTOR)
    path = f"/desk/accounts/{account.ref}/hold"
    assert place(visitor, path, cause="overdue", release="500.00", reason="").status_code == 303
    with desk.app.test_request_context(), force_locale("hu"):
        assert holds(desk)[0].reason == gettext(HOLD_REASONS["overdue"])


def test_sales_hears_of_it_before(desk: Desk, tidewater: Account) -> None:
    """Domain, the ladder: one business day's notice, also when a person freezes by hand."""
    seller = desk.person(Role.SALESPERSON, name="Marek Nowak")
    with desk.store.write() as session:
        session.get_one(Account, tidewater.id).salesperson_id = seller.id
    visitor = desk.at(Role.COLLECTOR)
    path = f"/desk/accounts/{tidewater.ref}/hold"
    assert "Tell sales first" in words(visitor.get(f"{path}?currency=GBP"))
    refused = place(visitor, path)
    assert refused.status_code == 409
    assert "one business day before" in words(refused)
    assert visitor.post(f"{path}/announce").status_code == 303
    desk.clock.at += timedelta(days=4)
    visitor = desk.at(Role.COLLECTOR)
    assert place(visitor, path).status_code == 303


def test_the_list_and_the_file(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.COLLECTOR)
    assert "Nobody is on credit hold." in words(visitor.get("/desk/holds"))
    place(visitor, f"/desk/accounts/{tidewater.ref}/hold")
    page = words(visitor.get("/desk/holds?show=standing&cause=other"))
    assert "Still to come: 1,000.00 GBP" in page
    assert "Nothing here with this choice." in words(visitor.get("/desk/holds?cause=overdue"))
    assert "Nothing here with this choice." in words(visitor.get("/desk/holds?show=due"))
    file = visitor.get("/desk/holds/status.csv")
    assert file.status_code == 200, file.location
    lines = file.text.splitlines()
    assert lines[0].lstrip("\ufeff") == ",".join(COLUMNS)
    assert ",hold,," in lines[1]
    assert "1000.00,GBP" in lines[1]


def test_a_salesperson_sees_his_own(desk: Desk, tidewater: Account) -> None:
    """L-15: another's account is not found; of his own he reads why and what releases it."""
    place(desk.at(Role.COLLECTOR), f"/desk/accounts/{tidewater.ref}/hold")
    seller = desk.person(Role.SALESPERSON)
    visitor = Visitor(desk.app)
    desk.sign_in(seller, visitor)
    path = f"/desk/accounts/{tidewater.ref}/hold"
    assert visitor.get(path).status_code == 404
    assert "Tidewater" not in words(visitor.get("/desk/holds"))
    with desk.store.write() as session:
        session.get_one(Account, tidewater.id).salesperson_id = seller.id
    page = visitor.get(path)
    assert page.status_code == 200
    assert "Still to come 1,000.00 GBP" in words(page)
    assert "Ask for the early end" not in words(page)


@pytest.mark.parametrize(
    ("change", "says", "status"),
    [
        ({"release": ""}, "Fill this in.", 422),
        ({"release": "abc"}, "This is not an amount.", 422),
        ({"release": "0"}, "The amount must be more than zero.", 409),
        ({"release": "1418.41"}, "This is more than is overdue and asked for.", 409),
        ({"review_on": NOON.date().isoformat()}, "The day must be after today.", 409),
        ({"review_on": "2027-11-22"}, "That is later than a hold may stand unseen.", 409),
        ({"by": "invoices"}, "Fill this in.", 422),
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
    if status == 409:
        answer = visitor.post(path, FIELDS | change | shown(answer))
    assert answer.status_code == status, words(answer)
    assert says in words(answer)
    assert holds(desk) == []


def test_another_currency_that_is_overdue(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    path = f"/desk/accounts/{tidewater.ref}/hold"
    assert "To pay for the release, EUR" in words(visitor.get(f"{path}?currency=EUR"))
    assert place(visitor, path, currency="EUR", release="215.00").status_code == 303
    assert holds(desk)[0].currency == "EUR"


def test_nothing_overdue_nothing_to_place(desk: Desk) -> None:
    account = desk.account()
    page = desk.at(Role.SUPERVISOR).get(f"/desk/accounts/{account.ref}/hold")
    assert "A hold needs something overdue that releases it." in words(page)
