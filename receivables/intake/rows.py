"""From rows of somebody's table to staged heads and lines: which column is which, what a row says.

A *head* is what a row says of its whole document (number, customer, days); a *line* is what it
says of one position. Rows that follow each other mostly repeat the head, so it is read once.
Source: decision 28.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, Protocol

from models.invoices import InvoiceKind
from models.money import UnknownCurrency, currency_row
from receivables.countries import country_code
from receivables.intake.cells import (
    CellUnreadable,
    amount_minor,
    document_kind,
    email_address,
    international_phone,
    line_net_minor,
    line_tax_minor,
    plain_date,
    plain_number,
)
from receivables.intake.fee_basis import read_basis


class Trouble(Protocol):
    """Why a table, or the rest of it, can't be read."""

    @property
    def line(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def value(self) -> str: ...


class Table(Protocol):
    """Rows of a file; every iteration begins anew, and `trouble` says afterwards how it ended."""

    size_bytes: int
    bytes_read: int

    @property
    def trouble(self) -> Trouble | None: ...
    def __iter__(self) -> Iterator[tuple[int, list[str]]]: ...


class Tables(Protocol):
    """Reads and writes tables of other programs (gateways/spreadsheets.py)."""

    def open_table(
        self, path: Path, *, encoding: str | None = None, delimiter: str | None = None
    ) -> Table: ...
    def write_table(self, path: Path, header: Sequence[str], rows: Iterator[Sequence[str | int]]) -> None: ...


class Grade(StrEnum):
    """What follows from a finding (decision 28)."""

    ERROR = "error"  # nothing of the file is imported
    REJECTED = "rejected"  # its document is left out
    LEFT_OUT = "left_out"  # only this detail is left out


class Finding(NamedTuple):
    """One thing that was found wrong, as the report shows it."""

    line: int
    column: str
    value: str
    reason: str
    grade: Grade
    #: Number of the staged head it belongs to, for rejected documents.
    head: int | None = None


@dataclass(frozen=True, slots=True)
class IntakeOptions:
    """What the file does not say itself.

    Attributes:
        currency: of documents without one, ISO 4217.
        terms_days: days from issue to due date, where the file has no due dates.
        as_of: day on which the books open: documents issued before it are effective on it.
        decimal_mark, date_order: None: found by looking at the rows.
        drop_zero_lines: leave out lines with price zero instead of rejecting their document.
        country: of new accounts whose cell is empty or names no country we know.
        language: of new accounts, in place of their country's.
        kind: of every document without one; None: the sign of the total decides.
        columns: name of a column -> field, before names are recognised.
    """

    currency: str | None = None
    terms_days: int | None = None
    as_of: date | None = None
    delimiter: str | None = None
    encoding: str | None = None
    decimal_mark: str | None = None
    date_order: str | None = None
    drop_zero_lines: bool = False
    country: str | None = None
    language: str | None = None
    kind: InvoiceKind | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


#: field -> names of its column, compared without case, spaces and signs.
FIELDS: dict[str, tuple[str, ...]] = {
    "number": ("invoiceno", "invoicenumber", "invoice", "invoiceid", "documentno", "documentnumber", "docno"),
    "customer": ("customerid", "customer", "customerno", "customernumber", "accountno", "accountnumber"),
    "issued_on": ("invoicedate", "date", "issuedate", "issued", "issuedon", "documentdate"),
    "quantity": ("quantity", "qty"),
    "unit_price": ("unitprice", "price"),
    "code": ("stockcode", "code", "sku", "itemno", "itemcode", "productcode"),
    "description": ("description", "item", "text", "itemdescription", "product"),
    "tax_rate": ("taxrate", "vatrate", "vat%", "tax%"),
    "tax_amount": ("taxamount", "tax", "vat", "vatamount"),
    "customer_name": ("customername", "name", "accountname", "company", "companyname"),
    "postal_address": ("address", "postaladdress", "mailingaddress", "customeraddress", "billingaddress"),
    "country": ("country", "countrycode"),
    "due_on": ("duedate", "due", "dueon", "paymentduedate"),
    "currency": ("currency", "currencycode"),
    "kind": ("kind", "type", "documenttype", "invoicetype"),
    "purchase_order": ("purchaseorder", "po", "ponumber", "purchaseordernumber", "orderreference"),
    "contact_name": ("contactname", "contact"),
    "email": ("email", "emailaddress", "mail"),
    "phone": ("phone", "phonenumber", "telephone", "mobile"),
    "language": ("language", "lang"),
    "total": ("total", "totalamount", "invoicetotal", "grosstotal", "gross", "grossamount"),
    "early_discount": ("earlydiscount", "earlypaymentdiscount", "cashdiscount", "discountamount"),
    "early_discount_to": ("earlydiscountto", "discountto", "discountuntil", "discountdate"),
    "refers_to": ("referstoinvoice", "originalinvoice", "relatedinvoice"),
    "basis_amount": ("principal", "interestbase", "feebase"),
    "basis_rate": ("interestrate", "feerate"),
    "basis_days": ("interestdays",),
    "basis_from": ("interestfrom",),
    "basis_to": ("interestto",),
    "legal_basis": ("contractclause",),
}
_ALIASES = {alias: name for name, aliases in FIELDS.items() for alias in (*aliases, name.replace("_", ""))}
REQUIRED = ("number", "customer", "issued_on")
#: Fields that belong to the whole document, in the order in which heads are staged.
HEAD_FIELDS = (
    "kind", "number", "customer", "customer_name", "country", "issued_on", "due_on", "currency",
    "purchase_order", "contact_name", "email", "phone", "language", "total", "tax_amount",
    "early_discount", "early_discount_to", "refers_to", "postal_address",
)  # fmt: skip
#: Fields of a line that say how a fee or interest was worked out.
BASIS_FIELDS = ("basis_amount", "basis_rate", "basis_days", "basis_from", "basis_to", "legal_basis")
#: Longest text of a cell, where it is not the usual 500.
_LENGTHS = {"number": 100, "customer": 100, "refers_to": 100, "code": 100, "description": 4000}
NUMBER_FIELDS = (
    "quantity", "unit_price", "total", "tax_amount", "tax_rate", "early_discount", "basis_amount",
    "basis_rate",
)  # fmt: skip
DATE_FIELDS = ("issued_on", "due_on", "early_discount_to", "basis_from", "basis_to")


class WrongUse(ValueError):
    """The options do not fit the file; `code` names what is missing or wrong."""

    def __init__(self, code: str, *names: str) -> None:
        super().__init__(f"{code}: {', '.join(names)}" if names else code)
        self.code, self.names = code, names


def _bare(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum() or c == "%")


def recognise(header: Sequence[str], mapped: Mapping[str, str]) -> tuple[dict[str, int], list[Finding]]:
    """Say which column holds which field.

    Args:
        header: names as the file has them.
        mapped: name of a column -> field, as said by `--map`; wins over recognition.
    Returns:
        field -> index of its column, and what is wrong with the header (grade error).
    Raises:
        WrongUse: `unknown_field` or `unknown_column` of `mapped`.
    """
    said = {_bare(column): name for column, name in mapped.items()}
    names = [_bare(column) for column in header]
    if unknown := [name for name in mapped.values() if name not in FIELDS]:
        raise WrongUse("unknown_field", *unknown)
    if missing := [column for column in mapped if _bare(column) not in names]:
        raise WrongUse("unknown_column", *missing)
    places: dict[str, int] = {}
    findings = []
    for index, name in enumerate(names):
        known = said.get(name) or _ALIASES.get(name)
        if known is None or (name not in said and known in said.values()):
            continue
        if known in places:
            findings.append(Finding(1, known, header[index], "column_twice", Grade.ERROR))
        places[known] = index
    needed = list(REQUIRED)
    if "total" not in places or "quantity" in places or "unit_price" in places:
        needed += ["quantity", "unit_price"]
    findings += [
        Finding(1, known, ", ".join(header)[:200], "column_missing", Grade.ERROR)
        for known in needed
        if known not in places
    ]
    return places, findings


def require_options(places: Mapping[str, int], options: IntakeOptions) -> None:
    """Refuse unless the options say what the columns do not (decision 28).

    Raises:
        WrongUse: `currency_needed`, `terms_needed`.
    """
    if "currency" not in places and options.currency is None:
        raise WrongUse("currency_needed")
    if "due_on" not in places and (options.terms_days is None or options.as_of is None):
        raise WrongUse("terms_needed")


#: What the staging file takes: (number of the head, line, *HEAD_FIELDS) and
#: (number of the head, line, code, description, quantity, unit price, net, tax, tax rate, basis);
#: the basis as `read_basis` writes it down.
HeadRow = tuple[int | str | None, ...]
LineRow = tuple[int | str | None, ...]
_CURRENCY = 2 + HEAD_FIELDS.index("currency")
#: How many heads are kept in memory.
_LATELY = 2000


class RowReader:
    """Reads rows of one table with known columns; call it for each row.

    Attributes:
        findings: what was found wrong since it was last emptied.
        dropped: how many lines were left out because their price is zero.
    """

    def __init__(
        self, places: Mapping[str, int], width: int, options: IntakeOptions, *, mark: str, order: str
    ) -> None:
        self._places, self._width, self._options = places, width, options
        self._mark, self._order = mark, order
        self._has_lines = "quantity" in places
        self._basis_places = {name: places[name] for name in BASIS_FIELDS if name in places}
        self._head_fields = [
            name for name in HEAD_FIELDS if name in places and not (name == "tax_amount" and self._has_lines)
        ]
        self._head_cells: Callable[[list[str]], tuple[str, ...]] = itemgetter(
            *(places[name] for name in self._head_fields)
        )
        #: Cells of heads read lately -> their number and currency, so that lines that stand apart
        #: find theirs again; and of the last one that was unreadable, so that it is told once.
        self._lately: dict[tuple[str, ...], tuple[int, str]] = {}
        self._unreadable: tuple[str, ...] | None = None
        self._heads = 0
        self.findings: list[Finding] = []
        self.dropped = 0

    def __call__(self, line: int, cells: list[str]) -> tuple[HeadRow | None, LineRow | None]:
        """Read one row.

        Returns:
            The head when it is a new one, and the line; None for what was unreadable, dropped or
            not there.
        """
        if len(cells) != self._width:
            self._find(line, "", f"{len(cells)} cells", "wrong_columns")
            return None, None
        values = self._head_cells(cells)
        new: HeadRow | None = None
        known = self._lately.get(values)
        if known is None:
            if values == self._unreadable:
                return None, None
            new = self._read_head(line, values)
            if new is None:
                self._unreadable = values
                return None, None
            if len(self._lately) >= _LATELY:
                self._lately.clear()
            known = self._lately[values] = self._heads, str(new[_CURRENCY])
        return new, self._read_line(line, cells, *known) if self._has_lines else None

    def _find(self, line: int, column: str, value: str, reason: str) -> None:
        self.findings.append(Finding(line, column, value[:200], reason, Grade.ERROR))

    def _read_head(self, line: int, values: tuple[str, ...]) -> HeadRow | None:
        said: dict[str, int | str | None] = dict.fromkeys(HEAD_FIELDS)
        before = len(self.findings)
        for name, cell in zip(self._head_fields, values, strict=True):
            if len(cell) > _LENGTHS.get(name, 500):
                self._find(line, name, cell, "text_too_long")
            else:
                said[name] = cell.strip() or None
        if said["number"] is None and len(self.findings) == before:
            self._find(line, "number", "", "empty")
        currency = str(said["currency"] or self._options.currency or "").upper()
        said["currency"] = currency
        try:
            currency_row(currency)
        except UnknownCurrency:
            self._find(line, "currency", currency, "currency_unknown" if currency else "empty")
            return None
        for name, read in (
            ("kind", document_kind),
            ("issued_on", lambda text: plain_date(text, self._order)),
            ("due_on", lambda text: plain_date(text, self._order)),
            ("total", lambda text: amount_minor(text, self._mark, currency)),
            ("tax_amount", lambda text: amount_minor(text, self._mark, currency)),
            ("early_discount", lambda text: amount_minor(text, self._mark, currency)),
            ("early_discount_to", lambda text: plain_date(text, self._order)),
        ):
            if said[name] is not None:
                try:
                    said[name] = read(str(said[name]))
                except CellUnreadable as unreadable:
                    self._find(line, name, str(said[name]), unreadable.reason)
        if said["kind"] is None and self._options.kind is not None:
            said["kind"] = self._options.kind
        if len(self.findings) > before:
            return None
        self._heads += 1
        self._read_customer(line, said)
        return (self._heads, line, *said.values())

    def _read_customer(self, line: int, said: dict[str, int | str | None]) -> None:
        for name, read in (("email", email_address), ("phone", international_phone)):
            if said[name] is not None:
                text = str(said[name])
                said[name] = read(text)
                if said[name] is None:
                    self.findings.append(
                        Finding(line, name, text[:200], f"{name}_unusable", Grade.LEFT_OUT, self._heads)
                    )
        if said["language"] is not None:
            said["language"] = str(said["language"]).casefold()[:2]
        if said["country"] is not None:
            named = str(said["country"])
            said["country"] = country_code(named) or self._options.country
            if said["country"] is None:
                # Zone, language and rules hang on it: nobody guesses them.
                self.findings.append(
                    Finding(line, "country", named, "country_unknown", Grade.REJECTED, self._heads)
                )

    def _read_line(self, line: int, cells: list[str], head: int, currency: str) -> LineRow | None:
        places, mark = self._places, self._mark
        code = self._text(line, "code", cells) or None
        description = self._text(line, "description", cells)
        name = "quantity"
        try:
            quantity = plain_number(cells[places[name]].strip(), mark)
            name = "unit_price"
            price = plain_number(cells[places[name]].strip(), mark)
            net = line_net_minor(quantity, price, currency)
            rate, tax = None, 0
            name = "tax_rate"
            if name in places and (text := cells[places[name]].strip().rstrip("% ")):
                rate = plain_number(text, mark)
                tax = line_tax_minor(net, rate, currency)
            name = "tax_amount"
            if name in places and (text := cells[places[name]].strip()):
                tax = amount_minor(text, mark, currency)
        except CellUnreadable as unreadable:
            self._find(line, name, cells[places[name]].strip(), unreadable.reason)
            return None
        if price[0] == "-" or not price.strip("0."):
            if self._options.drop_zero_lines and price[0] != "-":
                self.dropped += 1
                return None
            self.findings.append(
                Finding(line, "unit_price", price, "price_not_positive", Grade.REJECTED, head)
            )
        basis = self._basis(line, cells, head, currency)
        return head, line, code, description, quantity, price, net, tax, rate, basis

    def _basis(self, line: int, cells: list[str], head: int, currency: str) -> str | None:
        """Read what a fee was worked out from; one that can't be leaves its document out."""
        if not self._basis_places:
            return None
        said = {name: text for name, at in self._basis_places.items() if (text := cells[at].strip())}
        if not said:
            return None
        try:
            return read_basis(said, mark=self._mark, order=self._order, currency=currency)
        except CellUnreadable as unreadable:
            finding = Finding(line, "basis_amount", " ".join(said.values())[:200], unreadable.reason,
                              Grade.REJECTED, head)  # fmt: skip
            self.findings.append(finding)
            return None

    def _text(self, line: int, name: str, cells: list[str]) -> str:
        if name not in self._places:
            return ""
        cell = cells[self._places[name]]
        if len(cell) > _LENGTHS[name]:
            self._find(line, name, cell, "text_too_long")
            return ""
        return cell.strip()
