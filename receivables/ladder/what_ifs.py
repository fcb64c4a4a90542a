"""What the ladder would do if a person decided something: read before the button is pressed.

The same look as every night (evaluating.py) at the same facts, of which one is taken as decided: the
account is of another kind, a promise is taken back, a plan has ended. Reads only. Source: look.md,
"Confirm with consequences"; issue D, parts 7 and 8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from models.accounts import Segment
from models.pauses import PauseReason
from receivables.invoices import OpenDocument
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.evaluating import Finding, Look, look
from receivables.ladder.facts import Facts
from receivables.ladder.letters import VARIANTS
from receivables.pauses import Standing
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy

Change = Callable[[Facts], Facts]


@dataclass(frozen=True, slots=True)
class NextStep:
    """What comes next at an account; `rung` None while nothing does, and `waits_for` says why.

    Attributes:
        on: the earliest day for it.
        waits_for: as of `evaluating.Finding`.
    """

    ladder: str
    rung: str | None
    on: date | None
    waits_for: str | None = None


@dataclass(frozen=True, slots=True)
class WhatIf:
    """An account as it is and as it would be.

    Attributes:
        before, after: what comes next; None where nothing of it climbs a ladder.
        ladders: names climbed before and after.
        texts: kinds of texts that would be written differently, such as to a debtor of another kind.
    """

    before: NextStep | None
    after: NextStep | None
    ladders: tuple[Sequence[str], Sequence[str]]
    texts: Sequence[str] = ()

    @property
    def changes(self) -> bool:
        """Whether the ladder would do anything else."""
        return self.before != self.after or self.ladders[0] != self.ladders[1] or bool(self.texts)


def of_segments(
    session: Session, actor: Actor, to: Mapping[int, Segment], *, now: datetime
) -> dict[int, WhatIf]:
    """Return what would change for accounts if each were of another kind.

    Args:
        to: account id -> the kind that it would be.
    Raises: NotAllowed.
    """
    require(actor, Permission.SEGMENT_READ)

    def change(known: Facts) -> Facts:
        return replace(known, debtor=replace(known.debtor, segment=to[known.debtor.id]))

    found = _compared(session, list(to), change, now=now)
    return {
        known.debtor.id: replace(seen, texts=_texts(known.debtor.segment, to[known.debtor.id]))
        for known, seen in found
    }


def own_texts() -> dict[Segment, list[str]]:
    """Return the texts of rungs that each kind of debtor hears in words of its own."""
    found: dict[Segment, list[str]] = {segment: [] for segment in Segment}
    for segment, kind in sorted(VARIANTS):
        found[segment].append(kind)
    return found


def _texts(before: Segment, after: Segment) -> list[str]:
    """Texts of rungs that a debtor of one kind hears in other words than one of the other."""
    kinds = sorted({kind for segment, kind in VARIANTS if segment in (before, after)})
    return [kind for kind in kinds if VARIANTS.get((before, kind)) != VARIANTS.get((after, kind))]


def without_promise(
    session: Session, actor: Actor, account_id: int, currency: str, *, now: datetime
) -> WhatIf | None:
    """Return what would come next if the promise in a currency were taken back; None: nothing is open."""
    require(actor, Permission.PROMISE_MAKE, account_id=account_id)

    def change(known: Facts) -> Facts:
        left = [
            p
            for p in known.pauses
            if not (p.reason is PauseReason.PROMISE and p.currency in (None, currency))
        ]
        return replace(known, pauses=left)

    return _one(_compared(session, [account_id], change, lambda f: f.row.currency == currency, now=now))


def with_pause(
    session: Session,
    actor: Actor,
    account_id: int,
    reason: PauseReason,
    *,
    until: date,
    refs: Sequence[str] = (),
    now: datetime,
) -> WhatIf | None:
    """Return what would come next for what a pause by hand lets stand still; None: nothing is open.

    Args:
        until: last day of the pause.
        refs: documents; none for the whole account.
    """
    require(actor, Permission.PAUSE_PLACE, account_id=account_id)

    def change(known: Facts) -> Facts:
        more = [
            Standing(reason, ref, None, known.today, until + timedelta(days=1)) for ref in refs or (None,)
        ]
        return replace(known, pauses=[*known.pauses, *more])

    return _one(_compared(session, [account_id], change, lambda f: not refs or f.row.ref in refs, now=now))


def without_plan(
    session: Session, actor: Actor, account_id: int, asked: Mapping[str, int], *, now: datetime
) -> WhatIf | None:
    """Return what would come next for the documents of a plan if it ended; None: nothing is open.

    Args:
        asked: ref of each document -> what would be asked for on it, in minor units.
    """
    require(actor, Permission.PLAN_CANCEL, account_id=account_id)

    def freed(document: OpenDocument) -> OpenDocument:
        return document._replace(asked_minor=asked[document.ref]) if document.ref in asked else document

    def change(known: Facts) -> Facts:
        left = [
            p for p in known.pauses if not (p.reason is PauseReason.PLAN and p.invoice_ref in (None, *asked))
        ]
        return replace(known, pauses=left, documents=[freed(document) for document in known.documents])

    return _one(_compared(session, [account_id], change, lambda f: f.row.ref in asked, now=now))


def _one(found: Sequence[tuple[Look, WhatIf]]) -> WhatIf | None:
    return found[0][1] if found else None


def _compared(
    session: Session,
    account_ids: Sequence[int],
    change: Change,
    only: Callable[[Finding], bool] = lambda _finding: True,
    *,
    now: datetime,
) -> list[tuple[Look, WhatIf]]:
    """Look at accounts as they are and as they would be; each with the look of now.

    Args:
        only: which documents it is about.
    """
    ladders, policy = ladders_in_force(session, now), current_policy(session, now)
    before = look(session, account_ids, ladders=ladders, policy=policy, now=now)
    after = look(session, account_ids, ladders=ladders, policy=policy, now=now, as_if=change)
    return [
        (one, WhatIf(_next(one, only), _next(two, only), (_names(one, only), _names(two, only))))
        for one, two in zip(before, after, strict=True)
    ]


def _next(seen: Look, only: Callable[[Finding], bool]) -> NextStep | None:
    """The earliest that comes; else why the oldest document waits."""
    findings = [f for f in seen.findings if only(f)]
    coming = [f for f in findings if f.rung is not None and f.on is not None]
    if coming:
        first = min(coming, key=_when)
        return NextStep(first.ladder.name, first.rung.code if first.rung else None, first.on)
    if not findings:
        return None
    oldest = findings[0]
    return NextStep(oldest.ladder.name, None, oldest.until, oldest.waits_for)


def _when(finding: Finding) -> tuple[date, int]:
    return (finding.on or date.max, -(finding.rung.seq if finding.rung else 0))


def _names(seen: Look, only: Callable[[Finding], bool]) -> list[str]:
    return sorted({finding.ladder.name for finding in seen.findings if only(finding)})
