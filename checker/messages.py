"""INV-8: what we say was sent was sent, what was sent is known, and nobody is reminded twice of one step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256
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
#: Mails to people of the house: no message of a debtor's, a job each.
_TO_HOUSE = """
SELECT kind, payload ->> 'kind', payload ->> 'staff', payload ->> 'key', lower(payload ->> 'to') FROM job
 WHERE kind IN ('staff_mail', 'text_trial')
"""
_HOUSE = "SELECT lower(email) FROM staff"
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
#: Who paid has the receipt; where nobody did by himself (a card that is kept), whoever the account has.
_RECEIPTS = """
SELECT p.id, a.account_id, a.contact_id, m.id, m.contact_id, m.channel, m.status,
       CAST(m.reasons AS TEXT), m.attempts, m.queued_at, trim(m.wire_id, '<>'),
       c.account_id, c.email, c.phone, c.forwarded_by_id, c.is_active,
       (SELECT MIN(r.id) FROM contact r WHERE r.account_id = a.account_id AND r.is_active
           AND r.forwarded_by_id IS NULL AND r.created_at <= e.posted_at),
       (SELECT MIN(l.id) FROM alert l WHERE l.key = 'message:' || CAST(m.id AS TEXT))
  FROM payment p JOIN payment_attempt a ON a.id = p.attempt_id
  LEFT JOIN ledger_entry e ON e.id = p.entry_id
  LEFT JOIN message m ON m.purpose = 'receipt'
       AND m.dedupe_key IN ('receipt:payment:' || CAST(p.id AS TEXT),
                            'receipt:payment:' || CAST(p.id AS TEXT) || ':email')
  LEFT JOIN contact c ON c.id = m.contact_id
 WHERE p.provider_charge_id IS NOT NULL ORDER BY p.id
"""
_NOES = """
SELECT contact_id, channel FROM consent_event WHERE event = 'opted_out'
"""
#: A receipt leaves at once; one whose carrier did not take it is tried again for days.
AT_ONCE, FOR_DAYS = timedelta(minutes=15), timedelta(days=3)
#: What truly keeps a receipt from its reader; hours, caps, pauses and flags do not bind it (decision 18).
_HINDERS = frozenset({"no_address", "contact_inactive", "dead_address", "opted_out", "not_allowed_here"})


def deliveries(ground: Ground) -> Iterator[str]:
    """Messages and mailbox agree by Message-ID; claims, days and receipts are as promised (decision 18)."""
    assert ground.mailbox is not None
    named, house = _to_house(ground.books)
    ours = ground.books.rows(_OURS, by="trim(m.wire_id, '<>')")
    theirs = ground.mailbox.rows(_THEIRS, by="trim(message_id, '<> ')")
    for key, (told, arrived) in side_by_side(ours, theirs):
        ground.rows += 1
        if not told and str(key).partition("@")[0] not in named:
            yield f"mailbox message {arrived[0][1]} ({key or 'without a Message-ID'}) is no message of ours"
        elif not told:
            for _, mailbox_id, _, recipient in arrived:
                if recipient not in house:
                    yield f"mailbox message {mailbox_id} ({key}) was for the house and went to somebody else"
        for row in told:
            yield from _delivery(ground, row, arrived)
    yield from _claims(ground.books)
    yield from _days(ground.books)
    yield from _steps(ground.books)
    yield from _receipts(ground)


def _to_house(books: Source) -> tuple[set[str], set[str]]:
    """Names under which mails to people of the house leave, and where these are or were written to."""
    named, house = set(), {email for (email,) in books.rows(_HOUSE)}
    for job, kind, staff, key, to in books.rows(_TO_HOUSE):
        fact = f"trial:{key}" if job == "text_trial" else f"{kind}:{staff}:{key}"
        named.add(sha256(fact.encode()).hexdigest()[:32])
        house |= {to} if to else set()
    return named, house


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


def _receipts(ground: Ground) -> Iterator[str]:
    """Each payment by the gateway was confirmed to whoever made it, or the books say why it could not be."""
    noes = {(contact_id, channel) for contact_id, channel in ground.books.rows(_NOES)}
    for row in ground.books.rows(_RECEIPTS):
        payment_id, account_id, payer_id, message_id, contact_id, *_ = row
        reader_id = row[16]
        if message_id is None:
            if payer_id is not None:
                yield f"payment {payment_id} has no receipt for contact {payer_id}, who paid"
            elif reader_id is not None:
                yield f"payment {payment_id} has no receipt for anybody at account {account_id}"
            continue
        name = f"receipt {message_id} of payment {payment_id}"
        if payer_id not in (None, contact_id):
            yield f"{name} is for contact {contact_id}, contact {payer_id} paid"
        if payer_id is None and (row[11] != account_id or row[14] is not None):
            yield f"{name} is for contact {contact_id}, who does not stand for account {account_id}"
        against = _not_told(ground, row, noes)
        if against is not None:
            yield f"{name} {against}"


def _not_told(ground: Ground, row: Row, noes: set[tuple[int, str]]) -> str | None:
    """What is wrong with a receipt that did not reach its reader; None where nothing is."""
    contact_id, channel, status, reasons, tries, queued_at, wire_id, _, email, phone = row[4:14]
    is_active, alert_id = row[15], row[17]
    if status in _TOLD:  # and in the mailbox: see above
        return None
    said = set(json.loads(reasons))
    if status in ("queued", "sending", "unknown"):
        patience = FOR_DAYS if tries else AT_ONCE
        waits = moment(queued_at) > ground.now - patience
        if waits or alert_id is not None or (status == "unknown" and not is_active):
            return None
        assert ground.mailbox is not None
        arrived = ground.mailbox.one(
            "SELECT 1 FROM message WHERE message_id IN (?, ?)", wire_id, f"<{wire_id}>"
        )
        if status == "unknown" and arrived is not None:
            return None
        return f"is {status} since {moment(queued_at).isoformat(timespec='minutes')}"
    if status == "failed":
        return None if alert_id is not None else "is failed, and no alert was raised"
    if status != "suppressed":
        return f"is {status}"
    if "given_up" in said:
        return None if alert_id is not None else "is given up, and no alert was raised"
    if "no_address" in said and (email if channel == "email" else phone) is not None:
        return f"is suppressed for want of an address, and contact {contact_id} has one"
    if "contact_inactive" in said and is_active:
        return f"is suppressed as if contact {contact_id} had left"
    if "opted_out" in said and (contact_id, channel) not in noes:
        return f"is suppressed as after a no, and contact {contact_id} said none by {channel}"
    if not said or said - _HINDERS:
        return f"is suppressed: {', '.join(sorted(said - _HINDERS)) or 'nothing says why'}"
    return None


def _ids(rows: list[Row]) -> str:
    return ", ".join(str(row[1]) for row in rows)
