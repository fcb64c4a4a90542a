"""Interest and fees at the desk: arithmetic in one line, issue, waive, rates with their source (part 9)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.costs import Charge, InterestRate
from models.invoices import Invoice, InvoiceKind
from models.money import Money
from models.staff import Role
from models.states import ChargeStatus
from receivables import credit_notes
from receivables.costs import charges
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import words
from tests.receivables.costs.conftest import BY_LAW, enter, switch_on

RATE = {"rule": "uk.late", "from_on": "2026-07-01", "percent": "4.25", "source": "Bank bulletin 7"}


@pytest.fixture
def proposed(desk: Desk, tidewater: Account) -> dict[str, Charge]:
    """Fixed sums of £40 on both late invoices of tidewater; interest of £25.84 on a third, £10,000.00."""
    with desk.store.write() as s:
        switch_on(s, *BY_LAW)
        enter(s)
        make.an_invoice(s, s.get_one(Account, tidewater.id), total=1000000, number="2026-0900",
                        due_on=NOON.date() - timedelta(days=10))  # fmt: skip
        found = charges.propose_charges(
            s, SYSTEM, s.get_one(Account, tidewater.id), "GBP", today=NOON.date(), now=NOON
        )
        numbers = {invoice.id: invoice.number for invoice in s.scalars(select(Invoice))}
        return {f"{numbers[charge.invoice_id]} {charge.kind.value}": charge for charge in found}


def status_of(desk: Desk, charge: Charge) -> ChargeStatus:
    with desk.store.read() as s:
        return s.get_one(Charge, charge.id).status


def test_the_arithmetic_stands_in_one_line(desk: Desk, proposed: dict[str, Charge]) -> None:
    """Domain: rate, days, base and legal basis."""
    page = words(desk.at(Role.COLLECTOR).get("/desk/charges"))
    assert "10,000.00 × 10.4% × 9 / 365" in page
    assert "25.64 GBP" in page
    assert "once, on 576.00 GBP" in page
    assert "Late Payment of Commercial Debts (Interest) Act 1998" in page
    assert "Switched off." not in page


def test_issued_from_the_page(desk: Desk, proposed: dict[str, Charge]) -> None:
    charge = proposed["2026-0900 interest"]
    visitor = desk.at(Role.SUPERVISOR)
    page = visitor.get("/desk/charges")
    seen = re.findall(rf'{charge.ref}/issue".*?name="seen" value="([^"]+)"', page.text, re.S)[0]
    answer = visitor.post(f"/desk/charges/{charge.ref}/issue", {"seen": seen})
    assert answer.status_code == 303, words(answer)
    assert "Issued: 25.64 GBP. It is a document of its own" in words(visitor.get(answer.location))
    with desk.store.read() as s:
        fee = s.scalars(select(Invoice).where(Invoice.kind == InvoiceKind.FEE)).one()
    assert (fee.number, fee.balance_minor) == ("2026-0900-F1", 2564)
    assert "2026-0900-F1" in words(visitor.get("/desk/charges?show=decided"))
    assert "2026-0900-F1" in words(visitor.get(f"/desk/invoices/{fee.ref}"))


@pytest.mark.parametrize("seen", ["", "GBP", "GBP 25.63", "EUR 25.64", "XXQ 1.00", "GBP 25,64"])
def test_another_amount_is_not_issued(desk: Desk, proposed: dict[str, Charge], seen: str) -> None:
    charge = proposed["2026-0900 interest"]
    visitor = desk.at(Role.ACCOUNTANT)
    visitor.get("/desk/charges")
    answer = visitor.post(f"/desk/charges/{charge.ref}/issue", {"seen": seen})
    assert answer.status_code in (409, 422)
    assert "Work it out again first." in words(answer)
    assert status_of(desk, charge) is ChargeStatus.PROPOSED


def test_what_changed_is_worked_out_again(desk: Desk, proposed: dict[str, Charge]) -> None:
    """A credit note came in between: refused with the reason, and one press mends it."""
    charge = proposed["2026-0900 interest"]
    visitor = desk.at(Role.SUPERVISOR)
    visitor.get("/desk/charges")
    with desk.store.write() as s:
        actor = make.staff_actor(make.a_person(s, Role.SUPERVISOR))
        ref = s.get_one(Invoice, charge.invoice_id).ref
        credit_notes.record_credit_note(
            s, actor, ref, number="CN-1", amount=Money(500000, "GBP"), reason="sent twice", now=NOON
        )
    refused = visitor.post(f"/desk/charges/{charge.ref}/issue", {"seen": "GBP 25.64"})
    assert refused.status_code == 409
    assert "Work out again" in words(refused)
    answer = visitor.post(f"/desk/charges/{charge.ref}/again")
    assert "Worked out up to yesterday. 4 proposals stand." in words(visitor.get(answer.location))
    assert "5,000.00 × 10.4% × 9 / 365" in words(visitor.get("/desk/charges"))


def test_waived_with_a_reason_and_within_the_limit(desk: Desk, proposed: dict[str, Charge]) -> None:
    """Policy approvals.waived_charge: £100.00 is the most a collector gives up."""
    charge = proposed["2026-0900 fixed_sum"]
    visitor = desk.at(Role.COLLECTOR)
    visitor.get("/desk/charges")
    path = f"/desk/charges/{charge.ref}/waive"
    empty = visitor.post(path, {"reason": " "})
    assert empty.status_code == 422
    assert "Fill this in." in words(empty)
    assert visitor.post(path, {"reason": "a good customer"}).status_code == 303
    assert "Waived: 100.00 GBP." in words(visitor.get("/desk/charges"))
    assert "a good customer" in words(visitor.get("/desk/charges?show=decided"))
    again = visitor.post(f"/desk/charges/{charge.ref}/waive", {"reason": "once more"})
    assert again.status_code == 303  # a second press changes nothing
    assert status_of(desk, charge) is ChargeStatus.WAIVED


def test_beyond_the_limit_it_says_so(desk: Desk, proposed: dict[str, Charge]) -> None:
    charge = proposed["2026-0900 interest"]
    with desk.store.write() as s:
        s.get_one(Charge, charge.id).amount_minor = 10001
    visitor = desk.at(Role.COLLECTOR)
    visitor.get("/desk/charges")
    answer = visitor.post(f"/desk/charges/{charge.ref}/waive", {"reason": "a good customer"})
    assert answer.status_code == 409
    assert "This is beyond what your role may agree to." in words(answer)


def test_what_is_off_says_so(desk: Desk) -> None:
    """Part 9: switched off as shipped; Israel refuses to compute; no rate ships."""
    visitor = desk.at(Role.AUDITOR)
    page = words(visitor.get("/desk/charges"))
    assert "Switched off. The policy names no country and no agreed rates" in page
    assert "Nothing is proposed." in page
    assert "Nothing was issued or waived yet." in words(visitor.get("/desk/charges?show=decided"))
    rates = words(visitor.get("/desk/charges/rates"))
    assert "Refuses to compute No rate with a source is known, so nothing is computed." in rates
    assert "None ships with the product." in rates
    assert "An accountant enters rates." in rates
    assert "No rate entered" in rates


def test_a_rate_is_entered_and_shown_with_its_source(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at(Role.ACCOUNTANT)
    visitor.get("/desk/charges/rates")
    assert visitor.post("/desk/charges/rates", RATE).status_code == 303
    page = words(visitor.get("/desk/charges/rates"))
    assert "The rate is entered." in page
    assert re.search(r"uk\.late .* 4\.25% 12\.25% Bank bulletin 7", page)
    agreed = {"rule": tidewater.number, "from_on": "2026-03-02", "percent": "6 %", "source": "Clause 7"}
    assert visitor.post("/desk/charges/rates", agreed).status_code == 303
    assert "Agreed Tidewater Café & Bakery Ltd" in words(visitor.get("/desk/charges/rates"))
    with desk.store.read() as s:
        assert set(s.scalars(select(InterestRate.rule))) == {"uk.late", f"contract:{tidewater.ref}"}


@pytest.mark.parametrize(
    ("change", "says", "status"),
    [
        ({"rule": ""}, "Fill this in.", 422),
        ({"rule": "nobody"}, "There is no such rule.", 409),
        ({"rule": "il.late"}, "No rate with a source is known for this country", 409),
        ({"from_on": "1.7.2026"}, "Write the day as year, month and day", 422),
        ({"from_on": "2026-07-02"}, "Rates of a law begin on 1 January or 1 July.", 409),
        ({"percent": "4,25"}, "Write the percentage with a point", 409),
        ({"percent": "425"}, "This is not a rate that can be right.", 409),
        ({"source": "\u202e"}, "Fill this in.", 422),
        ({"source": "x" * 301}, "This is too long.", 422),
    ],
)
def test_bad_input_stays_at_its_field(desk: Desk, change: dict[str, str], says: str, status: int) -> None:
    visitor = desk.at(Role.ACCOUNTANT)
    visitor.get("/desk/charges/rates")
    answer = visitor.post("/desk/charges/rates", RATE | change)
    assert answer.status_code == status, words(answer)
    assert says in words(answer)
    with desk.store.read() as s:
        assert not list(s.scalars(select(InterestRate)))
