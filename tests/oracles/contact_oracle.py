"""Judges every message and call from its time alone: a second reading of the rules of contact (C-01).

It shares no line with the product: it is given what left (from the mailbox), what stood about the
account (flags, pauses, opt-outs, documents, moves, as a test set them) and says what was wrong. Rules are
written here once more by hand, from requirements.md 5, not read from the product's file. INV-8, INV-9.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

#: Minutes of the day in which this house writes and rings: 08:00 to 20:00.
HOUSE = (8 * 60, 20 * 60)
#: Hours in which a third party may write to a private person in the United States (row 1).
REG_F = (8 * 60, 21 * 60)
#: (channel, most, days) of a third party there (rows 2 and 3), and how long a talk leaves quiet.
REG_F_CAPS = (("email", 1, 1), ("email", 3, 7), ("sms", 1, 1), ("sms", 2, 7), ("call", 7, 7))
REG_F_QUIET_DAYS = 7
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
    """A flag or a pause of the account; the last day is not part of it, None is open.

    `known` and `over` are the moments at which it was said and taken back, where that was on its day;
    `document` is the number of the one it is about.
    """

    what: str
    first: date
    end: date | None = None
    contact: int | None = None
    currency: str | None = None
    known: datetime | None = None
    over: datetime | None = None
    document: str | None = None

    def holds(self, day: date, at: datetime) -> bool:
        if (self.known is not None and at < self.known) or (self.over is not None and at >= self.over):
            return False
        return self.first <= day and (self.end is None or day < self.end)


@dataclass(frozen=True)
class Word:
    """Somebody said no (or yes) to reminders on a channel; it goes with the address, where one is known."""

    at: datetime
    contact: int
    channel: str
    yes: bool
    address: str | None = None


@dataclass(frozen=True)
class Act:
    """A message or a call: when, to whom, what for. `talked` is of calls.

    `documents` are those that its text names, `address` is where it went.
    """

    at: datetime
    contact: int
    channel: str  # email, sms, call
    purpose: str  # as the product names it; "call" for a call
    currency: str | None = None
    talked: bool = False
    documents: frozenset[str] = frozenset()
    address: str | None = None
    name: str = ""


@dataclass
class Document:
    """Something owed: from when on it is in the books, and until when it is open."""

    number: str
    currency: str
    since: datetime
    paid: datetime | None = None
    contested: list[tuple[datetime, datetime | None]] = field(default_factory=list)

    def is_asked_for(self, at: datetime) -> bool:
        if at < self.since or (self.paid is not None and at >= self.paid):
            return False
        return not any(start <= at and (end is None or at < end) for start, end in self.contested)


@dataclass
class House:
    """What this house does and is, from a moment on; the latest counts.

    role: first_party, third_party or debt_buyer.
    """

    hours: list[tuple[datetime, int, int]] = field(default_factory=list)
    roles: list[tuple[datetime, str]] = field(default_factory=list)
    stopped: list[tuple[datetime, datetime | None]] = field(default_factory=list)

    def hours_at(self, at: datetime) -> tuple[int, int]:
        return next(((a, b) for since, a, b in reversed(self.hours) if since <= at), HOUSE)

    def is_first_party(self, at: datetime) -> bool:
        role = next((role for since, role in reversed(self.roles) if since <= at), "first_party")
        return role == "first_party"


@dataclass
class Debtor:
    """What the oracle knows of one account; `moves` are zones from a moment on, `documents` all it owes
    (None: nobody told), `addresses` go from (contact, channel) to where he is written to."""

    zone: str
    country: str
    private: bool
    flags: list[Span] = field(default_factory=list)
    pauses: list[Span] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    quiet: dict[int, tuple[int, int]] = field(default_factory=dict)
    stopped: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    moves: list[tuple[datetime, str]] = field(default_factory=list)
    documents: list[Document] | None = None
    addresses: dict[tuple[int, str], str] = field(default_factory=dict)
    house: House = field(default_factory=House)

    def clock(self, at: datetime) -> ZoneInfo:
        return ZoneInfo(next((zone for since, zone in reversed(self.moves) if since <= at), self.zone))


def wrong(debtor: Debtor, act: Act, before: Sequence[Act]) -> set[str]:
    """Return what speaks against an act, given everything that left before it; empty: it was right."""
    local = act.at.astimezone(debtor.clock(act.at))
    today = local.date()
    chases = act.purpose in ("reminder", "arrangement", "call")
    found = set()
    for flag in debtor.flags:
        if not flag.holds(today, act.at):
            continue
        if flag.what in SILENCES and act.purpose != "receipt":
            found.add("flag")
        if flag.what in ONLY_BY_A_PERSON and act.purpose in ("reminder", "arrangement"):
            found.add("flag")
    if not chases:
        return found
    if any(start <= act.at and (end is None or act.at < end)
           for start, end in [*debtor.stopped, *debtor.house.stopped]):  # fmt: skip
        found.add("stopped")
    if _wrong_hour(debtor, act, local.hour * 60 + local.minute):
        found.add("hours")
    if act.channel != "call" and _said_no(debtor, act, today):
        found.add("no")
    if act.purpose in ("reminder", "call"):
        found |= _paused(debtor, act, today) | _too_many(debtor, act, before, today)
    if act.purpose == "reminder":
        found |= _about_nothing(debtor, act, today)
    return found


def _wrong_hour(debtor: Debtor, act: Act, minute: int) -> bool:
    windows = [debtor.house.hours_at(act.at)]
    if _reg_f(debtor, act):
        windows.append(REG_F)
    if not all(start <= minute < end for start, end in windows):
        return True
    if act.contact not in debtor.quiet:
        return False
    start, end = debtor.quiet[act.contact]
    return (start <= minute < end) if start <= end else (minute >= start or minute < end)


def _reg_f(debtor: Debtor, act: Act) -> bool:
    return debtor.country == "US" and debtor.private and not debtor.house.is_first_party(act.at)


def _last_words(debtor: Debtor, act: Act) -> dict[str, bool]:
    """The last word on each channel: of the address where one is known, else of the person."""
    latest: dict[str, bool] = {}
    for said in sorted(debtor.words, key=lambda w: w.at):
        if said.at > act.at:
            continue
        mine = debtor.addresses.get((act.contact, said.channel))
        if said.channel == act.channel and act.address is not None:
            mine = act.address
        if said.address == mine if said.address is not None else said.contact == act.contact:
            latest[said.channel] = said.yes
    return latest


def _said_no(debtor: Debtor, act: Act, today: date) -> bool:
    latest = _last_words(debtor, act)
    if debtor.country == "US" and today >= NO_MEANS_NO_SINCE and False in latest.values():
        return True
    return latest.get(act.channel) is False


def _paused(debtor: Debtor, act: Act, today: date) -> set[str]:
    for pause in debtor.pauses:
        if not pause.holds(today, act.at) or pause.contact not in (None, act.contact):
            continue
        if pause.document is not None:
            continue  # see _about_nothing
        if act.channel == "call":
            if pause.currency is None and pause.what not in RING_AFTER_A_LOOK:
                return {"paused"}
        elif pause.currency in (None, act.currency) and pause.what != "dispute":
            return {"paused"}
    return set()


def _about_nothing(debtor: Debtor, act: Act, today: date) -> set[str]:
    """A reminder is about what is open, not contested and not paused, and names nothing else."""
    if debtor.documents is None:
        return set()
    still = {
        pause.document
        for pause in debtor.pauses
        if pause.document is not None and pause.what != "dispute" and pause.holds(today, act.at)
        and pause.contact in (None, act.contact)
    }  # fmt: skip
    asked = {
        document.number
        for document in debtor.documents
        if document.currency == act.currency
        and document.number not in still
        and document.is_asked_for(act.at)
    }
    found = set()
    if not asked:
        found.add("nothing due")
    if act.documents - asked:
        found.add("names what is not due")
    return found


def _too_many(debtor: Debtor, act: Act, before: Sequence[Act], today: date) -> set[str]:
    """Caps: the house's one a day, those of New York and Massachusetts, whose zone this is, and of Reg F."""
    found = set()
    counted = [b for b in before if b.purpose in ("reminder", "call")]
    zone = debtor.clock(act.at)

    def within(days: int, acts: Iterable[Act]) -> int:
        first = today - timedelta(days=days - 1)
        return sum(first <= b.at.astimezone(zone).date() <= today for b in acts)

    def on(channel: str) -> list[Act]:
        return [b for b in counted if b.channel == channel]

    if act.purpose == "reminder":
        same = [
            b
            for b in counted
            if (b.contact, b.channel, b.currency) == (act.contact, act.channel, act.currency)
        ]
        if within(1, same) >= 1:
            found.add("twice a day")
    if debtor.country == "US" and debtor.private and zone.key == "America/New_York":
        if today >= NEW_YORK_SINCE:
            if within(NEW_YORK_DAYS, counted) >= NEW_YORK_MOST:
                found.add("cap")
            if act.channel != "call" and _last_words(debtor, act).get(act.channel) is not True:
                found.add("consent")
        if act.channel == "call" and within(MASSACHUSETTS_DAYS, on("call")) >= MASSACHUSETTS_MOST:
            found.add("cap")
    if _reg_f(debtor, act):
        if any(
            within(days, on(channel)) >= most for channel, most, days in REG_F_CAPS if channel == act.channel
        ):
            found.add("cap")
        talks = [b for b in on("call") if b.talked]
        if act.channel == "call" and within(REG_F_QUIET_DAYS, talks):
            found.add("quiet")
    return found


