"""Letters on paper: the text of their kind with its values put in, in one or two languages.

The texts are plain words and placeholders (X-05), a file for each language: templates/documents/letters.
A line closes up where a fact that it names is absent.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from models.money import total
from presentation.filling import fill, one_line
from presentation.paper_words import entry_word
from presentation.papers import Pen, Written, letterhead
from presentation.sources import SLOT
from presentation.writing import LANGUAGE_NAMES, anchor, isolate
from receivables.documents.data import LetterPaper

FOLDER = Path(__file__).parent.parent / "templates" / "documents" / "letters"
#: What a text may name; anything else in braces is refused when the text is read.
PLACEHOLDERS = frozenset(
    {
        "account", "amount", "bank_details", "counted_to", "creditor", "creditor_address", "deadline",
        "due_date", "enclosures", "footer", "handover_contact", "handover_date", "handover_to", "hours",
        "invoice_list", "link", "name", "next_step", "person", "phone", "previous_contacts", "reference",
        "salutation", "verify", "warning_date",
    }
)  # fmt: skip


class LetterTextWrong(ValueError):
    """A text of a letter is absent or names what no letter knows."""


@cache
def texts(language: str) -> Mapping[str, Mapping[str, str]]:
    """Return the texts of a language, checked.

    Raises:
        LetterTextWrong: a text holds more than words and known placeholders.
    """
    found: dict[str, dict[str, str]] = tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))
    for section, parts in found.items():
        for part, text in parts.items():
            strange = {*SLOT.findall(text)} - PLACEHOLDERS
            bare = SLOT.sub("", text)
            if strange or "{" in bare or "}" in bare:
                raise LetterTextWrong(f"{language}, {section}.{part}: {sorted(strange) or 'a brace'}")
    return found


def letter_papers(paper: LetterPaper) -> list[dict[str, Any]]:
    """The letter in the language that binds, then its copy for reading."""
    languages = dict.fromkeys([paper.language, paper.reading_language or paper.language])
    return [_sheet(paper, Pen(language, paper.parties.zone)) for language in languages]


def _sheet(paper: LetterPaper, pen: Pen) -> dict[str, Any]:
    words = texts(pen.language)
    text, values = words[paper.kind], _values(paper, pen, words)
    before, _, after = text["body"].strip().partition("{invoice_list}")
    heading = fill(text["subject"], values.__getitem__)
    notice = ""
    if pen.language != paper.language:
        notice = pen.gettext(
            "Copy for reading in %(language)s. The text in %(binding)s is the one that binds.",
            language=LANGUAGE_NAMES[pen.language],
            binding=LANGUAGE_NAMES[paper.language],
        )
    parties = paper.parties
    sheet = letterhead(pen, parties, heading)
    return sheet | {
        "to": [sheet["to"][0], *(pen.own(line) for line in paper.address), sheet["to"][1]],
        "notice": notice,
        "date": pen.value(paper.made_on),
        "registered": words["blocks"]["registered"] if paper.registered else "",
        "before": _paragraphs(before, pen, values),
        "invoices": _invoices(paper, pen),
        "after": _paragraphs(after, pen, values),
        "enclosures": {
            "caption": words["blocks"]["enclosures"],
            "names": [words["enclosures"][code] for code in paper.enclosures],
        },
        "footer": _lines(words["blocks"]["footer"], pen, values),
    }


def _values(paper: LetterPaper, pen: Pen, words: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Every value as the reader writes it; an absent one is the empty string."""
    parties, facts = paper.parties, paper.facts
    address = Written(isolate(one_line(parties.verify_url)))
    plain: dict[str, object] = {
        "account": parties.account,
        "name": paper.name,
        "creditor": parties.creditor,
        "creditor_address": parties.creditor_address,
        "person": parties.person,
        "phone": parties.phone,
        "hours": paper.hours.get(pen.language) or next(iter(paper.hours.values()), ""),
        "reference": parties.account_number,
        "bank_details": paper.bank,
        "verify": address,
        "link": address,
        "amount": paper.amount,
        "due_date": paper.due_on,
        "deadline": paper.deadline_on,
        "counted_to": paper.made_on,
        "handover_to": facts.get("handover_to", ""),
        "handover_contact": facts.get("handover_contact", ""),
        "handover_date": facts.get("handover_on", ""),
        "warning_date": facts.get("warning_on", ""),
    }
    written = {key: pen.value(value) if value != "" else "" for key, value in plain.items()}
    written["previous_contacts"] = ", ".join(pen.value(day) for day in paper.previous)
    written["next_step"] = words["next_step"][paper.next_step]
    written["salutation"] = fill(words["blocks"]["salutation"], written.__getitem__)
    written["enclosures"] = words["blocks"]["enclosed"] if paper.enclosures else ""
    written["footer"] = ""  # stands in a block of its own
    return written


def _paragraphs(text: str, pen: Pen, values: Mapping[str, str]) -> list[str]:
    """Paragraphs with their lines run together; what has no line left closes up."""
    found = (" ".join(_lines(part, pen, values)) for part in text.strip().split("\n\n"))
    return [paragraph for paragraph in found if paragraph]


def _lines(text: str, pen: Pen, values: Mapping[str, str]) -> list[str]:
    lines = [line for line in text.splitlines() if all(values[name] for name in SLOT.findall(line))]
    return [anchor(fill(line, values.__getitem__), pen.language) for line in lines]


def _invoices(paper: LetterPaper, pen: Pen) -> dict[str, Any]:
    return {
        "caption": pen.gettext("Which invoices"),
        "head": [
            pen.gettext("Invoice"),
            pen.gettext("Issued"),
            pen.pgettext("document", "Due"),
            pen.pgettext("statement", "Open"),
        ],
        "rows": [
            [
                f"{entry_word(row.kind, pen.language)} {pen.own(row.number)}",
                pen.short(row.issued_on),
                pen.short(row.due_on) if row.due_on else "",
                pen.value(row.asked),
            ]
            for row in paper.rows
        ],
        "total": [
            pen.gettext("In all"), "", "",
            pen.value(total([row.asked for row in paper.rows], paper.amount.currency)),
        ],
    }  # fmt: skip
