"""INV-9: nothing reached anybody at a wrong hour, over a cap, after a no, or under a flag or a pause.

Each message is judged by the moment at which the mailbox took it, against what stood in the books then:
facts about the account, pauses, what people said, the house's own hours and stops, and the rules of
contact. Rules that ship are written here once more by hand (see `checker.rules`); published ones are read
from their text. A message that the books place outside the mailbox's own life was played into the past, as
a demo's history is: it is judged by the books' moment. Of one whose outcome is unknown that is the moment
at which the gate last let it pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from checker.ground import Ground
from checker.rules import Binding, House
from checker.sources import Row, Scratch, moment, side_by_side

#: What asks for something; all else answers the reader's own act.
CHASING = frozenset({"reminder", "arrangement"})
#: Facts under which nothing leaves but receipts; under which nothing that asks leaves by itself.
SILENCES = frozenset(
    {"bankruptcy", "breathing_space", "mental_health_crisis", "attorney", "cease_request", "deceased",
     "minor", "wrong_party"}
)  # fmt: skip
CAREFUL = SILENCES | {"vulnerability"}
#: What the books and the mailbox may differ in the moment of one message.
SLACK = timedelta(hours=1)
#: Where a zone that nobody knows may be.
ENDS_OF_THE_WORLD = ("Etc/GMT+12", "Etc/GMT-14")

_OURS = """
SELECT trim(m.wire_id, '<>'), m.id, m.account_id, m.contact_id, m.channel, m.purpose, m.currency,
       coalesce(m.sent_at, (SELECT d.decided_at FROM contact_decision d
                             WHERE d.message_id = m.id AND d.allowed ORDER BY d.id DESC LIMIT 1))
  FROM message m WHERE m.purpose <> 'receipt'
"""
_THEIRS = "SELECT trim(message_id, '<> '), id, received_at, recipient FROM message"
_SPAN = "SELECT min(received_at), max(received_at) FROM message"
#: Of every account; sorted by the account's id as text, as what was put aside is.
_KEY = "CAST({} AS TEXT)"
_FACTS = (
    ("account", "id", "zone, country, debtor_type"),
    ("contact", "account_id", "quiet_from, quiet_to"),
    ("account_flag", "account_id", "kind, from_on, to_on, created_at"),
    ("pause", "account_id", "reason, invoice_id, contact_id, currency, from_on, to_on, started_at, ended_at"),
    ("call_attempt", "account_id", "made_at"),
    ("contact_decision", "account_id", "message_id, inputs"),
)
_LAST_WORD = """
SELECT event FROM consent_event
 WHERE address_digest = ? AND channel = ? AND purpose = 'reminder' AND occurred_at <= ?
 ORDER BY occurred_at DESC, id DESC LIMIT 1
"""
_OTHER_ADDRESS = "SELECT email, phone FROM contact WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message that reached somebody."""

    id: int
    contact: int
    channel: str
    purpose: str
    currency: str | None
    at: datetime
    address: str

    @property
    def reached(self) -> str:
        return f"{self.purpose} {self.id} reached contact {self.contact}"


@dataclass(frozen=True, slots=True)
class Span:
    """Days on which something holds, and between which moments it was known to."""

    first: date
    end: date | None
    known: datetime
    over: datetime | None = None

    def holds(self, at: datetime, day: date) -> bool:
        """Whether it held at a moment of a local day."""
        told = self.known <= at and (self.over is None or at < self.over)
        return told and self.first <= day and (self.end is None or day < self.end)


@dataclass(slots=True)
class Account:
    """What stands in the books about one account."""

    id: int
    zone: str
    country: str
    debtor: str
    quiet: dict[int, tuple[str, str]] = field(default_factory=dict)
    flags: list[tuple[str, Span]] = field(default_factory=list)
    pauses: list[tuple[str, int | None, str | None, Span]] = field(default_factory=list)
    calls: list[datetime] = field(default_factory=list)
    #: Message -> the zones by which its hour was read then; the account may have moved since.
    zones: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def clocks(self, message_id: int) -> tuple[str, ...]:
        """Where the clock stood when a message left."""
        return self.zones.get(message_id) or ((self.zone,) if _is_zone(self.zone) else ENDS_OF_THE_WORLD)


