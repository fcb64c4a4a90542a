"""One row in every table that may only grow."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.answers import Answer, AnswerKind
from models.bank_lines import BankLines
from models.credit_limits import CreditLimit, OrdersOpen
from models.disputes import Dispute, DisputeNote, DisputeReason
from models.editing import TextVersion
from models.figures import CollectionTarget
from models.files import StoredFile
from models.handovers import Handler, HandlerKind, Handover, Remittance
from models.inbound import ReachEvent, ReachEventKind
from models.ladder import LadderMeeting, LadderMode, LadderSwitch, Met
from models.links import Channel
from models.messages import (
    CallAttempt,
    CallFile,
    CallFileKind,
    ConsentEvent,
    ConsentEventKind,
    ContactDecision,
    ContactLedger,
    Purpose,
)
from models.money import Money
from models.notes import AccountFile, AccountNote, NoteMention
from models.payments import Adjustment, Allocation, Payment, PaymentMethod, ProviderEffect
from models.reversals import AllocationReversal, PaymentReversal, ReversalCause
from models.segments import EarlyWarning
from models.states import DisputeStatus, HandoverStatus
from receivables import credit_notes, outbox
from receivables.contact import reminders
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON


def remitted(session: Session, account: Account) -> None:
    """An agency sent on what it collected."""
    agency = Handler(
        kind=HandlerKind.AGENCY, name="Harbour Recoveries", address="1 Quay", phone="+441632960001",
        countries="GB", commission_percent="12.5", terms="", created_at=NOON,
    )  # fmt: skip
    session.add(agency)
    session.flush()
    case = Handover(
        account_id=account.id, handler_id=agency.id, status=HandoverStatus.PLACED, currency="GBP",
        amount_minor=1000, reason="rung:hand_over", proposed_at=NOON, placed_on=NOON.date(),
    )  # fmt: skip
    session.add(case)
    session.flush()
    session.add(
        Remittance(
            handover_id=case.id, reference="HR-7", collected_minor=1000, commission_minor=125,
            currency="GBP", valued_on=NOON.date(), recorded_at=NOON,
        )
    )  # fmt: skip


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
    session.add_all(
        [
            LadderSwitch(mode=LadderMode.PROPOSE, sending_stopped=False, reason="First week", set_at=NOON),
            LadderMeeting(invoice_id=invoice.id, cycle=1, rung="courtesy", met_on=NOON.date(), how=Met.ACTED),
            ContactDecision(
                account_id=account.id,
                contact_id=message.contact_id,
                message_id=message.id,
                channel="email",
                purpose="reminder",
                allowed=True,
                reasons=[],
                inputs={},
                decided_at=NOON,
            ),
            CallAttempt(
                account_id=account.id,
                contact_id=message.contact_id,
                talked=False,
                outcome="no_answer",
                made_at=NOON,
            ),
            ReachEvent(
                contact_id=message.contact_id,
                channel=Channel.EMAIL,
                address_digest="a" * 64,
                event=ReachEventKind.SOFT,
                why="dsn:4.2.2",
                occurred_at=NOON,
            ),
            EarlyWarning(
                account_id=account.id,
                staff_id=make.a_person(session).id,
                words="Orders have stopped",
                raised_at=NOON,
            ),
        ]
    )
    photo = StoredFile(
        content_digest="b" * 64, name="door.jpg", media_type="image/jpeg", size_bytes=1,
        account_id=account.id, retention_class="visit_photo", stored_at=NOON,
    )  # fmt: skip
    session.add(photo)
    session.flush()
    session.add(CallFile(file_id=photo.id, call_id=1, kind=CallFileKind.PHOTO))
    remitted(session, account)
    session.add(
        TextVersion(
            kind="courtesy", effective_at=NOON, author_id=make.a_person(session).id,
            approver_id=make.a_person(session).id, reason="Shorter", body="{}", body_digest="c" * 64,
        )
    )  # fmt: skip
    noted(session, account, photo)
    taken_back(session, account)
    session.add(
        CollectionTarget(
            creditor_id=account.creditor_id, currency="GBP", month_on=NOON.date().replace(day=1),
            amount_minor=100000, set_by_id=make.a_person(session).id, reason="As last year", set_at=NOON,
        )
    )  # fmt: skip
    session.add(BankLines(creditor_id=account.creditor_id, up_to_on=NOON.date(), recorded_at=NOON))
    session.add(ProviderEffect(provider_object_id="ch_1", kind="payment", entry_id=1, recorded_at=NOON))
    session.flush()
    return account


def taken_back(session: Session, account: Account) -> None:
    """A payment was taken back off what it had paid."""
    owed = session.scalars(select(Allocation)).first()
    assert owed is not None
    paid = Payment(
        number="PC-0", account_id=account.id, method=PaymentMethod.CARD, amount_minor=100, currency="GBP",
        provider_charge_id="ch_0", received_at=NOON, valued_on=NOON.date(), entry_id=1,
    )  # fmt: skip
    session.add(paid)
    session.flush()
    back = PaymentReversal(
        payment_id=paid.id, account_id=account.id, cause=ReversalCause.REFUND, source="refund:re_0",
        amount_minor=100, currency="GBP", allocated_minor=100, unapplied_minor=0, recovered_minor=0,
        beyond_minor=0, entry_id=1, effective_on=NOON.date(), made_at=NOON,
    )  # fmt: skip
    session.add(back)
    session.flush()
    session.add(AllocationReversal(reversal_id=back.id, allocation_id=owed.id, amount_minor=100))


def noted(session: Session, account: Account, file: StoredFile) -> None:
    """What the desk writes on an account's page."""
    writer, colleague = make.a_person(session), make.a_person(session)
    note = AccountNote(
        ref="n" * 16, account_id=account.id, staff_id=writer.id, words="Rings on Mondays", written_at=NOON
    )
    session.add(note)
    session.flush()
    session.add_all(
        [
            NoteMention(note_id=note.id, staff_id=colleague.id),
            AccountFile(
                file_id=file.id, account_id=account.id, staff_id=writer.id, words="The door", put_at=NOON
            ),
            CreditLimit(
                account_id=account.id, limit_minor=500000, currency="GBP", set_by_id=writer.id,
                reason="Pays on time", set_at=NOON,
            ),
            OrdersOpen(
                account_id=account.id, amount_minor=1000, currency="GBP", as_of_at=NOON, source="desk",
                told_by_id=writer.id, told_at=NOON,
            ),
        ]
    )  # fmt: skip
