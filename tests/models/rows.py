"""One row in every table that may only grow."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models.accounts import Account
from models.answers import Answer, AnswerKind
from models.disputes import Dispute, DisputeNote, DisputeReason
from models.links import Channel
from models.messages import ConsentEvent, ConsentEventKind, ContactLedger, Purpose
from models.money import Money
from models.payments import Adjustment, ProviderEffect
from models.states import DisputeStatus
from receivables import credit_notes, outbox
from receivables.contact import reminders
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON


def grow(session: Session) -> Account:
    """Make an account whose story left a row in every append-only table."""
    account = make.an_account(session, make.a_creditor(session))
    invoice = make.an_invoice(session, account, total=10000)
    credit_notes.record_credit_note(
        session, SYSTEM, invoice.ref, number="CN-1", amount=Money(500, "GBP"), reason="Two cartons damp",
        now=NOON,
    )  # fmt: skip
    outbox.note(session, account.id, "portal.opened", now=NOON)
    message = reminders.remind(session, SYSTEM, account, now=NOON, channels=(Channel.EMAIL,))[0]
    session.add(
        ContactLedger(
            contact_id=message.contact_id, account_id=account.id, channel=Channel.EMAIL, currency="GBP",
            business_on=NOON.date(), step="first_reminder", cycle="2026-11-19", message_id=message.id,
            claimed_at=NOON,
        )
    )  # fmt: skip
    session.add(
        ConsentEvent(
            contact_id=message.contact_id, channel=Channel.EMAIL, address_digest="a" * 64,
            purpose=Purpose.REMINDER, event=ConsentEventKind.OPTED_OUT, text_shown="Stop", text_version="1",
            source="portal", occurred_at=NOON,
        )
    )  # fmt: skip
    session.add(Answer(account_id=account.id, kind=AnswerKind.FORGOT, facts={}, given_at=NOON))
    dispute = Dispute(
        account_id=account.id, invoice_id=invoice.id, status=DisputeStatus.OPENED,
        reason=DisputeReason.DAMAGED, contested_minor=100, currency="GBP", holds=True, opened_at=NOON,
        answer_by_on=NOON.date(),
    )  # fmt: skip
    session.add(dispute)
    session.flush()
    session.add(DisputeNote(dispute_id=dispute.id, words="Two cartons were damp.", written_at=NOON))
    session.add(
        Adjustment(
            account_id=account.id, invoice_id=invoice.id, kind="withholding_tax", amount_minor=100,
            currency="GBP", entry_id=1, made_on=NOON.date(),
        )
    )  # fmt: skip
    session.add(ProviderEffect(provider_object_id="ch_1", kind="payment", entry_id=1, recorded_at=NOON))
    session.flush()
    return account
