"""One box that finds accounts, documents, people, payments and amounts, however they are typed.

Every question is a range of the key of `search_term`, or of an index on amounts, so that the answer is
there before the reader is, whatever the number of documents (issue D, part 13).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, select, true
from sqlalchemy.orm import Session, aliased

from models.accounts import Account, Contact
from models.invoices import OWED_KINDS, Invoice, InvoiceKind
from models.money import CURRENCIES, AmountUnreadable, Money, currency_row, parse_typed
from models.payments import Payment, PaymentMethod
from models.search import SearchTerm, fold, number_of, phone_of, words_of
from models.staff import Role
from models.states import InvoiceStatus
from receivables.permissions import Actor, ActorKind, Permission, may, require

#: Fewer signs than these find nothing: every account has a word that begins so.
LEAST, LEAST_OF_PHONE = 2, 4
#: The greatest character: a prefix with it behind is past everything that begins so.
_PAST = "\U0010ffff"
#: An amount this near is shown below the exact ones: so many whole units.
NEAR_UNITS = 1


@dataclass(frozen=True, slots=True)
class FoundAccount:
    ref: str
    number: str
    name: str
    language: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class FoundInvoice:
    ref: str
    number: str
    kind: InvoiceKind
    due_on: date | None
    status: InvoiceStatus
    balance: Money
    account_ref: str
    account_name: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A contact; `said` is the address or number that matched, or that he is reached by."""

    name: str
    said: str
    is_active: bool
    account_ref: str
    account_name: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class FoundPayment:
    number: str
    method: PaymentMethod
    amount: Money
    valued_on: date
    account_ref: str
    account_name: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class FoundAmount:
    """Something of a sum that was typed.

    Attributes:
        what: "balance" or "total" of a document, or "payment".
        number, ref: of the document or payment; a payment has no page and no ref.
        on: due or valued.
    """

    what: str
    number: str
    ref: str | None
    on: date | None
    amount: Money
    status: InvoiceStatus | None
    account_ref: str
    account_name: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What one search found, in its five places.

    Attributes:
        searched: whether enough was typed to look at all.
        own_only: whether the reader sees the accounts that are his and no others.
    """

    accounts: Sequence[FoundAccount] = ()
    invoices: Sequence[FoundInvoice] = ()
    people: Sequence[FoundPerson] = ()
    payments: Sequence[FoundPayment] = ()
    amounts: Sequence[FoundAmount] = ()
    searched: bool = True
    own_only: bool = False
    #: Names of the places with something in them, those with an exact hit first.
    order: Sequence[str] = field(default=())

    @property
    def count(self) -> int:
        return sum(len(rows) for rows in self._places().values())

    def _places(self) -> dict[str, Sequence[Any]]:
        return {
            "accounts": self.accounts, "invoices": self.invoices, "people": self.people,
            "payments": self.payments, "amounts": self.amounts,
        }  # fmt: skip

    def ordered(self) -> Found:
        """Return the same with the order of its places."""
        places = {name: rows for name, rows in self._places().items() if rows}
        order = sorted(places, key=lambda name: not any(row.is_exact for row in places[name]))
        return replace(self, order=order)


def search(session: Session, actor: Actor, text: str, *, decimal_mark: str = ".", limit: int = 20) -> Found:
    """Find accounts, documents, people, payments and amounts.

    Args:
        text: as typed: part of a name, a number from its beginning or to its end, an e-mail, a phone
            number in any spelling, an amount in any format with or without its currency.
        decimal_mark: the reader's own, for amounts.
        limit: how many in each place at most.
    Raises:
        NotAllowed: the actor may not read accounts.
    """
    require(actor, Permission.ACCOUNT_READ)
    wanted = text.strip()
    own_only = actor.kind is ActorKind.STAFF and actor.role is Role.SALESPERSON
    if len(wanted) < LEAST:
        return Found(searched=False, own_only=own_only)
    mine = _theirs(actor) if own_only else true()
    reads_money = may(actor, Permission.PAYMENT_READ)
    return Found(
        accounts=_accounts(session, wanted, mine, limit),
        invoices=_invoices(session, wanted, mine, limit) if may(actor, Permission.INVOICE_READ) else (),
        people=_people(session, wanted, mine, limit),
        payments=_payments(session, wanted, mine, limit) if reads_money else (),
        amounts=_amounts(session, wanted, mine, decimal_mark, limit) if reads_money else (),
        own_only=own_only,
    ).ordered()


def _theirs(actor: Actor) -> ColumnElement[bool]:
    return or_(Account.salesperson_id == actor.id, Account.sponsor_id == actor.id)


def _begins(kind: str, prefix: str, term: Any = SearchTerm) -> ColumnElement[bool]:
    """The condition "a term of this kind that begins so", as a range of the key."""
    return and_(term.kind == kind, term.term >= prefix, term.term < prefix + _PAST)


def _holding(kind: str, words: Sequence[str]) -> Any:
    """Select subjects of a kind all of whose words are there; the longest is looked for."""
    first, *others = sorted(words, key=len, reverse=True)
    query = select(SearchTerm.subject_id, SearchTerm.term).where(_begins(kind, first))
    for word in others:
        also = aliased(SearchTerm)
        beside = select(also.subject_id).where(
            also.subject_id == SearchTerm.subject_id,
            _begins(kind, word, also),
            also.kind.not_in(_OF_MANY),
        )
        query = query.where(beside.exists())
    return query.order_by(SearchTerm.term, SearchTerm.subject_id)


#: What the index of subjects leaves out (models/search.py); written out, since SQLite proves a partial
#: index by constants, not by parameters.
_OF_MANY: Any = bindparam("of_many", ("invoice", "invoice_end"), expanding=True, literal_execute=True)


def _first_of(rows: Iterable[Any], limit: int) -> Iterator[Any]:
    """Each subject once, though several of its words begin so."""
    seen: set[Any] = set()

    def is_new(row: Any) -> bool:
        if row.id in seen:
            return False
        seen.add(row.id)
        return True

    return islice(filter(is_new, rows), limit)


# --------------------------------------------------------------------------- places


def _accounts(session: Session, wanted: str, mine: ColumnElement[bool], limit: int) -> list[FoundAccount]:
    words, number = words_of(wanted), number_of(wanted)
    found: list[Any] = []
    columns = (Account.id, Account.ref, Account.number, Account.name, Account.language)
    if number:
        terms = (
            select(SearchTerm.subject_id, SearchTerm.term)
            .where(_begins("number", number))
            .order_by(SearchTerm.term, SearchTerm.subject_id)
        )
        found += _joined(session, terms, columns, Account.id, mine, limit)
    if words:
        found += _joined(session, _holding("name", words), columns, Account.id, mine, limit)
    rows = [
        FoundAccount(
            r.ref, r.number, r.name, r.language, number_of(r.number) == number or words_of(r.name) == words
        )
        for r in _first_of(found, limit)
    ]
    return sorted(rows, key=lambda row: not row.is_exact)


def _joined(
    session: Session,
    terms: Any,
    columns: Sequence[Any],
    key: Any,
    mine: ColumnElement[bool],
    limit: int,
) -> Sequence[Any]:
    """Read the subjects of terms, in the order of the terms; a few more, since one may have two of them."""
    found = terms.add_columns(*columns).join(Account, Account.id == SearchTerm.account_id).where(mine)
    if key is not Account.id:
        found = found.join(key.class_, key == SearchTerm.subject_id)
    return session.execute(found.limit(limit * 3)).all()


def _invoices(session: Session, wanted: str, mine: ColumnElement[bool], limit: int) -> list[FoundInvoice]:
    number = number_of(wanted)
    if len(number) < LEAST:
        return []
    columns = (
        Invoice.id, Invoice.ref, Invoice.number, Invoice.kind, Invoice.due_on, Invoice.status,
        Invoice.balance_minor, Invoice.currency, Account.ref.label("account_ref"),
        Account.name.label("account_name"),
    )  # fmt: skip
    found: list[Any] = []
    for kind, prefix in (("invoice", number), ("invoice_end", number[::-1])):
        terms = (
            select(SearchTerm.term)
            .where(_begins(kind, prefix), Invoice.status != InvoiceStatus.DRAFT)
            .order_by(SearchTerm.term, SearchTerm.subject_id)
        )
        found += _joined(session, terms, columns, Invoice.id, mine, limit)
    rows = [
        FoundInvoice(
            r.ref, r.number, r.kind, r.due_on, r.status, Money(r.balance_minor, r.currency), r.account_ref,
            r.account_name, number_of(r.number) == number,
        )
        for r in _first_of(found, limit)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: not row.is_exact)


def _people(session: Session, wanted: str, mine: ColumnElement[bool], limit: int) -> list[FoundPerson]:
    words, address, digits = words_of(wanted), fold(wanted), phone_of(wanted)
    asked: list[Any] = []
    if len(digits) >= LEAST_OF_PHONE and not any(c.isalpha() for c in wanted):
        asked.append(_one("phone_end", digits))
    if " " not in address:
        asked.append(_one("email", address))
    if words and not wanted[0].isdigit():
        asked.append(_holding("person", words))
    columns = (
        Contact.id, Contact.name, Contact.email, Contact.phone, Contact.is_active,
        SearchTerm.kind.label("by"), Account.ref.label("account_ref"), Account.name.label("account_name"),
    )  # fmt: skip
    found = [r for terms in asked for r in _joined(session, terms, columns, Contact.id, mine, limit)]
    rows = [
        FoundPerson(
            r.name, (r.phone if r.by == "phone_end" else r.email or r.phone) or "", r.is_active,
            r.account_ref, r.account_name,
            address == fold(r.email or "") or words == words_of(r.name) or r.term == digits,
        )
        for r in _first_of(found, limit)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: not row.is_exact)


def _one(kind: str, prefix: str) -> Any:
    return (
        select(SearchTerm.term).where(_begins(kind, prefix)).order_by(SearchTerm.term, SearchTerm.subject_id)
    )


def _payments(session: Session, wanted: str, mine: ColumnElement[bool], limit: int) -> list[FoundPayment]:
    reference = number_of(wanted)
    if len(reference) < LEAST:
        return []
    columns = (
        Payment.id, Payment.number, Payment.method, Payment.amount_minor, Payment.currency,
        Payment.valued_on, Account.ref.label("account_ref"), Account.name.label("account_name"),
    )  # fmt: skip
    found = _joined(session, _one("payment", reference), columns, Payment.id, mine, limit)
    return [
        FoundPayment(
            r.number, r.method, Money(r.amount_minor, r.currency), r.valued_on, r.account_ref,
            r.account_name, r.term == reference,
        )
        for r in _first_of(found, limit)
    ]  # fmt: skip


# --------------------------------------------------------------------------- amounts


def readings(text: str, decimal_mark: str) -> dict[str, set[int]]:
    """Return currency -> minor units that a text may mean; empty where it is no amount.

    A currency that is named, by code or by sign, is the only one; an amount that can be read in two
    ways is looked for in both.

    >>> sorted(readings("4760 eur", ".").items())
    [('EUR', {476000})]
    >>> readings("CS-4760", ".")
    {}
    """
    words = text.split()
    named = [word.upper() for word in words if word.upper() in CURRENCIES]
    bare = " ".join(word for word in words if word.upper() not in CURRENCIES)
    found: dict[str, set[int]] = {}
    for code in named or CURRENCIES:
        for mark in {decimal_mark, ".", ","}:
            try:
                minor = parse_typed(bare, code, decimal_mark=mark).minor
            except AmountUnreadable:
                continue
            if minor > 0:
                found.setdefault(code, set()).add(minor)
    return found


def _amounts(
    session: Session, wanted: str, mine: ColumnElement[bool], decimal_mark: str, limit: int
) -> list[FoundAmount]:
    meant = readings(wanted, decimal_mark)
    minors = sorted({minor for several in meant.values() for minor in several})
    if not minors:
        return []
    open_owed = and_(Invoice.status == InvoiceStatus.OPEN, Invoice.kind.in_(OWED_KINDS))
    exact = _documents(
        session, "balance", and_(open_owed, Invoice.balance_minor.in_(minors)), mine, meant, limit
    )
    known = {row.number for row in exact}
    totals = _documents(session, "total", Invoice.total_minor.in_(minors), mine, meant, limit)
    exact += [row for row in totals if row.number not in known]
    exact += _of_payments(session, minors, mine, meant, limit)
    if len(exact) >= limit:
        return exact[:limit]
    steps = {code: 10 ** currency_row(code).exponent * NEAR_UNITS for code in meant}
    near = or_(
        *(
            Invoice.balance_minor.between(minor - step, minor + step)
            for minor, step in {(m, steps[code]) for code, several in meant.items() for m in several}
        )
    )
    close = _documents(session, "balance", and_(open_owed, near), mine, None, limit * 3)
    exact_ones = {(row.number, row.account_ref) for row in exact}
    for row in close:
        gaps = [abs(row.amount.minor - m) for m in meant.get(row.amount.currency, ())]
        is_new = (row.number, row.account_ref) not in exact_ones
        if is_new and gaps and min(gaps) <= steps[row.amount.currency]:
            exact.append(row)
    return exact[:limit]


def _documents(
    session: Session,
    what: str,
    condition: ColumnElement[bool],
    mine: ColumnElement[bool],
    meant: dict[str, set[int]] | None,
    limit: int,
) -> list[FoundAmount]:
    amount = Invoice.balance_minor if what == "balance" else Invoice.total_minor
    rows = session.execute(
        select(
            Invoice.number, Invoice.ref, Invoice.due_on, amount.label("minor"), Invoice.currency,
            Invoice.status, Account.ref.label("account_ref"), Account.name,
        )
        .join(Account, Account.id == Invoice.account_id)
        .where(condition, Invoice.status != InvoiceStatus.DRAFT, mine)
        .order_by(amount)
        .limit(limit * 3)
    )  # fmt: skip
    return [
        FoundAmount(what, r.number, r.ref, r.due_on, Money(r.minor, r.currency), r.status, r.account_ref,
                    r.name, meant is not None)
        for r in rows
        if meant is None or r.minor in meant.get(r.currency, ())
    ]  # fmt: skip


def _of_payments(
    session: Session, minors: Sequence[int], mine: ColumnElement[bool], meant: dict[str, set[int]], limit: int
) -> list[FoundAmount]:
    rows = session.execute(
        select(
            Payment.number,
            Payment.amount_minor,
            Payment.currency,
            Payment.valued_on,
            Account.ref,
            Account.name,
        )
        .join(Account, Account.id == Payment.account_id)
        .where(Payment.amount_minor.in_(minors), mine)
        .order_by(Payment.amount_minor, Payment.id.desc())
        .limit(limit)
    )
    return [
        FoundAmount("payment", r.number, None, r.valued_on, Money(r.amount_minor, r.currency), None, r.ref,
                    r.name, True)
        for r in rows
        if r.amount_minor in meant.get(r.currency, ())
    ]  # fmt: skip
