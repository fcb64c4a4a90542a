"""Receipts, agreements and the list: from frozen terms and booked rows, for nobody else's eyes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Instalment, Offer, Plan
from models.ledger import LedgerCode
from models.links import LinkScope
from models.money import Money, total
from models.payments import Allocation, AllocationRule, Payment, PaymentMethod
from models.states import InstalmentStatus, OfferStatus, advance
from models.store import Store
from receivables import ledger
from receivables.documents.agreements import offer_paper, plan_paper
from receivables.documents.invoices import invoice_paper
from receivables.documents.library import library
from receivables.documents.parties import parties
from receivables.documents.receipts import receipt_paper
from receivables.documents.statements import statement
from receivables.errors import NotAllowed, NotFound
from receivables.permissions import SYSTEM, Actor, ActorKind
from tests import factories as make
from tests.agreements import an_agreed_offer, an_agreed_plan
from tests.conftest import NOON
from tests.receivables.arrangements.plan_world import WORDS, an_owing_account


def a_payment(session: Session, account: Account, numbers: dict[int, int], rest: int) -> Payment:
    """Money for invoices (id -> minor) with something left over, booked as a charge is."""
    amount = Money(sum(numbers.values()) + rest, "GBP")
    entry = ledger.post(
        session, SYSTEM,
        ledger.Draft(
            account.creditor_id, "payment:ch_1", "payment", "GBP",
            [
                ledger.debit(LedgerCode.GATEWAY_CLEARING, amount),
                *(
                    ledger.credit(
                        LedgerCode.RECEIVABLES, Money(minor, "GBP"), account_id=account.id, invoice_id=i
                    )
                    for i, minor in numbers.items()
                ),
                ledger.credit(LedgerCode.UNAPPLIED_CREDIT, Money(rest, "GBP"), account_id=account.id),
            ],
            NOON.date(),
        ),
        now=NOON,
    )  # fmt: skip
    payment = Payment(
        number="PC-2026-000007", account_id=account.id, method=PaymentMethod.CARD, method_detail="visa 4242",
        amount_minor=amount.minor, currency="GBP", received_at=NOON, valued_on=NOON.date(), entry_id=entry.id,
    )  # fmt: skip
    session.add(payment)
    session.flush()
    session.add_all(
        Allocation(
            payment_id=payment.id, invoice_id=i, amount_minor=minor, currency="GBP",
            rule=AllocationRule.DIRECTED, valued_on=NOON.date(), entry_id=entry.id,
        )
        for i, minor in numbers.items()
    )  # fmt: skip
    session.flush()
    return payment


def test_a_receipt_adds_up_and_stays_as_it_was(store: Store) -> None:
    """What came is what it paid and what was left; using the rest later does not change the paper."""
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        first, second, third = (
            make.an_invoice(session, account, total=5000, number=f"A-{n}") for n in (1, 2, 3)
        )
        payment = a_payment(session, account, {first.id: 5000, second.id: 1200}, 800)
        ref = payment.ref
        used = ledger.post(
            session, SYSTEM,
            ledger.Draft(
                account.creditor_id, "credit_used:1", "credit_used", "GBP",
                [
                    ledger.debit(LedgerCode.UNAPPLIED_CREDIT, Money(800, "GBP"), account_id=account.id),
                    ledger.credit(
                        LedgerCode.RECEIVABLES, Money(800, "GBP"), account_id=account.id, invoice_id=third.id
                    ),
                ],
                NOON.date(),
            ),
            now=NOON,
        )  # fmt: skip
        session.add(
            Allocation(
                payment_id=payment.id, invoice_id=third.id, amount_minor=800, currency="GBP",
                rule=AllocationRule.DIRECTED, valued_on=NOON.date(), entry_id=used.id,
            )
        )  # fmt: skip
    with store.read() as session:
        paper = receipt_paper(session, make.holder_actor(account), ref)
    assert paper.shares == [("A-1", Money(5000, "GBP")), ("A-2", Money(1200, "GBP"))]
    assert paper.rest == Money(800, "GBP")
    assert total([m for _, m in paper.shares], "GBP") + paper.rest == paper.amount


def test_agreements_are_what_was_agreed(store: Store) -> None:
    """C-04: the paper shows the frozen terms, not what moved since; the calendar shows what is to come."""
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        make.an_invoice(session, account, total=10001, number="A-1")
        make.an_invoice(session, account, total=5000, number="A-2")
        make.an_invoice(session, account, total=90000, number="A-3")
        plan_ref = an_agreed_plan(session, account, ["A-1", "A-2"], now=NOON)
        offer_ref = an_agreed_offer(session, account, ["A-3"], now=NOON)
    with store.read() as session:
        before = plan_paper(session, make.holder_actor(account), plan_ref)
    with store.write() as session:
        parts = session.scalars(select(Instalment).order_by(Instalment.seq)).all()
        advance(parts[0], InstalmentStatus.PAID)
        moved = parts[1].due_on + timedelta(days=10)
        parts[1].moved_from_on, parts[1].due_on = parts[1].due_on, moved
    with store.read() as session:
        after = plan_paper(session, make.holder_actor(account), plan_ref)
        offer = offer_paper(session, make.holder_actor(account), offer_ref)
    assert after.parts == before.parts
    assert total([part.amount for part in after.parts], "GBP") == after.total == Money(15001, "GBP")
    assert [part.seq for part in after.open_parts] == [2, 3]
    assert after.open_parts[0].on == moved
    assert after.open_parts[0].ref == before.open_parts[1].ref
    assert after.invoices == [("A-1", Money(10001, "GBP")), ("A-2", Money(5000, "GBP"))]
    assert after.accepted is not None
    assert after.accepted.name == "Helen Marsh"
    assert offer.forgiven + offer.amount == offer.balance == Money(90000, "GBP")
    assert offer.amount == Money(76500, "GBP")


def test_a_plan_made_by_the_real_steps(store: Store) -> None:
    """Proposed, read and signed: the paper holds the parts, the invoices and the words that were signed."""
    world = an_owing_account(store, 57600, 84240)
    plan = world.propose(3)
    with store.read() as session:
        draft = plan_paper(session, world.holder, plan.ref)
    world.accept(plan)
    with store.read() as session:
        paper = plan_paper(session, world.holder, plan.ref)
    assert draft.accepted is None
    assert draft.words == ()
    assert list(paper.words) == list(WORDS)
    assert paper.words_language == "en"
    assert paper.accepted is not None
    assert paper.parts == draft.parts
    assert total([part.amount for part in paper.parts], "GBP") == paper.total
    assert [(part.seq, part.on) for part in paper.open_parts] == [(p.seq, p.on) for p in paper.parts]


def test_nobody_elses_paper(sqlite_store: Store) -> None:
    """L-15: another account's ref is a ref that does not exist; undecided offers exist for nobody outside."""
    with sqlite_store.write() as session:
        creditor = make.a_creditor(session)
        account, other = make.an_account(session, creditor), make.an_account(session, creditor)
        invoice = make.an_invoice(session, account, total=10000, number="A-1")
        make.an_invoice(session, account, total=20000, number="A-2")
        payment = a_payment(session, account, {invoice.id: 100}, 1).ref
        plan = an_agreed_plan(session, account, ["A-1"], now=NOON)
        offer = an_agreed_offer(session, account, ["A-2"], now=NOON)
    with sqlite_store.read() as session:
        for reader in (make.holder_actor(other), make.holder_actor(account)):
            asked = [
                lambda who=reader: receipt_paper(session, who, payment),
                lambda who=reader: plan_paper(session, who, plan),
                lambda who=reader: offer_paper(session, who, offer),
                lambda who=reader: invoice_paper(session, who, invoice.ref, now=NOON),
            ]
            for ask in asked:
                if reader.account_id == account.id:
                    assert ask()
                    continue
                with pytest.raises(NotFound):
                    ask()
        for made_up in (receipt_paper, plan_paper, offer_paper):
            with pytest.raises(NotFound):
                made_up(session, make.holder_actor(account), "no-such-ref")  # type: ignore[operator]
    with sqlite_store.write() as session:
        session.execute(update(Offer).values({"status": OfferStatus.AWAITING_APPROVAL}))
    with sqlite_store.read() as session, pytest.raises(NotFound):
        offer_paper(session, make.holder_actor(account), offer)


