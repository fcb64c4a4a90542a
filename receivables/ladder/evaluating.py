"""What the ladder sees of many accounts on a day, and what follows from it: reads only.

A look at a chunk of accounts is a handful of statements whatever their number; everything after that is
arithmetic (climbing.py). The same look serves the nightly run, the dry run for any date, and the words
"why here, what next, when". Source: decision 013; domain.md, "The ladder".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from models.accounts import FlagKind
from models.ladder import Met
from models.money import Money
from models.pauses import PauseReason
from receivables import bank_lines
from receivables.bank_lines import BANK_LINES
from receivables.contact import suppression
from receivables.contact.suppression import Act, Word
from receivables.invoices import OpenDocument
from receivables.ladder import climbing, facts
from receivables.ladder.choosing import chosen
from receivables.ladder.climbing import Position, Reckoning
from receivables.ladder.facts import CLOSED, Debtor, Facts, Kept
from receivables.ladder.rungs import Ladder, Rung, When
from receivables.pauses import Standing, spoken
from receivables.policy import Policy

#: Flags under which nobody climbs; under the others each effect asks the matrix for itself.
STILL_FLAGS = frozenset(
    kind
    for kind in FlagKind
    if {suppression.word(kind.value, act) for act in (Act.REMINDER, Act.ESCALATE)} == {Word.BLOCKED}
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the ladder finds about one document on a day.

    Attributes:
        position: where it stands before this day's rung.
        rung: what comes next, and when; None at the top or while it waits.
        meets: whether that is today.
        waits_for: why nothing comes, in a code the pages word: "paused:promise", "flag:bankruptcy",
            "nothing_asked", "no_due_date", "bank_lines", "top"; None when something does.
        until: when a wait ends by itself, where that is known.
        age: days since the due date that count.
    """

    invoice_id: int
    row: OpenDocument
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
    #: Its position as it is stored, so that only what changes is written; None when it has none.
    stored: Kept | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is asked for now: its day has come, and nothing holds it."""
        return self.age >= 0 and self.waits_for in (None, "top")

    def after(self, seq: int, *, country: str, today: date, reckoning: Reckoning) -> climbing.Next | None:
        """Return what comes next once a rung was met today; None at the top."""
        if self.due_on is None:
            return None
        return reckoning.stand(
            self.ladder, Position(self.position.cycle, seq, today), due_on=self.due_on, pauses=self.still,
            contacted=True, country=country, today=today,
        ).coming  # fmt: skip


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


def look(
    session: Session,
    account_ids: Sequence[int],
    *,
    ladders: Mapping[str, Ladder],
    policy: Policy,
    now: datetime,
    on: date | None = None,
    as_if: Callable[[Facts], Facts] | None = None,
) -> list[Look]:
    """Look at accounts on their business date, or on another one.

    Args:
        on: any date instead of today, for a dry run: positions and pauses are those of now.
        as_if: what would be known of an account if something were decided; nothing is written.
    """
    reckoning, behind = Reckoning(), bank_lines.creditors_behind(session, now=now)
    return [
        _look(as_if(known) if as_if is not None else known, ladders, policy, reckoning, behind)
        for known in facts.read(session, account_ids, now=now, on=on)
    ]


def _look(
    known: Facts,
    ladders: Mapping[str, Ladder],
    policy: Policy,
    reckoning: Reckoning,
    behind: Collection[int],
) -> Look:
    debtor, today = known.debtor, known.today
    findings = tuple(
        _find(document, known, _ladder_of(document, debtor, ladders, policy), reckoning)
        for document in known.documents
    )
    if debtor.creditor_id in behind:
        findings = tuple(map(_not_beyond_first, findings))
    meetings, due = _judge(debtor, today, findings, policy)
    return Look(
        debtor, today, findings,
        closed=tuple(known.kept.keys() - {finding.invoice_id for finding in findings}),
        meetings=tuple(meetings),
        due=tuple(due),
        flags=tuple(flag.kind for flag in known.flags if flag.holds_on(today)),
    )  # fmt: skip


def _not_beyond_first(finding: Finding) -> Finding:
    """Who may have paid by transfer hears of nothing firmer than the first reminder."""
    rung = finding.rung
    if not finding.meets or rung is None or rung.seq <= climbing.first_contact(finding.ladder):
        return finding
    return replace(finding, rung=None, on=None, meets=False, waits_for=BANK_LINES)


def _ladder_of(
    document: OpenDocument, debtor: Debtor, ladders: Mapping[str, Ladder], policy: Policy
) -> Ladder:
    name = chosen(
        policy.ladders, kind=document.kind, own=document.ladder, of_account=debtor.ladder,
        segment=debtor.segment,
    )  # fmt: skip
    return ladders[name]


def _find(document: OpenDocument, known: Facts, ladder: Ladder, reckoning: Reckoning) -> Finding:
    """What comes next for one document, or why nothing does."""
    debtor, today = known.debtor, known.today
    kept = known.kept.get(document.id)
    position = _position(kept, ladder)
    contacted = known.heard_on is not None and document.issued_on <= known.heard_on and position.cycle == 1
    if document.due_on is None:
        return Finding(
            document.id, document, ladder, position, 0, waits_for="no_due_date", contacted=contacted,
            stored=kept,
        )  # fmt: skip
    still = _stands_still(document, known) if known.pauses or known.flags else ()
    stand = reckoning.stand(
        ladder, position, due_on=document.due_on, shift_days=debtor.agreed_days, pauses=still,
        contacted=contacted, country=debtor.country, today=today,
    )  # fmt: skip
    waits_for, until = _waits(document, known, still)
    coming = stand.coming if waits_for is None else None
    if waits_for is None and coming is None:
        waits_for = "top"
    return Finding(
        document.id, document, ladder, position, stand.age,
        rung=coming.rung if coming else None,
        on=coming.on if coming else None,
        meets=coming is not None and coming.on <= today,
        waits_for=waits_for, until=until, contacted=contacted, due_on=stand.due_on, still=still, stored=kept,
    )  # fmt: skip


def _waits(document: OpenDocument, known: Facts, still: Sequence[Standing]) -> tuple[str | None, date | None]:
    """Why nothing comes for a document today, and until when where that is known."""
    today = known.today
    for flag in known.flags:
        if flag.kind in STILL_FLAGS and flag.holds_on(today):
            return f"flag:{flag.kind.value}", flag.to_on
    holding = [p for p in still if p.holds_on(today) and p.reason is not PauseReason.DISPUTE]
    if not holding:
        return (None if document.asked_minor else "nothing_asked"), None
    ends = [p.to_on for p in holding]
    until = None if any(end is None for end in ends) else max(end for end in ends if end)
    return f"paused:{spoken(holding[0].reason).value}", until


def _position(kept: Kept | None, ladder: Ladder) -> Position:
    """Where a document stands: in a new cycle when it was closed and is owed again, and never above a
    ladder that it was moved to."""
    if kept is None:
        return Position()
    if kept.waits_for == CLOSED:
        return Position(kept.cycle + 1)
    return Position(kept.cycle, min(kept.seq, len(ladder.rungs)), kept.met_on)


def _stands_still(document: OpenDocument, known: Facts) -> tuple[Standing, ...]:
    """The pauses that count for a document: flags among them, a dispute only while all of it is contested.

    The rest beside a disputed line is asked for meanwhile, so its age goes on.
    """
    found = [
        pause
        for pause in known.pauses
        if pause.covers(document.ref, None, document.currency)
        and not (pause.reason is PauseReason.DISPUTE and pause.holds_on(known.today) and document.asked_minor)
    ]
    found += [
        Standing(PauseReason.WRONG_CONTACT, None, None, flag.from_on, flag.to_on)
        for flag in known.flags
        if flag.kind in STILL_FLAGS
    ]
    return tuple(found)


def _judge(
    debtor: Debtor, today: date, findings: Sequence[Finding], policy: Policy
) -> tuple[list[Meeting], list[Due]]:
    """Which rungs are met today, and what is done about the account: the strongest, once a currency."""
    meetings: list[Meeting] = []
    due: list[Due] = []
    for (currency, name), group in _meeting_today(findings).items():
        beside = tuple(f for f in findings if (f.row.currency, f.ladder.name) == (currency, name))
        ahead = all(finding.age < 0 for finding, _ in group)
        spoken_of = tuple(f for f in beside if f.meets or (f.is_due and not ahead))
        asked = Money(sum(f.row.asked_minor for f in spoken_of), currency)
        holding = []
        for finding, rung in group:
            if holds(rung.when, debtor, asked, policy):
                holding.append((finding, rung))
            else:
                meetings.append(Meeting(finding, rung, Met.PASSED, "condition"))
        if not holding:
            continue
        strongest = max((rung for _, rung in holding), key=lambda rung: rung.seq)
        meetings += [
            Meeting(finding, rung, Met.ACTED if rung.seq == strongest.seq else Met.JOINED)
            for finding, rung in holding
        ]
        with_it = [
            Meeting(f, f.rung, Met.JOINED, "together")
            for f in beside
            if f.rung is not None and not f.meets and f.rung.seq <= strongest.seq
            and f.on is not None and (f.on - today).days <= f.ladder.together_days
        ]  # fmt: skip
        meetings += with_it
        early = tuple(m.finding for m in with_it if not m.finding.is_due)
        asked = asked + Money(sum(f.row.asked_minor for f in early), currency)
        due.append(Due(currency, holding[0][0].ladder, strongest, asked, spoken_of + early))
    return meetings, due


def _meeting_today(findings: Iterable[Finding]) -> dict[tuple[str, str], list[tuple[Finding, Rung]]]:
    """The documents that meet a rung, by currency and ladder."""
    groups: dict[tuple[str, str], list[tuple[Finding, Rung]]] = {}
    for finding in findings:
        if finding.meets and finding.rung is not None:
            name = (finding.row.currency, finding.ladder.name)
            groups.setdefault(name, []).append((finding, finding.rung))
    return groups


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
