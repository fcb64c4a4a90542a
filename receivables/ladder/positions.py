"""Where documents stand after a look, and which rungs they met: written for many accounts at once.

Only what is new or differs is written. The accounts are locked, so nobody else writes beside.
Source: decision 013; FT-18.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from models.bulk import among, pour, renew
from models.ladder import LadderMeeting, LadderPosition, Met
from models.store import fetch
from receivables.ladder.climbing import Reckoning
from receivables.ladder.evaluating import Finding, Look, Meeting
from receivables.ladder.facts import CLOSED, Kept

#: (account, currency, ladder): what is spoken of together.
Subject = tuple[int, str, str]

_MEETING = ("invoice_id", "cycle", "rung", "met_on", "how", "why", "step_id")
_CLOSE = (
    update(LadderPosition)
    .where(among(LadderPosition.invoice_id))
    .values(next_rung=None, next_on=None, waits_for=CLOSED)
)


def write(session: Session, looks: Sequence[Look], steps: Mapping[Subject, int], *, now: datetime) -> int:
    """Write down what looks found.

    Args:
        steps: the steps that were made of these looks, by their ids.
    Returns:
        How many rungs were met.
    """
    meetings = [row for found in looks for row in _meetings(found, steps)]
    pour(session, LadderMeeting, _MEETING, meetings)
    new: list[tuple[Any, ...]] = []
    moved: list[tuple[Any, ...]] = []
    reckoning = Reckoning()
    for found in looks:
        met = {meeting.finding.invoice_id: meeting for meeting in found.meetings}
        for finding in found.findings:
            place = _place(found, finding, met.get(finding.invoice_id), reckoning)
            if finding.stored is None:
                new.append((finding.invoice_id, found.debtor.id, now, *place))
            elif place != finding.stored:
                moved.append((finding.invoice_id, now, *place))
    pour(session, LadderPosition, ("invoice_id", "account_id", "looked_at", *Kept._fields), new)
    renew(session, LadderPosition, "invoice_id", ("looked_at", *Kept._fields), moved)
    closed = [invoice_id for found in looks for invoice_id in found.closed]
    if closed:
        fetch(session, _CLOSE.values(looked_at=now), {"ids": closed})
    return len(meetings)


def _meetings(found: Look, steps: Mapping[Subject, int]) -> Iterator[tuple[Any, ...]]:
    """Which rung each document met, a row each; a document that met one twice is a fault and fails."""
    for meeting in found.meetings:
        finding = meeting.finding
        step = steps.get((found.debtor.id, finding.row.currency, finding.ladder.name))
        yield (
            finding.invoice_id, finding.position.cycle, meeting.rung.code, found.today, meeting.how,
            meeting.why, None if meeting.how is Met.PASSED else step,
        )  # fmt: skip


def _place(found: Look, finding: Finding, meeting: Meeting | None, reckoning: Reckoning) -> Kept:
    """Where a document stands now; a rung that it met today is behind it."""
    name, position = finding.ladder.name, finding.position
    if meeting is None:
        rung = finding.rung.code if finding.rung else None
        on = finding.on or finding.until
        return Kept(name, position.cycle, position.seq, position.met_on, rung, on, finding.waits_for)
    seq, today = meeting.rung.seq, found.today
    coming = finding.after(seq, country=found.debtor.country, today=today, reckoning=reckoning)
    if coming is None:
        return Kept(name, position.cycle, seq, today, None, None, "top")
    return Kept(name, position.cycle, seq, today, coming.rung.code, coming.on, None)
