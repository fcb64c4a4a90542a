"""Judges every message and call from its time alone: a second reading of the rules of contact (C-01).

It shares no line with the product: it is given what left (from the mailbox), what stood about the
account (flags, pauses, opt-outs, as a test set them) and says what was wrong. Rules are written here
once more by hand, from requirements.md 5, not read from the product's file. INV-8, INV-9.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

#: Minutes of the day in which this house writes and rings: 08:00 to 20:00.
HOUSE = (8 * 60, 20 * 60)
#: "Most in so many days", on what: of New York's rule for private persons, and of Massachusetts'.
NEW_YORK_MOST, NEW_YORK_DAYS, NEW_YORK_SINCE = 3, 7, date(2026, 9, 1)
MASSACHUSETTS_MOST, MASSACHUSETTS_DAYS = 2, 7
#: From here on a no on one channel is a no on all in the United States.
NO_MEANS_NO_SINCE = date(2027, 1, 31)
#: Facts that leave nothing but receipts; that leave answers too; that forbid nothing we send.
SILENCES = {
    "bankruptcy", "breathing_space", "mental_health_crisis", "attorney", "cease_request", "deceased", "minor",
    "wrong_party",
}  # fmt: skip
ONLY_BY_A_PERSON = {"vulnerability"}
#: Pauses in which somebody may still be rung up, when a person has looked first.
RING_AFTER_A_LOOK = {
    "dispute", "chargeback", "says_paid", "awaiting_our_answer", "document_requested", "their_approval",
    "withholding", "hardship",
}  # fmt: skip


@dataclass(frozen=True)
class Span:
    """A flag or a pause of the account; the last day is not part of it, None is open."""

    what: str
    first: date
    end: date | None = None
    contact: int | None = None
    currency: str | None = None

    def holds(self, day: date) -> bool:
        return self.first <= day and (self.end is None or day < self.end)


@dataclass(frozen=True)
class Word:
    """Somebody said no (or yes) to reminders on a channel."""

    at: datetime
    contact: int
    channel: str
    yes: bool


@dataclass(frozen=True)
class Act:
    """A message or a call: when, to whom, what for. `talked` is of calls."""

    at: datetime
    contact: int
    channel: str  # email, sms, call
    purpose: str  # as the product names it; "call" for a call
    currency: str | None = None
    talked: bool = False


@dataclass
class Debtor:
    """What the oracle knows of one account."""

    zone: str
    country: str
    private: bool
    flags: list[Span] = field(default_factory=list)
    pauses: list[Span] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    quiet: dict[int, tuple[int, int]] = field(default_factory=dict)
    stopped: list[tuple[datetime, datetime | None]] = field(default_factory=list)


def wrong(debtor: Debtor, act: Act, before: list[Act]) -> set[str]:
    """Return what speaks against an act, given everything that left before it; empty: it was right."""
    local = act.at.astimezone(ZoneInfo(debtor.zone))
    today = local.date()
    chases = act.purpose in ("reminder", "arrangement", "call")
    found = set()
    for flag in debtor.flags:
        if not flag.holds(today):
            continue
        if flag.what in SILENCES and act.purpose != "receipt":
            found.add("flag")
        if flag.what in ONLY_BY_A_PERSON and act.purpose in ("reminder", "arrangement"):
            found.add("flag")
    if not chases:
        return found
    if any(start <= act.at and (end is None or act.at < end) for start, end in debtor.stopped):
        found.add("stopped")
    minute = local.hour * 60 + local.minute
    if not HOUSE[0] <= minute < HOUSE[1]:
        found.add("hours")
    if act.contact in debtor.quiet:
        start, end = debtor.quiet[act.contact]
        if (start <= minute < end) if start <= end else (minute >= start or minute < end):
            found.add("hours")
    if act.channel != "call" and _said_no(debtor, act, today):
        found.add("no")
    if act.purpose in ("reminder", "call"):
        found |= _paused(debtor, act, today) | _too_many(debtor, act, before, today)
    return found


def _said_no(debtor: Debtor, act: Act, today: date) -> bool:
    latest: dict[str, bool] = {}
    for said in sorted(debtor.words, key=lambda w: w.at):
        if said.contact == act.contact and said.at <= act.at:
            latest[said.channel] = said.yes
    if debtor.country == "US" and today >= NO_MEANS_NO_SINCE and False in latest.values():
        return True
    return latest.get(act.channel) is False


def _paused(debtor: Debtor, act: Act, today: date) -> set[str]:
    for pause in debtor.pauses:
        if not pause.holds(today) or pause.contact not in (None, act.contact):
            continue
        if act.channel == "call":
            if pause.currency is None and pause.what not in RING_AFTER_A_LOOK:
                return {"paused"}
        elif pause.currency in (None, act.currency) and pause.what != "dispute":
            return {"paused"}
    return set()


def _too_many(debtor: Debtor, act: Act, before: list[Act], today: date) -> set[str]:
    """Caps: the house's one a day, and those of New York and Massachusetts, whose zone this is."""
    found = set()
    counted = [b for b in before if b.purpose in ("reminder", "call")]

    def within(days: int, acts: list[Act]) -> int:
        first = today - timedelta(days=days - 1)
        return sum(first <= b.at.astimezone(ZoneInfo(debtor.zone)).date() <= today for b in acts)

    if act.purpose == "reminder":
        same = [
            b
            for b in counted
            if (b.contact, b.channel, b.currency) == (act.contact, act.channel, act.currency)
        ]
        if within(1, same) >= 1:
            found.add("twice a day")
    if debtor.country == "US" and debtor.private and debtor.zone == "America/New_York":
        if today >= NEW_YORK_SINCE:
            if within(NEW_YORK_DAYS, counted) >= NEW_YORK_MOST:
                found.add("cap")
            if act.channel != "call" and not _said_yes(debtor, act):
                found.add("consent")
        if act.channel == "call":
            calls = [b for b in counted if b.channel == "call"]
            if within(MASSACHUSETTS_DAYS, calls) >= MASSACHUSETTS_MOST:
                found.add("cap")
    return found


def _said_yes(debtor: Debtor, act: Act) -> bool:
    said = [w for w in debtor.words if w.contact == act.contact and w.channel == act.channel]
    said = [w for w in said if w.at <= act.at]
    return bool(said) and max(said, key=lambda w: w.at).yes


def violations(debtor: Debtor, left: list[Act]) -> list[tuple[Act, set[str]]]:
    """Return every act that should not have happened, in the order of time (INV-8: none may)."""
    ordered = sorted(left, key=lambda a: a.at.astimezone(UTC))
    found = []
    for number, act in enumerate(ordered):
        against = wrong(debtor, act, ordered[:number])
        if against:
            found.append((act, against))
    return found
