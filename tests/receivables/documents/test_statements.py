"""The statement sums to the books to the last minor unit, whatever happened and whatever the period."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.money import Money, total
from models.store import Store
from receivables import ledger
from receivables.credit_notes import record_credit_note
from receivables.documents.data import Statement
from receivables.documents.statements import BUCKETS, LONGEST_DAYS, PERIODS, period, statement
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import SYSTEM, Actor, ActorKind
from tests import factories as make
from tests.conftest import NOON

TODAY = NOON.date()


def ask(session: Session, account: Account, **more: object) -> Statement:
    found = statement(
        session,
        make.holder_actor(account),
        account_id=account.id,
        zone=account.zone,
        now=NOON,
        **more,  # type: ignore[arg-type]
    )
    assert found is not None
    return found


def post(
    session: Session, account: Account, reference: str, kind: str, sides: list[ledger.Side], on: date
) -> LedgerEntry:
    return ledger.post(
        session, SYSTEM,
        ledger.Draft(account.creditor_id, reference, kind, str(sides[0].currency), sides, on), now=NOON,
    )  # fmt: skip


def pay(session: Session, account: Account, invoice: Invoice, minor: int, more: int, on: date) -> LedgerEntry:
    """Money for an invoice, with something left over in the account's favour."""
    amount = Money(minor + more, invoice.currency)
    sides = [ledger.debit(LedgerCode.BANK, amount)]
    if minor:
        part = Money(minor, invoice.currency)
        sides.append(
            ledger.credit(LedgerCode.RECEIVABLES, part, account_id=account.id, invoice_id=invoice.id)
        )
    if more:
        rest = Money(more, invoice.currency)
        sides.append(ledger.credit(LedgerCode.UNAPPLIED_CREDIT, rest, account_id=account.id))
    return post(session, account, f"payment:{invoice.id}:{on}:{minor}:{more}", "payment", sides, on)


def owed(session: Session, account: Account, currency: str) -> int:
    """What the books say, asked in another way."""
    rows = session.execute(
        select(Posting.ledger_code, func.sum(Posting.debit_minor - Posting.credit_minor))
        .where(Posting.account_id == account.id, Posting.currency == currency)
        .group_by(Posting.ledger_code)
    )
    return sum(int(minor) for code, minor in rows if code in ("receivables", "unapplied_credit"))


def check(found: Statement) -> None:
    """What holds for every statement."""
    assert found.opening + total([m.amount for m in found.movements], found.currency) == found.closing
    assert found.opening + found.charged - found.settled == found.closing
    running = found.opening
    for movement in found.movements:
        running += movement.amount
        assert movement.balance == running
        assert movement.amount
        assert found.from_on <= movement.on <= found.to_on
    ages = total([amount for _, amount in found.ages], found.currency)
    assert [code for code, _ in found.ages] == [code for code, _ in BUCKETS]
    assert ages == total([item.open for item in found.items], found.currency) == found.closing + found.credit


@pytest.mark.parametrize("seed", range(6))
def test_every_statement_sums_to_the_ledger(store: Store, seed: int) -> None:
    """Property: random invoices, payments, credit notes, overpayments and reversals; random periods that
    follow one another hand the balance on, and the last one ends at what is owed (both databases)."""
    chance = random.Random(seed)  # noqa: S311
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        other = make.an_account(session, make.a_creditor(session))
        make.an_invoice(session, other, total=99999)
        for _ in range(chance.randint(4, 12)):
            issued = TODAY - timedelta(days=chance.randint(0, 300))
            invoice = make.an_invoice(
                session, account, total=chance.randint(1, 10**7), currency=chance.choice(["GBP", "EUR"]),
                due_on=issued + timedelta(days=30),
            )  # fmt: skip
            for _ in range(chance.randint(0, 3)):
                part = chance.randint(0, invoice.balance_minor)
                rest = chance.choice([0, 0, chance.randint(1, 5000)])
                on = TODAY - timedelta(days=chance.randint(0, 300))
                if part + rest == 0:
                    continue
                entry = pay(session, account, invoice, part, rest, on)
                if chance.random() < 0.2:
                    back = on + timedelta(days=chance.randint(0, 5))
                    ledger.reverse(session, SYSTEM, entry, effective_on=min(back, TODAY), now=NOON)
            if invoice.balance_minor and chance.random() < 0.4:
                record_credit_note(
                    session, SYSTEM, invoice.ref, number=f"CN-{invoice.id}",
                    amount=Money(chance.randint(1, invoice.balance_minor), invoice.currency),
                    reason="Returned", now=NOON,
                )  # fmt: skip
    with store.read() as session:
        for currency in ask(session, account).currencies:
            from_on, carried = TODAY - timedelta(days=340), Money(0, currency)
            while from_on <= TODAY:
                to_on = min(from_on + timedelta(days=chance.randint(0, 120)), TODAY)
                found = ask(session, account, currency=currency, from_on=from_on, to_on=to_on)
                check(found)
                assert found.opening == carried
                from_on, carried = to_on + timedelta(days=1), found.closing
            # Invoices that fall due in the future were issued before today, so all is in.
            assert carried.minor == owed(session, account, currency)
            balances = session.scalars(
                select(Invoice.balance_minor).where(
                    Invoice.account_id == account.id, Invoice.currency == currency,
                    Invoice.kind != "credit_note",
                )
            )  # fmt: skip
            assert sum(item.open.minor for item in found.items) == sum(balances)


