"""Accounts of the simulation: who they are, what happens to them, and what the oracle is told of it.

Everything happens through the product's actions; what the oracle is told is what was done, in plain
words and by the simulation's own arithmetic, never what the product made of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, Contact, DebtorType, FlagKind, Segment
from models.creditors import Creditor
from models.disputes import Dispute, DisputeReason
from models.invoices import Invoice, InvoiceKind
from models.ledger import LedgerCode
from models.links import Channel
from models.messages import ConsentEvent, ConsentEventKind, Purpose
from models.money import Money
from models.pauses import PauseReason
from models.payments import Allocation, AllocationRule, Payment, PaymentMethod
from models.states import InvoiceStatus
from receivables import consequences, invoices, ledger, pauses, waking
from receivables.arrangements import promises
from receivables.calendar_days import add_business_days
from receivables.contact import calls, consents
from receivables.contact.consents import Shown, address_digest
from receivables.disputes import opening, outcomes
from receivables.disputes.claims import Claim
from receivables.errors import Refused
from receivables.permissions import SYSTEM, Actor
from receivables.policy import current_policy
from tests import factories as make
from tests.oracles import contact_oracle as oracle

#: Country, zones that somebody there may be in, currency, language.
PLACES = (
    ("GB", ("Europe/London",), "GBP", "en"),
    ("US", ("America/New_York", "America/Phoenix", "America/Los_Angeles"), "USD", "en"),
    ("US", ("America/New_York",), "USD", "en"),
    ("US", ("America/New_York",), "USD", "ru"),
    ("IL", ("Asia/Jerusalem",), "ILS", "he"),
    ("RU", ("Europe/Moscow", "Asia/Vladivostok", "Europe/Kaliningrad"), "EUR", "ru"),
    ("HU", ("Europe/Budapest",), "HUF", "hu"),
    ("DE", ("Europe/Berlin",), "EUR", "en"),
    ("AU", ("Australia/Lord_Howe", "Australia/Sydney", "Australia/Perth"), "USD", "en"),
    ("IN", ("Asia/Kolkata",), "USD", "en"),
    ("CA", ("America/St_Johns", "America/Vancouver"), "USD", "en"),
)
#: Share of accounts in New York whom the caps meet: two people with two addresses each, who said yes.
BUSY = 0.07
BUSY_PLACE = ("US", ("America/New_York",), "USD", "en")
#: Addresses that one person has.
WAYS = (("email", "sms"), ("email", "sms"), ("email",), ("sms",))
#: Somebody moved, or was never where we thought.
FAR_AWAY = ("Europe/London", "America/New_York", "Asia/Tokyo", "Pacific/Honolulu")
QUIET = ((12, 14), (18, 10), (8, 9), (16, 20))
#: What happens, and how often beside the others.
WEIGHTS = {
    "pays": 16, "pays_part": 6, "account_pause": 9, "document_pause": 7, "contact_pause": 3,
    "currency_pause": 5, "resumes": 9, "disputes": 8, "disputes_part": 4, "is_answered": 8,
    "promises": 10, "says_no": 10, "says_yes": 5, "flag": 7, "flag_ends": 5, "moves": 4, "is_rung": 10,
}  # fmt: skip
PAUSES = [reason for reason in PauseReason if reason is not PauseReason.DISPUTE]


@dataclass
class Owed:
    """A document of a life: its row's id, what the oracle knows of it, and its open dispute."""

    id: int
    ref: str
    told: oracle.Document
    dispute: str | None = None


