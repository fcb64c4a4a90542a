"""What stands in each document, as typed values; presentation/documents.py writes them for a reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from models.money import Money
from receivables.invoices import InvoiceView
from receivables.ports import CalendarEntry, Document, Sheet


@dataclass(frozen=True, slots=True)
class Parties:
    """Who a document is from and to, as business letters carry it."""

    creditor: str
    creditor_address: str
    #: Company and tax numbers as they are printed, absent ones left out.
    creditor_numbers: Sequence[str]
    creditor_language: str
    person: str
    phone: str
    email: str
    verify_url: str
    brand_colour: str
    account: str
    account_number: str
    zone: str


# --------------------------------------------------------------------------- statement of account


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry of the books as it changed what the account owes.

    Attributes:
        kind: of the entry: "invoice", "payment", "credit_note", …; a reversal ends in "_reversed".
        number: of the document behind it; "" where there is none.
        documents: numbers of the invoices it went to, other than `number`.
        amount: positive when more is owed since, negative when less.
        balance: what is owed after it.
    """

    on: date
    kind: str
    number: str
    documents: Sequence[str]
    amount: Money
    balance: Money


@dataclass(frozen=True, slots=True)
class OpenItem:
    """A document that is open on the last day of the statement."""

    number: str
    kind: str
    issued_on: date
    due_on: date | None
    total: Money
    open: Money
    days_late: int
    bucket: str


@dataclass(frozen=True, slots=True)
class Statement:
    """Opening balance, movements and closing balance of one currency in a period.

    `opening` and all movements sum to `closing`; the ages sum to `closing` plus `credit`. Balances
    are negative when the account has more in its favour than it owes.

    Attributes:
        charged, settled: sums of what made it more and less, both positive.
        ages: (bucket, open amount) for each of BUCKETS in their order, on the last day.
        credit: what is in the account's favour and not yet used, on the last day.
        currencies: all that the account has movements in.
    """

    currency: str
    currencies: Sequence[str]
    from_on: date
    to_on: date
    opening: Money
    movements: Sequence[Movement]
    charged: Money
    settled: Money
    closing: Money
    items: Sequence[OpenItem]
    ages: Sequence[tuple[str, Money]]
    credit: Money


@dataclass(frozen=True, slots=True)
class Member:
    """The head office, or one of the branches that are shown to it."""

    ref: str
    name: str
    number: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class BranchSection:
    """One branch in a statement of several: a statement for each of its currencies."""

    member: Member
    statements: Sequence[Statement]


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """What the chosen branches come to in one currency: each figure is the sum of theirs."""

    currency: str
    opening: Money
    charged: Money
    settled: Money
    closing: Money
    credit: Money


@dataclass(frozen=True, slots=True)
class GroupStatement:
    """The statement of a head office over the branches that it chose.

    Attributes:
        members: all that can be chosen, the head office first.
        chosen: refs of those that are in it.
        sections: one a chosen branch with anything in its books.
    """

    from_on: date
    to_on: date
    members: Sequence[Member]
    chosen: Sequence[str]
    sections: Sequence[BranchSection]
    totals: Sequence[CurrencyTotal]


# --------------------------------------------------------------------------- single documents


@dataclass(frozen=True, slots=True)
class Original:
    """The creditor's own file of an invoice; shown before anything we make (decision 4)."""

    digest: str
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class InvoicePaper:
    """One invoice: the creditor's file if there is one, and the data that a copy is made from."""

    invoice: InvoiceView
    original: Original | None


@dataclass(frozen=True, slots=True)
class ReceiptPaper:
    """A payment confirmation; not a tax document (decision 4)."""

    ref: str
    number: str
    amount: Money
    valued_on: date
    received_at: datetime
    method: str
    method_detail: str
    #: (number of the invoice, what of the payment went to it).
    shares: Sequence[tuple[str, Money]]
    #: What was not needed for an invoice and stays in the account's favour.
    rest: Money


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a plan as it was agreed."""

    seq: int
    on: date
    amount: Money


@dataclass(frozen=True, slots=True)
class OpenPart:
    """An instalment that is still to be paid, on its day as it stands now."""

    ref: str
    seq: int
    on: date
    amount: Money


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who bound the business, under which name and role, and when."""

    name: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PlanPaper:
    """The agreement on a plan, from its frozen terms.

    Attributes:
        number: as people read it out.
        status: of the plan; while nobody accepted it, this is a draft.
        words: the sentences as they were shown to who signed, in `words_language`; none before.
        rules: what holds for it whatever the policy says later (plan_terms.frozen).
        open_parts: for the calendar; what is paid needs no reminder.
    """

    ref: str
    number: str
    status: str
    total: Money
    pays_by: str
    parts: Sequence[Part]
    invoices: Sequence[tuple[str, Money]]
    rules: Mapping[str, Any]
    words: Sequence[str]
    words_language: str | None
    made_on: date
    changed_at: datetime
    accepted: Acceptance | None
    open_parts: Sequence[OpenPart]


