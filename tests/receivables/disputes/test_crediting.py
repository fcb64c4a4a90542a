"""A dispute that is upheld after its document was closed by other means; the books prove each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from models.disputes import Dispute, DisputeReason
from models.invoices import Invoice, InvoiceKind
from models.ledger import LedgerCode
from models.money import Money
from models.payments import Allocation, AllocationRule, Payment, PaymentMethod
from models.states import DisputeStatus, InvoiceStatus
from models.store import Store
from receivables import credit_notes, credits, ledger
from receivables.disputes import opening, outcomes, reads
from receivables.disputes.claims import Claim, LineClaim
from receivables.errors import NotFound, Refused
from receivables.permissions import SYSTEM
from tests.conftest import NOON
from tests.proof import prove
from tests.receivables.arrangements.offer_world import a_late_account
from tests.receivables.disputes.story import Story, refused_code

D = DisputeStatus


@pytest.fixture
def story(store: Store) -> Story:
    return Story(store, now=datetime.now(UTC))


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


def paid(story: Story, minor: int) -> None:
    """Money that came by bank, put on the invoice whatever is disputed of it: its sender said so."""
    with story.store.write() as session:
        entry = ledger.post(
            session, SYSTEM,
            ledger.Draft(
                creditor_id=story.account.creditor_id, reference=f"payment:{minor}", kind="payment",
                currency="GBP",
                sides=[
                    ledger.debit(LedgerCode.BANK, gbp(minor)),
                    ledger.credit(
                        LedgerCode.RECEIVABLES, gbp(minor), account_id=story.account.id,
                        invoice_id=story.invoice.id,
                    ),
                ],
                effective_on=story.now.date(),
            ),
            now=story.now,
        )  # fmt: skip
        payment = Payment(
            number=f"PC-{minor}", account_id=story.account.id, method=PaymentMethod.OTHER,
            method_detail="bank", amount_minor=minor, currency="GBP", received_at=story.now,
            valued_on=story.now.date(), entry_id=entry.id,
        )  # fmt: skip
        session.add(payment)
        session.flush()
        session.add(
            Allocation(
                payment_id=payment.id, invoice_id=story.invoice.id, amount_minor=minor, currency="GBP",
                rule=AllocationRule.DIRECTED, valued_on=story.now.date(), entry_id=entry.id,
            )
        )  # fmt: skip


def credited_in_the_books(story: Story, minor: int, number: str = "CN-1") -> str:
    note = story.act(credit_notes.record_credit_note, story.supervisor, story.invoice.ref, number=number,
                     amount=gbp(minor), reason="From the books.")  # fmt: skip
    return str(note.ref)


def uphold(story: Story, dispute: Dispute, minor: int = 28080, **more: str) -> Dispute:
    return story.act(outcomes.uphold, story.supervisor, dispute.ref, credited=gbp(minor),
                     finding="It was wet.", **more)  # fmt: skip


def notes(story: Story) -> list[tuple[str, int, int]]:
    found = story.all(select(Invoice).where(Invoice.kind == InvoiceKind.CREDIT_NOTE).order_by(Invoice.id))
    return [(note.number, note.total_minor, note.balance_minor) for note in found]


def in_favour(story: Story) -> list[Money]:
    with story.store.read() as session:
        return list(ledger.unapplied_credit(session, story.account.id))


def test_paid_by_bank_meanwhile(story: Story, database_url: str) -> None:
    """M-09, INV-7: the credit stays in the account's favour, can be used, and the books prove it."""
    dispute = story.dispute(LineClaim(2))
    paid(story, story.total)
    assert story.row() is None
    done = uphold(story, dispute)
    assert (done.status, done.holds, done.credited_minor) == (D.UPHELD, False, 28080)
    assert notes(story) == [(f"REQ-D-{story.now.year}-{dispute.id:06d}", 28080, 28080)]
    assert in_favour(story) == [gbp(28080)]
    with story.store.read() as session:
        (view,) = credits.views(session, story.debtor, account_id=story.account.id, zone=story.account.zone,
                                now=story.now)  # fmt: skip
        assert view.free == gbp(28080)
    prove(database_url)


def test_paid_in_part_meanwhile(story: Story, database_url: str) -> None:
    """One credit note: as far as it is open it lowers the invoice, the rest is in the account's favour."""
    dispute = story.dispute(LineClaim(2))
    paid(story, 70000)
    assert story.again(dispute).holds
    done = uphold(story, dispute)
    assert done.status is D.UPHELD
    ((_, whole, kept),) = notes(story)
    assert (whole, kept) == (28080, 28080 - 14240)
    assert story.all(select(Invoice.status).where(Invoice.id == story.invoice.id)) == [InvoiceStatus.PAID]
    assert in_favour(story) == [gbp(13840)]
    note = story.all(select(Invoice).where(Invoice.kind == InvoiceKind.CREDIT_NOTE))[0]
    assert note.status is InvoiceStatus.OPEN
    assert story.all(select(Allocation.amount_minor).where(Allocation.credit_note_id == note.id)) == [14240]
    prove(database_url)


