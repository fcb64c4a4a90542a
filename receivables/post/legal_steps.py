"""What law and the house want posted before a case goes out of the house, by country and legal form.

Rows of doubtful standing hold like all others (grade K); a country that nobody wrote down has the
house's own rule. So a hand-over is refused by name, never allowed by silence.
Source: issue of the ladder, part 7; domain.md, "The ladder".
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, DebtorType
from models.post import PostLetter
from models.states import PostStatus
from receivables.calendar_days import business_date
from receivables.post.papers import asked_rows

_BODY = Path(__file__).with_name("legal_steps.toml").read_text(encoding="utf-8")
#: What does as well as a step asks: a letter of claim says all that a formal warning says.
_STRONGER = {"formal_warning": ("formal_warning", "claim_letter")}


@dataclass(frozen=True, slots=True)
class Step:
    """One letter that must have been posted, `days` before, with its enclosures in the envelope."""

    letter: str
    days: int
    enclosures: tuple[str, ...] = ()
    registered: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """The steps of a country and some legal forms; grade S, K (to be checked) or house."""

    country: str
    debtor_types: frozenset[DebtorType]
    steps: tuple[Step, ...]
    source: str
    grade: str
    note: str

    @property
    def is_checked(self) -> bool:
        """Whether somebody has read the source; all others want a lawyer's look."""
        return self.grade == "S"


@cache
def rules() -> tuple[Rule, ...]:
    """Return all rules in their order.

    Raises:
        TypeError, ValueError: the table holds something that no rule has.
    """
    return tuple(
        Rule(
            debtor_types=frozenset(DebtorType(code) for code in row.pop("debtor_types")),
            steps=tuple(
                Step(**{**step, "enclosures": tuple(step.get("enclosures", ()))}) for step in row.pop("steps")
            ),
            **row,
        )
        for row in tomllib.loads(_BODY)["rules"]
    )


def rule_for(country: str, debtor_type: DebtorType) -> Rule:
    """Return the rule that holds for an account; each legal form has one in every country."""
    return next(
        rule for rule in rules() if rule.country in (country, "*") and debtor_type in rule.debtor_types
    )


def step_of(account: Account, kind: str) -> Step | None:
    """Return what the account's rule says of a kind of letter; None where it asks for no such letter."""
    steps = rule_for(account.country, account.debtor_type).steps
    return next((step for step in steps if kind in _STRONGER.get(step.letter, (step.letter,))), None)


def own_form(account: Account, kind: str) -> str:
    """Return the letter that an account's rule wants in place of a kind: a letter of claim instead of a
    formal warning, which would not count there (tone.md, section 5)."""
    stronger = _STRONGER.get(kind, ())
    steps = rule_for(account.country, account.debtor_type).steps
    return next((step.letter for step in steps if step.letter in stronger), kind)


def missing(
    session: Session,
    account: Account,
    *,
    now: datetime,
    currency: str | None = None,
    invoice_refs: Iterable[str] | None = None,
    untraceable: bool = False,
) -> list[str]:
    """Return what still has to happen before a hand-over, in codes; empty: it is allowed.

    Args:
        currency: of the case; None asks for any.
        invoice_refs: the case's documents, each of which the letters must have named; None: of those
            that are asked for now, at least one.
        untraceable: nobody can be found: a letter that came back counts as sent, and the house's own
            rules hold nothing up.
    Returns:
        "formal_warning:not_posted", "claim_letter:not_enclosed", "formal_warning:returned",
        "formal_warning:waits:2026-12-30" (the first day on which it is enough).
    """
    rule = rule_for(account.country, account.debtor_type)
    if untraceable and rule.grade == "house":
        return []
    today = business_date(now, account.zone)
    letters = _sent(session, account, currency)
    if invoice_refs is None:
        rows = asked_rows(session, account, today, currency=currency)
        open_now, every = {row.ref for row in rows}, False
    else:
        open_now, every = set(invoice_refs), True
    found = [
        _lacking(step, letters, open_now, today, every=every, untraceable=untraceable) for step in rule.steps
    ]
    return [code for code in found if code]


def warned(session: Session, account: Account, *, currency: str, now: datetime) -> set[str]:
    """Return the refs of the documents that may be handed over now: every step was taken for each."""
    today = business_date(now, account.zone)
    rule, letters = rule_for(account.country, account.debtor_type), _sent(session, account, currency)
    refs = {row.ref for row in asked_rows(session, account, today, currency=currency)}
    return {
        ref
        for ref in refs
        if not any(
            _lacking(step, letters, {ref}, today, every=True, untraceable=False) for step in rule.steps
        )
    }


def _sent(session: Session, account: Account, currency: str | None) -> Sequence[PostLetter]:
    """The letters of an account that were posted, oldest first, also those that came back."""
    found = select(PostLetter).where(
        PostLetter.account_id == account.id,
        PostLetter.status.in_((PostStatus.POSTED, PostStatus.RETURNED)),
    )
    if currency is not None:
        found = found.where(PostLetter.currency == currency)
    return session.scalars(found.order_by(PostLetter.posted_on, PostLetter.id)).all()


def _lacking(
    step: Step,
    letters: Sequence[PostLetter],
    open_now: set[str],
    today: date,
    *,
    every: bool,
    untraceable: bool,
) -> str:
    """The code of what a step still lacks; "" when it was taken."""
    kinds = _STRONGER.get(step.letter, (step.letter,))
    about = [letter for letter in letters if letter.kind in kinds and _names(letter, open_now, every)]
    if not about:
        return f"{step.letter}:not_posted"
    reached = [letter for letter in about if letter.status is PostStatus.POSTED or untraceable]
    if not reached:
        return f"{step.letter}:returned"
    whole = [letter for letter in reached if not step.enclosures or letter.facts.get("enclosed")]
    if not whole:
        return f"{step.letter}:not_enclosed"
    enough_on = min(letter.posted_on for letter in whole if letter.posted_on) + timedelta(days=step.days + 1)
    return f"{step.letter}:waits:{enough_on.isoformat()}" if today < enough_on else ""


def _names(letter: PostLetter, refs: set[str], every: bool) -> bool:
    """Whether a letter named the documents: an old one about others is no warning of these."""
    named = {row["ref"] for row in letter.facts["rows"]}
    return bool(refs) and (refs <= named if every else bool(refs & named))