@dataclass
class Life:
    """One account in the books, and beside it what the oracle knows."""

    number: int
    luck: random.Random
    account_id: int
    zone: str
    currencies: tuple[str, ...]
    contacts: list[int]
    debtor: oracle.Debtor
    owed: list[Owed] = field(default_factory=list)
    calls: list[oracle.Act] = field(default_factory=list)
    paused: dict[str, int] = field(default_factory=dict)
    flagged: dict[int, int] = field(default_factory=dict)
    happened: int = 0

    def today(self, now: datetime) -> date:
        return now.astimezone(ZoneInfo(self.zone)).date()

    def account(self, s: Session) -> Account:
        return s.get_one(Account, self.account_id)

    def holder(self, s: Session, contact_id: int | None = None) -> Actor:
        contact = s.get_one(Contact, contact_id or self.contacts[0])
        return make.holder_actor(self.account(s), contact)

    def _open(self, now: datetime) -> list[Owed]:
        return [one for one in self.owed if one.told.paid is None and one.told.since <= now]

    def _key(self) -> str:
        self.happened += 1
        return f"life:{self.number}:{self.happened}"

    # ------------------------------------------------------------------ documents

    def is_invoiced(self, s: Session, now: datetime) -> None:
        """A new document, due some days ago or from now."""
        currency = self.luck.choice(self.currencies)
        number = f"S-{self.number}-{len(self.owed) + 1}"
        due = self.today(now) + timedelta(days=self.luck.choice((-40, -5, 0, 3, 4, 6, 10, 20)))
        units = self.luck.choice((90, 400, 800, 1500, 12000)) * (400 if currency == "HUF" else 1)
        row = make.an_invoice(
            s, self.account(s), total=units * 100, currency=currency, due_on=due, number=number, now=now
        )
        if self.luck.random() < 0.1:
            row.kind = InvoiceKind.PREPAYMENT
        told = oracle.Document(number, currency, now)
        self.owed.append(Owed(row.id, row.ref, told))
        if self.debtor.documents is not None:
            self.debtor.documents.append(told)

    def pays(self, s: Session, now: datetime) -> None:
        """All that is not contested, in one currency."""
        currency = self.luck.choice(self.currencies)
        mine = [o for o in self._open(now) if o.told.currency == currency and o.dispute is None]
        if not mine:
            return
        self._book(s, {one.id: None for one in mine}, currency, now)
        for one in mine:
            one.told.paid = now
        self._end_spans(now, "promise", currency)

    def pays_part(self, s: Session, now: datetime) -> None:
        """A tenth of one document; nothing is over by that."""
        mine = [o for o in self._open(now) if o.dispute is None]
        if mine:
            one = self.luck.choice(mine)
            self._book(s, {one.id: 10}, one.told.currency, now)

    def _book(self, s: Session, shares: dict[int, int | None], currency: str, now: datetime) -> None:
        account = s.get_one(Account, self.account_id, with_for_update=True)
        rows = s.scalars(select(Invoice).where(Invoice.id.in_(shares)).order_by(Invoice.id)).all()
        parts = {
            row.id: row.balance_minor * (shares[row.id] or 100) // 100
            for row in rows
            if row.status is InvoiceStatus.OPEN
        }
        parts = {key: minor for key, minor in parts.items() if minor > 0}
        if not parts:
            return
        amount = Money(sum(parts.values()), currency)
        entry = ledger.post(
            s, SYSTEM,
            ledger.Draft(
                creditor_id=account.creditor_id, reference=self._key(), kind="payment", currency=currency,
                effective_on=self.today(now),
                sides=[
                    ledger.debit(LedgerCode.BANK, amount),
                    *(ledger.credit(LedgerCode.RECEIVABLES, Money(minor, currency), account_id=account.id,
                                    invoice_id=key) for key, minor in parts.items()),
                ],
            ),
            now=now,
        )  # fmt: skip
        payment = Payment(
            number=f"PC-{entry.id}", account_id=account.id, method=PaymentMethod.BANK_TRANSFER,
            amount_minor=amount.minor, currency=currency, received_at=now, valued_on=self.today(now),
            entry_id=entry.id,
        )  # fmt: skip
        s.add(payment)
        s.flush()
        s.add_all(
            Allocation(payment_id=payment.id, invoice_id=key, amount_minor=minor, currency=currency,
                       rule=AllocationRule.OLDEST_FIRST, valued_on=self.today(now), entry_id=entry.id)
            for key, minor in parts.items()
        )  # fmt: skip
        s.flush()
        consequences.follow_payment(s, payment, now=now)

    # ------------------------------------------------------------------ reasons to stand still

    def account_pause(self, s: Session, now: datetime) -> None:
        self._pause(s, now)

    def document_pause(self, s: Session, now: datetime) -> None:
        if mine := self._open(now):
            self._pause(s, now, owed=self.luck.choice(mine))

    def contact_pause(self, s: Session, now: datetime) -> None:
        self._pause(s, now, contact=self.luck.choice(self.contacts))

    def currency_pause(self, s: Session, now: datetime) -> None:
        self._pause(s, now, currency=self.luck.choice(self.currencies))

    def _pause(
        self, s: Session, now: datetime, *, owed: Owed | None = None, contact: int | None = None,
        currency: str | None = None,
    ) -> None:  # fmt: skip
        reason, key, first = self.luck.choice(PAUSES), self._key(), self.today(now)
        end = first + timedelta(days=self.luck.randint(1, 25)) if self.luck.random() < 0.7 else None
        pauses.pause(
            s, SYSTEM, self.account(s), reason, key=key, now=now, to_on=end, contact_id=contact,
            invoice_id=owed.id if owed else None, currency=currency,
        )  # fmt: skip
        self.paused[key] = len(self.debtor.pauses)
        number = owed.told.number if owed else None
        self.debtor.pauses.append(
            oracle.Span(reason.value, first, end, contact, currency, known=now, document=number)
        )

    def resumes(self, s: Session, now: datetime) -> None:
        if not self.paused:
            return
        key = self.luck.choice(sorted(self.paused))
        pauses.resume(s, SYSTEM, self.account(s), key, now=now)
        place = self.paused.pop(key)
        self.debtor.pauses[place] = replace(self.debtor.pauses[place], over=now)

    def _end_spans(self, now: datetime, what: str, currency: str) -> None:
        spans = self.debtor.pauses
        for place, span in enumerate(spans):
            made_here = place not in self.paused.values()
            if made_here and (span.what, span.currency, span.over) == (what, currency, None):
                spans[place] = replace(span, over=now)

    def promises(self, s: Session, now: datetime) -> None:
        """All that is asked for, in some days."""
        currency, account = self.luck.choice(self.currencies), self.account(s)
        today = self.today(now)
        rows = invoices.open_rows(s, account.id, today, currency=currency)
        asked = sum(row.asked.minor for row in rows)
        on = add_business_days(today, self.luck.randint(1, 6), account.country)
        if not asked:
            return
        promises.promise(s, self.holder(s), account, Money(asked, currency), on, now=now)
        self._end_spans(now, "promise", currency)
        end = on + timedelta(days=1)  # and some days of grace, which the oracle does not insist upon
        self.debtor.pauses.append(oracle.Span("promise", today, end, None, currency, known=now))

    def disputes(self, s: Session, now: datetime) -> None:
        """The whole of one document."""
        self._dispute(s, now, None)

    def disputes_part(self, s: Session, now: datetime) -> None:
        """A little of one document; the rest is asked for meanwhile."""
        self._dispute(s, now, 100)

    def _dispute(self, s: Session, now: datetime, minor: int | None) -> None:
        mine = [one for one in self._open(now) if one.dispute is None]
        if not mine:
            return
        one = self.luck.choice(mine)
        amount = Money(minor, one.told.currency) if minor else None
        dispute = opening.open_dispute(
            s, self.holder(s), one.ref, Claim(DisputeReason.DAMAGED, amount=amount), words="Torn sleeves",
            shown_at=now, now=now,
        )  # fmt: skip
        one.dispute = dispute.ref
        if minor is None:
            one.told.contested.append((now, None))

    def is_answered(self, s: Session, now: datetime) -> None:
        """A dispute is refused, or taken back; what it was about is asked for again."""
        mine = [one for one in self.owed if one.dispute is not None]
        if not mine:
            return
        one = self.luck.choice(mine)
        if self.luck.random() < 0.5:
            clerk = s.scalars(select(Dispute).where(Dispute.ref == one.dispute)).one()
            outcomes.refuse(s, SYSTEM, clerk.ref, finding="The sleeves were whole when they left", now=now)
        else:
            outcomes.withdraw(s, self.holder(s), one.dispute or "", now=now)
        one.dispute = None
        if one.told.contested and one.told.contested[-1][1] is None:
            one.told.contested[-1] = (one.told.contested[-1][0], now)

    # ------------------------------------------------------------------ words and facts

    def says_no(self, s: Session, now: datetime) -> None:
        """By the way out of a message, or in words."""
        contact, channel, address = self._address(s)
        if self.luck.random() < 0.5:
            policy = current_policy(s, now)
            token = consents.issue_opt_out(s, contact, channel, policy=policy, now=now)
            consents.choose_by_link(s, token, wanted=False, shown=Shown("No more?", "1", "page"), now=now)
        else:
            consents.choose_by_words(
                s, contact, channel, wanted=False, words="STOP", source=f"{channel.value}_reply", now=now
            )
        self.debtor.words.append(oracle.Word(now, contact.id, channel.value, False, address))

    def says_yes(self, s: Session, now: datetime) -> None:
        contact, channel, address = self._address(s)
        consented(s, contact, channel, address, now)
        self.debtor.words.append(oracle.Word(now, contact.id, channel.value, True, address))

    def _address(self, s: Session) -> tuple[Contact, Channel, str]:
        contact_id, channel = self.luck.choice(sorted(self.debtor.addresses))
        return s.get_one(Contact, contact_id), Channel(channel), self.debtor.addresses[contact_id, channel]

    def flag(self, s: Session, now: datetime) -> None:
        """A court, a doctor, a lawyer, a letter: for some days or for good."""
        kind = self.luck.choice(list(FlagKind))
        first = self.today(now) + timedelta(days=self.luck.choice((-5, 0, 0, 0, 2)))
        end = first + timedelta(days=self.luck.randint(6, 40)) if self.luck.random() < 0.7 else None
        row = AccountFlag(
            account_id=self.account_id, kind=kind, from_on=first, to_on=end, source="a letter",
            created_at=now,
        )  # fmt: skip
        s.add(row)
        s.flush()
        self.flagged[row.id] = len(self.debtor.flags)
        self.debtor.flags.append(oracle.Span(kind.value, first, end, known=now))

    def flag_ends(self, s: Session, now: datetime) -> None:
        if not self.flagged:
            return
        key = self.luck.choice(sorted(self.flagged))
        row, place = s.get_one(AccountFlag, key), self.flagged.pop(key)
        if row.to_on is not None and row.to_on <= self.today(now):
            return  # it is over already
        row.to_on = max(row.from_on, self.today(now))
        waking.wake_account(s, self.account_id, now=now)
        self.debtor.flags[place] = replace(self.debtor.flags[place], over=now)

    def moves(self, s: Session, now: datetime) -> None:
        self.zone = self.luck.choice(FAR_AWAY)
        self.account(s).zone = self.zone
        self.debtor.moves.append((now, self.zone))

    def is_rung(self, s: Session, now: datetime) -> None:
        """A person of the desk rings, where the gate lets him."""
        contact = s.get_one(Contact, self.luck.choice(self.contacts))
        policy = current_policy(s, now)
        if not calls.may_call(s, self.account(s), contact, policy=policy, now=now).allowed:
            return
        talked = self.luck.random() < 0.4
        outcome = "talked" if talked else "no_answer"
        calls.log_call(s, SYSTEM, contact, talked=talked, outcome=outcome, now=now)
        self.calls.append(oracle.Act(now, contact.id, "call", "call", None, talked))


