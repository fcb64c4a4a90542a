"""Pauses that a person places by hand: why, for what, up to which day; and their early end.

A person lets an account or some of its documents stand still for a reason the rules know, at most as
long as they give, and says why. Other pauses end with what caused them and not here.
Source: domain.md, "Arrangements" (Pauses); issue D, part 2; policy pauses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import new_ref
from models.invoices import Invoice
from models.money import Money, total
from models.pauses import Pause, PauseReason
from models.staff import Staff
from models.work import Interaction
from receivables import invoices, outbox, pauses
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy, current_policy
from receivables.ports import InvoiceRow
from receivables.texts import clean_words

#: What a person may let an account stand still for; all others come with an act of their own.
BY_HAND: Sequence[PauseReason] = (
    PauseReason.SAYS_PAID, PauseReason.THEIR_APPROVAL, PauseReason.DOCUMENT_REQUESTED,
    PauseReason.AWAITING_OUR_ANSWER, PauseReason.WITHHOLDING,
)  # fmt: skip
#: Longest note and reason, characters.
WORDS_MOST = 500
_KEY = "by_hand:"
_PLACED = "pause.placed"


@dataclass(frozen=True, slots=True)
class About:
    """What may be let stand still.

    Attributes:
        rows: documents that are asked for.
        latest: reason -> last day that the rules give it on the whole account; None: none is left.
    """

    rows: Sequence[InvoiceRow]
    today: date
    latest: Mapping[PauseReason, date | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pause before it is placed.

    Attributes:
        whole: the account with everything on it, also what comes later.
        rows: documents asked for now that would stand still; sums: of them by currency.
        until: last day; latest: the last one that the rules give.
        costs_run: whether interest and fees run all the same.
    """

    reason: PauseReason
    whole: bool
    rows: Sequence[InvoiceRow]
    sums: Sequence[Money]
    until: date
    latest: date
    costs_run: bool

    @property
    def goes_on(self) -> date:
        """First day on which the ladder goes on."""
        return self.until + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Held:
    """What stands still now, as one line.

    Attributes:
        numbers: of the documents; none for the whole account, or all of one contact or currency.
        until: last day; None until its cause ends.
        act: names a pause by hand, which may be ended; None for all others.
        by, words: who placed it by hand, and the note.
    """

    reason: PauseReason
    numbers: Sequence[str]
    contact: bool
    currency: str | None
    from_on: date
    until: date | None
    act: str | None
    by: str | None
    words: str


def cap(
    session: Session,
    account: Account,
    reason: PauseReason,
    today: date,
    policy: Policy,
    *,
    invoice_ids: Sequence[int] = (),
) -> date:
    """Return the first day on which a pause for a reason no longer holds, whatever day is named.

    It is counted from the first such pause of late on the same documents, so that naming a new day again
    and again does not stretch it.

    Args:
        invoice_ids: documents; none for the whole account.
    Source: policy pauses.
    """
    of_late = today - timedelta(days=policy.pauses.their_approval_anew_days)
    query = select(Pause.from_on).where(
        Pause.account_id == account.id, Pause.reason == reason, Pause.from_on > of_late
    )
    if invoice_ids:
        query = query.where(or_(Pause.invoice_id.is_(None), Pause.invoice_id.in_(invoice_ids)))
    first = session.scalar(query.order_by(Pause.from_on).limit(1))
    return add_business_days(first or today, _most(reason, policy), account.country)


def _most(reason: PauseReason, policy: Policy) -> int:
    """The business days that the rules give a reason."""
    rules = policy.pauses
    return {
        PauseReason.SAYS_PAID: rules.says_paid_business_days,
        PauseReason.THEIR_APPROVAL: rules.their_approval_business_days,
    }.get(reason, rules.by_hand_business_days)


