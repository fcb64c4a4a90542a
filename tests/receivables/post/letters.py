"""An account that a letter can go to, and the press's part of a batch."""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256

from sqlalchemy.orm import Session

from models.accounts import Account, DebtorType
from models.post import PostBatch, PostLetter
from models.store import Store
from receivables.permissions import SYSTEM
from receivables.post import printing, queueing
from tests import factories as make
from tests.conftest import NOON

TODAY = date(2026, 11, 19)
HANDOVER = {
    "handover_to": "Wharfedale Collections", "handover_contact": "0113 496 0990",
    "handover_on": date(2026, 12, 18),
}  # fmt: skip


def an_addressed_account(
    session: Session,
    *,
    country: str = "GB",
    debtor_type: DebtorType = DebtorType.BUSINESS,
    language: str = "en",
    total: int = 57600,
) -> Account:
    """One invoice 20 days late, and an address."""
    account = make.an_account(session, make.a_creditor(session), debtor_type=debtor_type, language=language)
    account.country, account.postal_address = country, "3 Harbour Row\nWhitby YO21 3PU"
    make.an_invoice(session, account, total=total, number="2041-A")
    return account


def queued(store: Store, kind: str = "official_letter", **more: object) -> tuple[Account, PostLetter]:
    """A waiting letter of a new account."""
    with store.write() as session:
        account = an_addressed_account(session, **more)  # type: ignore[arg-type]
        return account, queueing.queue_letter(
            session, SYSTEM, account, kind=kind, currency="GBP", now=NOON,
            facts=HANDOVER if kind == "handover_notice" else None,
        )  # fmt: skip


def pdfs(*refs: str) -> printing.KeptBatch:
    """What the press made and the file store kept, without either."""

    def one(text: str) -> printing.KeptPdf:
        return printing.KeptPdf(sha256(text.encode()).hexdigest(), len(text))

    return printing.KeptBatch(one("all"), {ref: one(ref) for ref in refs})


def posted(session: Session, letter: PostLetter, *, days_ago: int = 0, enclosed: bool = False) -> PostBatch:
    """Print a waiting letter so many days ago and post it the same day."""
    then = NOON - timedelta(days=days_ago)
    batch = printing.print_batch(session, SYSTEM, pdfs(letter.ref), now=NOON)
    batch.printed_at = then
    session.flush()
    return printing.mark_posted(session, SYSTEM, batch, posted_on=then.date(), enclosed=enclosed, now=NOON)
