"""Two debtors of one creditor, each with one of everything that an account can have.

Built by the real actions. Nothing that names one of them, its papers, sums, people or words names the
other, so whatever a page shows of the other can be found (L-15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from jobs.demo_papers import page
from models.accounts import Account, Contact
from models.answers import AnswerKind
from models.arrangements import Offer
from models.base import Base, new_ref
from models.creditors import Creditor
from models.disputes import Dispute, DisputeReason
from models.handovers import Handler, HandlerKind, Handover, HandoverInvoice
from models.invoices import Invoice
from models.links import Channel, LinkSession
from models.messages import Message
from models.money import Money
from models.staff import Role
from models.states import HandoverStatus
from receivables import credit_holds, files, links
from receivables.answers import callbacks, giving
from receivables.answers.giving import DocumentKind, Facts, PaidBy
from receivables.arrangements import offer_making, offers, plans
from receivables.arrangements.plan_terms import Wish
from receivables.calendar_days import add_business_days
from receivables.contact import consents
from receivables.disputes import opening, outcomes, threads
from receivables.disputes.claims import Claim, LineClaim
from receivables.payments.quotes import Choice
from receivables.people import forwarding
from receivables.permissions import SYSTEM, Actor
from receivables.policy import default_policy
from tests import factories as make
from tests.portal.conftest import Portal, portal_on
from tests.portal.test_cards import keep_one
from tests.portal.test_overview import started
from tests.portal.visitor import Visitor
from tests.receivables.paying import pay
from tests.standins import StandIn

#: Kinds of rows that carry a ref and belong to no debtor.
NOBODYS = frozenset(
    {
        "bulk_act", "creditor", "deputy", "editor_draft", "handler", "import_batch", "payout",
        "reconciliation_finding", "rules_draft", "snippet", "staff", "staff_token",
    }
)  # fmt: skip
#: Days that an invoice is overdue, by the number that it ends in; negative days are still to come.
LATE = {
    "01": 29, "02": 40, "03": 25, "04": 24, "05": 22, "06": 100, "07": 90, "08": 30, "09": 28, "10": 8,
    "11": 35, "12": 5, "13": 100, "14": -20, "15": 3, "16": 12, "17": 95, "18": 21, "19": 150,
}  # fmt: skip
OTHER_CURRENCY = {"12": "EUR", "13": "ILS", "14": "HUF", "19": "JPY"}


@dataclass(frozen=True)
class Party:
    """What one of the two is called and what its people say; none of it is the other's.

    Attributes:
        code: begins every number of its papers.
        penny: what its sums end in.
    """

    code: str
    name: str
    person: str
    colleague: str
    branches: tuple[str, str]
    words: str
    penny: int
    card: str


OURS = Party(
    "TW", "Tidewater Café & Bakery Ltd", "Helen Marsh", "Noa Bar", ("Tidewater North", "Tidewater South"),
    "Three boxes came wet", 17, "4242424242424242",
)  # fmt: skip
THEIRS = Party(
    "HS", "Harbour & Sons Ltd", "Joan Pike", "Walter Finch", ("Quayside Kiosk", "Lantern Street Shop"),
    "The blue paper was torn", 83, "5555555555554444",
)  # fmt: skip


@dataclass
class Books:
    """One debtor with one of everything.

    Attributes:
        refs: (name of the table, ref) of everything that it has; `branch_refs` of what its branches have.
        branches: its two branches.
        free: an invoice that nothing stands on.
        forwarded: clear token of a link to one invoice, `narrow` is that invoice.
        opt_out: clear token of the way out of reminders.
        link: clear token of its own link.
        visitor: a browser inside, proved by a code.
    """

    party: Party
    account: Account
    branches: list[Account]
    visitor: Visitor
    link: str = ""
    forwarded: str = ""
    narrow: str = ""
    opt_out: str = ""
    free: str = ""
    proving: str = ""
    refs: tuple[tuple[str, str], ...] = ()
    branch_refs: tuple[tuple[str, str], ...] = ()

    def of(self, *kinds: str) -> list[str]:
        """Refs of some kinds of rows."""
        return [ref for kind, ref in self.refs if kind in kinds]

    def marks(self) -> tuple[str, ...]:
        """What must stand on no page of another debtor: names, numbers, sums, words, refs."""
        own = self.party
        sums = [f"{_total(number, own) // 100:,}.{own.penny}" for number in LATE]
        return (
            own.name.split()[0], own.person, own.colleague, *own.branches, own.words, f"{own.code}-2026",
            own.code.lower() + "-box.pdf", own.card[-4:] + "</", *sums,
            *(ref for _, ref in self.refs + self.branch_refs),
        )  # fmt: skip


def _total(number: str, party: Party) -> int:
    """The sum of an invoice in minor units: no other ends so, and none is like another."""
    return (1000 + 113 * int(number) + party.penny) * 100 + party.penny


class _Maker:
    """Does one act after another for one account."""

    def __init__(self, portal: Portal, party: Party, creditor: Creditor) -> None:
        self.portal, self.party, self.now = portal, party, portal.clock.at
        with portal.store.write() as session:
            account = make.an_account(session, creditor, name=party.name, with_contact=False, now=self.now)
            account.country = "IL"  # where a cheque can be announced
            mail = f"{party.person.split()[0].lower()}@{party.code.lower()}.example"
            contact = make.a_contact(session, account, name=party.person, email=mail, now=self.now)
            for number, late in LATE.items():
                portal.invoice(
                    session, account, _total(number, party), -late, number=self.number(number),
                    currency=OTHER_CURRENCY.get(number, "GBP"), lines=3,
                )  # fmt: skip
            branches = [
                make.an_account(session, creditor, name=name, with_contact=False, now=self.now)
                for name in party.branches
            ]
            for n, branch in enumerate(branches):
                branch.payer_id, branch.shown_to_payer = account.id, True
                make.a_contact(session, branch, name=f"{party.code} cashier {n}", now=self.now)
                total = (3000 + n) * 100 + party.penny
                portal.invoice(session, branch, total, -5, number=f"{party.code}-2026-B{n}")
        self.account, self.contact, self.branches = account, contact, branches

    def number(self, end: str) -> str:
        return f"{self.party.code}-2026-{end}"

    @property
    def debtor(self) -> Actor:
        return make.holder_actor(self.account, self.contact)

    def day(self, days: int) -> date:
        """So many business days from today."""
        return add_business_days(self.portal.today, days, "IL")

    def ref(self, end: str) -> str:
        with self.portal.store.read() as session:
            return session.scalars(select(Invoice.ref).where(Invoice.number == self.number(end))).one()

    def run(self, act: Callable[..., Any], *subject: Any, who: Actor | None = None, **facts: Any) -> Any:
        """Do one act of the debtor's, or of `who`, in a unit of work of its own."""
        actor = who or self.debtor
        return self.portal.store.run(lambda s: act(s, actor, *subject, **facts, now=self.now))

    def staff(self, role: Role) -> Actor:
        with self.portal.store.write() as session:
            return make.staff_actor(make.a_person(session, role, name="Maya Thornton"))

    # ------------------------------------------------------------------ what happened

    def disputes(self) -> None:
        """One open with words and a file on both sides, one refused, one that was upheld."""
        words, when = self.party.words, {"shown_at": self.now}
        claim = Claim(DisputeReason.DAMAGED, (LineClaim(1),))
        asked = self.run(opening.open_dispute, self.ref("01"), claim, words=words, **when)

        def with_a_file(session: Session, actor: Actor, *, now: Any) -> None:
            kept = files.store_upload(
                session, self.portal.app.extensions["amicable"].files, actor, account_id=self.account.id,
                name=f"{self.party.code.lower()}-box.pdf", data=page((self.party.code,)),
                policy=default_policy(), now=now,
            )  # fmt: skip
            threads.add_words(session, actor, asked.ref, words=words, files=[kept.ref], now=now)

        self.run(with_a_file)
        collector, supervisor = self.staff(Role.COLLECTOR), self.staff(Role.SUPERVISOR)
        self.run(threads.answer, asked.ref, words=words, who=collector)
        for end in ("02", "18"):
            claim = Claim(DisputeReason.WRONG_PRICE, (LineClaim(2),))
            ref = self.run(opening.open_dispute, self.ref(end), claim, words=words, **when).ref
            if end == "02":
                self.run(outcomes.refuse, ref, finding=words, who=collector)
            else:
                with self.portal.store.read() as session:
                    found = session.scalars(select(Dispute).where(Dispute.ref == ref)).one()
                credited = Money(found.contested_minor, "GBP")
                self.run(outcomes.uphold, ref, credited=credited, finding=words, who=supervisor)

    def plans(self) -> None:
        """One running, one to be signed, one that waits for a person, one taken back."""
        for end, parts, signed in (("03", 3, True), ("08", 15, True), ("05", 15, True), ("04", 4, False)):
            first = self.day(8)
            plan = self.run(
                plans.propose, account_id=self.account.id, currency="GBP", invoice_refs=[self.ref(end)],
                wish=Wish(parts, first),
            )  # fmt: skip
            if signed:
                signature = plans.Signature(self.party.person, "Owner", True, "en", None)
                self.run(
                    plans.accept, plan.ref, digest=plan.terms_digest, signature=signature,
                    reason=self.party.words if parts > 12 else "",
                )  # fmt: skip
            if end == "08":
                self.run(plans.withdraw, plan.ref)

    def offers(self) -> None:
        """One of ours open, one accepted, one declined, and one of the debtor's own that waits."""
        supervisor = self.staff(Role.SUPERVISOR)
        for end in ("06", "07", "17"):
            made: Offer = self.run(
                offer_making.propose, self.account.ref, invoice_refs=[self.ref(end)],
                amount=Money(_total(end, self.party) * 9 // 10, "GBP"), pay_by_on=self.portal.day(10),
                reason=self.party.words, who=supervisor,
            )  # fmt: skip
            if end == "07":
                self.run(
                    offers.accept, made.ref, digest=made.content_digest, name=self.party.person, role="Owner",
                    binds=True, language="en", ip_prefix=None,
                )  # fmt: skip
            elif end == "17":
                self.run(offers.decline, made.ref)
        self.run(
            offer_making.counter, account_id=self.account.id, currency="ILS", amount=Money(40000, "ILS"),
            pay_by_on=self.portal.day(9), reason=self.party.words, name=self.party.person,
        )  # fmt: skip

    def answers(self) -> None:
        """A promise, what waits for us, what we wait for, a call, difficulty."""
        owed = Money(_total("12", self.party), "EUR")
        self.run(giving.give, AnswerKind.ON_A_DATE, Facts(amount=owed, on=self.day(5)))
        asked = (self.ref("09"),)
        missing = Facts(invoices=asked, what=DocumentKind.DELIVERY_NOTE, words=self.party.words)
        self.run(giving.give, AnswerKind.MISSING_DOCUMENT, missing)
        paid = Facts(
            invoices=(self.ref("08"),), on=self.portal.day(-3), what=PaidBy.TRANSFER,
            reference=f"{self.party.code}-2026-transfer",
        )  # fmt: skip
        self.run(giving.give, AnswerKind.HAVE_PAID, paid)
        until = Facts(name=self.party.colleague, on=self.day(6))
        self.run(giving.give, AnswerKind.NEEDS_APPROVAL, until)

        def call(session: Session, actor: Actor, *, now: Any) -> None:
            hour = callbacks.offered(session, actor, now=now)[0]
            callbacks.ask(session, actor, hour, "0113 496 0142", now=now)

        self.run(call)

        def hold(session: Session, actor: Actor, *, now: Any) -> None:
            own = session.get_one(Account, self.account.id)
            owed = Money(_total("10", self.party), "GBP")
            credit_holds.place(session, actor, own, self.party.words, owed, now=now)

        self.run(hold, who=SYSTEM)
        self.run(giving.give, AnswerKind.HARDSHIP, Facts(words=self.party.words))

    def handed_over(self) -> None:
        """One invoice is with an agency."""
        with self.portal.store.write() as session:
            late = session.scalars(select(Invoice).where(Invoice.number == self.number("19"))).one()
            agency = Handler(
                ref=new_ref(), kind=HandlerKind.AGENCY, name=f"{self.party.code} Recoveries", terms="",
                address="4 Quay Street", phone="0117 496 0011", email=None, countries="",
                commission_percent="12.5", created_at=self.now,
            )  # fmt: skip
            session.add(agency)
            session.flush()
            case = Handover(
                ref=new_ref(), account_id=self.account.id, handler_id=agency.id, currency="JPY",
                amount_minor=late.balance_minor, status=HandoverStatus.PLACED, reason=self.party.words,
                proposed_at=self.now, placed_on=self.portal.day(-1), commission_percent="12.5",
            )  # fmt: skip
            session.add(case)
            session.flush()
            share = HandoverInvoice(handover_id=case.id, invoice_id=late.id, balance_minor=late.balance_minor)
            session.add(share)

    def ways_in(self, books: Books) -> None:
        """A colleague's link to one invoice, a device's, the way out; a draft, an address to be proved."""
        books.narrow = self.ref("16")
        mail = f"{self.party.colleague.split()[0].lower()}@{self.party.code.lower()}.example"
        name = self.party.colleague

        def narrow(session: Session, actor: Actor, *, now: Any) -> str:
            forwarding.forward(session, actor, books.narrow, name=name, email=mail, now=now)
            sent = select(Message).where(Message.kind == "invoice_forwarded").order_by(Message.id.desc())
            message = session.scalars(sent.limit(1)).one()
            contact = session.get_one(Contact, message.contact_id)
            return links.issue(
                session, SYSTEM, session.get_one(Account, self.account.id), contact=contact,
                channel=Channel.EMAIL, policy=default_policy(), message=message,
                invoice_id=forwarding.only_invoice(session, message, contact), now=now,
            )[1]  # fmt: skip

        books.forwarded = self.run(narrow)
        books.opt_out = self.portal.store.run(
            lambda s: consents.issue_opt_out(
                s, s.get_one(Contact, self.contact.id), Channel.EMAIL, policy=default_policy(), now=self.now
            )
        )
        visitor = books.visitor
        address = f"/account/invoices/{self.ref('15')}/dispute"
        visitor.get(address)
        fields = {"what": "whole", "reason": "damaged", "words": self.party.words, "shown": "0"}
        assert visitor.post(address, fields).status_code in (303, 422)
        new = {"name": f"{self.party.code} deputy", "address": f"deputy@{self.party.code.lower()}.example"}
        visitor.get("/account/people/new")
        answer = visitor.post("/account/people/new", {**new, "pays": "yes"})
        assert answer.status_code == 303, answer.text
        books.proving = answer.location
        cheque = {"currency": "ILS", "number": "100234", "bank": "Bank of the Valley", "amount": "1000"}
        visitor.get("/account/cheque?currency=ILS")
        dated = self.portal.day(45).isoformat()
        assert visitor.post("/account/cheque", {**cheque, "dated_on": dated}).status_code == 303


def _books(portal: Portal, party: Party, creditor: Creditor) -> Books:
    maker = _Maker(portal, party, creditor)
    ref, whole = maker.ref("11"), _total("11", party)
    choice = Choice("chosen", "GBP", (ref,))
    pay(portal.store, maker.account, choice, came=Money(whole + 30000, "GBP"), at=maker.now)
    maker.disputes()
    maker.plans()
    maker.offers()
    maker.answers()
    maker.handed_over()
    started(portal, maker.account, Choice("chosen", "GBP", (maker.ref("10"),)), nonce=party.code)
    books = Books(party, maker.account, maker.branches, proved(portal, maker.account))
    keep_one(portal, books.visitor, party.card)
    maker.ways_in(books)
    books.link, books.free = portal.link(maker.account), maker.ref("15")
    with portal.store.read() as session:
        books.refs = tuple(refs_of(session, maker.account.id))
        branches = (refs_of(session, branch.id) for branch in maker.branches)
        books.branch_refs = tuple(found for each in branches for found in each)
    return books


def refs_of(session: Session, account_id: int) -> Iterator[tuple[str, str]]:
    """Find every ref of an account, by the tables: a new kind of row is found by itself."""
    for table in Base.metadata.sorted_tables:
        if "ref" in table.c and table.name not in NOBODYS:
            owner = _owner(table, account_id)
            for ref in session.scalars(select(table.c.ref).where(owner)):
                yield table.name, ref


def _owner(table: Table, account_id: int) -> Any:
    """The condition under which a row is the account's."""
    if table.name == "account":
        return table.c.id == account_id
    if "account_id" in table.c:
        return table.c.account_id == account_id
    for column in table.c:
        for key in column.foreign_keys:
            if "account_id" in key.column.table.c:
                theirs = key.column.table
                return column.in_(select(theirs.c.id).where(theirs.c.account_id == account_id))
    raise AssertionError(f"whose are the rows of {table.name}?")


def proved(portal: Portal, account: Account) -> Visitor:
    """A visitor whose session has seen a one-time code."""
    visitor = portal.visitor(account)
    with portal.store.write() as session:
        session.execute(update(LinkSession).values(proved_at=portal.clock.at))
    return visitor


@dataclass
class Town:
    """The portal with both debtors."""

    portal: Portal
    ours: Books
    theirs: Books


def fill(portal: Portal) -> Town:
    """Make both debtors in an empty portal."""
    with portal.store.write() as session:
        creditor = make.a_creditor(session)
    return Town(portal, _books(portal, OURS, creditor), _books(portal, THEIRS, creditor))


@contextmanager
def town_on(folder: Path, stripe: StandIn, *, database: str = "sqlite") -> Iterator[Town]:
    """A portal of its own with both debtors."""
    for portal in portal_on(folder, stripe, database=database):
        yield fill(portal)