def consented(s: Session, contact: Contact, channel: Channel, address: str, now: datetime) -> None:
    """An express yes, as a form of the shop brings it."""
    s.add(
        ConsentEvent(
            contact_id=contact.id, channel=channel, address_digest=address_digest(address),
            purpose=Purpose.REMINDER, event=ConsentEventKind.OPTED_IN, text_shown="May we write to you?",
            text_version="1", source="order form", ip_prefix=None, occurred_at=now,
        )
    )  # fmt: skip
    s.flush()


def settle(
    s: Session, creditor: Creditor, number: int, luck: random.Random, house: oracle.House,
    beside: Life | None, now: datetime, busy_share: float = BUSY,
) -> Life:  # fmt: skip
    """Make an account with its people and their habits.

    Args:
        beside: another account, whose accountant sometimes keeps the books of this one too.
        busy_share: how likely it is one that the caps of New York meet.
    """
    busy = luck.random() < busy_share
    country, zones, currency, language = BUSY_PLACE if busy else luck.choice(PLACES)
    zone = luck.choice(zones)
    kind = luck.choices(list(DebtorType), (0, 0, 1) if busy else (5, 2, 3))[0]
    account = make.an_account(
        s, creditor, name=f"Firm {number}", zone=zone, language=language, debtor_type=kind,
        with_contact=False, now=now,
    )  # fmt: skip
    account.country = country
    account.postal_address = f"{number} Mill Lane\nOldtown" if luck.random() < 0.8 else None
    account.segment = luck.choices(list(Segment), (8, 1, 1, 1, 1, 1))[0]
    account.ladder = luck.choices((None, "strict"), (4, 1))[0]
    account.agreed_days = 10 if account.segment is Segment.OWN_TERMS else 0
    debtor = oracle.Debtor(zone, country, kind is DebtorType.PRIVATE_PERSON, documents=[], house=house)
    currencies = (currency, "GBP") if luck.random() < 0.15 and currency != "GBP" else (currency,)
    life = Life(number, luck, account.id, zone, currencies, [], debtor)
    for place in range(2 if busy else luck.choices((1, 2), (3, 1))[0]):
        _person(s, life, account, place, beside, now, busy=busy)
    return life