def rights(ground: Ground) -> Iterator[str]:
    """Every message was right at its moment (C-01 to C-07, decision 18)."""
    house = House(ground.books)
    with closing(Scratch()) as scratch:
        yield from _put_aside(ground, scratch)
        streams = [
            ground.books.rows(
                f"SELECT {_KEY.format(key)}, id, {columns} FROM {table}",  # noqa: S608 - constants
                by=_KEY.format(key),
            )
            for table, key, columns in _FACTS
        ]
        for _, (left, *facts) in side_by_side(scratch.each(), *streams):
            if left:
                messages = sorted((_read(note) for _, note in left), key=lambda m: (m.at, m.id))
                yield from _judge(ground, house, _account(facts), messages)


# --------------------------------------------------------------------------- gathering


def _put_aside(ground: Ground, scratch: Scratch) -> Iterator[str]:
    """Put each message that arrived with its account, at the moment that counts."""
    assert ground.mailbox is not None
    first, last = ground.mailbox.one(_SPAN) or (None, None)
    ours = ground.books.rows(_OURS, by="trim(m.wire_id, '<>')")
    theirs = ground.mailbox.rows(_THEIRS, by="trim(message_id, '<> ')")
    played = 0
    for _, (told, arrived) in side_by_side(ours, theirs):
        if not told or not arrived:
            continue  # INV-8 says so
        ground.rows += 1
        _, message_id, account_id, contact_id, channel, purpose, currency, left_at = told[0]
        at = moment(arrived[0][2])
        if left_at is not None:
            said = moment(left_at)
            if not moment(first) - SLACK <= said <= moment(last) + SLACK:
                played, at = played + 1, said
            elif abs(said - at) > SLACK:
                yield (
                    f"{purpose} {message_id} left at {said:%Y-%m-%d %H:%M} UTC by the books and reached the"
                    f" mailbox at {at:%Y-%m-%d %H:%M} UTC"
                )
        note = [message_id, contact_id, channel, purpose, currency, at.isoformat(), arrived[0][3]]
        scratch.keep(str(account_id), json.dumps(note))
    if played:
        ground.notes.append(f"INV-9: {played} messages of a played history are judged by the books' time")


def _read(note: str) -> Arrived:
    message_id, contact, channel, purpose, currency, at, address = json.loads(note)
    return Arrived(message_id, contact, channel, purpose, currency, datetime.fromisoformat(at), address)


def _account(facts: list[list[Row]]) -> Account:
    (account,), contacts, flags, pauses, calls, decisions = facts
    known = Account(account[1], account[2], account[3], account[4])
    known.quiet = {r[1]: (r[2], r[3]) for r in contacts if r[2] is not None and r[3] is not None}
    known.flags = [(r[2], Span(_day(r[3]), _end(r[4]), moment(r[5]))) for r in flags]
    known.pauses = [
        (r[2], r[4], r[5], Span(_day(r[6]), _end(r[7]), moment(r[8]), moment(r[9]) if r[9] else None))
        for r in pauses
        # One document that stands still leaves the others to be asked for; a dispute too.
        if r[3] is None and r[2] != "dispute"
    ]
    known.calls = [moment(r[2]) for r in calls]
    for r in decisions:
        if r[2] is not None:
            looked_at = json.loads(r[3]) if isinstance(r[3], str) else r[3]
            known.zones[r[2]] = tuple(looked_at.get("zones", ()))
    return known


def _day(value: Any) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _end(value: Any) -> date | None:
    return None if value is None else _day(value)


@lru_cache(maxsize=4096)
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return False
    return True


# --------------------------------------------------------------------------- judging


