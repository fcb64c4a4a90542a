"""FT-06: a credit note, a settlement, a dispute or a stop while a page is open; the money comes after (B4).

INV-3, INV-7, INV-11: the page is ended at the gateway; what was paid all the same is kept, never lost.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, FlagKind
from models.disputes import DisputeReason
from models.invoices import Invoice
from models.ledger import LedgerCode, Posting
from models.money import Money
from models.payments import Payment
from models.staff import Role
from models.states import OfferStatus
from models.work import Task, TaskKind
from receivables import credit_notes, flags, ledger
from receivables.arrangements import offer_deciding, offer_making, offers
from receivables.calendar_days import business_date
from receivables.disputes import opening
from receivables.disputes.claims import Claim
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.faults.works import Works


def _invoice(session: Session, account: Account) -> Invoice:
    return session.scalars(select(Invoice).where(Invoice.account_id == account.id)).one()


def credited(session: Session, account: Account, now: datetime) -> None:
    invoice = _invoice(session, account)
    credit_notes.record_credit_note(
        session, SYSTEM, invoice.ref, number=f"CN-{invoice.id}", amount=Money(20000, "GBP"), reason="wet",
        now=now,
    )  # fmt: skip


def settled(session: Session, account: Account, now: datetime) -> None:
    boss, second = (make.staff_actor(make.a_person(session, Role.SUPERVISOR)) for _ in range(2))
    invoice = _invoice(session, account)
    offer = offer_making.propose(
        session, boss, account.ref, invoice_refs=[invoice.ref], amount=Money(57000, "GBP"),
        pay_by_on=business_date(now, account.zone) + timedelta(days=4), reason="last word", now=now,
    )  # fmt: skip
    session.flush()
    if offer.status is OfferStatus.AWAITING_APPROVAL:
        offer_deciding.approve(session, second, offer.ref, digest=offer.content_digest, now=now)
    assert offer.status is OfferStatus.OPEN
    contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
    offers.accept(
        session, make.holder_actor(account, contact), offer.ref, digest=offer.content_digest,
        name="Helen Marsh", role="Director", binds=True, language="en", ip_prefix=None, now=now,
    )  # fmt: skip
    assert offer.status is OfferStatus.ACCEPTED


def disputed(session: Session, account: Account, now: datetime) -> None:
    contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
    opening.open_dispute(
        session, make.holder_actor(account, contact), _invoice(session, account).ref,
        Claim(DisputeReason.DAMAGED, (), None), words="Wet.", shown_at=now, now=now,
    )  # fmt: skip


def bankrupt(session: Session, account: Account, now: datetime) -> None:
    boss = make.staff_actor(make.a_person(session, Role.SUPERVISOR))
    flags.raise_flag(
        session, boss, account, FlagKind.BANKRUPTCY, from_on=business_date(now, account.zone), to_on=None,
        source="The court's letter", now=now,
    )  # fmt: skip


ACTS: dict[str, Callable[[Session, Account, datetime], None]] = {
    "credit note": credited, "settlement": settled, "dispute": disputed, "bankruptcy": bankrupt,
}  # fmt: skip
#: What is still owed when all 576.00 came, and what stands to the account's credit, minor units.
LEFT: dict[str, tuple[int, list[int]]] = {
    "credit note": (0, [20000]), "settlement": (0, [600]), "dispute": (57600, [57600]), "bankruptcy": (0, []),
}  # fmt: skip


@pytest.mark.parametrize("first", ["act", "money"])
@pytest.mark.parametrize("act", ACTS)
def test_the_balance_moves_while_a_page_is_open(works: Works, act: str, first: str) -> None:
    """FT-06, B4: act before or after the money; all that was taken is allocated, or credit with a task."""
    account = works.account(57600)
    debtor = works.debtor(account)
    page = debtor.begin(debtor.review())
    assert page is not None
    now = datetime.now(UTC)
    # Nobody hears of the payment, or ends the page, before both have happened.
    works.halt_workers()
    works.stripe.fault("webhook:*", "delay", count=20, seconds=600)
    if first == "money":
        debtor.pay_hosted(page)
    works.house.store.run(lambda s: ACTS[act](s, s.get_one(Account, account.id), now))
    if first == "act":
        debtor.pay_hosted(page)
    works.prove()
    (attempt,) = works.attempts(account)
    taken = sum(charge["amount"] for charge in works.charges_of([attempt.ref]))
    assert taken == 57600
    assert works.look(lambda s: _came(s, account.id)) == taken
    owed, credit = LEFT[act]
    assert works.open_minor(account) == owed
    assert works.look(lambda s: [m.minor for m in ledger.unapplied_credit(s, account.id)]) == credit
    assert works.look(lambda s: _asked_what_for(s, account.id)) == len(credit)


def test_a_page_that_nobody_paid_is_ended(works: Works) -> None:
    """FT-06, B4: after each of the acts the open page is ended at the gateway."""
    pages = {}
    for act in ACTS:
        account = works.account(57600)
        debtor = works.debtor(account)
        page = debtor.begin(debtor.review())
        assert page is not None
        pages[page.rpartition("/")[2]] = act
        works.house.store.run(
            lambda s, do=ACTS[act], a=account: do(s, s.get_one(Account, a.id), datetime.now(UTC))  # type: ignore[misc]
        )
    works.prove()
    stands = {page["id"]: page["status"] for page in works.stripe_objects("checkout.session")}
    assert {act: stands[page] for page, act in pages.items()} == dict.fromkeys(ACTS, "expired")


def _asked_what_for(session: Session, account_id: int) -> int:
    """How often a person is asked what unapplied money is for."""
    mine = (Task.account_id == account_id) & (Task.kind == TaskKind.UNAPPLIED_MONEY)
    return int(session.scalar(select(func.count()).select_from(Task).where(mine)) or 0)


def _came(session: Session, account_id: int) -> int:
    """What the gateway's money was booked to the account: its invoices and its credit."""
    codes = (LedgerCode.RECEIVABLES, LedgerCode.UNAPPLIED_CREDIT)
    entries = select(Payment.entry_id).where(Payment.account_id == account_id)
    return int(
        session.scalar(
            select(func.coalesce(func.sum(Posting.credit_minor), 0)).where(
                Posting.entry_id.in_(entries), Posting.ledger_code.in_(codes)
            )
        )
        or 0
    )
