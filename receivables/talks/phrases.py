"""Words that help on the phone, by objection, in the debtor's language (data beside this file)."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_BODY = Path(__file__).parent / "phrases.toml"
LANGUAGES = ("en", "he", "ru", "hu")


@dataclass(frozen=True, slots=True)
class Phrase:
    """What the other side says, and an answer; `reasons` are answers of the portal it fits best."""

    code: str
    language: str
    says: str
    answer: str
    reasons: tuple[str, ...]


@cache
def _all() -> dict[str, tuple[Phrase, ...]]:
    """Every phrase by language.

    Raises: KeyError: a phrase lacks a language.
    """
    rows = tomllib.loads(_BODY.read_text(encoding="utf-8"))["phrase"]
    return {
        code: tuple(
            Phrase(r["code"], code, r[code]["says"], r[code]["answer"], tuple(r["for"])) for r in rows
        )
        for code in LANGUAGES
    }


def phrases(language: str, given: Collection[str] = ()) -> Sequence[Phrase]:
    """Return the phrases of a language, those that answer a reason that was given first.

    Args:
        language: the debtor's; English where we have none of his.
        given: what he said in the portal, `AnswerKind` values.

    >>> [phrase.code for phrase in phrases("en", ["have_paid"])][:2]
    ['has_paid', 'waits_for_customer']
    """
    found = _all().get(language) or _all()["en"]
    return sorted(found, key=lambda phrase: not set(phrase.reasons) & set(given))