def _judge(ground: Ground, house: House, account: Account, messages: list[Arrived]) -> Iterator[str]:
    for place, message in enumerate(messages):
        zones = account.clocks(message.id)
        day = message.at.astimezone(ZoneInfo(zones[0])).date()
        yield from _flagged(account, message, day)
        if message.purpose not in CHASING:
            continue
        binding = house.binding(
            message.at, day, country=account.country, zone=zones[0] if len(zones) == 1 else None,
            debtor=account.debtor,
        )  # fmt: skip
        if house.is_stopped(message.at):
            yield f"{message.reached} while all sending was stopped"
        yield from _hours(house, account, message, zones, binding)
        yield from _words(ground, message, binding)
        if message.purpose == "reminder":
            yield from _paused(account, message, day)
            yield from _caps(account, message, messages[:place], zones[0], binding)


def _flagged(account: Account, message: Arrived, day: date) -> Iterator[str]:
    forbids = CAREFUL if message.purpose in CHASING else SILENCES
    for kind, span in account.flags:
        if kind in forbids and span.holds(message.at, day):
            yield f"{message.reached} on {day}, under {kind}"


def _hours(
    house: House, account: Account, message: Arrived, zones: tuple[str, ...], binding: Binding
) -> Iterator[str]:
    for zone in zones:
        clock = message.at.astimezone(ZoneInfo(zone)).strftime("%H:%M")
        for start, end in (house.hours(message.at), *binding.windows):
            if not start <= clock < end:
                yield (f"{message.reached} at {clock} in {zone}, outside {start}-{end}")
        if message.contact in account.quiet:
            start, end = account.quiet[message.contact]
            if (start <= clock < end) if start <= end else (clock >= start or clock < end):
                yield f"{message.reached} at {clock}, quiet from {start} to {end}"


def _words(ground: Ground, message: Arrived, binding: Binding) -> Iterator[str]:
    said = _last_word(ground, message.address, message.channel, message.at)
    if said == "opted_out":
        yield f"{message.reached} by {message.channel} after a no"
    if message.purpose == "reminder" and message.channel in binding.opt_in and said != "opted_in":
        yield f"{message.reached} by {message.channel} without a yes"
    if binding.no_is_of_all:
        email, phone = ground.books.one(_OTHER_ADDRESS, message.contact) or (None, None)
        other, address = ("sms", phone) if message.channel == "email" else ("email", email)
        if address and _last_word(ground, address, other, message.at) == "opted_out":
            yield f"{message.reached} by {message.channel} after a no by {other}"


def _last_word(ground: Ground, address: str, channel: str, at: datetime) -> str | None:
    digest = sha256(address.strip().casefold().encode()).hexdigest()
    until = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")
    found = ground.books.one(_LAST_WORD, digest, channel, until)
    return found[0] if found else None


def _paused(account: Account, message: Arrived, day: date) -> Iterator[str]:
    for reason, contact, currency, span in account.pauses:
        if contact not in (None, message.contact) or currency not in (None, message.currency):
            continue
        if span.holds(message.at, day):
            yield f"{message.reached} on {day}, in a pause ({reason})"


def _caps(
    account: Account, message: Arrived, before: list[Arrived], zone: str, binding: Binding
) -> Iterator[str]:
    clock = ZoneInfo(zone)
    today = message.at.astimezone(clock).date()

    def within(days: int, moments: list[datetime]) -> int:
        first = today - timedelta(days=days - 1)
        return sum(first <= at.astimezone(clock).date() <= today for at in moments)

    reminders = [other for other in before if other.purpose == "reminder"]
    same = [
        other.at
        for other in reminders
        if (other.contact, other.channel, other.currency)
        == (message.contact, message.channel, message.currency)
    ]
    if within(1, same):
        yield (
            f"contact {message.contact} was reminded twice on {today} in {zone}"
            f" ({message.channel}, {message.currency}), the second time by message {message.id}"
        )
    for what, most, days in binding.caps:
        if what not in (message.channel, "all"):
            continue
        counted = [other.at for other in reminders if what in (other.channel, "all")]
        counted += [at for at in account.calls if at <= message.at] if what == "all" else []
        if within(days, counted) >= most:
            yield f"{message.reached}: one more than {most} in {days} days ({what}) for account {account.id}"