def violations(debtor: Debtor, left: Sequence[Act]) -> list[tuple[Act, set[str]]]:
    """Return every act that should not have happened, in the order of time (INV-9: none may)."""
    ordered = sorted(left, key=lambda a: a.at.astimezone(UTC))
    found = []
    for number, act in enumerate(ordered):
        against = wrong(debtor, act, ordered[:number])
        if against:
            found.append((act, against))
    return found


@dataclass(frozen=True)
class Told:
    """A reminder as the books have it: `name` is its Message-ID, `steps` the (document, cycle, rung)
    that it told of."""

    name: str
    status: str
    contact: int
    channel: str
    steps: frozenset[tuple[int, int, str]] = frozenset()


def misdelivered(books: Iterable[Told], arrived: Iterable[str]) -> list[str]:
    """Return what is wrong between books and mailbox, in words (INV-8: nothing may be)."""
    came, known, found = Counter(arrived), {}, []
    told: dict[tuple[object, ...], str] = {}
    for row in books:
        known[row.name] = row
        if row.status in ("sent", "delivered", "bounced") and not came[row.name]:
            found.append(f"{row.name} is {row.status} and never arrived")
        if not came[row.name]:
            continue
        if row.status not in ("sent", "delivered", "bounced", "unknown"):
            found.append(f"{row.name} is {row.status} and arrived")
        for step in row.steps:
            first = told.setdefault((row.contact, row.channel, *step), row.name)
            if first != row.name:
                found.append(f"{step} was told to {row.contact} twice by {row.channel}")
    found += [f"{name} arrived {times} times" for name, times in came.items() if times > 1]
    return found + [f"{name} is nobody's" for name in came if name not in known]