def test_a_forwarded_invoice_is_all_that_is_seen(sqlite_store: Store) -> None:
    """L-15: who holds a link to one invoice reads that one, no other and no list, receipt or agreement."""
    with sqlite_store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        first = make.an_invoice(session, account, total=10000, number="A-1")
        second = make.an_invoice(session, account, total=20000, number="A-2")
        payment = a_payment(session, account, {first.id: 100}, 1).ref
        plan = an_agreed_plan(session, account, ["A-2"], now=NOON)
    colleague = Actor(
        ActorKind.LINK_HOLDER, id=1, account_id=account.id, scope=LinkScope.ONE_INVOICE, invoice_id=first.id
    )
    with sqlite_store.read() as session:
        assert invoice_paper(session, colleague, first.ref, now=NOON).invoice.row.number == "A-1"
        with pytest.raises(NotFound):
            invoice_paper(session, colleague, second.ref, now=NOON)
        with pytest.raises(NotAllowed):
            receipt_paper(session, colleague, payment)
        with pytest.raises(NotAllowed):
            plan_paper(session, colleague, plan)
        with pytest.raises(NotAllowed):
            library(session, colleague, account_id=account.id, zone="UTC", now=NOON)
        with pytest.raises(NotAllowed):
            statement(session, colleague, account_id=account.id, zone="UTC", now=NOON)


