"""Recurring problems, counted by hand (issue D, part 3)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.answers import AnswerKind
from models.disputes import Dispute, DisputeReason
from models.invoices import InvoiceLine
from models.messages import CallAttempt
from models.money import Money
from models.staff import Role
from models.store import Store
from receivables.disputes.claims import Claim, LineClaim
from receivables.disputes.opening import open_dispute
from receivables.errors import NotAllowed
from receivables.permissions import Actor
from receivables.talks.problems import ALL, NOBODY, Only, Span, report
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.segments import books

SPAN = Span.of(NOON.date() - timedelta(days=30), NOON.date())


@pytest.fixture
def auditor(store: Store) -> Actor:
    """The world of the figures below.

    Ana's account: two lines of one invoice (£60.00 cups, £40.00 lids) as wrong price, in one dispute; the
    same reason again for £25.00 of another invoice; a reason given in the portal. Nobody's account: a
    whole invoice of €30.00 damaged; "refuses" in a call; long ago a dispute that is out of the days.
    """
    with store.write() as s:
        ana = make.a_person(s, Role.SALESPERSON, name="Ana Reed")
        first, other = (
            make.an_account(s, make.a_creditor(s), name=name) for name in ("Tidewater", "Larkspur")
        )
        first.salesperson_id = ana.id
        two = make.an_invoice(s, first, total=10000, lines=2)
        lines = s.scalars(
            select(InvoiceLine).where(InvoiceLine.invoice_id == two.id).order_by(InvoiceLine.position)
        ).all()
        for line, name, net in zip(lines, ("Cups", "Lids"), (6000, 4000), strict=True):
            line.description, line.net_minor = name, net
        part = make.an_invoice(s, first, total=9000)
        whole = make.an_invoice(s, other, total=3000, currency="EUR")
        old = make.an_invoice(s, other, total=7000)
        debtor, theirs = make.holder_actor(first), make.holder_actor(other)
        price = DisputeReason.WRONG_PRICE
        for actor, invoice, claim, at in (
            (debtor, two, Claim(price, (LineClaim(1), LineClaim(2))), NOON),
            (debtor, part, Claim(price, amount=Money(2500, "GBP")), NOON - timedelta(days=30)),
            (theirs, whole, Claim(DisputeReason.DAMAGED), NOON - timedelta(days=2)),
            (theirs, old, Claim(price), NOON - timedelta(days=31)),
        ):
            open_dispute(s, actor, invoice.ref, claim, words="", shown_at=at, now=at)
        books.answered(s, first, AnswerKind.FORGOT)
        books.answered(s, other, AnswerKind.HARDSHIP)
        for outcome in ("refused", "promised"):
            s.add(CallAttempt(account_id=other.id, contact_id=books.person(s, other).id, talked=True,
                              outcome=outcome, made_at=NOON))  # fmt: skip
        return make.staff_actor(make.a_person(s, Role.AUDITOR))


def lines_of(store: Store, actor: Actor, by: str, only: Only = ALL) -> list[tuple[object, ...]]:
    with store.read() as s:
        found = report(s, actor, SPAN, by=by, only=only)
    rows = [
        (line.name, line.times, len(line.accounts), line.disputes, [(m.minor, m.currency) for m in line.sums])
        for line in (*found.lines, found.total)
    ]
    assert sum(row[1] for row in rows[:-1]) >= rows[-1][1]
    return rows


def test_by_reason(store: Store, auditor: Actor) -> None:
    """Two disputes about the price, £100.00 and £25.00; one damaged, €30.00; a reason, a refusal."""
    assert lines_of(store, auditor, "reason") == [
        ("dispute:wrong_price", 2, 1, 2, [(12500, "GBP")]),
        ("dispute:damaged", 1, 1, 1, [(3000, "EUR")]),
        ("answer:forgot", 1, 1, 0, []),
        ("talk:refused", 1, 1, 0, []),
        ("", 5, 2, 3, [(12500, "GBP"), (3000, "EUR")]),
    ]


def test_by_product_a_dispute_is_split_over_its_lines(store: Store, auditor: Actor) -> None:
    """Cups £60.00 and lids £40.00 are one dispute: once a line each, once in all."""
    rows = {
        row[0]: row[1:] for row in lines_of(store, auditor, "product", Only(reason="dispute:wrong_price"))
    }
    assert rows["Cups"] == (1, 1, 1, [(6000, "GBP")])
    assert rows["Lids"] == (1, 1, 1, [(4000, "GBP")])
    with store.read() as s:
        found = report(s, auditor, SPAN, by="product", only=Only(reason="dispute:wrong_price"))
    assert (found.total.times, found.total.amounts) == (2, {"GBP": 12500})


def test_narrowed_by_account_and_salesperson(store: Store, auditor: Actor) -> None:
    """The drill-down: each line's key, given back, leaves exactly that line's cases."""
    with store.read() as s:
        ref = s.scalars(select(Account.ref).where(Account.name == "Larkspur")).one()
        by_sales = report(s, auditor, SPAN, by="salesperson")
        assert [(line.name, line.times) for line in by_sales.lines] == [("Ana Reed", 3), ("", 2)]
        assert len(report(s, auditor, SPAN, by="reason", only=Only(salesperson=NOBODY)).cases) == 2
        cases = report(s, auditor, SPAN, by="reason", only=Only(account=ref)).cases
    assert [case.reason for case in cases] == ["talk:refused", "dispute:damaged"]


def test_upheld_of_those_decided(store: Store, auditor: Actor) -> None:
    with store.read() as s:
        line = report(s, auditor, SPAN, by="reason").lines[0]
        assert (line.upheld, line.decided) == (0, 0)
        assert s.scalars(select(Dispute)).first() is not None


def test_days_are_both_included_and_in_their_order() -> None:
    assert Span.of(date(2026, 3, 2), date(2026, 3, 1)) == Span(date(2026, 3, 1), date(2026, 3, 2))
    assert Span.of(date(2020, 1, 1), date(2026, 3, 1)).first == date(2025, 3, 1)


def test_difficulty_is_for_those_who_may_read_it(store: Store, auditor: Actor) -> None:
    """domain.md, hardship: a supervisor reads that reason, an auditor does not."""
    with store.write() as s:
        supervisor = make.staff_actor(make.a_person(s, Role.SUPERVISOR))
        salesperson = make.staff_actor(make.a_person(s, Role.SALESPERSON))
    with store.read() as s:
        seen = {case.reason for case in report(s, supervisor, SPAN, by="reason").cases}
        assert "answer:hardship" in seen
        with pytest.raises(NotAllowed):
            report(s, salesperson, SPAN, by="reason")