def test_what_a_movement_is_called(store: Store) -> None:
    """A golden statement: numbers of documents, what they went to, and the running balance."""
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        first = make.an_invoice(session, account, total=10000, number="A-1", due_on=date(2026, 10, 1))
        make.an_invoice(session, account, total=5000, number="A-2", due_on=date(2026, 12, 1))
        entry = pay(session, account, first, 4000, 500, date(2026, 11, 2))
        ledger.reverse(session, SYSTEM, entry, effective_on=date(2026, 11, 4), now=NOON)
        record_credit_note(
            session, SYSTEM, first.ref, number="CN-9", amount=Money(2500, "GBP"), reason="x", now=NOON
        )
    with store.read() as session:
        found = ask(session, account, from_on=date(2026, 10, 1), to_on=TODAY)
    check(found)
    assert found.opening == Money(10000, "GBP")
    said = [(m.kind, m.number, [*m.documents], m.amount.minor, m.balance.minor) for m in found.movements]
    assert said == [
        ("invoice", "A-2", [], 5000, 15000),
        ("payment", "A-1", [], -4500, 10500),
        ("payment_reversed", "A-1", [], 4500, 15000),
        ("credit_note", "CN-9", ["A-1"], -2500, 12500),
    ]  # fmt: skip
    assert [(i.number, i.open.minor, i.bucket) for i in found.items] == [
        ("A-1", 7500, "to_60"), ("A-2", 5000, "not_due"),
    ]  # fmt: skip
    assert not found.credit


@pytest.mark.parametrize(
    ("days", "bucket"),
    [(-1, "not_due"), (0, "not_due"), (1, "to_30"), (30, "to_30"), (31, "to_60"), (60, "to_60"),
     (61, "to_90"), (90, "to_90"), (91, "over_90"), (400, "over_90")],
)  # fmt: skip
def test_ages_at_their_edges(sqlite_store: Store, days: int, bucket: str) -> None:
    """Each day late falls into exactly one bucket."""
    with sqlite_store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        make.an_invoice(session, account, total=100, due_on=TODAY - timedelta(days=days))
    with sqlite_store.read() as session:
        found = ask(session, account)
    assert {code: amount.minor for code, amount in found.ages if amount} == {bucket: 100}


def test_what_is_asked_for_and_cannot_be(sqlite_store: Store) -> None:
    """Periods that can't be are refused; another account's are not found, a reader without right refused."""
    with sqlite_store.write() as session:
        creditor = make.a_creditor(session)
        account, other = make.an_account(session, creditor), make.an_account(session, creditor)
        make.an_invoice(session, account, total=100)
    with sqlite_store.read() as session:
        for from_on, to_on, code in (
            (TODAY, TODAY - timedelta(days=1), "period_backwards"),
            (TODAY, TODAY + timedelta(days=1), "period_in_future"),
            (TODAY - timedelta(days=LONGEST_DAYS), TODAY, "period_too_long"),
        ):
            with pytest.raises(Refused) as refused:
                ask(session, account, from_on=from_on, to_on=to_on)
            assert refused.value.code == code
        assert ask(session, account, from_on=TODAY - timedelta(days=LONGEST_DAYS - 1), to_on=TODAY)
        with pytest.raises(NotFound):
            ask(session, account, currency="EUR")
        with pytest.raises(NotFound):
            statement(session, make.holder_actor(other), account_id=account.id, zone="UTC", now=NOON)
        with pytest.raises(NotAllowed):
            statement(session, Actor(ActorKind.STAFF), account_id=account.id, zone="UTC", now=NOON)
        nothing = statement(session, make.holder_actor(other), account_id=other.id, zone="UTC", now=NOON)
        assert nothing is None


@pytest.mark.parametrize(
    "today", [date(2024, 2, 29), date(2026, 1, 1), date(2026, 12, 31), date(2026, 3, 31)]
)
def test_ready_periods_are_within_reach(today: date) -> None:
    """None is backwards, in the future or longer than one statement may be."""
    for name in PERIODS:
        from_on, to_on = period(name, today)
        assert from_on <= to_on <= today
        assert (to_on - from_on).days < LONGEST_DAYS
    with pytest.raises(NotFound):
        period("ever", today)