@dataclass(frozen=True, slots=True)
class OfferPaper:
    """The settlement agreement, from its frozen terms."""

    ref: str
    status: str
    balance: Money
    amount: Money
    accept_by_on: date
    pay_by_on: date
    invoices: Sequence[tuple[str, Money]]
    made_on: date
    accepted: Acceptance | None

    @property
    def forgiven(self) -> Money:
        """What is no longer asked for once the amount is in."""
        return self.balance - self.amount


# --------------------------------------------------------------------------- letters on paper


@dataclass(frozen=True, slots=True)
class LetterRow:
    """One document that a letter asks for, with what was asked for on it."""

    number: str
    kind: str
    issued_on: date
    due_on: date | None
    asked: Money


@dataclass(frozen=True, slots=True)
class LetterPaper:
    """A letter as it was fixed when it was queued (receivables/post).

    Attributes:
        kind: a text of templates/documents/letters.
        language, reading_language: of the letter itself; of the copy that goes with it, if any.
        address: below the account's name, a line each.
        name: whom it greets.
        made_on: also the day up to which payments are counted.
        due_on: of the oldest document.
        bank: where a transfer goes, as it is written on one line; "" where none is set up.
        previous: days on which we wrote before.
        next_step: "agency", "lawyer" or "court".
        enclosures: codes of what must go with it.
        facts: what only some kinds say: handover_to, handover_contact, handover_on, warning_on.
    """

    ref: str
    kind: str
    language: str
    reading_language: str | None
    address: Sequence[str]
    name: str
    made_on: date
    due_on: date
    deadline_on: date
    amount: Money
    rows: Sequence[LetterRow]
    parties: Parties
    hours: Mapping[str, str]
    bank: str
    previous: Sequence[date]
    next_step: str
    enclosures: Sequence[str]
    registered: bool
    facts: Mapping[str, str | date]


# --------------------------------------------------------------------------- the list of all


@dataclass(frozen=True, slots=True)
class InvoiceEntry:
    ref: str
    number: str
    kind: str
    issued_on: date
    total: Money
    open: Money


@dataclass(frozen=True, slots=True)
class PaperEntry:
    """A receipt or an agreement in the list of documents."""

    ref: str
    number: str
    on: date
    amount: Money
    status: str


@dataclass(frozen=True, slots=True)
class Library:
    """Every document of an account, newest first; invoices and receipts of one year."""

    year: int
    years: Sequence[int]
    invoices: Sequence[InvoiceEntry]
    receipts: Sequence[PaperEntry]
    plans: Sequence[PaperEntry]
    offers: Sequence[PaperEntry]


@dataclass(frozen=True, slots=True)
class CaseEntry:
    """One file of a case file: what it is, where it lies, how large it is, its SHA-256."""

    kind: str
    path: str
    size_bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class CasePaper:
    """The index of a case file: what is asked for, for whom it was made, and every file of it."""

    number: str
    handler: str
    made_on: date
    asked: Money
    entries: Sequence[CaseEntry]


class DocumentWriter(Protocol):
    """Documents in the reader's language, ready for the press or somebody's program."""

    def statement(self, statement: Statement, parties: Parties, language: str, made_on: date) -> Document:
        """A statement of account."""

    def group_statement(
        self, found: GroupStatement, parties: Parties, language: str, made_on: date
    ) -> Document:
        """A statement over several branches: the totals, then each branch on pages of its own."""

    def invoice(self, paper: InvoicePaper, parties: Parties, language: str) -> Document:
        """A copy of an invoice's data."""

    def receipt(self, paper: ReceiptPaper, parties: Parties, language: str) -> Document:
        """A payment confirmation."""

    def plan(self, paper: PlanPaper, parties: Parties, language: str) -> Document:
        """The agreement on a plan: the creditor's language, then a copy for the reader."""

    def plan_words(self, terms: Mapping[str, Any], pays_by: str, language: str) -> list[str]:
        """What both sides agree on a plan, sentence by sentence, from its frozen terms (C-10)."""

    def card_words(self, payee: str, language: str) -> list[str]:
        """The agreement to keep a card, sentence by sentence; the wording of `cards.CONSENT_VERSION`."""

    def offer(self, paper: OfferPaper, parties: Parties, language: str) -> Document:
        """The settlement agreement, likewise."""

    def case_file(self, paper: CasePaper, parties: Parties, language: str) -> Document:
        """The index of a case file."""

    def letter(self, paper: LetterPaper) -> Document:
        """A letter on paper with its reading copy."""

    def letters(self, papers: Sequence[LetterPaper]) -> Document:
        """Several letters as one file to print, each numbered by itself."""

    def statement_sheet(self, statement: Statement, language: str) -> Sheet:
        """The movements of a statement as a table."""

    def group_sheet(self, found: GroupStatement, language: str) -> Sheet:
        """The movements of several branches as one table."""

    def plan_calendar(
        self, paper: PlanPaper, parties: Parties, language: str, url: str
    ) -> tuple[str, Sequence[CalendarEntry]]:
        """Name and entries of a plan's calendar; `url` leads to the account."""