def _person(
    s: Session, life: Life, account: Account, place: int, beside: Life | None, now: datetime, *, busy: bool
) -> None:  # fmt: skip
    luck, number = life.luck, life.number
    has = luck.choice(WAYS) if not busy else WAYS[0]
    email = f"kim{number}.{place}@home.example" if "email" in has else None
    phone = f"+1555{number:06d}{place}" if "sms" in has else None
    if beside is not None and email and place == 0 and luck.random() < 0.06:
        theirs = beside.debtor.addresses.get((beside.contacts[0], "email"))
        if theirs is not None:
            email, life.debtor.words = theirs, beside.debtor.words
    contact = make.a_contact(s, account, name=f"Kim {number}", email=email, phone=phone, now=now)
    if luck.random() < 0.15:
        start, end = luck.choice(QUIET)
        contact.quiet_from, contact.quiet_to = f"{start:02}:00", f"{end:02}:00"
        life.debtor.quiet[contact.id] = (start * 60, end * 60)
    if len(has) == 2 and not busy and luck.random() < 0.2:
        contact.preferred_channel = luck.choice(has)
    life.contacts.append(contact.id)
    for channel, address in (("email", email), ("sms", phone)):
        if address is None:
            continue
        life.debtor.addresses[contact.id, channel] = address
        if busy or luck.random() < 0.6:
            consented(s, contact, Channel(channel), address, now)
            life.debtor.words.append(oracle.Word(now, contact.id, channel, True, address))


def happen(s: Session, life: Life, what: str, now: datetime) -> bool:
    """Let one thing happen; False where the product refuses it."""
    act: Callable[[Session, datetime], None] = getattr(life, what)
    try:
        act(s, now)
    except Refused:
        return False
    return True
