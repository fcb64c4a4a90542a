"""Statements of account as the reader writes them: of one account, or of a head office over branches."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from models.money import Money, total
from presentation.paper_words import age_word, entry_word
from presentation.papers import Pen, Written, letterhead
from presentation.writing import direction
from receivables.documents.data import GroupStatement, Movement, Parties, Statement
from receivables.ports import Sheet

Cell = str | Money | date | None


def period_words(pen: Pen, first: date, last: date) -> str:
    """The days that a statement covers."""
    return Written(
        pen.gettext("%(first)s to %(last)s", first=Written(pen.short(first)), last=Written(pen.short(last)))
    )


def statement_paper(pen: Pen, parties: Parties, statement: Statement, made_on: date) -> dict[str, Any]:
    """The statement of one account in one currency."""
    _ = pen.gettext
    heading = _("Statement of account")
    return letterhead(pen, parties, heading) | {
        "facts": [
            [_("Period"), period_words(pen, statement.from_on, statement.to_on)],
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
            "rows": [_movement(pen, m) for m in statement.movements],
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
                    f"{entry_word(item.kind, pen.language)} {pen.own(item.number)}",
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
            "head": [age_word(code, pen.language) for code, _amount in statement.ages],
            "row": [pen.figure(amount) for _code, amount in statement.ages],
        },
        "credit": _("Not yet used, in your favour: %(amount)s", amount=statement.credit)
        if statement.credit
        else "",
        "nothing": _("Nothing changed in this period.") if not statement.movements else "",
    }  # fmt: skip


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


def group_papers(pen: Pen, parties: Parties, found: GroupStatement, made_on: date) -> list[dict[str, Any]]:
    """The totals by currency and branch, then the statements of each branch; of one branch, these alone."""
    papers = [
        statement_paper(
            pen, replace(parties, account=section.member.name, account_number=section.member.number),
            statement, made_on,
        )
        for section in found.sections
        for statement in section.statements
    ]  # fmt: skip
    return papers if len(found.chosen) == 1 and papers else [_totals(pen, parties, found, made_on), *papers]


def _totals(pen: Pen, parties: Parties, found: GroupStatement, made_on: date) -> dict[str, Any]:
    _ = pen.gettext
    return letterhead(pen, parties, _("Statement of several branches")) | {
        "facts": [
            [_("Period"), period_words(pen, found.from_on, found.to_on)],
            [_("Made on"), pen.short(made_on)],
        ],
        "groups": [
            {
                "caption": _("All in %(currency)s", currency=sum_of.currency),
                "head": [
                    pen.pgettext("statement", "Branch"), _("Balance brought forward"), _("Charged"),
                    _("Paid or credited"), _("Balance"),
                ],
                "rows": [
                    [
                        {"value": pen.own(section.member.name), "note": pen.own(section.member.number)},
                        *_figures(pen, s.opening, s.charged, s.settled, s.closing),
                    ]
                    for section in found.sections
                    for s in section.statements
                    if s.currency == sum_of.currency
                ],
                "total": [
                    _("In all"),
                    *_figures(pen, sum_of.opening, sum_of.charged, sum_of.settled, sum_of.closing),
                ],
                "credit": _("Not yet used, in your favour: %(amount)s", amount=sum_of.credit)
                if sum_of.credit
                else "",
            }
            for sum_of in found.totals
        ],
        "nothing": "" if found.totals else _("There is nothing in the books of these accounts yet."),
    }  # fmt: skip


def _figures(pen: Pen, opening: Money, charged: Money, settled: Money, closing: Money) -> list[Any]:
    return [pen.owed(opening), pen.figure(charged), pen.figure(settled), pen.owed(closing)]


def statement_sheet(pen: Pen, statement: Statement) -> Sheet:
    """The movements of a statement as a table."""
    _ = pen.gettext
    return Sheet(
        title=_("Statement of account"),
        header=_head(pen),
        rows=_rows(pen, statement),
        right_to_left=direction(pen.language) == "rtl",
    )


def group_sheet(pen: Pen, found: GroupStatement) -> Sheet:
    """The movements of several branches as one table that a spreadsheet can sort by branch."""
    _ = pen.gettext
    return Sheet(
        title=_("Statement of several branches"),
        header=[
            pen.pgettext("statement", "Branch"), pen.pgettext("statement", "Account number"), *_head(pen),
        ],
        rows=[
            [section.member.name, section.member.number, *row]
            for section in found.sections
            for statement in section.statements
            for row in _rows(pen, statement)
        ],
        right_to_left=direction(pen.language) == "rtl",
    )  # fmt: skip


def _head(pen: Pen) -> list[str]:
    _ = pen.gettext
    return [
        pen.pgettext("statement", "Date"), pen.pgettext("statement", "Document"), _("Number"),
        _("Invoices"), _("Charged"), _("Paid or credited"), _("Balance"), _("Currency"),
    ]  # fmt: skip


def _rows(pen: Pen, statement: Statement) -> list[list[Cell]]:
    _ = pen.gettext

    def balance(words: str, on: date, amount: Money) -> list[Cell]:
        return [on, words, None, None, None, None, amount, statement.currency]

    return [
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
    ]  # fmt: skip
