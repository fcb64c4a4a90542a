"""Accounts for the pictures of the ways out: one firm in each language, one account for each case.

Papers are brought in as an import brings them; what stands on them was done by the real actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.answers import AnswerKind
from models.creditors import Creditor
from models.disputes import DisputeReason
from models.invoices import Invoice, InvoiceLine
from models.links import Channel
from models.money import Money, total
from models.staff import Role, Staff
from models.store import Store
from receivables import credit_holds, links
from receivables.answers import giving
from receivables.answers.giving import Facts
from receivables.arrangements import offer_making, plans, promises
from receivables.arrangements.plan_terms import Wish
from receivables.calendar_days import business_date
from receivables.disputes import opening, threads
from receivables.disputes.claims import Claim, LineClaim
from receivables.permissions import SYSTEM, Actor
from receivables.policy import current_policy
from tests import factories as make


@dataclass(frozen=True, slots=True)
class Firm:
    """Who is pictured in a language, the creditor, and the words of what was done."""

    creditor: str
    name: str
    person: str
    email: str
    currency: str
    times: int
    about: tuple[str, str]
    lines: tuple[str, str]
    question: str
    reply: str
    hold: str
    role: str
    terms: tuple[str, ...]


FIRMS = {
    "en": Firm(
        "northgate",
        "Harrow Lane Bindery Ltd",
        "Oona Field",
        "oona@harrowlane.example",
        "GBP",
        1,
        ("Autumn catalogue", "Gift boxes and ribbon"),
        ("Covers, printed, 350 g", "Ribbon, rolls"),
        "The second carton was 40 covers short. The driver wrote it on the delivery note.",
        "Thank you, Oona. I have asked the warehouse and will write to you by Tuesday.",
        "The oldest invoice is more than 60 days overdue. New orders go out again as soon as it is paid.",
        "Owner",
        (
            "No fee and no interest are added while the parts are paid on their dates.",
            "A link to pay comes before each date.",
            "You may pay earlier, or all of the rest, at any time.",
        ),
    ),
    "he": Firm(
        "hashahar",
        "כריכיית מורד הגפן בע״מ",
        "דנה לביא",
        "dana@moradhagefen.example",
        "ILS",
        4,
        ("קטלוג סתיו", "קופסאות מתנה וסרטים"),
        ("כריכות מודפסות, 350 גרם", "סרטים בגלילים"),
        "בקרטון השני חסרו 40 כריכות. הנהג רשם זאת על תעודת המשלוח.",
        "תודה, דנה. פניתי למחסן ואכתוב לך עד יום שלישי.",
        "החשבונית הישנה ביותר באיחור של יותר מ־60 ימים. הזמנות חדשות ייצאו מיד לאחר שתשולם.",
        "בעלים",
        (
            "לא נוספות עמלה או ריבית כל עוד התשלומים משולמים במועדם.",
            "לפני כל מועד נשלח קישור לתשלום.",
            "אפשר לשלם מוקדם יותר, או את כל היתרה, בכל עת.",
        ),
    ),
}
#: Case -> (days late, hundreds of the firm's units) of its two invoices.
CASES: Mapping[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "ways": ((29, 6), (8, 9)),
    "large": ((41, 48), (12, 24)),
    "promise": ((29, 6), (8, 9)),
    "dispute": ((29, 6), (8, 9)),
    "plan": ((29, 12), (8, 9)),
    "offer": ((78, 6), (66, 9)),
    "hold": ((64, 6), (8, 9)),
}


@dataclass(frozen=True, slots=True)
class Case:
    """An account ready to be pictured; `ref` is of the dispute, plan, offer or promise on it."""

    account: Account
    contact: Contact
    invoices: tuple[str, ...]
    ref: str


def set_up(store: Store, language: str, *, now: datetime) -> dict[str, Case]:
    """Bring in the accounts of a language and do on each what its case shows."""
    return {name: _case(store, FIRMS[language], name, language, now) for name in CASES}


def link_to(store: Store, case: Case, *, now: datetime) -> str:
    """Return the token of a fresh link to a case."""

    def unit(session: Session) -> str:
        account = session.get_one(Account, case.account.id)
        contact = session.get_one(Contact, case.contact.id)
        policy = current_policy(session, now)
        return links.issue(
            session, SYSTEM, account, contact=contact, channel=Channel.EMAIL, policy=policy, now=now
        )[1]

    return store.run(unit)


def _case(store: Store, firm: Firm, name: str, language: str, now: datetime) -> Case:
    def unit(session: Session) -> Case:
        creditor = session.scalars(select(Creditor).where(Creditor.code == firm.creditor)).one()
        account = make.an_account(
            session, creditor, name=firm.name, language=language, zone=creditor.zone, with_contact=False,
            now=now,
        )  # fmt: skip
        contact = make.a_contact(session, account, name=firm.person, email=firm.email, now=now)
        place = list(CASES).index(name)
        papers = [
            _paper(session, account, firm, f"2026-1{3 + order}{place}{order}", days, hundreds, order, now)
            for order, (days, hundreds) in enumerate(CASES[name])
        ]
        return Case(account, contact, tuple(paper.ref for paper in papers), "")

    case = store.run(unit)
    ref = store.run(lambda s: _ACTS[name](s, firm, case, now) if name in _ACTS else "")
    return Case(case.account, case.contact, case.invoices, ref)


def _paper(
    session: Session,
    account: Account,
    firm: Firm,
    number: str,
    late: int,
    hundreds: int,
    order: int,
    now: datetime,
) -> Invoice:
    """An invoice of two lines of one size, so that quantities and prices add up in sight."""
    due_on = business_date(now, account.zone) - timedelta(days=late)
    whole = Money(hundreds * 10000 * firm.times, firm.currency)
    invoice = make.an_invoice(session, account, total=whole, due_on=due_on, number=number, lines=2, now=now)
    invoice.description = firm.about[order]
    lines = session.scalars(
        select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id).order_by(InvoiceLine.position)
    )
    for line, text, code, price in zip(lines, firm.lines, ("CV-350", "RB-12"), ("1.25", "2.50"), strict=True):
        each = Decimal(price) * firm.times
        line.description, line.code, line.unit_price = text, code, str(each)
        line.quantity = str(int(Money(line.net_minor, firm.currency).decimal / each))
    return invoice


def _desk(session: Session, role: Role, language: str) -> Actor:
    """The person of a role who works in a language, else the first of that role."""
    people = session.scalars(select(Staff).where(Staff.role == role).order_by(Staff.id)).all()
    return make.staff_actor(next((one for one in people if one.language == language), people[0]))


def _balance(session: Session, case: Case) -> Money:
    rows = session.scalars(select(Invoice).where(Invoice.ref.in_(case.invoices))).all()
    return total([Money(row.balance_minor, row.currency) for row in rows], rows[0].currency)


def _promise(session: Session, firm: Firm, case: Case, now: datetime) -> str:
    debtor, today = make.holder_actor(case.account, case.contact), business_date(now, case.account.zone)
    day = promises.ready_days(today, case.account.country, current_policy(session, now).promises)[-1]
    facts = Facts(amount=_balance(session, case), on=day)
    giving.give(session, debtor, AnswerKind.ON_A_DATE, facts, now=now)
    noted = promises.open_promise(session, case.account.id, firm.currency)
    assert noted is not None
    return noted.ref


def _dispute(session: Session, firm: Firm, case: Case, now: datetime) -> str:
    debtor = make.holder_actor(case.account, case.contact)
    quantity = session.scalar(
        select(InvoiceLine.quantity)
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(Invoice.ref == case.invoices[0], InvoiceLine.position == 1)
    )
    claim = Claim(DisputeReason.WRONG_QUANTITY, (LineClaim(1, accepted=Decimal(quantity or 0) - 40),))
    dispute = opening.open_dispute(
        session, debtor, case.invoices[0], claim, words=firm.question, shown_at=now, now=now
    )
    person = _desk(session, Role.COLLECTOR, case.account.language)
    threads.answer(session, person, dispute.ref, words=firm.reply, now=now)
    return dispute.ref


def _plan(session: Session, firm: Firm, case: Case, now: datetime) -> str:
    debtor, first_on = make.holder_actor(case.account, case.contact), business_date(now, case.account.zone)
    plan = plans.propose(
        session, debtor, account_id=case.account.id, currency=firm.currency, invoice_refs=case.invoices,
        wish=Wish(4, first_on + timedelta(days=14)), now=now,
    )  # fmt: skip
    signature = plans.Signature(firm.person, firm.role, True, case.account.language, None)
    plans.accept(
        session, debtor, plan.ref, digest=plan.terms_digest, signature=signature, words=firm.terms, now=now
    )
    return plan.ref


def _offer(session: Session, firm: Firm, case: Case, now: datetime) -> str:
    whole, person = _balance(session, case), _desk(session, Role.COLLECTOR, case.account.language)
    offer = offer_making.propose(
        session, person, case.account.ref, invoice_refs=case.invoices,
        amount=Money(whole.minor * 92 // 100, whole.currency), reason="To close the year",
        pay_by_on=business_date(now, case.account.zone) + timedelta(days=12), now=now,
    )  # fmt: skip
    return offer.ref


def _hold(session: Session, firm: Firm, case: Case, now: datetime) -> str:
    oldest = session.scalars(select(Invoice).where(Invoice.ref == case.invoices[0])).one()
    release = Money(oldest.balance_minor, oldest.currency)
    account = session.get_one(Account, case.account.id)
    person = _desk(session, Role.SUPERVISOR, account.language)
    credit_holds.place(session, person, account, firm.hold, release, now=now)
    return ""


_ACTS = {"promise": _promise, "dispute": _dispute, "plan": _plan, "offer": _offer, "hold": _hold}
