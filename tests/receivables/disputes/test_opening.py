"""Opening a dispute: everything that follows in the same transaction, and every refusal by name."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models.arrangements import DiscountTax, Offer, OfferInvoice, OfferMaker
from models.audit import AuditEntry
from models.disputes import Dispute, DisputeLine, DisputeNote, DisputeReason
from models.ledger import LedgerCode
from models.links import LinkScope
from models.messages import Message, Purpose
from models.money import Money
from models.pauses import Pause, PauseReason
from models.payments import Allocation, AllocationRule, AttemptInvoice, Payment, PaymentMethod
from models.states import DisputeStatus, OfferStatus
from models.store import Store
from models.work import Interaction, Job, Task, TaskKind
from receivables import credit_notes, ledger
from receivables.disputes.claims import LineClaim
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.payments import starting
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM, Actor, ActorKind
from tests.fakes import ToldGateway
from tests.receivables.disputes.story import Story, refused_code


def test_all_that_follows_at_once(store: Store) -> None:
    """Issue, part 2: set aside, paused, asked of a person, told, audited, in one transaction."""
    story = Story(store)
    dispute = story.dispute(LineClaim(2))
    assert (dispute.status, dispute.contested_minor, dispute.holds) == (DisputeStatus.OPENED, 28080, True)
    assert dispute.answer_by_on == date(2026, 11, 26), "five business days"
    assert story.asked() == 84240 - 28080
    (pause,) = story.all(select(Pause))
    assert (pause.reason, pause.key, pause.invoice_id, pause.ended_at) == (
        PauseReason.DISPUTE, f"dispute:{dispute.id}", story.invoice.id, None,
    )  # fmt: skip
    (task,) = story.all(select(Task).where(Task.kind == TaskKind.DISPUTE))
    assert (task.account_id, task.facts["amount_minor"]) == (story.account.id, 28080)
    (message,) = story.all(select(Message).where(Message.kind == "dispute_received"))
    assert (message.purpose, message.contact_id) == (Purpose.ANSWER, story.debtor.contact_id)
    assert story.all(select(Interaction.kind)) == ["dispute.opened"]
    assert "dispute.opened" in story.all(select(AuditEntry.code))
    (note,) = story.all(select(DisputeNote))
    assert (note.words, note.contact_id) == ("It was wet.", story.debtor.contact_id)


def test_open_payment_pages_are_ended(store: Store) -> None:
    """P-05: a dispute ends the open page of its invoice; the gateway is asked after the commit."""
    story = Story(store)
    starting.start(
        store, ToldGateway(), story.debtor, Choice("all", "GBP"), account_id=story.account.id,
        zone=story.account.zone, nonce="n" * 43, language="en", title="Northgate", note=None,
        base_url="http://localhost", now=story.now,
    )  # fmt: skip
    assert story.all(select(AttemptInvoice.blocking)) == [True]
    story.dispute(LineClaim(1))
    assert story.all(select(AttemptInvoice.blocking)) == [False]
    assert story.all(select(Job.kind)) == ["expire_session"]


def test_the_same_draft_is_the_same_dispute(store: Store) -> None:
    """M-06: a form sent twice."""
    story = Story(store)
    first = story.dispute(LineClaim(1), ref="a-draft-of-mine")
    assert story.dispute(LineClaim(2), ref="a-draft-of-mine").id == first.id
    assert len(story.all(select(Dispute))) == 1


def test_a_line_twice_is_refused_and_the_database_holds_it_too(store: Store) -> None:
    """Issue, "Bad input": a line twice; also two at once, by a unique index."""
    story = Story(store)
    story.dispute(LineClaim(2))
    with pytest.raises(Refused) as refused:
        story.dispute(LineClaim(1), LineClaim(2))
    assert refused_code(refused) == "line_contested"
    other = story.dispute(LineClaim(3))
    (held,) = story.all(select(DisputeLine.invoice_line_id).where(DisputeLine.dispute_id != other.id))
    with pytest.raises(IntegrityError), store.write() as session:
        session.add(DisputeLine(dispute_id=other.id, invoice_line_id=held, contested_minor=1, holds=True))


def test_disputes_together_never_contest_more_than_is_open(store: Store) -> None:
    """M-12: what is contested already is not contested again."""
    story = Story(store)
    story.dispute(amount=Money(80000, "GBP"))
    with pytest.raises(Refused) as refused:
        story.dispute(amount=Money(4241, "GBP"))
    assert (refused_code(refused), refused.value.facts["most"]) == ("amount_above_open", Money(4240, "GBP"))
    assert story.dispute().contested_minor == 4240, "the whole invoice is what is left of it"
    assert story.asked() == 0
    with pytest.raises(Refused) as refused:
        story.dispute()
    assert refused_code(refused) == "nothing_to_question"


def paid_in_full(story: Story) -> None:
    """Money of a kind that needs no gateway: what matters is the payment row and its allocation."""
    with story.store.write() as session:
        amount = Money(story.total, "GBP")
        entry = ledger.post(
            session, SYSTEM,
            ledger.Draft(
                creditor_id=story.account.creditor_id, reference="payment:t", kind="payment", currency="GBP",
                sides=[
                    ledger.debit(LedgerCode.BANK, amount),
                    ledger.credit(
                        LedgerCode.RECEIVABLES, amount, account_id=story.account.id,
                        invoice_id=story.invoice.id,
                    ),
                ],
                effective_on=story.now.date(),
            ),
            now=story.now,
        )  # fmt: skip
        payment = Payment(
            number="PC-1", account_id=story.account.id, method=PaymentMethod.OTHER, method_detail="bank",
            amount_minor=story.total, currency="GBP", received_at=story.now, valued_on=story.now.date(),
            entry_id=entry.id,
        )  # fmt: skip
        session.add(payment)
        session.flush()
        session.add(
            Allocation(
                payment_id=payment.id, invoice_id=story.invoice.id, amount_minor=story.total, currency="GBP",
                rule=AllocationRule.DIRECTED, valued_on=story.now.date(), entry_id=entry.id,
            )
        )  # fmt: skip


def test_paid_while_the_form_was_open_is_a_question_all_the_same(store: Store) -> None:
    """Race pay ∥ raise dispute: paid under dispute; nothing is set aside, a person answers."""
    story = Story(store)
    paid_in_full(story)
    shown_before = story.now - timedelta(minutes=5)
    dispute = story.dispute(LineClaim(2), shown_at=shown_before)
    assert (dispute.paid_before, dispute.holds, dispute.contested_minor) == (True, False, 28080)
    assert story.all(select(Pause)) == []
    assert len(story.all(select(Task).where(Task.kind == TaskKind.DISPUTE))) == 1
    with pytest.raises(Refused) as refused:
        story.dispute(LineClaim(2), shown_at=shown_before)
    assert refused_code(refused) == "line_contested"


def test_a_paid_invoice_is_refused(store: Store) -> None:
    """Issue, "Bad input": disputing a paid invoice, by name; an old form helps nobody."""
    story = Story(store)
    paid_in_full(story)
    for shown_at in (story.now + timedelta(minutes=1), story.now - timedelta(days=2)):
        with pytest.raises(Refused) as refused:
            story.dispute(LineClaim(2), shown_at=shown_at)
        assert refused_code(refused) == "invoice_paid"
    credited = Story(store)
    credited.act(credit_notes.record_credit_note, SYSTEM, credited.invoice.ref, number="CN-1",
                 amount=Money(84240, "GBP"), reason="torn")  # fmt: skip
    with pytest.raises(Refused) as refused:
        credited.dispute(LineClaim(2))
    assert refused_code(refused) == "invoice_paid"


def test_other_needs_words_and_words_have_an_end(store: Store) -> None:
    """X-09 and "Bad input": 100k characters are refused, never cut."""
    story = Story(store)
    for words, code in ((" \u202e ", "words_missing"), ("x" * 100_000, "words_too_long")):
        with pytest.raises(Refused) as refused:
            story.dispute(reason=DisputeReason.OTHER, words=words)
        assert refused_code(refused) == code
    assert story.all(select(Dispute)) == []


def test_words_are_kept_as_text(store: Store) -> None:
    """X-09: card numbers are masked, direction tricks and controls go, HTML is only letters."""
    story = Story(store)
    words = "4242 4242 4242 4242 \u202egnp.exe\u2069\x00\x1b <script>x</script>\r\nסוף\u200f"
    story.dispute(LineClaim(2), words=words)
    kept = "•••• 4242 gnp.exe <script>x</script>\nסוף\u200f"
    assert story.all(select(DisputeNote.words)) == [kept]


def test_who_may(store: Store) -> None:
    """L-15, decision 6: another account finds nothing; a link that staff hold may not."""
    story, other = Story(store), Story(store)
    with pytest.raises(NotFound):
        story.dispute(LineClaim(1), actor=other.debtor)
    held = Actor(ActorKind.LINK_HOLDER, id=1, account_id=story.account.id, scope=LinkScope.VIEW_AND_PAY)
    with pytest.raises(NotAllowed):
        story.dispute(LineClaim(1), actor=held)
    with pytest.raises(NotFound):
        story.dispute(LineClaim(1), files=["not-a-file"])
    assert story.all(select(Dispute)) == []


def test_an_invoice_without_lines_is_disputed_by_amount(store: Store) -> None:
    """Decision 3: invoices without lines are accepted; a dispute by amount works on them."""
    story = Story(store, lines=0)
    dispute = story.dispute(amount=Money(100, "GBP"))
    assert dispute.contested_minor == 100
    assert story.asked() == 84140


def an_offer(story: Story, status: OfferStatus) -> int:
    with story.store.write() as session:
        offer = Offer(
            account_id=story.account.id, status=status, maker=OfferMaker.STAFF, currency="GBP",
            balance_minor=story.total, amount_minor=70000, expires_on=story.now.date(),
            pay_by_on=story.now.date(), discount_tax=DiscountTax.NONE, proposed_at=story.now,
            content_digest="0" * 64, terms={},
        )  # fmt: skip
        session.add(offer)
        session.flush()
        accepted = status is OfferStatus.ACCEPTED
        session.add(
            OfferInvoice(
                offer_id=offer.id, invoice_id=story.invoice.id, balance_minor=story.total, blocking=accepted
            )
        )
        return offer.id


def test_an_invoice_in_an_arrangement_is_refused(store: Store) -> None:
    """What was agreed about an invoice is changed by a person, not by a form."""
    story = Story(store)
    an_offer(story, OfferStatus.ACCEPTED)
    with pytest.raises(Refused) as refused:
        story.dispute(LineClaim(1))
    assert (refused_code(refused), refused.value.facts["by"]) == ("in_arrangement", "offer")


def test_an_open_offer_is_void_with_the_dispute(store: Store) -> None:
    """M-11: the balance it was made for has changed."""
    story = Story(store)
    offer = an_offer(story, OfferStatus.OPEN)
    story.dispute(LineClaim(1))
    assert story.all(select(Offer.status).where(Offer.id == offer)) == [OfferStatus.VOIDED]
