"""Recording a credit note: consequences first, then the note that was shown, and nothing twice."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.invoices import Invoice, InvoiceKind
from models.staff import Role
from tests.admin.conftest import Desk
from tests.portal.visitor import Visitor, words

FIELDS = {"number": "CN-2026-7", "amount": "£100.50", "reason": "two cases came wet", "shown": ""}


@pytest.fixture
def invoice(desk: Desk, tidewater: Account) -> str:
    with desk.store.read() as session:
        return session.scalars(select(Invoice.ref).where(Invoice.number == "2026-1131")).one()


def shown(text: str) -> str:
    found = re.search(r'name="shown" value="([^"]*)"', text)
    assert found is not None
    return found[1]


def notes(desk: Desk) -> list[Invoice]:
    with desk.store.read() as session:
        return list(session.scalars(select(Invoice).where(Invoice.kind == InvoiceKind.CREDIT_NOTE)))


def through(visitor: Visitor, path: str, fields: dict[str, str]) -> str:
    """Send the form twice, as a person does: to see what follows, then to do it."""
    visitor.get(path)
    first = visitor.post(path, fields)
    assert first.status_code == 200, words(first)
    answer = visitor.post(path, fields | {"shown": shown(first.text)})
    assert answer.status_code == 303, words(answer)
    return answer.location


def test_consequences_then_the_note(desk: Desk, invoice: str) -> None:
    """Look.md: nothing is recorded by the first press; the second records exactly what was shown."""
    visitor = desk.at(Role.ACCOUNTANT)
    path = f"/desk/invoices/{invoice}/credit"
    visitor.get(path)
    page = visitor.post(path, FIELDS)
    assert notes(desk) == []
    assert "576.00 GBP → 475.50 GBP" in words(page)
    assert "Record a credit note of 100.50 GBP" in words(page)
    location = through(visitor, path, FIELDS)
    said = words(visitor.get(location))
    assert "Credit note CN-2026-7 recorded: 100.50 GBP" in said
    assert "Asked for 475.50" in said
    (note,) = notes(desk)
    assert (note.number, note.total_minor, note.balance_minor, note.description) == (
        "CN-2026-7", 10050, 0, "two cases came wet",
    )  # fmt: skip
    assert "credit_note.recorded" in desk.codes()


def test_changed_values_are_shown_again(desk: Desk, invoice: str) -> None:
    """A value changed after the list was made is listed again before anything is recorded."""
    visitor = desk.at(Role.SUPERVISOR)
    path = f"/desk/invoices/{invoice}/credit"
    visitor.get(path)
    first = visitor.post(path, FIELDS)
    again = visitor.post(path, FIELDS | {"amount": "200.00", "shown": shown(first.text)})
    assert again.status_code == 200
    assert "576.00 GBP → 376.00 GBP" in words(again)
    assert notes(desk) == []


def test_sent_twice_is_one_note(desk: Desk, invoice: str) -> None:
    """A double press finds the note that is there."""
    visitor = desk.at(Role.ACCOUNTANT)
    path = f"/desk/invoices/{invoice}/credit"
    through(visitor, path, FIELDS)
    through(visitor, path, FIELDS)
    assert len(notes(desk)) == 1


@pytest.mark.parametrize(
    ("change", "says", "status"),
    [
        ({"amount": "0"}, "The amount must be more than zero.", 422),
        ({"amount": "-5"}, "The amount must be more than zero.", 422),
        ({"amount": "1.234"}, "This has more decimals than the currency has.", 422),
        ({"amount": "abc"}, "This is not an amount.", 422),
        ({"amount": "9" * 60}, "This amount is too large.", 422),
        ({"amount": ""}, "Fill this in.", 422),
        ({"number": ""}, "Fill this in.", 422),
        ({"number": "x" * 41}, "This is too long.", 422),
        ({"reason": " \x00 "}, "Fill this in.", 422),
        ({"amount": "576.01"}, "This is more than is open on the invoice.", 200),
    ],
)
def test_bad_input_stays_at_its_field(
    desk: Desk, invoice: str, change: dict[str, str], says: str, status: int
) -> None:
    """What was typed stays, the field says what is wrong, nothing is recorded."""
    visitor = desk.at(Role.ACCOUNTANT)
    path = f"/desk/invoices/{invoice}/credit"
    visitor.get(path)
    answer = visitor.post(path, FIELDS | change)
    assert answer.status_code == status
    assert says in words(answer)
    assert "Record a credit note of" not in words(answer)
    assert notes(desk) == []


def test_refusals_of_the_rule_are_said_at_the_form(desk: Desk, invoice: str) -> None:
    """M-09: what the action refuses comes back to the form, 409, with the field marked."""
    visitor = desk.at(Role.ACCOUNTANT)
    path = f"/desk/invoices/{invoice}/credit"
    through(visitor, path, FIELDS)
    visitor.get(path)
    other = FIELDS | {"amount": "50"}
    first = visitor.post(path, other)
    answer = visitor.post(path, other | {"shown": shown(first.text)})
    assert answer.status_code == 409
    assert "Another credit note of this account has this number already." in words(answer)
    assert len(notes(desk)) == 1


def test_amount_is_read_in_the_reader_s_way(desk: Desk, invoice: str) -> None:
    """M-02: a comma is the decimal mark for a Hungarian reader, and never silently times a thousand."""
    visitor = desk.at(Role.ACCOUNTANT, language="hu")
    through(visitor, f"/desk/invoices/{invoice}/credit", FIELDS | {"amount": "100,50"})
    assert notes(desk)[0].total_minor == 10050


def test_repeated_fields_and_extra_ones_change_nothing(desk: Desk, invoice: str) -> None:
    """A-09: `amount=1&amount=9` is refused; fields that the form does not name are not read."""
    visitor = desk.at(Role.ACCOUNTANT)
    path = f"/desk/invoices/{invoice}/credit"
    visitor.get(path)
    assert visitor.post(path, [*FIELDS.items(), ("amount", "9")]).status_code == 400
    through(visitor, path, FIELDS | {"status": "paid", "currency": "JPY", "account_id": "1"})
    assert notes(desk)[0].currency == "GBP"
