"""Statements, invoices, receipts and calendars as the reader writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from models.money import Money, total
from presentation.agreements import card_sentences, offer_papers, plan_papers, plan_sentences
from presentation.case_files import case_paper
from presentation.paper_letters import letter_papers
from presentation.paper_words import entry_word, way_word
from presentation.papers import Pen, Written, letterhead, sheet_of
from presentation.statements import (
    group_papers,
    group_sheet,
    period_words,
    statement_paper,
    statement_sheet,
)
from presentation.writing import percent, set_apart
from receivables.documents.data import (
    CasePaper,
    GroupStatement,
    InvoicePaper,
    LetterPaper,
    OfferPaper,
    Parties,
    PlanPaper,
    ReceiptPaper,
    Statement,
)
from receivables.ports import CalendarEntry, Document, LineRow, Sheet


class Documents:
    """The DocumentWriter: every value written before the press sees it."""

    def statement(self, statement: Statement, parties: Parties, language: str, made_on: date) -> Document:
        """A statement of account."""
        pen = Pen(language, parties.zone)
        paper = statement_paper(pen, parties, statement, made_on)
        title = f"{paper['heading']}, {period_words(pen, statement.from_on, statement.to_on)}"
        return Document("statement", language, title, made_on, sheet_of(parties, [paper]))

    def group_statement(
        self, found: GroupStatement, parties: Parties, language: str, made_on: date
    ) -> Document:
        """A statement over several branches: the totals, then each branch on pages of its own."""
        pen = Pen(language, parties.zone)
        papers = group_papers(pen, parties, found, made_on)
        title = f"{papers[0]['heading']}, {period_words(pen, found.from_on, found.to_on)}"
        return Document("statement", language, title, made_on, sheet_of(parties, papers))

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
            *(
                [[pen.pgettext("document", "Refers to"), pen.own(invoice.refers_to.number)]]
                if invoice.refers_to
                else []
            ),
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
                "caption": _("How this was worked out") if row.kind == "fee" else _("What you ordered"),
                "head": [_("Item"), _("Quantity"), _("Price"), _("Net")],
                "rows": [
                    [
                        {"value": pen.own(line.description), "note": _note(pen, line)},
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

    def plan_words(self, terms: Mapping[str, Any], pays_by: str, language: str) -> list[str]:
        """What both sides agree on a plan, as the page shows it and the signature keeps it."""
        return plan_sentences(Pen(language), {"fee_percent": terms["fee_percent"], **terms["rules"]}, pays_by)

    def card_words(self, payee: str, language: str) -> list[str]:
        """The agreement to keep a card, likewise."""
        return card_sentences(Pen(language), payee)

    def offer(self, paper: OfferPaper, parties: Parties, language: str) -> Document:
        """The settlement agreement, likewise."""
        papers = offer_papers(paper, parties, language)
        return Document(
            "agreement", papers[0]["language"], papers[0]["heading"], paper.made_on, sheet_of(parties, papers)
        )

    def letter(self, paper: LetterPaper) -> Document:
        """A letter on paper with its reading copy, first the one that binds."""
        return self.letters([paper])

    def letters(self, papers: Sequence[LetterPaper]) -> Document:
        """Several letters as one file to print, each numbered by itself."""
        first = papers[0]
        sheets = [sheet for paper in papers for sheet in letter_papers(paper)]
        return Document(
            "letter", first.language, sheets[0]["heading"], max(paper.made_on for paper in papers),
            sheet_of(first.parties, sheets),
        )  # fmt: skip

    def case_file(self, paper: CasePaper, parties: Parties, language: str) -> Document:
        """The index of a case file."""
        pen = Pen(language, parties.zone)
        written = case_paper(pen, parties, paper)
        sheet = sheet_of(parties, [written])
        return Document("case_file", language, written["heading"], paper.made_on, sheet)

    def statement_sheet(self, statement: Statement, language: str) -> Sheet:
        """The movements of a statement as a table; amounts stay amounts."""
        return statement_sheet(Pen(language), statement)

    def group_sheet(self, found: GroupStatement, language: str) -> Sheet:
        """The movements of several branches as one table."""
        return group_sheet(Pen(language), found)

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


def _note(pen: Pen, line: LineRow) -> str:
    """What stands below a line: its code, and how a fee or interest was worked out."""
    _, said = pen.gettext, [pen.own(line.code)] if line.code else []
    if line.basis is not None:
        basis = line.basis
        rate = Written(set_apart(percent(basis.percent, pen.language), pen.language))
        if basis.is_yearly:
            said.append(_("%(rate)s a year on %(amount)s", rate=rate, amount=basis.principal))
        else:
            said.append(_("%(rate)s on %(amount)s", rate=rate, amount=basis.principal))
        if basis.days is not None:
            said.append(pen.ngettext("%(num)d day", "%(num)d days", basis.days))
        if basis.from_on is not None:
            said.append(_("%(first)s to %(last)s", first=basis.from_on, last=basis.to_on))
    if line.legal_basis:
        said.append(_("Legal basis: %(words)s", words=line.legal_basis))
    return " · ".join(said)


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
