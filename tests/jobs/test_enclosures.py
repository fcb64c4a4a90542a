"""Files that go along with mails: the right paper to the right reader, and no mail lost for want of one."""

from __future__ import annotations

import email
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default as modern
from urllib.request import urlopen

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import enclosures
from models.accounts import Account, Contact, DebtorType
from models.arrangements import Offer, Plan
from models.links import Channel
from models.messages import Message, Purpose
from models.payments import Payment
from models.states import MessageStatus
from receivables import outbox
from receivables.documents.enclosures import enclosed
from receivables.permissions import SYSTEM
from receivables.ports import Document, DocumentFailed, StillPreparing
from tests.agreements import an_agreed_offer, an_agreed_plan
from tests.conftest import NOON
from tests.jobs.test_outbox import Office, office  # noqa: F401 - fixture


def later() -> datetime:
    """The stand-in gateway lives by the real clock, and a confirmation is queued at its moment."""
    return datetime.now(UTC) + timedelta(minutes=5)


def mails(office: Office) -> list[EmailMessage]:  # noqa: F811
    """What the stand-in took, read from its bytes as a mail program does."""
    found = []
    for row in office.mailbox.messages(channel="mail"):
        with urlopen(f"{office.mailbox.http_url}/m/{row['id']}/raw") as answer:  # noqa: S310 loopback
            found.append(email.message_from_bytes(answer.read(), policy=modern))
    return found


def files(mail: EmailMessage) -> list[tuple[str | None, str, bytes]]:
    return [
        (part.get_filename(), part.get_content_type(), part.get_content()) for part in mail.iter_attachments()
    ]


def queue(session: Session, account: Account, kind: str, facts: dict[str, object]) -> Message:
    contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).first()
    assert contact is not None
    return outbox.enqueue(
        session, SYSTEM, account=account, contact=contact, channel=Channel.EMAIL, purpose=Purpose.ANSWER,
        kind=kind, facts=facts, dedupe_key=f"{kind}:1", now=NOON,
    )  # fmt: skip


def agreed(office: Office, what: str) -> Message:  # noqa: F811
    """The queued mail about a plan or a settlement that was agreed."""
    with office.store.write() as s:
        account = s.get_one(Account, office.account.id)
        numbers = [office.invoice.number]
        if what == "plan":
            an_agreed_plan(s, account, numbers, now=NOON)
            return queue(s, account, "plan_activated", {"plan_id": s.scalars(select(Plan.id)).one()})
        an_agreed_offer(s, account, numbers, now=NOON)
        offer = s.scalars(select(Offer)).one()
        offer.terms = {**offer.terms, "accepted": {"after_entry": 0}}  # no money came before
        return queue(s, account, "offer_accepted", {"offer_id": offer.id})


class _Press:
    """A press that always ends the same way."""

    def __init__(self, end: Exception | bytes) -> None:
        self.end = end

    def press(self, document: Document, *, timeout: float | None = None) -> bytes:
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


def test_a_confirmation_carries_its_receipt(office: Office) -> None:  # noqa: F811
    """Part 6: text and HTML first, the receipt behind them as a PDF, and the text says so."""
    message = office.receipt()
    office.send(later())
    [mail] = mails(office)
    [(name, media_type, data)] = files(mail)
    with office.store.read() as s:
        number = s.scalars(select(Payment.number)).one()
    assert (media_type, data[:5]) == ("application/pdf", b"%PDF-")
    assert name is not None
    assert name.endswith(".pdf")
    assert number in name
    body = mail.get_body(preferencelist=("plain",))
    assert body is not None
    assert "attached to this e-mail as a PDF" in body.get_content()
    assert mail.get_body(preferencelist=("html",)) is not None
    assert office.status(message) is MessageStatus.SENT
    assert office.alerts() == []


@pytest.mark.parametrize("what", ["plan", "offer"])
def test_an_agreement_goes_to_who_keeps_it(office: Office, what: str) -> None:  # noqa: F811
    """Part 3: "agreement kept" means a copy in the reader's own mailbox."""
    agreed(office, what)
    office.send(later())
    [mail] = mails(office)
    [(name, _, data)] = files(mail)
    assert name is not None
    assert "greement" in name
    assert data.startswith(b"%PDF-")


def test_in_hebrew_the_name_is_hebrew(office: Office) -> None:  # noqa: F811
    """Decision 31: the name of the file in the reader's script, with no mark of direction in it."""
    message = office.receipt()
    office.change(lambda s: setattr(s.get_one(Message, message.id), "language", "he"))
    office.send(later())
    [mail] = mails(office)
    [(name, _, data)] = files(mail)
    assert name is not None
    assert "אישור" in name
    assert not set(name) & set("\u200e\u200f\u2068\u2069")
    assert data.startswith(b"%PDF-")
    body = mail.get_body(preferencelist=("plain",))
    assert body is not None
    assert "המסמך מצורף" in body.get_content()


@pytest.mark.parametrize(
    "end",
    [
        DocumentFailed("no such font"),
        StillPreparing("busy"),
        RuntimeError("?"),
        b"%PDF-" + bytes(enclosures.MOST_BYTES),
    ],
)
def test_without_a_file_the_mail_still_goes(office: Office, end: Exception | bytes) -> None:  # noqa: F811
    """A file that can't be made, or that no relay takes, keeps no mail: link, alert, and no false word."""
    message = office.receipt()
    office.send(later(), press=_Press(end))
    [mail] = mails(office)
    assert files(mail) == []
    body = mail.get_body(preferencelist=("plain",))
    assert body is not None
    assert "attached" not in body.get_content()
    assert "/l/" in body.get_content()
    assert office.status(message) is MessageStatus.SENT
    assert office.alerts() == ["enclosure_missing"]


def test_a_private_person_s_file_says_nothing(office: Office) -> None:  # noqa: F811
    """Decision 20: who looks over a shoulder reads a name and a day."""
    office.change(
        lambda s: setattr(s.get_one(Account, office.account.id), "debtor_type", DebtorType.PRIVATE_PERSON)
    )
    agreed(office, "plan")
    office.send(later())
    [mail] = mails(office)
    [(name, _, _)] = files(mail)
    assert name == f"Northgate Paper - Print Ltd {NOON.date()}.pdf"


def test_who_is_sent_none(office: Office) -> None:  # noqa: F811
    """L-15: a colleague with one invoice, a branch whose head office paid, a text message, a reminder."""
    receipt = office.receipt()
    reminder = office.remind()
    with office.store.read() as s:
        assert enclosed(s, receipt.id) is not None
        assert enclosed(s, reminder.id) is None
    with office.store.write() as s:
        contact = s.get_one(Contact, receipt.contact_id)
        contact.forwarded_by_id = contact.id
        s.flush()
        assert enclosed(s, receipt.id) is None
        contact.forwarded_by_id = None
        message = s.get_one(Message, receipt.id)
        message.channel = Channel.SMS
        s.flush()
        assert enclosed(s, receipt.id) is None
        message.channel = Channel.EMAIL
        other = Account(
            creditor_id=office.account.creditor_id, number="other", name="Another Ltd", country="GB",
            zone="Europe/London", language="en", created_at=NOON,
        )  # fmt: skip
        s.add(other)
        s.flush()
        s.scalars(select(Payment)).one().account_id = other.id
        s.flush()
        assert enclosed(s, receipt.id) is None
        s.rollback()
