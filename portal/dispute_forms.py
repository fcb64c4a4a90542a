"""The form of a dispute, read: what was typed and the claim it stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

import web
from models.disputes import DisputeReason
from models.money import AmountUnreadable, Money
from portal import forms
from portal.forms import Problem
from receivables.disputes.claims import Claim, LineClaim
from receivables.errors import Refused
from receivables.texts import clean_words

KINDS = ("lines", "amount", "whole")
#: What may be narrowed of a line, and the first letter of its field's id.
PARTS = {"accepted": "a", "agreed": "g", "amount": "m"}
#: The field that a refusal is about; with a position, that of its line. Others stop the whole form.
FIELDS = {
    "choice_missing": "w0", "none_chosen": "w0", "reason_missing": "r0", "amount_zero": "amount",
    "amount_above_open": "amount", "amount_negative": "amount", "words_missing": "words",
    "words_too_long": "words", "too_many_files": "files", "files_full": "files", "already_answered": "r0",
}  # fmt: skip
LINE_FIELDS = {
    "accepted_not_less": "a", "agreed_not_less": "g", "amount_zero": "m", "amount_above_line": "m",
    "amount_above_open": "m", "line_contested": "l", "line_answered": "l", "line_twice": "l",
    "line_unknown": "l", "nothing_to_question": "l",
}  # fmt: skip
POSITION = re.compile(r"[1-9]\d{0,5}")
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,10})?")


@dataclass(frozen=True, slots=True)
class DisputeForm:
    """The form as it was typed; `parts` are position -> name of PARTS -> text."""

    what: str = ""
    lines: tuple[str, ...] = ()
    parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    amount: str = ""
    reason: str = ""
    words: str = ""
    language: str = "en"

    def part(self, position: int, name: str) -> str:
        """What was typed about a part of one line."""
        return self.parts.get(str(position), {}).get(name, "")


def read_form(source: MultiDict[str, str], language: str) -> DisputeForm:
    """Read the form's fields.

    Raises:
        BadRequest: a field is not one that our form sends.
    """
    what, lines = forms.single(source, "what"), tuple(source.getlist("line"))
    reason = forms.single(source, "reason")
    if (what and what not in KINDS) or not all(POSITION.fullmatch(line) for line in lines):
        raise BadRequest("unknown_choice")
    if reason and reason not in set(DisputeReason):
        raise BadRequest("unknown_choice")
    parts = {
        line: {name: forms.single(source, f"{name}-{line}")[:64] for name in PARTS}
        for line in lines
    }  # fmt: skip
    return DisputeForm(what, lines, parts, forms.single(source, "amount")[:64], reason,
                       forms.single(source, "words"), language)  # fmt: skip


def form_of(kept: Mapping[str, Any]) -> DisputeForm:
    """Make the form again that a draft kept."""
    return DisputeForm(**{**kept, "lines": tuple(kept["lines"])})


def claim_of(form: DisputeForm, currency: str) -> tuple[Claim | None, list[Problem]]:
    """Read the claim that a form stands for, and everything that needs another look.

    Without a reason it is weighed as one for another reason, so that all is said at once; None when
    there is nothing to weigh.
    """
    problems: list[Problem] = []
    lines: tuple[LineClaim, ...] = ()
    amount = None
    if not form.what:
        problems.append(Problem("w0", "choice_missing", {}))
    elif form.what == "lines":
        if not form.lines:
            problems.append(Problem("w0", "none_chosen", {}))
        lines = tuple(_line_claim(form, int(line), currency, problems) for line in form.lines)
    elif form.what == "amount":
        amount = _money(form.amount, "amount", currency, form.language, problems)
    claim = None if problems else Claim(DisputeReason(form.reason or DisputeReason.OTHER), lines, amount)
    if not form.reason:
        problems.append(Problem("r0", "reason_missing", {}))
    return claim, problems


def _line_claim(form: DisputeForm, position: int, currency: str, problems: list[Problem]) -> LineClaim:
    typed = {name: form.part(position, name) for name in PARTS if form.part(position, name)}
    if len(typed) > 1:
        problems.append(Problem(f"a{position}", "one_part_only", {"position": position}))
        return LineClaim(position)
    if text := typed.get("amount"):
        amount = _money(text, f"m{position}", currency, form.language, problems)
        return LineClaim(position, amount=amount)
    read = {
        name: _number(text, f"{PARTS[name]}{position}", form.language, problems)
        for name, text in typed.items()
    }
    return LineClaim(position, accepted=read.get("accepted"), agreed=read.get("agreed"))


def _money(text: str, where: str, currency: str, language: str, problems: list[Problem]) -> Money | None:
    try:
        return forms.typed(currency, language)(text)
    except AmountUnreadable as error:
        code = "not_a_number" if error.reason == "too_large" else error.reason
        problems.append(Problem(where, code, {"example": forms.example(currency, language)}))
        return None


def _number(text: str, where: str, language: str, problems: list[Problem]) -> Decimal | None:
    """Read a quantity or a price as people of a language type it."""
    bare = re.sub(r"[\s\u00a0\u202f]", "", text).replace(forms.DECIMAL_MARKS[language], ".")
    if _NUMBER.fullmatch(bare):
        return Decimal(bare)
    example = f"1{forms.DECIMAL_MARKS[language]}5"
    problems.append(Problem(where, "not_a_number", {"example": example}))
    return None


def cleaned(words: str) -> tuple[str, list[Problem]]:
    """Free text as it is kept, or what is wrong with it."""
    try:
        return clean_words(words), []
    except Refused as error:
        return "", [Problem("words", error.code, error.facts)]


def shown_at() -> datetime:
    """When the form was shown, as it says itself; believed only while a session may last."""
    said = forms.single(request.form, "shown")
    seconds = int(said) if re.fullmatch(r"\d{1,10}", said) else int(web.now().timestamp())
    return datetime.fromtimestamp(seconds, UTC)


def problem_of(error: Refused) -> Problem:
    """Say at which field a refusal belongs; "" is the form as a whole."""
    position = error.facts.get("position")
    if position is not None and error.code in LINE_FIELDS:
        return Problem(f"{LINE_FIELDS[error.code]}{position}", error.code, error.facts)
    field_ = "files" if error.code.startswith("file_") else FIELDS.get(error.code, "")
    return Problem(field_, error.code, error.facts)
