"""Mails to people of the house: plain text from sources with placeholders, in four languages.

The sources stand in templates/staff_mails/<kind>/<language>/{subject,body}.txt and hold `{placeholders}`
and nothing else, as messages to debtors do (X-05).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from presentation.filling import fill, one_line
from presentation.sources import SourceWrong, check_source
from presentation.writing import LANGUAGES

FOLDER = Path(__file__).resolve().parent.parent / "templates" / "staff_mails"
#: What every text may name: who is written to, the house, and where the desk stands.
EVERYWHERE = frozenset({"name", "house", "desk"})
#: Kind -> what its text may name besides.
KINDS: Mapping[str, frozenset[str]] = {
    "invitation": frozenset({"by", "link", "until"}),
    "reset": frozenset({"link", "until"}),
    "password_changed": frozenset({"at"}),
    "factor_enrolled": frozenset({"at"}),
    "factor_reset": frozenset({"by", "at"}),
    "role_changed": frozenset({"by", "at"}),
    "locked_out": frozenset({"at"}),
    "statement_asked": frozenset({"who", "case", "customer", "until"}),
    "task_asked": frozenset({"customer", "link", "until"}),
    "statement_late": frozenset({"case", "customer", "until"}),
    "decided_alone": frozenset({"who", "what", "ref", "at"}),
    "approval_approved": frozenset({"about", "who", "ref"}),
    "approval_refused": frozenset({"about", "who", "reason", "ref"}),
    "approval_countered": frozenset({"about", "who", "reason"}),
    "approval_waits": frozenset({"about", "since"}),
}
PARTS = ("subject", "body")


@cache
def staff_sources() -> Mapping[str, str]:
    """Read and check every source; the keys are paths such as "reset/en/body".

    Raises: SourceWrong.
    """
    found: dict[str, str] = {}
    for kind, own in KINDS.items():
        for language in LANGUAGES:
            for part in PARTS:
                key = f"{kind}/{language}/{part}"
                path = FOLDER / f"{key}.txt"
                if not path.is_file():
                    raise SourceWrong(f"{key}: no such text")
                found[key] = path.read_text(encoding="utf-8").strip()
                check_source(key, found[key], own | EVERYWHERE)
    return found


def staff_mail(kind: str, language: str, values: Mapping[str, str]) -> tuple[str, str]:
    """Return subject and text of a mail to a person of the house.

    Raises: KeyError: a value is missing.
    """
    sources = staff_sources()

    def put(name: str) -> str:
        return one_line(values[name])

    return (
        " ".join(fill(sources[f"{kind}/{language}/subject"], put).split()),
        fill(sources[f"{kind}/{language}/body"], put) + "\n",
    )
