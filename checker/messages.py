"""INV-8: what we say was sent was sent, what was sent is known, and nobody is reminded twice of one step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from checker.ground import Ground
from checker.sources import Row, Source, moment, side_by_side

_TOLD = frozenset({"sent", "delivered", "bounced"})
_CHANNEL = {"mail": "email", "sms": "sms"}

_OURS = """
SELECT trim(m.wire_id, '<>'), m.id, m.channel, m.purpose, m.status, m.locked_until,
       (SELECT max(c.id) FROM contact_ledger c WHERE c.message_id = m.id)
  FROM message m
"""
_THEIRS = "SELECT trim(message_id, '<> '), id, channel, lower(recipient) FROM message"
#: People of the house, and where they were written to before their address changed.
_HOUSE = """
SELECT lower(email) FROM staff
UNION SELECT lower(CAST(payload ->> 'to' AS TEXT)) FROM job WHERE kind = 'staff_mail'
"""
_CLAIMS = "SELECT contact_id, channel, currency, business_on, id FROM contact_ledger ORDER BY 1, 2, 3, 4, 5"
_REMINDERS = """
SELECT m.contact_id, m.channel, COALESCE(m.currency, ''), m.id, m.sent_at, a.zone,
       (SELECT max(CAST(d.inputs ->> 'zones' AS TEXT)) FROM contact_decision d
         WHERE d.message_id = m.id AND d.allowed)
  FROM message m JOIN account a ON a.id = m.account_id
 WHERE m.purpose = 'reminder' AND m.sent_at IS NOT NULL AND m.status IN ('sent', 'delivered', 'bounced')
 ORDER BY 1, 2, 3, m.sent_at, m.id
"""
#: Each rung of each document in a cycle, with whom it was told to and how.
_STEPS = """
SELECT m.contact_id, m.channel, m.kind, t.invoice_id, t.cycle, t.rung, m.id
  FROM message m JOIN ladder_meeting t ON t.step_id = CAST(m.facts ->> 'step_id' AS INTEGER)
 WHERE m.purpose = 'reminder' AND m.status IN ('sent', 'delivered', 'bounced', 'unknown')
 ORDER BY 1, 2, 3, 4, 5, 6, 7
"""
_WITHOUT_RECEIPT = """
SELECT p.id, c.id FROM payment p JOIN payment_attempt a ON a.id = p.attempt_id
  JOIN contact c ON c.id = a.contact_id
  LEFT JOIN message m ON m.purpose = 'receipt'
       AND m.dedupe_key IN ('receipt:payment:' || CAST(p.id AS TEXT),
                            'receipt:payment:' || CAST(p.id AS TEXT) || ':email')
 WHERE c.email IS NOT NULL AND m.id IS NULL ORDER BY p.id
"""


def deliveries(ground: Ground) -> Iterator[str]:
    """Messages and mailbox agree by Message-ID; claims, days and receipts are as promised (decision 18)."""
    assert ground.mailbox is not None
    house = {row[0] for row in ground.books.rows(_HOUSE)}
    ours = ground.books.rows(_OURS, by="trim(m.wire_id, '<>')")
    theirs = ground.mailbox.rows(_THEIRS, by="trim(message_id, '<> ')")
    for key, (told, arrived) in side_by_side(ours, theirs):
        ground.rows += 1
        if not told and arrived[0][3] not in house:
            yield f"mailbox message {arrived[0][1]} ({key or 'without a Message-ID'}) is no message of ours"
        for row in told:
            yield from _delivery(ground, row, arrived)
    yield from _claims(ground.books)
    yield from _days(ground.books)
    yield from _steps(ground.books)
    yield from _receipts(ground.books)


def _delivery(ground: Ground, row: Row, arrived: list[Row]) -> Iterator[str]:
    wire_id, message_id, channel, purpose, status, locked_until, claim_id = row
    name = f"{purpose} {message_id} ({wire_id})"
    if status in _TOLD and not arrived:
        yield f"{name} is {status} and never reached the mailbox"
    in_flight = status == "sending" and locked_until and moment(locked_until) > ground.now
    if arrived and status not in _TOLD and status != "unknown" and not in_flight:
        yield f"{name} is {status} and reached the mailbox as message {arrived[0][1]}"
    for _, mailbox_id, by, _ in arrived:
        if _CHANNEL.get(by) != channel:
            yield f"{name} was queued for {channel} and reached the mailbox by {by} as message {mailbox_id}"
    # A receipt may come twice with one Message-ID; everything else at most once.
    if purpose != "receipt" and len(arrived) > 1:
        yield f"{name} reached the mailbox {len(arrived)} times, as {_ids(arrived)}"
    if purpose == "reminder" and (arrived or status in _TOLD) and claim_id is None:
        yield f"{name} was sent without a claim in the contact ledger"


def _claims(books: Source) -> Iterator[str]:
    before: Row = ()
    for row in books.rows(_CLAIMS):
        if row[:4] == before[:4]:
            person, by, currency, day, claim_id = row
            yield f"contact {person} has two claims on {day} ({by}, {currency}): {before[4]} and {claim_id}"
        before = row


def _days(books: Source) -> Iterator[str]:
    before: tuple[Any, ...] = ()
    for *person, message_id, sent_at, zone, looked_at in books.rows(_REMINDERS):
        # The clock that was looked at then: the account may have moved since.
        zone = json.loads(looked_at)[0] if looked_at else zone
        day: date = moment(sent_at).astimezone(ZoneInfo(zone)).date()
        if (*person, day) == before[:4]:
            yield (
                f"contact {person[0]} was reminded twice on {day} ({person[1]}, {person[2]}):"
                f" messages {before[4]} and {message_id}"
            )
        before = (*person, day, message_id)


def _steps(books: Source) -> Iterator[str]:
    before: Row = ()
    for row in books.rows(_STEPS):
        if row[:6] == before[:6]:
            person, by, _, invoice_id, cycle, rung, message_id = row
            yield (
                f"contact {person} was told of {rung} twice by {by} (invoice {invoice_id}, cycle {cycle}):"
                f" messages {before[6]} and {message_id}"
            )
        before = row


def _receipts(books: Source) -> Iterator[str]:
    for payment_id, contact_id in books.rows(_WITHOUT_RECEIPT):
        yield f"payment {payment_id} has no receipt for contact {contact_id}, who has an e-mail address"


def _ids(rows: list[Row]) -> str:
    return ", ".join(str(row[1]) for row in rows)
