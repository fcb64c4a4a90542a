"""Cases of arrears and what they teach, worked out by hand (issue D, part 16)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.answers import AnswerKind, Survey
from models.arrears import ArrearsCase, ArrearsEnd
from models.audit import AuditEntry
from models.invoices import Invoice
from models.messages import CallAttempt
from models.money import Money
from models.staff import Role
from models.states import InvoiceStatus, advance
from models.store import Store
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.lessons import cases, reads
from receivables.payments.quotes import Choice
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.paying import pay
from tests.receivables.segments import books

TODAY = NOON.date()


def look(store: Store, account: Account, *, at: datetime = NOON) -> None:
    def unit(s: object) -> None:
        cases.look(s, s.get_one(Account, account.id), today=at.date(), now=at)

    store.run(unit)


def all_cases(store: Store) -> list[ArrearsCase]:
    with store.read() as s:
        return list(s.scalars(select(ArrearsCase).order_by(ArrearsCase.id)))


def spoken(s: object, account: Account, outcome: str, at: datetime) -> None:
    s.add(CallAttempt(account_id=account.id, contact_id=books.person(s, account).id, talked=True,
                      outcome=outcome, made_at=at))  # fmt: skip


@pytest.fixture
def late(store: Store) -> Account:
    """£100.00 40 and £50.00 10 days late, €20.00 5 days late; £70.00 not due."""
    with store.write() as s:
        account = books.an_account(s, late=40)
        for total, ago, currency in ((5000, 10, "GBP"), (2000, 5, "EUR"), (7000, -5, "GBP")):
            make.an_invoice(s, account, total=total, currency=currency, due_on=TODAY - timedelta(days=ago))
        return account


def test_one_case_a_currency_however_often_it_is_looked_at(store: Store, late: Account) -> None:
    """Daily work runs again without effect; the highest sum that was late stays."""
    look(store, late)
    look(store, late)
    found = {case.currency: case for case in all_cases(store)}
    assert {code: (case.peak_minor, case.since_on) for code, case in found.items()} == {
        "GBP": (15000, TODAY - timedelta(days=40)), "EUR": (2000, TODAY - timedelta(days=5)),
    }  # fmt: skip
    assert all(case.closed_on is None for case in found.values())


def test_closed_when_nothing_is_late_with_the_last_act_before_the_money(store: Store, late: Account) -> None:
    """By hand: £150.00 came today, 40 days after the first due day; acts are two reminders (mail and SMS)
    20 days ago and a call 3 days ago; the call is the last. £70.00 that is not due does not count."""
    with store.write() as s:
        books.reminded(s, late, 20)
        spoken(s, late, "promised", NOON - timedelta(days=3))
        books.answered(s, late, AnswerKind.NOT_ALL, at=NOON - timedelta(days=4))
    look(store, late)
    payment = pay(store, late, Choice("overdue", "GBP"))
    with store.write() as s:
        s.add(Survey(payment_id=payment.id, account_id=late.id, score=4, answered_at=NOON))
    look(store, late, at=NOON + timedelta(hours=3))
    look(store, late, at=NOON + timedelta(days=1))
    case = next(case for case in all_cases(store) if case.currency == "GBP")
    assert (case.ended, case.closed_on, case.days, case.acts, case.recovered_minor) == (
        ArrearsEnd.PAID, TODAY, 40, 3, 15000,
    )  # fmt: skip
    assert (case.worked, case.reason) == ("call:promised", "answer:not_all")
    actor = make.staff_actor(_a_person(store, Role.AUDITOR))
    with store.read() as s:
        codes = list(s.scalars(select(AuditEntry.code).where(AuditEntry.code == "arrears.closed")))
        assert len(codes) == 1
        seen = reads.review(s, actor, case.ref)
    assert (seen.score, seen.peak, seen.ordered_on) == (4, Money(15000, "GBP"), None)


def _a_person(store: Store, role: Role) -> object:
    with store.write() as s:
        return make.a_person(s, role)


def test_an_act_long_before_the_money_did_not_bring_it(store: Store, late: Account) -> None:
    """Policy talks.evidence_days is 14: a reminder of 15 days ago did nothing, one of 14 did."""
    with store.write() as s:
        books.reminded(s, late, 15)
    look(store, late)
    pay(store, late, Choice("overdue", "GBP"))
    look(store, late)
    case = next(case for case in all_cases(store) if case.closed_on)
    assert (case.worked, case.acts) == (None, 2)
    with store.write() as s:
        other = books.an_account(s, late=30)
        books.reminded(s, other, 14)
    look(store, other)
    pay(store, other, Choice("overdue", "GBP"))
    look(store, other)
    assert all_cases(store)[-1].worked == "message:first_reminder"


def test_written_off_and_late_again(store: Store, late: Account) -> None:
    """A write-off ends the case as such; what is late later is another case."""
    look(store, late)
    with store.write() as s:
        for invoice in s.scalars(select(Invoice).where(Invoice.currency == "EUR")):
            advance(invoice, InvoiceStatus.WRITTEN_OFF)
    look(store, late)
    euro = next(case for case in all_cases(store) if case.currency == "EUR")
    assert (euro.ended, euro.recovered_minor, euro.worked) == (ArrearsEnd.WRITTEN_OFF, 0, None)
    with store.write() as s:
        make.an_invoice(s, late, total=900, currency="EUR", due_on=TODAY - timedelta(days=1))
    look(store, late)
    assert [case.closed_on for case in all_cases(store) if case.currency == "EUR"] == [TODAY, None]


def test_only_accounts_with_something_to_do_are_asked(store: Store, late: Account) -> None:
    with store.write() as s:
        books.an_account(s, late=0)
        closing = books.an_account(s, late=3)
    look(store, closing)
    pay(store, closing, Choice("overdue", "GBP"))
    with store.read() as s:
        assert set(cases.concerned(s, TODAY)) == {late.id, closing.id}


def test_a_lesson_is_a_persons_and_stays_out_of_the_chain(store: Store, late: Account) -> None:
    """A-01: only of a closed case, only by who chases; the words are personal values of the audit."""
    look(store, late)
    collector = make.staff_actor(_a_person(store, Role.COLLECTOR))
    auditor = make.staff_actor(_a_person(store, Role.AUDITOR))
    case = all_cases(store)[0]

    def add(actor: object, words: str) -> None:
        store.run(lambda s: cases.add_lesson(s, actor, case.ref, words=words, now=NOON))

    with pytest.raises(NotFound):
        add(collector, "too early")
    pay(store, late, Choice("all", "GBP"))
    look(store, late)
    case = next(case for case in all_cases(store) if case.closed_on)
    for actor, words, refusal in (
        (auditor, "no", NotAllowed), (collector, " ", Refused), (collector, "x" * 1001, Refused),
    ):  # fmt: skip
        with pytest.raises(refusal):
            add(actor, words)
    add(collector, "Ring on the day before the pay run.")
    add(collector, "Ring on the day before the pay run.")
    with store.read() as s:
        kept = s.get_one(ArrearsCase, case.id)
        assert (kept.lesson, kept.lesson_by_id) == ("Ring on the day before the pay run.", collector.id)
        chain = [row for row in s.scalars(select(AuditEntry)) if row.code == "arrears.lesson_added"]
    assert len(chain) == 1
    assert "pay run" not in str(vars(chain[0]))


# --------------------------------------------------------------------------- a month


def closed(
    s: object, account: Account, on: date, *, days: int, recovered: int, worked: str | None = None,
    rung: str | None = None, reason: str | None = None, ended: ArrearsEnd = ArrearsEnd.PAID,
    currency: str = "GBP",
) -> ArrearsCase:  # fmt: skip
    case = ArrearsCase(
        account_id=account.id,
        currency=currency,
        since_on=on - timedelta(days=days),
        peak_minor=recovered or 1,
        opened_at=NOON,
        closed_on=on,
        closed_at=NOON,
        ended=ended,
        days=days,
        acts=1,
        worked=worked,
        rung=rung,
        recovered_minor=recovered,
        reason=reason,
    )
    s.add(case)
    s.flush()
    return case


def test_a_month_put_together(store: Store) -> None:
    """By hand: four cases of October. Days (10 + 21 + 30 + 41) / 4 = 25.5, shown as 26. Paid are three:
    by calls £100.00 + €50.00 after (10 + 21) / 2 = 15.5 -> 16 days, by a letter £25.00 after 30. Of the
    three one ordered again (2 Nov). September and November do not count."""
    with store.write() as s:
        one, two = (make.an_account(s, make.a_creditor(s), name=name) for name in ("Tidewater", "Larkspur"))
        closed(s, one, date(2026, 10, 1), days=10, recovered=10000, worked="call:promised", rung="call")
        closed(s, one, date(2026, 10, 31), days=21, recovered=5000, worked="call:promised", currency="EUR",
               reason="answer:forgot")  # fmt: skip
        closed(s, two, date(2026, 10, 15), days=30, recovered=2500, worked="letter:official_letter",
               rung="official_letter", reason="answer:forgot")  # fmt: skip
        closed(s, two, date(2026, 10, 20), days=41, recovered=0, ended=ArrearsEnd.WRITTEN_OFF)
        for day in (date(2026, 9, 30), date(2026, 11, 1)):
            closed(s, two, day, days=90, recovered=99900)
        make.an_invoice(s, two, due_on=date(2026, 12, 2))  # issued 30 days before: on 2 Nov
        actor = make.staff_actor(make.a_person(s, Role.AUDITOR))
        salesperson = make.staff_actor(make.a_person(s, Role.SALESPERSON))
    with store.read() as s:
        found = reads.month(s, actor, date(2026, 10, 9))
        with pytest.raises(NotAllowed):
            reads.month(s, salesperson, TODAY)
    assert (found.first, found.last) == (date(2026, 10, 1), date(2026, 10, 31))
    assert (found.whole.cases, found.whole.mean_days) == (4, 26)
    assert found.whole.recovered == [Money(5000, "EUR"), Money(12500, "GBP")]
    assert found.ends == {"paid": 3, "credited": 0, "written_off": 1}
    assert [(t.key, t.cases, t.mean_days, t.recovered) for t in found.acts] == [
        ("call:promised", 2, 16, [Money(5000, "EUR"), Money(10000, "GBP")]),
        ("letter:official_letter", 1, 30, [Money(2500, "GBP")]),
    ]
    assert [(t.key, t.cases) for t in found.rungs] == [("call", 1), ("official_letter", 1), ("", 1)]
    assert [(t.key, t.cases) for t in found.reasons] == [("answer:forgot", 2), ("", 2)]
    assert (found.could_order, found.ordered) == (3, 1)
    assert (found.answered, found.score_tenths) == (0, None)
    assert [review.closed_on.day for review in found.reviews] == [31, 20, 15, 1]


def test_satisfaction_is_the_mean_of_the_answers_after_the_case(store: Store) -> None:
    """By hand: (5 + 2) / 2 = 3.5; an answer 31 days after the case closed is another's."""
    with store.write() as s:
        first, second, third = (books.an_account(s, late=10) for _ in range(3))
    for account, score, after in ((first, 5, 0), (second, 2, 30), (third, 1, 31)):
        look(store, account)
        payment = pay(store, account, Choice("overdue", "GBP"))
        look(store, account)
        with store.write() as s:
            s.add(Survey(payment_id=payment.id, account_id=account.id, score=score,
                         answered_at=NOON + timedelta(days=after)))  # fmt: skip
    actor = make.staff_actor(_a_person(store, Role.AUDITOR))
    with store.read() as s:
        found = reads.month(s, actor, TODAY)
    assert (found.answered, found.score_tenths, found.could_order) == (2, 35, 3)
