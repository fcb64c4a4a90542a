"""What the ladder sees of many accounts on a day, and what follows from it: reads only.

A look at a chunk of accounts is a handful of statements whatever their number; everything after that is
arithmetic (climbing.py). The same look serves the nightly run, the dry run for any date, and the words
"why here, what next, when". Source: decision 013; domain.md, "The ladder".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import bindparam, exists, func, select, union
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, DebtorType, FlagKind, Segment
from models.arrangements import CreditHold, Promise
from models.invoices import OWED_KINDS, Invoice
from models.ladder import LadderPosition, Met
from models.messages import Message, Purpose
from models.money import Money, total
from models.pauses import Pause, PauseReason
from models.states import HoldStatus, InvoiceStatus, MessageStatus, PromiseStatus
from models.store import fetch
from receivables import invoices
from receivables.calendar_days import business_date
from receivables.contact import suppression
from receivables.contact.suppression import Act, Word
from receivables.ladder import climbing
from receivables.ladder.choosing import chosen
from receivables.ladder.climbing import Position
from receivables.ladder.rungs import Ladder, Rung, When
from receivables.pauses import Standing, spoken
from receivables.policy import Policy
from receivables.ports import InvoiceRow

#: Why a document that is not open any more waits.
CLOSED = "closed"
#: Flags under which nobody climbs; under the others each effect asks the matrix for itself.
STILL_FLAGS = frozenset(
    kind
    for kind in FlagKind
    if {suppression.word(kind.value, act) for act in (Act.REMINDER, Act.ESCALATE)} == {Word.BLOCKED}
)


@dataclass(frozen=True, slots=True)
class Debtor:
    """What of an account the conditions of rungs may ask for."""

    id: int
    ref: str
    country: str
    zone: str
    language: str
    debtor_type: DebtorType
    segment: Segment
    agreed_days: int
    ladder: str | None
    in_pilot: bool
    broken_promises: int = 0
    credit_held: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What the ladder finds about one document on a day.

    Attributes:
        position: where it stands before this day's rung.
        rung: what comes next, and when; None at the top or while it waits.
        meets: whether that is today.
        waits_for: why nothing comes, in a code the pages word: "paused:promise", "flag:bankruptcy",
            "nothing_asked", "no_due_date", "top"; None when something does.
        until: when a wait ends by itself, where that is known.
        age: days since the due date that count.
    """

    invoice_id: int
    row: InvoiceRow
    ladder: Ladder
    position: Position
    age: int
    rung: Rung | None = None
    on: date | None = None
    meets: bool = False
    waits_for: str | None = None
    until: date | None = None
    contacted: bool = False
    due_on: date | None = None
    still: tuple[Standing, ...] = ()
    #: Its row as it is stored, so that only what changes is written; None when it has none.
    stored: tuple[Any, ...] | None = None

    def after(self, seq: int, *, country: str, today: date) -> climbing.Next | None:
        """Return what comes next once a rung was met today; None at the top."""
        if self.due_on is None:
            return None
        return climbing.next_rung(
            self.ladder, Position(self.position.cycle, seq, today), due_on=self.due_on, pauses=self.still,
            contacted=True, country=country, today=today,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Meeting:
    """A document's rung of this day and how it meets it."""

    finding: Finding
    rung: Rung
    how: Met
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What is due at an account today in one currency and on one ladder: its strongest rung, once."""

    currency: str
    ladder: Ladder
    rung: Rung
    amount: Money
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """One account on one day: its documents, what each meets, and what is to be done."""

    debtor: Debtor
    today: date
    findings: tuple[Finding, ...]
    #: Documents that had a position and are not open any more.
    closed: tuple[int, ...] = ()
    meetings: tuple[Meeting, ...] = ()
    due: tuple[Due, ...] = ()
    #: Flags that hold and under which it climbs all the same.
    flags: tuple[FlagKind, ...] = ()


@dataclass(slots=True)
class _Facts:
    """What was read of one account beside itself and its documents."""

    positions: dict[int, Any] = field(default_factory=dict)
    pauses: list[Standing] = field(default_factory=list)
    flags: list[tuple[FlagKind, date, date | None]] = field(default_factory=list)


_DEBTORS = select(
    Account.id, Account.ref, Account.country, Account.zone, Account.language, Account.debtor_type,
    Account.segment, Account.agreed_days, Account.ladder, Account.in_pilot,
).where(Account.id.in_(bindparam("ids", expanding=True)))  # fmt: skip
_POSITIONS = select(
    LadderPosition.invoice_id,
    LadderPosition.account_id,
    LadderPosition.ladder,
    LadderPosition.cycle,
    LadderPosition.seq,
    LadderPosition.met_on,
    LadderPosition.next_rung,
    LadderPosition.next_on,
    LadderPosition.waits_for,
).where(LadderPosition.account_id.in_(bindparam("ids", expanding=True)))
_PAUSES = (
    select(
        Pause.account_id, Pause.reason, Invoice.ref.label("invoice_ref"), Pause.contact_id, Pause.from_on,
        Pause.to_on, Pause.currency,
    )
    .outerjoin(Invoice, Invoice.id == Pause.invoice_id)
    .where(Pause.account_id.in_(bindparam("ids", expanding=True)), Pause.contact_id.is_(None))
    .order_by(Pause.id)
)  # fmt: skip
_FLAGS = select(AccountFlag.account_id, AccountFlag.kind, AccountFlag.from_on, AccountFlag.to_on).where(
    AccountFlag.account_id.in_(bindparam("ids", expanding=True)), AccountFlag.kind != FlagKind.LEGAL_HOLD
)
_BROKEN = (
    select(Promise.account_id, func.count())
    .where(Promise.account_id.in_(bindparam("ids", expanding=True)), Promise.status == PromiseStatus.BROKEN)
    .group_by(Promise.account_id)
)
_HELD = select(CreditHold.account_id).where(
    CreditHold.account_id.in_(bindparam("ids", expanding=True)), CreditHold.status == HoldStatus.ACTIVE
)
#: Who has heard from us, and when last: a document that stood open then was spoken of.
_HEARD = (
    select(Message.account_id, func.max(Message.sent_at))
    .where(
        Message.account_id.in_(bindparam("ids", expanding=True)),
        Message.purpose == Purpose.REMINDER,
        Message.status.in_([MessageStatus.SENT, MessageStatus.DELIVERED]),
    )
    .group_by(Message.account_id)
)
_ISSUED = Invoice.status == InvoiceStatus.OPEN, Invoice.kind.in_(OWED_KINDS), Invoice.balance_minor > 0


def concerned(session: Session, latest: date) -> list[int]:
    """Return the accounts that a run up to a day has to look at: something is due, or is new.

    Args:
        latest: the latest date that is somebody's today.
    """
    due = select(LadderPosition.account_id).where(LadderPosition.next_on <= latest)
    new = select(Invoice.account_id).where(*_ISSUED, ~exists().where(LadderPosition.invoice_id == Invoice.id))
    return sorted(session.scalars(union(due, new)))


def everybody(session: Session) -> list[int]:
    """Return every account with something open: what a full evaluation goes through."""
    return list(
        session.scalars(select(Invoice.account_id).where(*_ISSUED).distinct().order_by(Invoice.account_id))
    )


def look(
    session: Session,
    account_ids: Sequence[int],
    *,
    ladders: Mapping[str, Ladder],
    policy: Policy,
    now: datetime,
    on: date | None = None,
) -> list[Look]:
    """Look at accounts on their business date, or on another one.

    Args:
        on: any date instead of today, for a dry run: positions and pauses are those of now.
    """
    ids = {"ids": list(account_ids)}
    broken = {r[0]: r[1] for r in fetch(session, _BROKEN, ids)}
    held = set(fetch(session, _HELD, ids).scalars())
    debtors = {
        r.id: Debtor(*r, broken_promises=broken.get(r.id, 0), credit_held=r.id in held)
        for r in fetch(session, _DEBTORS, ids)
    }
    days = {debtor.id: on or business_date(now, debtor.zone) for debtor in debtors.values()}
    documents = invoices.open_documents_of(session, days)
    facts: defaultdict[int, _Facts] = defaultdict(_Facts)
    for r in fetch(session, _POSITIONS, ids):
        facts[r.account_id].positions[r.invoice_id] = r
    for r in fetch(session, _PAUSES, ids):
        facts[r.account_id].pauses.append(
            Standing(r.reason, r.invoice_ref, r.contact_id, r.from_on, r.to_on, r.currency)
        )
    for r in fetch(session, _FLAGS, ids):
        facts[r.account_id].flags.append((r.kind, r.from_on, r.to_on))
    heard = {r[0]: r[1] for r in fetch(session, _HEARD, ids)}
    looks = []
    for account_id, debtor in sorted(debtors.items()):
        today, known = days[account_id], facts[account_id]
        last_heard = heard.get(account_id)
        findings = []
        for document in documents[account_id]:
            name = chosen(
                policy.ladders, kind=document.row.kind, own=document.ladder, of_account=debtor.ladder,
                segment=debtor.segment,
            )  # fmt: skip
            contacted = last_heard is not None and document.row.issued_on <= last_heard.date()
            findings.append(_find(document, debtor, known, ladders[name], contacted=contacted, today=today))
        still_open = {finding.invoice_id for finding in findings}
        closed = tuple(
            invoice_id
            for invoice_id, r in known.positions.items()
            if invoice_id not in still_open and r.waits_for != CLOSED
        )
        judged = _judge(debtor, today, tuple(findings), closed, policy)
        flags = tuple(flag[0] for flag in known.flags if _holds_on(flag, today))
        looks.append(replace(judged, flags=flags) if flags else judged)
    return looks


def _find(
    document: invoices.OpenDocument,
    debtor: Debtor,
    known: _Facts,
    ladder: Ladder,
    *,
    contacted: bool,
    today: date,
) -> Finding:
    """What comes next for one document, or why nothing does."""
    row = document.row
    r = known.positions.get(document.id)
    position = _position(r, ladder)
    contacted = contacted and position.cycle == 1
    stored = tuple(r[2:]) if r is not None else None
    found = partial(Finding, document.id, row, ladder, position, contacted=contacted, stored=stored)
    if row.due_on is None:
        return found(0, waits_for="no_due_date")
    due_on = climbing.counted_due(row.due_on, debtor.country, shift_days=debtor.agreed_days)
    still = _stands_still(row, known, today)
    found = partial(found, climbing.age_on(due_on, still, today), due_on=due_on, still=tuple(still))
    flag = next((f for f in known.flags if f[0] in STILL_FLAGS and _holds_on(f, today)), None)
    if flag is not None:
        return found(waits_for=f"flag:{flag[0].value}", until=flag[2])
    if not row.asked:
        return found(waits_for="nothing_asked")
    holding = [p for p in still if p.holds_on(today) and p.reason is not PauseReason.DISPUTE]
    if holding:
        ends = [p.to_on for p in holding]
        until = None if any(end is None for end in ends) else max(end for end in ends if end)
        return found(waits_for=f"paused:{spoken(holding[0].reason).value}", until=until)
    coming = climbing.next_rung(
        ladder, position, due_on=due_on, pauses=still, contacted=contacted, country=debtor.country,
        today=today,
    )  # fmt: skip
    if coming is None:
        return found(waits_for="top")
    return found(rung=coming.rung, on=coming.on, meets=coming.on <= today)


def _holds_on(flag: tuple[FlagKind, date, date | None], today: date) -> bool:
    return flag[1] <= today and (flag[2] is None or today < flag[2])


def _position(r: Any, ladder: Ladder) -> Position:
    """Where a document stands: in a new cycle when it was closed and is owed again, and never above a
    ladder that it was moved to."""
    if r is None:
        return Position()
    if r.waits_for == CLOSED:
        return Position(r.cycle + 1)
    return Position(r.cycle, min(r.seq, len(ladder.rungs)), r.met_on)


def _stands_still(row: InvoiceRow, known: _Facts, today: date) -> list[Standing]:
    """The pauses that count for a document: flags among them, a dispute only while all of it is contested.

    The rest beside a disputed line is asked for meanwhile, so its age goes on.
    """
    found = [
        pause
        for pause in known.pauses
        if pause.covers(row.ref, None, row.currency)
        and not (pause.reason is PauseReason.DISPUTE and pause.holds_on(today) and row.asked)
    ]
    return found + [Standing(PauseReason.WRONG_CONTACT, None, None, from_on, to_on)
                    for kind, from_on, to_on in known.flags if kind in STILL_FLAGS]  # fmt: skip


def _judge(
    debtor: Debtor, today: date, findings: tuple[Finding, ...], closed: tuple[int, ...], policy: Policy
) -> Look:
    """Which rungs are met today, and what is done about the account: the strongest, once a currency."""
    meeting = [f for f in findings if f.meets and f.rung is not None]
    if not meeting:
        return Look(debtor, today, findings, closed)
    meetings: list[Meeting] = []
    due: list[Due] = []
    for (currency, name), group in _grouped(meeting).items():
        beside = [f for f in findings if (f.row.currency, f.ladder.name) == (currency, name)]
        asked = total([f.row.asked for f in beside if f.waits_for is None], currency)
        holding = [f for f in group if f.rung and holds(f.rung.when, debtor, asked, policy)]
        passed = [f for f in group if f not in holding]
        meetings += [Meeting(f, f.rung, Met.PASSED, "condition") for f in passed if f.rung]
        if not holding:
            continue
        strongest = max((f.rung for f in holding if f.rung), key=lambda rung: rung.seq)
        for finding in holding:
            if finding.rung is not None:
                how = Met.ACTED if finding.rung.seq == strongest.seq else Met.JOINED
                meetings.append(Meeting(finding, finding.rung, how))
        meetings += [
            Meeting(f, f.rung, Met.JOINED, "together")
            for f in beside
            if f.rung is not None and not f.meets and f.rung.seq <= strongest.seq
            and f.on is not None and (f.on - today).days <= f.ladder.together_days
        ]  # fmt: skip
        due.append(Due(currency, holding[0].ladder, strongest, asked, tuple(beside)))
    return Look(debtor, today, findings, closed, tuple(meetings), tuple(due))


def _grouped(findings: Iterable[Finding]) -> dict[tuple[str, str], list[Finding]]:
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.row.currency, finding.ladder.name), []).append(finding)
    return groups


def holds(when: When, debtor: Debtor, asked: Money, policy: Policy) -> bool:
    """Whether every condition that a rung or an effect names is met.

    Amounts are compared in the policy's units; in a currency without a scale they hold nobody back.
    """
    above = policy.units(when.above, asked.currency) if when.above is not None else None
    up_to = policy.units(when.up_to, asked.currency) if when.up_to is not None else None
    return (
        (above is None or asked > above)
        and (up_to is None or not asked > up_to)
        and (not when.segments or debtor.segment.value in when.segments)
        and (not when.countries or debtor.country in when.countries)
        and (not when.debtor_types or debtor.debtor_type.value in when.debtor_types)
        and (when.credit is None or (when.credit == "held") is debtor.credit_held)
        and debtor.broken_promises >= when.broken_promises
    )