def test_a_draft_is_no_agreement(sqlite_store: Store) -> None:
    """Nobody accepted it: no acceptance on paper, and not in the list."""
    with sqlite_store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        make.an_invoice(session, account, total=10000, number="A-1")
        ref = an_agreed_plan(session, account, ["A-1"], accepted=False, now=NOON)
    with sqlite_store.read() as session:
        assert plan_paper(session, make.holder_actor(account), ref).accepted is None
        found = library(session, make.holder_actor(account), account_id=account.id, zone="UTC", now=NOON)
        assert found.plans == []
        assert session.scalars(select(Plan.ref)).one() == ref


def test_the_list_goes_by_years_and_forgets_nothing_open(store: Store) -> None:
    """Newest first; what is open stands in the newest year, however old; a year without anything is the
    newest."""
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        old = make.an_invoice(session, account, total=100, number="OLD-OPEN", due_on=date(2024, 5, 1))
        paid = make.an_invoice(session, account, total=200, number="OLD-PAID", due_on=date(2024, 6, 1))
        make.an_invoice(session, account, total=300, number="NEW", due_on=date(2026, 11, 1))
        a_payment(session, account, {paid.id: 200}, 5)
        assert old.balance_minor == 100
    with store.read() as session:

        def years(year: int | None) -> tuple[int, list[str], list[str]]:
            found = library(
                session, make.holder_actor(account), account_id=account.id, zone="UTC", year=year, now=NOON
            )
            assert found.years == [2026, 2024]
            return found.year, [i.number for i in found.invoices], [r.number for r in found.receipts]

        assert years(None) == (2026, ["NEW", "OLD-OPEN"], ["PC-2026-000007"])
        assert years(2024) == (2024, ["OLD-PAID", "OLD-OPEN"], [])
        assert years(1999) == years(None)


def test_who_stands_on_it(sqlite_store: Store) -> None:
    """The creditor's house person; numbers that it does not have leave no gap."""
    with sqlite_store.write() as session:
        account = make.an_account(session, make.a_creditor(session, tax_id=None))
    with sqlite_store.read() as session:
        found = parties(session, account.id)
    assert found.creditor_numbers == ["Company 04417822"]
    assert (found.person, found.phone) == ("Maya Thornton", "0113 496 0142")
    assert found.account == account.name