def test_credited_in_the_books_meanwhile(story: Story, database_url: str) -> None:
    """The books answered first: their credit note is the dispute's, nothing is credited twice."""
    dispute = story.dispute(LineClaim(2))
    other = story.dispute(LineClaim(1))
    ref = credited_in_the_books(story, 28080)
    credited_in_the_books(story, 56160 - 28080, "CN-2")
    with story.store.read() as session:
        shown = reads.dispute_view(session, story.supervisor, dispute.ref, now=story.now).notes
        assert [(note.number, note.amount) for note in shown] == [("CN-1", gbp(28080)), ("CN-2", gbp(28080))]
        assert reads.dispute_view(session, story.debtor, dispute.ref, now=story.now).notes == ()
    done = uphold(story, dispute, note_ref=ref)
    assert (done.status, done.credited_minor) == (D.UPHELD, 28080)
    assert [number for number, *_ in notes(story)] == ["CN-1", "CN-2"]
    assert in_favour(story) == []
    with pytest.raises(NotFound):
        uphold(story, other, note_ref=ref)
    assert story.again(other).status is D.OPENED, "one credit note answers one dispute"
    prove(database_url)


def test_a_smaller_note_of_the_books_upholds_in_part(story: Story) -> None:
    dispute = story.dispute(LineClaim(2))
    ref = credited_in_the_books(story, 10000)
    with pytest.raises(Refused) as refused:
        uphold(story, dispute, note_ref=ref)
    assert (refused_code(refused), refused.value.facts) == ("amount_above_note", {"most": gbp(10000)})
    assert story.again(dispute).status is D.OPENED, "nothing of it stands"
    assert uphold(story, dispute, 10000, note_ref=ref).status is D.PARTLY_UPHELD


def test_a_note_of_before_or_of_another_is_none(story: Story, store: Store) -> None:
    """L-15: only credit notes of this account that came while the dispute was open."""
    other = Story(store, now=story.now)
    before = credited_in_the_books(story, 1000)
    foreign = credited_in_the_books(other, 1000)
    story.now += timedelta(minutes=1)
    dispute = story.dispute(LineClaim(2))
    for ref in (before, foreign, story.invoice.ref, "no-such"):
        with pytest.raises(NotFound):
            uphold(story, dispute, 1000, note_ref=ref)


def test_never_more_than_was_paid(story: Story, database_url: str) -> None:
    """INV-7: what the books credited was not paid, so it is not given back a second time."""
    dispute = story.dispute(LineClaim(2))
    credited_in_the_books(story, 56160)
    credited_in_the_books(story, 20000, "CN-2")
    paid(story, 8080)
    with pytest.raises(Refused) as refused:
        uphold(story, dispute)
    assert (refused_code(refused), refused.value.facts) == ("credit_beyond_paid", {"most": gbp(8080)})
    assert story.again(dispute).status is D.OPENED
    assert uphold(story, dispute, 8080).status is D.PARTLY_UPHELD
    assert in_favour(story) == [gbp(8080)]
    prove(database_url)


def test_two_disputes_of_what_was_paid_give_it_back_once(story: Story, database_url: str) -> None:
    first, second = story.dispute(LineClaim(1)), story.dispute(LineClaim(2))
    credited_in_the_books(story, 50000)
    paid(story, 34240)
    uphold(story, first)
    with pytest.raises(Refused) as refused:
        uphold(story, second)
    rest = 34240 - 28080
    assert (refused_code(refused), refused.value.facts) == ("credit_beyond_paid", {"most": gbp(rest)})
    uphold(story, second, rest)
    assert in_favour(story) == [gbp(34240)]
    prove(database_url)


def test_nothing_was_paid_and_nothing_is_owed(story: Story) -> None:
    """Written off meanwhile: a clear word for the desk; a refusal ends it, and nothing is asked for."""
    dispute = story.dispute(LineClaim(2))
    with story.store.write() as session:
        invoice = session.get_one(Invoice, story.invoice.id)
        ledger.post(
            session, SYSTEM,
            ledger.Draft(
                creditor_id=story.account.creditor_id, reference="write_off:1", kind="write_off",
                currency="GBP",
                sides=[
                    ledger.debit(LedgerCode.BAD_DEBT, gbp(story.total)),
                    ledger.credit(LedgerCode.RECEIVABLES, gbp(story.total), account_id=story.account.id,
                                  invoice_id=invoice.id),
                ],
                effective_on=story.now.date(),
            ),
            now=story.now,
        )  # fmt: skip
    with pytest.raises(Refused) as refused:
        uphold(story, dispute)
    assert refused_code(refused) == "nothing_to_credit"
    story.act(outcomes.refuse, story.collector, dispute.ref, finding="Nothing is asked for any more.")
    assert story.asked() == 0


def test_a_taxed_settlement_gave_nothing_back(store: Store) -> None:
    """Decisions 4 and 5: its internal note forgives the rest; what was paid may be credited in whole."""
    world = a_late_account(store)
    world.pay_offer(world.accept(world.propose(121896)))
    assert store_has_note(store, "SD-")
    dispute = store.run(
        lambda s: opening.open_dispute(
            s, world.holder, world.refs[1], Claim(DisputeReason.DAMAGED), words="It was wet.",
            shown_at=NOON - timedelta(minutes=20), now=NOON + timedelta(minutes=1),
        )
    )  # fmt: skip
    paid_for_it = dispute.contested_minor
    assert 0 < paid_for_it < 84240
    done = store.run(
        lambda s: outcomes.uphold(
            s, world.supervisor, dispute.ref, credited=gbp(paid_for_it), finding="Right.",
            now=NOON + timedelta(days=1),
        )
    )  # fmt: skip
    assert (done.status, done.credited_minor) == (D.UPHELD, paid_for_it)


def store_has_note(store: Store, prefix: str) -> bool:
    with store.read() as session:
        found = select(Invoice.id).where(Invoice.number.startswith(prefix)).limit(1)
        return session.scalar(found) is not None