def about(session: Session, actor: Actor, account: Account, *, now: datetime) -> About:
    """Return what may be let stand still, and how long. Raises: NotAllowed."""
    require(actor, Permission.PAUSE_PLACE, account_id=account.id)
    policy, today = current_policy(session, now), business_date(now, account.zone)
    latest = {reason: cap(session, account, reason, today, policy) - timedelta(days=1) for reason in BY_HAND}
    return About(
        rows=[row for row in invoices.open_rows(session, account.id, today) if row.asked],
        today=today,
        latest={reason: day if day >= today else None for reason, day in latest.items()},
    )


def preview(
    session: Session,
    actor: Actor,
    account: Account,
    reason: PauseReason,
    *,
    until: date,
    refs: Sequence[str] = (),
    now: datetime,
) -> Wanted:
    """Return what would stand still; writes nothing.

    Args:
        until: last day, account-local.
        refs: documents; none for the whole account.
    Raises:
        NotAllowed; NotFound: a document that is not this account's or not asked for.
        Refused: pause_reason_unknown, nothing_open, day_past, pause_stands (it does for this reason and
            these documents already), pause_used (its days are used up), pause_day_late (facts: latest).
    """
    return _checked(session, actor, account, reason, until=until, refs=refs, now=now)[0]


def _checked(
    session: Session,
    actor: Actor,
    account: Account,
    reason: PauseReason,
    *,
    until: date,
    refs: Sequence[str],
    now: datetime,
) -> tuple[Wanted, list[int]]:
    require(actor, Permission.PAUSE_PLACE, account_id=account.id)
    if reason not in BY_HAND:
        raise Refused("pause_reason_unknown")
    policy, today = current_policy(session, now), business_date(now, account.zone)
    asked = [row for row in invoices.open_rows(session, account.id, today) if row.asked]
    rows = [row for row in asked if row.ref in refs] if refs else asked
    if len(rows) < len(set(refs)):
        raise NotFound("not_found")
    if not rows:
        raise Refused("nothing_open")
    if until < today:
        raise Refused("day_past")
    ids = _ids(session, account, rows) if refs else []
    standing = pauses.standing(session, account.id, today)
    same = [p for p in standing if p.reason is reason and p.contact_id is None and p.currency is None]
    if any(p.invoice_ref is None for p in same) or {p.invoice_ref for p in same} & set(refs):
        raise Refused("pause_stands")
    latest = cap(session, account, reason, today, policy, invoice_ids=ids) - timedelta(days=1)
    if latest < today:
        raise Refused("pause_used")
    if until > latest:
        raise Refused("pause_day_late", latest=latest)
    codes = sorted({row.currency for row in rows})
    return Wanted(
        reason=reason,
        whole=not refs,
        rows=rows,
        sums=[total([row.asked for row in rows if row.currency == code], code) for code in codes],
        until=until,
        latest=latest,
        costs_run=reason.value in policy.costs.runs_while,
    ), ids


def _ids(session: Session, account: Account, rows: Sequence[InvoiceRow]) -> list[int]:
    query = select(Invoice.id).where(
        Invoice.account_id == account.id, Invoice.ref.in_([row.ref for row in rows])
    )
    return list(session.scalars(query.order_by(Invoice.id)))


def place(
    session: Session,
    actor: Actor,
    account: Account,
    reason: PauseReason,
    *,
    until: date,
    refs: Sequence[str] = (),
    words: str,
    now: datetime,
) -> str:
    """Let an account, or some of its documents, stand still from today up to and with a day.

    Args:
        words: why, for who reads it later.
    Returns:
        What the pause is called by `end`.
    Raises:
        NotAllowed, NotFound, Refused: as `preview`; reason_missing, words_too_long.
    """
    require(actor, Permission.PAUSE_PLACE, account_id=account.id)
    account = session.get_one(Account, account.id, with_for_update=True, populate_existing=True)
    wanted, ids = _checked(session, actor, account, reason, until=until, refs=refs, now=now)
    note = _said(words)
    act = new_ref()
    for invoice_id in ids or (None,):
        key = f"{_KEY}{act}:{invoice_id}" if invoice_id else f"{_KEY}{act}"
        pauses.pause(
            session, actor, account, reason, key=key, to_on=wanted.goes_on, invoice_id=invoice_id,
            why=note, now=now,
        )  # fmt: skip
    outbox.note(
        session, account.id, _PLACED, staff_id=actor.id, now=now,
        facts={"act": act, "reason": reason.value, "on": until.isoformat(), "words": note},
    )  # fmt: skip
    return act


