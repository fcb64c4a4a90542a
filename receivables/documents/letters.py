"""Letters on paper, from the values that they kept when they were queued.

Nothing else is read, so a reprint after years is the letter that was posted.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.money import Money
from models.post import PostLetter
from receivables.documents.data import LetterPaper, LetterRow, Parties
from receivables.errors import NotFound
from receivables.permissions import Actor, Permission, require

#: Facts of some kinds that are days; the others are words.
_DAYS = ("handover_on", "warning_on")


def letter_paper(session: Session, actor: Actor, ref: str) -> LetterPaper:
    """Return a letter as it was fixed, whatever the books say by now.

    Raises:
        NotAllowed, NotFound.
    """
    require(actor, Permission.LETTER_PRINT)
    letter = session.scalar(select(PostLetter).where(PostLetter.ref == ref))
    if letter is None:
        raise NotFound("not_found")
    return paper_of(letter)


def paper_of(letter: PostLetter) -> LetterPaper:
    """Make the paper of a letter from the values that it keeps."""
    kept = letter.facts
    given: dict[str, str | date] = {
        key: date.fromisoformat(value) if key in _DAYS else str(value)
        for key, value in {**kept["given"], "warning_on": kept["warning_on"]}.items()
        if value
    }
    made_on = date.fromisoformat(kept["made_on"])
    return LetterPaper(
        ref=letter.ref,
        kind=letter.kind,
        language=letter.language,
        reading_language=letter.reading_language,
        address=letter.address.splitlines(),
        name=kept["name"],
        made_on=made_on,
        due_on=date.fromisoformat(kept["due_on"]),
        deadline_on=letter.deadline_on or made_on,
        amount=Money(kept["amount_minor"], letter.currency),
        rows=[
            LetterRow(
                row["number"],
                row["kind"],
                date.fromisoformat(row["issued_on"]),
                date.fromisoformat(row["due_on"]) if row["due_on"] else None,
                Money(row["asked_minor"], letter.currency),
            )
            for row in kept["rows"]
        ],
        parties=Parties(**kept["parties"]),
        hours=kept["hours"],
        bank=kept["bank"],
        previous=[date.fromisoformat(day) for day in kept["previous"]],
        next_step=kept["next_step"],
        enclosures=kept["enclosures"],
        registered=kept["registered"],
        facts=given,
    )
