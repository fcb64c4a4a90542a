"""Facts about an account that bind what we may do: recorded by a person, heeded at once, ended by a day.

Everything that writes, rings up, charges or hands over asks for the facts of the day itself; here they
only come and go. What touches health, age or a death is read and recorded with the permission for
difficulty; all others learn that there is a fact that forbids contact, never which one.
Source: C-05; requirements.md 5, "Default suppression matrix" and policy table rows 16 and 18; decision 18.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, FlagKind
from models.handovers import Handover
from models.states import HandoverStatus
from models.work import TaskKind
from receivables import links, outbox, waking
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.payments.attempts import supersede_account
from receivables.permissions import Actor, Permission, may, require
from receivables.texts import clean_words, one_line

#: Longest words of a source or of why a fact ended, characters.
WORDS_MOST = 500
#: Facts that are told by name only to those who may read cases of difficulty.
GUARDED = frozenset(
    {FlagKind.DECEASED, FlagKind.MENTAL_HEALTH_CRISIS, FlagKind.MINOR, FlagKind.VULNERABILITY}
)
_GUARDED_CODES = frozenset(f"flag:{kind.value}" for kind in GUARDED)
#: What a guarded fact is called where many read.
UNNAMED = "guarded"
#: Whoever stands behind the links is not the debtor: they end at once.
_ENDS_LINKS = frozenset({FlagKind.DECEASED, FlagKind.MINOR, FlagKind.WRONG_PARTY})
#: Nobody is to pay by a page that was opened before: a new one is for who knows of the fact (P-05).
_ENDS_PAGES = _ENDS_LINKS | {FlagKind.BANKRUPTCY}
#: Without these we would write, hand over or delete again: not ended by the one who chases.
_ENDED_BY_SUPERVISOR = frozenset(
    {FlagKind.ATTORNEY, FlagKind.BANKRUPTCY, FlagKind.CEASE_REQUEST, FlagKind.LEGAL_HOLD}
)
#: Country -> days of a breathing space by its law; nothing is offered elsewhere (policy table row 18).
_BREATHING_SPACE_DAYS: Mapping[str, int] = {"GB": 60}
#: Days that a person may name; a breathing space may begin later, but a far day is a slip of the pen.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
_AHEAD = timedelta(days=366)


class FlagState(StrEnum):
    """How a fact stands to a day."""

    COMES = "comes"
    HOLDS = "holds"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class FlagView:
    """A fact as an actor may know it.

    Attributes:
        kind, source: which fact, and who said so; None where it is not this actor's to know.
        to_on: first day on which it no longer holds; None while nobody knows.
        may_end: whether this actor may end it.
    """

    id: int
    kind: FlagKind | None
    source: str | None
    from_on: date
    to_on: date | None
    state: FlagState
    may_end: bool


def spoken(code: str) -> str:
    """Return a reason as it may stand where many read: of a guarded fact only that there is one.

    >>> spoken("flag:minor"), spoken("flag:attorney"), spoken("opted_out")
    ('flag:guarded', 'flag:attorney', 'opted_out')
    """
    return f"flag:{UNNAMED}" if code in _GUARDED_CODES else code


def recordable(actor: Actor) -> list[FlagKind]:
    """Return the kinds of facts that an actor may record."""
    if not may(actor, Permission.FLAG_RECORD):
        return []
    return [kind for kind in FlagKind if _is_his(actor, kind)]


def offered_end(kind: FlagKind, country: str, from_on: date) -> date | None:
    """Return the first day after a fact of a kind by the law of a country; None where no law is known.

    >>> offered_end(FlagKind.BREATHING_SPACE, "GB", date(2026, 11, 19))
    datetime.date(2027, 1, 18)
    """
    days = _BREATHING_SPACE_DAYS.get(country) if kind is FlagKind.BREATHING_SPACE else None
    return from_on + timedelta(days=days) if days is not None else None


def raise_flag(
    session: Session,
    actor: Actor,
    account: Account,
    kind: FlagKind,
    *,
    from_on: date,
    to_on: date | None,
    source: str,
    now: datetime,
) -> AccountFlag:
    """Record a fact about an account; whatever is about to be done asks for it from now on.

    Where the debtor is not who stands behind the links, they end at once; so do open payment pages, also
    in a bankruptcy. Who holds a case of the account for us is to be told, so a person is asked to. The
    ladder looks again at its next run.

    Args:
        from_on: account-local; not after today, but for a breathing space, which may begin later.
        to_on: first day on which it no longer holds; needed for a breathing space.
        source: who said so, in words, at most WORDS_MOST characters.
    Returns:
        The fact.
    Raises:
        NotAllowed: the actor may not record facts, or not of this kind.
        Refused: flag_source_missing, words_too_long, flag_day_range, flag_from_future, flag_from_far,
            flag_to_before_from, flag_end_missing (facts: offered), flag_stands (facts: kind, since).
    Source: C-05.
    """
    require(actor, Permission.FLAG_RECORD, account_id=account.id)
    if kind in GUARDED:
        require(actor, Permission.HARDSHIP_READ)
    account = session.get_one(Account, account.id, with_for_update=True)
    words = _words(source, "flag_source_missing")
    _refuse_days(kind, account, from_on, to_on, today=business_date(now, account.zone))
    known = _same(session, account.id, kind, from_on, to_on)
    if known is not None:
        raise Refused("flag_stands", kind=kind.value, since=known.from_on)
    flag = AccountFlag(
        account_id=account.id, kind=kind, from_on=from_on, to_on=to_on, source=words, created_at=now
    )
    session.add(flag)
    session.flush()
    days = {"from_on": from_on.isoformat(), "to_on": to_on.isoformat() if to_on else None}
    record(
        session, actor, "flag.raised", flag, account_id=account.id, now=now, facts={**_named(flag), **days},
        **_kept(flag, words),
    )  # fmt: skip
    _note(session, actor, flag, "flag.raised", words, now=now)
    if kind in _ENDS_LINKS:
        links.revoke_all(session, actor, account, reason=spoken(f"flag:{kind.value}"), now=now)
    if kind in _ENDS_PAGES:
        supersede_account(session, actor, account.id, reason=spoken(f"flag:{kind.value}"), now=now)
    if kind is not FlagKind.LEGAL_HOLD:
        _ask_to_tell_handlers(session, flag, now=now)
    waking.wake_account(session, account.id, now=now)
    return flag


def end_flag(
    session: Session,
    actor: Actor,
    account: Account,
    flag_id: int,
    *,
    on: date,
    reason: str,
    now: datetime,
) -> AccountFlag:
    """Say when a fact no longer holds; what has stood still until today stays so.

    Args:
        flag_id: of a fact of this account.
        on: first day on which it no longer holds, account-local: today or later, and never before the
            fact's own first day; then it never comes to hold.
        reason: why, in words, at most WORDS_MOST characters.
    Returns:
        The fact; the same day a second time changes nothing.
    Raises:
        NotAllowed: the actor may not end facts, or not of this kind.
        NotFound: no such fact at this account, or none that the actor may know.
        Refused: reason_missing, words_too_long, flag_over, flag_end_past, flag_day_range.
    Source: C-05.
    """
    require(actor, Permission.FLAG_RECORD, account_id=account.id)
    account = session.get_one(Account, account.id, with_for_update=True)
    flag = session.scalar(
        select(AccountFlag)
        .where(AccountFlag.id == flag_id, AccountFlag.account_id == account.id)
        .execution_options(populate_existing=True)
    )
    if flag is None or not _is_his(actor, flag.kind):
        raise NotFound("not_found")
    if flag.kind in _ENDED_BY_SUPERVISOR:
        require(actor, Permission.FLAG_LIFT)
    words = _words(reason, "reason_missing")
    today = business_date(now, account.zone)
    if _state(flag, today) is FlagState.OVER:
        raise Refused("flag_over")
    if on < max(today, flag.from_on):
        raise Refused("flag_end_past")
    if on > LAST_DAY:
        raise Refused("flag_day_range")
    if flag.to_on == on:
        return flag
    flag.to_on = on
    record(
        session, actor, "flag.ended", flag, account_id=account.id, now=now,
        facts={**_named(flag), "on": on.isoformat()}, **_kept(flag, words),
    )  # fmt: skip
    _note(session, actor, flag, "flag.ended", words, now=now)
    waking.wake_account(session, account.id, now=now)
    return flag


def flags_of(session: Session, actor: Actor, account_id: int, *, today: date) -> list[FlagView]:
    """Return the facts about an account, the newest first, each as far as the actor may know it.

    Of a fact that is guarded an actor without the permission learns while it holds that there is one;
    of what is to come, or was, nothing.

    Args:
        today: account-local date.
    Raises:
        NotAllowed: the actor may not read facts.
    """
    require(actor, Permission.FLAG_READ)
    rows = session.scalars(
        select(AccountFlag)
        .where(AccountFlag.account_id == account_id)
        .order_by(AccountFlag.from_on.desc(), AccountFlag.id.desc())
    )
    views = []
    for flag in rows:
        state, his = _state(flag, today), _is_his(actor, flag.kind)
        if not his and state is not FlagState.HOLDS:
            continue
        views.append(
            FlagView(
                id=flag.id,
                kind=flag.kind if his else None,
                source=flag.source if his else None,
                from_on=flag.from_on,
                to_on=flag.to_on,
                state=state,
                may_end=his and state is not FlagState.OVER and _may_end(actor, flag.kind),
            )
        )
    return views


def _is_his(actor: Actor, kind: FlagKind) -> bool:
    return kind not in GUARDED or may(actor, Permission.HARDSHIP_READ)


def _may_end(actor: Actor, kind: FlagKind) -> bool:
    lifts = kind not in _ENDED_BY_SUPERVISOR or may(actor, Permission.FLAG_LIFT)
    return lifts and may(actor, Permission.FLAG_RECORD)


def _state(flag: AccountFlag, today: date) -> FlagState:
    if flag.to_on is not None and flag.to_on <= max(today, flag.from_on):
        return FlagState.OVER
    return FlagState.HOLDS if flag.from_on <= today else FlagState.COMES


def _words(text: str, missing: str) -> str:
    words = one_line(clean_words(text, most=WORDS_MOST))
    if not words:
        raise Refused(missing)
    return words


def _refuse_days(kind: FlagKind, account: Account, from_on: date, to_on: date | None, *, today: date) -> None:
    if from_on < FIRST_DAY or (to_on is not None and to_on > LAST_DAY):
        raise Refused("flag_day_range")
    if from_on > today and kind is not FlagKind.BREATHING_SPACE:
        raise Refused("flag_from_future")
    if from_on > today + _AHEAD:
        raise Refused("flag_from_far")
    if to_on is not None and to_on <= from_on:
        raise Refused("flag_to_before_from")
    if to_on is None and kind is FlagKind.BREATHING_SPACE:
        raise Refused("flag_end_missing", offered=offered_end(kind, account.country, from_on))


def _same(
    session: Session, account_id: int, kind: FlagKind, from_on: date, to_on: date | None
) -> AccountFlag | None:
    """A fact of the same kind that holds on a day on which a new one would."""
    known = session.scalars(
        select(AccountFlag)
        .where(AccountFlag.account_id == account_id, AccountFlag.kind == kind)
        .order_by(AccountFlag.id)
    )
    return next(
        (
            flag
            for flag in known
            if (flag.to_on is None or flag.to_on > max(from_on, flag.from_on))
            and (to_on is None or flag.from_on < to_on)
        ),
        None,
    )


def _named(flag: AccountFlag) -> dict[str, Any]:
    """What is said for ever of which fact it is: of a guarded one nothing."""
    return {} if flag.kind in GUARDED else {"flag": flag.kind.value}


def _kept(flag: AccountFlag, words: str) -> dict[str, Any]:
    """What the audit keeps of the words, erasable; of a guarded fact also which it is, shown on no page."""
    if flag.kind in GUARDED:
        return {"personal": {"kind": flag.kind.value, "words": words}}
    return {"reason": words}


def _note(session: Session, actor: Actor, flag: AccountFlag, code: str, words: str, *, now: datetime) -> None:
    said = {"flag": UNNAMED} if flag.kind in GUARDED else {"flag": flag.kind.value, "words": words}
    outbox.note(session, flag.account_id, code, staff_id=actor.id, now=now, facts=said)


def _ask_to_tell_handlers(session: Session, flag: AccountFlag, *, now: datetime) -> None:
    """Who collects for us has to heed it too: for each case outside a person is asked to tell him."""
    cases = session.scalars(
        select(Handover)
        .where(Handover.account_id == flag.account_id, Handover.status == HandoverStatus.PLACED)
        .order_by(Handover.id)
    )
    for case in cases:
        outbox.ask_person(
            session, TaskKind.HAND_OVER, f"handover:{case.ref}:flag:{flag.id}", account_id=flag.account_id,
            facts={"why": spoken(f"flag:{flag.kind.value}")}, now=now,
        )  # fmt: skip
