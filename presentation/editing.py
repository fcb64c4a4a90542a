"""What an editor of message texts needs to know: which there are, what is wrong with one, how it reads.

Keeps `receivables.editing.wording.TextDesk`. A text holds words and placeholders and nothing else (X-05);
what a kind must say, and the way out of it, cannot be edited away (C-08).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from models.money import Money
from presentation.sms import MAX_SEGMENTS, TYPEWRITER, sms_segments
from presentation.sources import (
    CALLABLE_BLOCKS,
    EVERYWHERE,
    KINDS,
    LONE_BLOCK,
    PLACEHOLDERS,
    SLOT,
    Form,
    SourceWrong,
    check_source,
    read_sources,
)
from presentation.writing import LANGUAGES
from receivables.ports import InvoiceRow, TextFault

FOLDER = Path(__file__).resolve().parent.parent / "templates" / "messages"
#: Placeholders that a text keeps where the shipped one has them: the way to pay and the way out.
_KEPT = frozenset({"link", "stop"})
#: Kinds that give notice of something: all that the shipped text names is part of the notice.
NOTICES = frozenset(
    {
        "credit_hold_placed", "first_letter_strict", "formal_warning", "handover_notice", "instalment_missed",
        "official_letter", "payment_confirmation", "prepayment_expiring",
    }
)  # fmt: skip


def kinds() -> Sequence[str]:
    """Return the kinds of messages that can be edited."""
    return list(KINDS)


def shipped(kind: str) -> Mapping[str, str]:
    """Return the shipped texts of a kind by "language/part"."""
    sources = read_sources(FOLDER)
    return {
        f"{language}/{part}": sources[f"{kind}/{language}/{part}"]
        for language in LANGUAGES
        for part in KINDS[kind].parts
    }


def placeholders(kind: str, part: str) -> list[str]:
    """Return what a part may name, sorted; blocks only in a body."""
    names = set(KINDS[kind].own | EVERYWHERE)
    if part == "body":
        names |= {f"block_{name}" for name in CALLABLE_BLOCKS}
    return sorted(names)


def required(kind: str, part: str) -> set[str]:
    """Return what a part must name in every language: what the shipped texts all name and must keep."""
    texts = shipped(kind)
    named = [set(SLOT.findall(texts[f"{language}/{part}"])) for language in LANGUAGES]
    common = set.intersection(*named)
    if kind in NOTICES:
        return common
    return {name for name in common if name in _KEPT or name.startswith("block_")}


def faults(kind: str, texts: Mapping[str, str]) -> list[TextFault]:
    """Return what is wrong with the texts of a kind: missing, strange, incomplete or too long."""
    found = []
    for part in KINDS[kind].parts:
        must = required(kind, part)
        for language in LANGUAGES:
            place = f"{language}/{part}"
            found += _faults_of(kind, part, place, texts.get(place, "").strip(), must)
    return found


def _faults_of(kind: str, part: str, place: str, text: str, must: set[str]) -> list[TextFault]:
    if not text:
        return [TextFault(place, "text_missing")]
    if part == "subject" and "\n" in text:
        return [TextFault(place, "one_line")]
    try:
        check_source(place, text, placeholders(kind, part))
    except SourceWrong:
        if set("{}") & set(SLOT.sub("", text)):
            return [TextFault(place, "braces")]
        strange = sorted(set(SLOT.findall(text)) - set(placeholders(kind, part)))
        return [TextFault(place, "placeholder_unknown", strange[0])]
    absent = sorted(must - set(SLOT.findall(text)))
    if absent:
        return [TextFault(place, "must_say", name) for name in absent]
    if part == "body" and any(not LONE_BLOCK.fullmatch(p) for p in _paragraphs(text) if "{block_footer" in p):
        return [TextFault(place, "footer_alone")]
    if part == "sms" and (number := segments(text, place[:2])) > MAX_SEGMENTS:
        return [TextFault(place, "sms_long", str(number))]
    return []


def _paragraphs(text: str) -> list[str]:
    return [paragraph for paragraph in text.split("\n\n") if paragraph]


#: About as long as the values are that an SMS is filled with.
_LENGTHS: Mapping[Form, int] = {
    Form.TEXT: 18, Form.LTR: 13, Form.URL: 36, Form.MONEY: 11, Form.PERCENT: 5, Form.DAY: 6, Form.MOMENT: 6,
    Form.ROWS: 0, Form.WORDS: 60,
}  # fmt: skip


def segments(text: str, language: str) -> int:
    """Return how many segments an SMS takes, its placeholders counted with the usual length of a value."""
    filled = SLOT.sub(lambda slot: "0" * _LENGTHS[PLACEHOLDERS[slot[1]]], text)
    return sms_segments(filled.translate(TYPEWRITER) if language == "en" else filled)


def samples(kind: str, currency: str, today: date) -> dict[str, Any]:
    """Return an example for each placeholder of a kind, where a real account has no such fact."""
    amount = Money(123_456, currency)
    by_form: dict[Form, Any] = {
        Form.TEXT: "…", Form.LTR: "2026-1184", Form.URL: "https://pay.example/l/example", Form.MONEY: amount,
        Form.PERCENT: "8", Form.DAY: today, Form.MOMENT: today,
        Form.ROWS: [_example(amount, today)], Form.WORDS: "…",
    }  # fmt: skip
    return {name: by_form[PLACEHOLDERS[name]] for name in PLACEHOLDERS}


def _example(amount: Money, today: date) -> InvoiceRow:
    return InvoiceRow(
        ref="example", number="2026-1184", kind="invoice", issued_on=today, due_on=today, total=amount,
        balance=amount, days_late=0, description="", processing=Money(0, amount.currency),
        currency=amount.currency,
    )  # fmt: skip
