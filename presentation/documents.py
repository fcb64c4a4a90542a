"""Statements, invoices, receipts and calendars as the reader writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from models.money import Money, total
from presentation.agreements import offer_papers, plan_papers
from presentation.paper_words import age_word, entry_word, way_word
from presentation.papers import Pen, Written, letterhead, sheet_of
from presentation.writing import direction
from receivables.documents.data import (
    InvoicePaper,
    Movement,
    OfferPaper,
    Parties,
    PlanPaper,
    ReceiptPaper,
    Statement,
)
from receivables.ports import CalendarEntry, Document, Sheet


class Documents:
    """The DocumentWriter: every value written before the press sees it."""

    def statement(self, statement: Statement, parties: Parties, language: str, made_on: date) -> Document:
        """A statement of account."""
        pen = Pen(language, parties.zone)
        _ = pen.gettext
        heading = _("Statement of account")
        period = _(
            "%(first)s to %(last)s",
            first=Written(pen.short(statement.from_on)),
            last=Written(pen.short(statement.to_on)),
        )
        paper = letterhead(pen, parties, heading) | {
            "facts": [
                [_("Period"), period],
                [_("Currency"), pen.own(statement.currency)],
                [_("Made on"), pen.short(made_on)],
            ],
            "amount_label": _("Balance on %(day)s", day=statement.to_on),
            "amount": pen.balance(statement.closing),
            "movements": {
                "caption": _("What changed"),
                "head": [
                    pen.pgettext("statement", "Date"), pen.pgettext("statement", "Document"), _("Charged"),
                    _("Paid or credited"), _("Balance"),
                ],
                "opening": [_("Balance brought forward"), pen.owed(statement.opening)],
                "rows": [self._movement(pen, m) for m in statement.movements],
                "closing": [
                    _("Balance on %(day)s", day=statement.to_on), pen.figure(statement.charged),
                    pen.figure(statement.settled), pen.owed(statement.closing),
                ],
            },
            "items": {
                "caption": _("Open on %(day)s", day=statement.to_on),
                "head": [
                    pen.pgettext("statement", "Document"), _("Issued"), pen.pgettext("document", "Due"),
                    _("Days late"), _("Total"), pen.pgettext("statement", "Open"),
                ],
                "rows": [
                    [
                        f"{entry_word(item.kind, language)} {pen.own(item.number)}",
                        pen.short(item.issued_on),
                        pen.short(item.due_on) if item.due_on else "", str(item.days_late or ""),
                        pen.figure(item.total), pen.figure(item.open),
                    ]
                    for item in statement.items
                ],
                "total": [
                    _("Open in all"),
                    pen.figure(total([item.open for item in statement.items], statement.currency)),
                ],
            },
            "ages": {
                "caption": _("How old it is"),
                "head": [age_word(code, language) for code, _amount in statement.ages],
                "row": [pen.figure(amount) for _code, amount in statement.ages],
            },
            "credit": _("Not yet used, in your favour: %(amount)s", amount=statement.credit)
            if statement.credit
            else "",
            "nothing": _("Nothing changed in this period.") if not statement.movements else "",
        }  # fmt: skip
        return Document("statement", language, f"{heading}, {period}", made_on, sheet_of(parties, [paper]))

    @staticmethod
    def _movement(pen: Pen, movement: Movement) -> list[Any]:
        name = entry_word(movement.kind, pen.language)
        if movement.number:
            name = f"{name} {pen.own(movement.number)}"
        note = ""
        if movement.documents:
            note = pen.gettext("for %(numbers)s", numbers=pen.numbers(movement.documents))
        up = movement.amount.minor > 0
        return [
            pen.short(movement.on),
            {"value": name, "note": note},
            pen.figure(movement.amount) if up else "",
            "" if up else pen.figure(-movement.amount),
            pen.owed(movement.balance),
        ]

    def invoice(self, paper: InvoicePaper, parties: Parties, language: str) -> Document:
        """A copy of an invoice's data (decision 4)."""
        pen = Pen(language, parties.zone)
        _ = pen.gettext
        invoice, row = paper.invoice, paper.invoice.row
        heading = f"{entry_word(row.kind, pen.language)} {pen.own(row.number)}"
        facts = [
            [_("Issued"), pen.short(row.issued_on)],
            *([[pen.pgettext("document", "Due"), pen.short(row.due_on)]] if row.due_on else []),
            *([[_("Your order"), pen.own(invoice.purchase_order)]] if invoice.purchase_order else []),
            *([[pen.pgettext("document", "For"), pen.own(row.description)]] if row.description else []),
        ]
        sums = [
            [_("Net"), pen.value(invoice.lines_net)],
            *(
                [pen.own(a.reason), pen.value(-a.amount if a.kind == "allowance" else a.amount)]
                for a in invoice.adjustments
            ),
            *_taxes(pen, paper),
            *([[_("Paid in advance"), pen.value(-invoice.prepaid)]] if invoice.prepaid else []),
            *([[_("Rounding"), pen.value(invoice.rounding)]] if invoice.rounding else []),
        ]
        after = []
        if row.kind != "credit_note":
            for m in invoice.movements:
                if m.source == "payment":
                    words = _("Paid on %(day)s, confirmation %(number)s", day=m.on, number=m.number)
                elif m.source == "credit_note":
                    words = _("Credit note %(number)s of %(day)s", day=m.on, number=m.number)
                else:
                    what = Written(entry_word(m.source, language))
                    words = _("%(what)s of %(day)s", what=what, day=m.on)
                after.append([words, pen.value(-m.amount)])
        sheet = letterhead(pen, parties, heading) | {
            "notice": _(
                "Copy of data. Made from our books for your convenience; it does not replace the document "
                "that %(creditor)s issued.",
                creditor=parties.creditor,
            ),
            "facts": facts,
            "lines": {
                "caption": _("What you ordered"),
                "head": [_("Item"), _("Quantity"), _("Price"), _("Net")],
                "rows": [
                    [
                        {"value": pen.own(line.description), "note": pen.own(line.code or "")},
                        pen.decimal(line.quantity, "#,##0.##########"),
                        pen.decimal(line.unit_price, "#,##0.00########"),
                        pen.figure(line.net),
                    ]
                    for line in invoice.lines
                ],
            },
            "sums": sums,
            "total": [_("Total"), pen.value(row.total)],
            "after": after,
            "rest": [_("Still open on %(day)s", day=invoice.today), pen.value(row.balance)]
            if after
            else None,
        }
        return Document("invoice", language, heading, invoice.today, sheet_of(parties, [sheet]))

    def receipt(self, paper: ReceiptPaper, parties: Parties, language: str) -> Document:
        """A payment confirmation (decision 4)."""
        pen = Pen(language, parties.zone)
        _ = pen.gettext
        heading = _("Payment confirmation")
        way = way_word(paper.method, language)
        sheet = letterhead(pen, parties, heading) | {
            "amount_label": _("We have received"),
            "amount": pen.value(paper.amount),
            "facts": [
                [_("Confirmation"), pen.own(paper.number)],
                [_("Paid on"), pen.short(paper.valued_on)],
                [_("Paid by"), f"{way}, {pen.own(paper.method_detail)}" if paper.method_detail else way],
                [_("From"), pen.own(parties.account)],
                [pen.pgettext("payment", "To"), pen.own(parties.creditor)],
            ],
            "shares": {
                "caption": _("What it paid"),
                "head": [_("Invoice"), _("Amount")],
                "rows": [[pen.own(number), pen.value(amount)] for number, amount in paper.shares],
                "rest": [_("Stays in your favour"), pen.value(paper.rest)] if paper.rest else None,
                "total": [_("Received in all"), pen.value(paper.amount)],
            },
            "words": _("This confirms that we have received your payment. It is not a tax document."),
        }
        title = f"{heading} {pen.own(paper.number)}"
        return Document("receipt", language, title, paper.valued_on, sheet_of(parties, [sheet]))

    def plan(self, paper: PlanPaper, parties: Parties, language: str) -> Document:
        """The agreement on a plan: the creditor's language, then a copy for the reader."""
        papers = plan_papers(paper, parties, language)
        return Document(
            "agreement", papers[0]["language"], papers[0]["heading"], paper.made_on, sheet_of(parties, papers)
        )

    def offer(self, paper: OfferPaper, parties: Parties, language: str) -> Document:
        """The settlement agreement, likewise."""
        papers = offer_papers(paper, parties, language)
        return Document(
            "agreement", papers[0]["language"], papers[0]["heading"], paper.made_on, sheet_of(parties, papers)
        )

    def statement_sheet(self, statement: Statement, language: str) -> Sheet:
        """The movements of a statement as a table; amounts stay amounts."""
        pen = Pen(language)
        _ = pen.gettext

        def balance(words: str, on: date, amount: Money) -> list[str | Money | date | None]:
            return [on, words, None, None, None, None, amount, statement.currency]

        return Sheet(
            title=_("Statement of account"),
            header=[
                pen.pgettext("statement", "Date"), pen.pgettext("statement", "Document"), _("Number"),
                _("Invoices"), _("Charged"), _("Paid or credited"), _("Balance"), _("Currency"),
            ],
            rows=[
                balance(_("Balance brought forward"), statement.from_on, statement.opening),
                *(
                    [
                        m.on, entry_word(m.kind, pen.language), m.number, ", ".join(m.documents),
                        m.amount if m.amount.minor > 0 else None,
                        -m.amount if m.amount.minor < 0 else None,
                        m.balance, statement.currency,
                    ]
                    for m in statement.movements
                ),
                balance(_("Closing balance"), statement.to_on, statement.closing),
            ],
            right_to_left=direction(language) == "rtl",
        )  # fmt: skip

    def plan_calendar(
        self, paper: PlanPaper, parties: Parties, language: str, url: str
    ) -> tuple[str, Sequence[CalendarEntry]]:
        """Name and entries of a plan's calendar: one a part that is still to be paid."""
        pen = Pen(language, parties.zone)
        _ = pen.gettext
        entries = [
            CalendarEntry(
                key=part.ref,
                on=part.on,
                summary=_(
                    "Pay %(amount)s to %(creditor)s, part %(seq)d of %(parts)d",
                    amount=part.amount, creditor=parties.creditor, seq=part.seq, parts=len(paper.parts),
                ),
                words="\n".join(
                    [
                        _("Your saved card is charged on this day.")
                        if paper.pays_by == "card"
                        else _("A link to pay comes before this day."),
                        url,
                    ]
                ),
                changed_at=paper.changed_at,
            )
            for part in paper.open_parts
        ]  # fmt: skip
        return _("Payments to %(creditor)s", creditor=parties.creditor), entries


def _taxes(pen: Pen, paper: InvoicePaper) -> list[list[str]]:
    """Tax by rate where the lines tell it to the last minor unit; else in one sum."""
    invoice = paper.invoice
    by_rate: dict[str, Money] = {}
    for line in invoice.lines:
        if line.tax_rate is not None:
            by_rate[line.tax_rate] = by_rate.get(line.tax_rate, line.tax - line.tax) + line.tax
    if by_rate and total(list(by_rate.values()), invoice.tax.currency) == invoice.tax:
        return [
            [
                pen.gettext("VAT %(rate)s", rate=pen.decimal(rate, "0.##########") + "%"),
                pen.value(amount),
            ]
            for rate, amount in sorted(by_rate.items(), reverse=True)
            if amount
        ]
    return [[pen.gettext("VAT"), pen.value(invoice.tax)]] if invoice.tax else []