def end(session: Session, actor: Actor, account: Account, act: str, *, reason: str, now: datetime) -> None:
    """End a pause by hand today; the ladder goes on where it stood.

    Args:
        act: as `place` called it.
    Raises:
        NotAllowed; NotFound: no pause by hand of this account is called so.
        Refused: pause_over, reason_missing, words_too_long.
    """
    require(actor, Permission.PAUSE_PLACE, account_id=account.id)
    account = session.get_one(Account, account.id, with_for_update=True, populate_existing=True)
    rows = session.scalars(select(Pause).where(Pause.account_id == account.id, _of_act(act))).all()
    if not rows:
        raise NotFound("not_found")
    today = business_date(now, account.zone)
    if all(row.ended_at is not None or (row.to_on is not None and row.to_on <= today) for row in rows):
        raise Refused("pause_over")
    words = _said(reason)
    for row in rows:
        pauses.resume(session, actor, account, row.key, why=words, now=now)
    outbox.note(
        session, account.id, "pause.ended_early", staff_id=actor.id, now=now,
        facts={"act": act, "reason": rows[0].reason.value, "words": words},
    )  # fmt: skip


def held(session: Session, actor: Actor, account: Account, *, now: datetime) -> list[Held]:
    """Return what stands still now, those by hand first; a case of hardship is not among it.

    Raises: NotAllowed.
    """
    require(actor, Permission.PAUSE_PLACE, account_id=account.id)
    today = business_date(now, account.zone)
    rows = session.execute(
        select(Pause, Invoice.number)
        .outerjoin(Invoice, Invoice.id == Pause.invoice_id)
        .where(
            Pause.account_id == account.id,
            Pause.reason != PauseReason.HARDSHIP,
            Pause.from_on <= today,
            or_(Pause.to_on.is_(None), Pause.to_on > today),
        )
        .order_by(Pause.id)
    ).all()
    notes = {
        r.facts["act"]: (r.name, r.facts["words"])
        for r in session.execute(
            select(Interaction.facts, Staff.name)
            .outerjoin(Staff, Staff.id == Interaction.staff_id)
            .where(Interaction.account_id == account.id, Interaction.kind == _PLACED)
        )
    }
    found: dict[tuple[object, ...], list[tuple[Pause, str | None]]] = {}
    for row, number in rows:
        act = _act_of(row.key)
        same = (act,) if act else (row.reason, row.contact_id, row.currency, row.to_on, number is None)
        found.setdefault(same, []).append((row, number))
    lines = [_line(group, notes) for group in found.values()]
    return sorted(lines, key=lambda line: line.act is None)


def _line(group: Sequence[tuple[Pause, str | None]], notes: Mapping[str, tuple[str | None, str]]) -> Held:
    row = group[0][0]
    act = _act_of(row.key)
    by, words = notes.get(act or "", (None, ""))
    return Held(
        reason=row.reason,
        numbers=[number for _, number in group if number is not None],
        contact=row.contact_id is not None,
        currency=row.currency,
        from_on=row.from_on,
        until=row.to_on - timedelta(days=1) if row.to_on is not None else None,
        act=act,
        by=by,
        words=words,
    )


def _of_act(act: str) -> ColumnElement[bool]:
    name = f"{_KEY}{act}"
    return or_(Pause.key == name, Pause.key.startswith(f"{name}:", autoescape=True))


def _act_of(key: str) -> str | None:
    return key.removeprefix(_KEY).partition(":")[0] if key.startswith(_KEY) else None


def _said(words: str) -> str:
    said = clean_words(words, most=WORDS_MOST)
    if not said:
        raise Refused("reason_missing")
    return said
