"""The paper that goes along with a message: a receipt, an agreement that was made, a letter.

Only readers who may ask for the paper behind their link are sent it (L-15).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import Offer, Plan
from models.links import Channel
from models.messages import Message
from models.payments import Payment
from models.post import PostLetter
from receivables.documents.agreements import offer_paper, plan_paper
from receivables.documents.data import (
    DocumentWriter,
    LetterPaper,
    OfferPaper,
    Parties,
    PlanPaper,
    ReceiptPaper,
)
from receivables.documents.letters import paper_of
from receivables.documents.names import file_name
from receivables.documents.parties import parties
from receivables.documents.receipts import receipt_paper
from receivables.permissions import SYSTEM
from receivables.ports import Document

Paper = ReceiptPaper | PlanPaper | OfferPaper | LetterPaper


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A paper before it is written and set: values only, so that no transaction waits for it.

    Attributes:
        account_id: whose message it goes with.
        discreet: the reader is a private person: the file's name says nothing of what is in it.
    """

    account_id: int
    paper: Paper
    parties: Parties
    language: str
    discreet: bool

    def written(self, writer: DocumentWriter) -> Document:
        """Return the paper as its reader reads it, ready for the press."""
        match self.paper:
            case ReceiptPaper():
                return writer.receipt(self.paper, self.parties, self.language)
            case PlanPaper():
                return writer.plan(self.paper, self.parties, self.language)
            case OfferPaper():
                return writer.offer(self.paper, self.parties, self.language)
            case LetterPaper():
                return writer.letter(self.paper)

    def named(self, document: Document) -> str:
        """Return the name of its file (decision 20)."""
        said = document.made_on.isoformat() if self.discreet else document.title
        return file_name(self.parties.creditor, said, ending=".pdf")


def may_enclose(kind: str, channel: Channel) -> bool:
    """Whether a paper may go along with messages of a kind; most have none."""
    return kind in _PAPERS and channel is Channel.EMAIL


def enclosed(session: Session, message_id: int) -> Enclosure | None:
    """Return what goes along with a message; None for most."""
    message = session.get_one(Message, message_id)
    maker = _PAPERS.get(message.kind)
    if maker is None or message.channel is not Channel.EMAIL:
        return None
    if session.get_one(Contact, message.contact_id).forwarded_by_id is not None:
        return None  # a colleague's link shows one invoice, and no paper of the account
    paper = maker(session, message)
    if paper is None:
        return None
    account = session.get_one(Account, message.account_id)
    return Enclosure(
        account.id, paper, parties(session, account.id), message.language, discreet=account.is_private
    )


def _receipt(session: Session, message: Message) -> Paper | None:
    """The confirmation; a branch whose head office paid is sent none, the payment is not its own."""
    ref = session.scalar(
        select(Payment.ref).where(
            Payment.id == message.facts["payment_id"], Payment.account_id == message.account_id
        )
    )
    return receipt_paper(session, SYSTEM, ref) if ref else None


def _plan(session: Session, message: Message) -> Paper:
    return plan_paper(session, SYSTEM, session.get_one(Plan, message.facts["plan_id"]).ref)


def _offer(session: Session, message: Message) -> Paper:
    return offer_paper(session, SYSTEM, session.get_one(Offer, message.facts["offer_id"]).ref)


def _letter(session: Session, message: Message) -> Paper | None:
    """The letter that the mail goes with, where the step queued one; both say the same."""
    letter = session.scalar(
        select(PostLetter).where(
            PostLetter.ref == message.facts.get("letter"), PostLetter.account_id == message.account_id
        )
    )
    return paper_of(letter) if letter else None


_PAPERS: dict[str, Callable[[Session, Message], Paper | None]] = {
    "payment_confirmation": _receipt,
    "plan_activated": _plan,
    "offer_accepted": _offer,
    "first_letter_strict": _letter,
    "official_letter": _letter,
    "formal_warning": _letter,
    "claim_letter": _letter,
    "handover_notice": _letter,
}
