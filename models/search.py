"""What the one box of the desk finds: names, numbers and addresses, folded, in one table with a prefix index.

Terms are kept with their rows: mapped objects by the events below, rows that an import pours in by
`terms_of_invoices`. A term never tells more than its row: what is changed or erased goes at once (C-09).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import (
    Connection,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    delete,
    event,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from models.accounts import Account, Contact
from models.base import Base, BigId
from models.invoices import Invoice
from models.payments import Payment, PaymentAttempt

#: Longest term kept, and longest that is looked for.
LONGEST = 80
#: Kinds of what there is one of for each document; the index that finds the terms of a subject leaves
#: them out, since a document keeps its number.
OF_INVOICES = ("invoice", "invoice_end")
_CHUNK = 2000
_SPLIT = re.compile(r"[^\w]+|_+")


class SearchTerm(Base):
    """One word, number or address by which a subject is found; endings are kept backwards."""

    __tablename__ = "search_term"

    #: "name", "number", "person", "email", "phone_end", "invoice", "invoice_end", "payment".
    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    #: Compared by its bytes on both databases, so that a prefix is a range of the key.
    term: Mapped[str] = mapped_column(Text(collation="C").with_variant(Text(), "sqlite"), primary_key=True)
    #: Id of the account, contact, invoice or payment.
    subject_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    __table_args__ = (
        Index(
            "ix_search_term_subject",
            "subject_id",
            "kind",
            sqlite_where=text("kind NOT IN ('invoice', 'invoice_end')"),
            postgresql_where=text("kind NOT IN ('invoice', 'invoice_end')"),
        ),
        {"sqlite_with_rowid": False},
    )


_TERM = cast(Table, SearchTerm.__table__)


# --------------------------------------------------------------------------- folding


def fold(words: str) -> str:
    """Return text as it is compared: no case, no accents, full-width signs as plain ones.

    >>> fold("Kovács ÉS Társa"), fold("ＡＢ１")
    ('kovacs es tarsa', 'ab1')
    """
    plain = unicodedata.normalize("NFKD", words.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


def words_of(name: str) -> list[str]:
    """Return the folded words of a name, each once.

    >>> words_of("Harbour & Pike Ltd.")
    ['harbour', 'pike', 'ltd']
    """
    return [word[:LONGEST] for word in dict.fromkeys(_SPLIT.split(fold(name))) if word]


def number_of(number: str) -> str:
    """Return a document's number without what people leave out when they type it.

    >>> number_of("CS-4760 / b")
    'cs4760b'
    """
    return "".join(c for c in fold(number) if c.isalnum())[:LONGEST]


def phone_of(phone: str) -> str:
    """Return the digits of a phone number that are the same at home and from abroad, backwards.

    >>> phone_of("+44 (0)113 496 0142") == phone_of("0044 113 496 0142") == phone_of("+441134960142")
    True
    """
    digits = "".join(c for c in phone.replace("(0)", "") if c.isdigit())
    return digits.lstrip("0")[:LONGEST][::-1]


# --------------------------------------------------------------------------- terms of rows

Terms = Iterator[tuple[str, str]]


def _of_account(number: str, name: str) -> Terms:
    yield from ((word, "name") for word in words_of(name))
    yield number_of(number), "number"


def _of_contact(name: str, email: str | None, phone: str | None) -> Terms:
    yield from ((word, "person") for word in words_of(name))
    if email:
        yield fold(email)[:LONGEST], "email"
        yield fold(email).partition("@")[2][:LONGEST], "email"
    if phone:
        yield phone_of(phone), "phone_end"


def _of_invoice(number: str) -> Terms:
    folded = number_of(number)
    yield folded, "invoice"
    yield folded[::-1], "invoice_end"


def _of_payment(*references: str | None) -> Terms:
    yield from ((number_of(reference), "payment") for reference in references if reference)


def _rows(terms: Terms, subject_id: int, account_id: int) -> list[dict[str, Any]]:
    return [
        {"term": term, "kind": kind, "subject_id": subject_id, "account_id": account_id}
        for term, kind in dict.fromkeys(terms)
        if term
    ]


def terms_of_invoices(invoices: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of many new documents, for who pours them in.

    Args:
        invoices: each with `id`, `account_id` and `number`.
    """
    return [row for i in invoices for row in _rows(_of_invoice(i["number"]), i["id"], i["account_id"])]


def terms_of_accounts(accounts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of many new accounts; each with `id`, `number` and `name`."""
    return [row for a in accounts for row in _rows(_of_account(a["number"], a["name"]), a["id"], a["id"])]


# --------------------------------------------------------------------------- kept with their rows


def _put(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(_TERM), list(rows))


def _forget(connection: Connection, kinds: Sequence[str], subject_id: int) -> None:
    connection.execute(
        delete(_TERM).where(
            _TERM.c.subject_id == subject_id, _TERM.c.kind.in_(kinds), _TERM.c.kind.not_in(OF_INVOICES)
        )
    )


def _has_changed(target: object, *names: str) -> bool:
    attributes = inspect(target).attrs
    return any(attributes[name].history.has_changes() for name in names)


@event.listens_for(Account, "after_insert")
def _account_came(_mapper: Mapper[Account], connection: Connection, target: Account) -> None:
    _put(connection, _rows(_of_account(target.number, target.name), target.id, target.id))


@event.listens_for(Account, "after_update")
def _account_changed(_mapper: Mapper[Account], connection: Connection, target: Account) -> None:
    if _has_changed(target, "number", "name"):
        _forget(connection, ("name", "number"), target.id)
        _put(connection, _rows(_of_account(target.number, target.name), target.id, target.id))


@event.listens_for(Contact, "after_insert")
def _contact_came(_mapper: Mapper[Contact], connection: Connection, target: Contact) -> None:
    terms = _of_contact(target.name, target.email, target.phone)
    _put(connection, _rows(terms, target.id, target.account_id))


@event.listens_for(Contact, "after_update")
def _contact_changed(mapper: Mapper[Contact], connection: Connection, target: Contact) -> None:
    if _has_changed(target, "name", "email", "phone"):
        _forget(connection, ("person", "email", "phone_end"), target.id)
        _contact_came(mapper, connection, target)


@event.listens_for(Contact, "after_delete")
def _contact_went(_mapper: Mapper[Contact], connection: Connection, target: Contact) -> None:
    _forget(connection, ("person", "email", "phone_end"), target.id)


@event.listens_for(Invoice, "after_insert")
def _invoice_came(_mapper: Mapper[Invoice], connection: Connection, target: Invoice) -> None:
    _put(connection, _rows(_of_invoice(target.number), target.id, target.account_id))


@event.listens_for(Payment, "after_insert")
def _payment_came(_mapper: Mapper[Payment], connection: Connection, target: Payment) -> None:
    known: tuple[str | None, ...] = (None, None)
    if target.attempt_id is not None:
        found = connection.execute(
            select(PaymentAttempt.intent_id, PaymentAttempt.remote_id).where(
                PaymentAttempt.id == target.attempt_id
            )
        ).one()
        known = (found.intent_id, found.remote_id)
    terms = _of_payment(target.number, target.provider_charge_id, *known)
    _put(connection, _rows(terms, target.id, target.account_id))


# --------------------------------------------------------------------------- all anew


def fill(connection: Connection) -> int:
    """Write the terms of everything there is, from nothing; returns how many.

    For the step that brings the table, and for a rebuild. Reads plain columns, a chunk at a time.
    """
    connection.execute(delete(_TERM))
    sources: tuple[tuple[str, Any], ...] = (
        ("SELECT id, id AS account_id, number, name FROM account WHERE id > :after ORDER BY id LIMIT :most",
         lambda r: _of_account(r.number, r.name)),
        ("SELECT id, account_id, name, email, phone FROM contact WHERE id > :after ORDER BY id LIMIT :most",
         lambda r: _of_contact(r.name, r.email, r.phone)),
        ("SELECT id, account_id, number FROM invoice WHERE id > :after ORDER BY id LIMIT :most",
         lambda r: _of_invoice(r.number)),
        ("SELECT payment.id, payment.account_id, number, provider_charge_id, intent_id, remote_id"
         " FROM payment LEFT JOIN payment_attempt ON payment_attempt.id = payment.attempt_id"
         " WHERE payment.id > :after ORDER BY payment.id LIMIT :most",
         lambda r: _of_payment(r.number, r.provider_charge_id, r.intent_id, r.remote_id)),
    )  # fmt: skip
    written = 0
    for statement, terms in sources:
        after = 0
        while found := connection.execute(text(statement), {"after": after, "most": _CHUNK}).all():
            rows = [row for r in found for row in _rows(terms(r), r.id, r.account_id)]
            _put(connection, rows)
            written, after = written + len(rows), found[-1].id
    return written
