"""Send what is queued: lease, ask the gate, render at the last moment, hand over, write down.

Delivery classes (P-26): reminders leave at most once (`sending` is committed first, an unknown
outcome counts as sent); receipts leave at least once with the same Message-ID. Several workers
share the queue; a lease that is over is free again.
"""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from jobs.enclosures import enclosure_of
from jobs.house import House
from models.accounts import Account, Contact
from models.links import Channel
from models.messages import Message, Purpose
from models.states import MessageStatus, advance
from receivables import letters, links, outbox
from receivables.audit import record
from receivables.contact import consents, decisions, inbound
from receivables.contact import rules as contact_rules
from receivables.ladder import switches
from receivables.people import codes, contacts, forwarding
from receivables.permissions import SYSTEM
from receivables.policy import Policy, current_policy
from receivables.ports import (
    Attachment,
    Letter,
    Mail,
    MessageIncomplete,
    Rendered,
    SendDeferred,
    SendRefused,
    SendUnknown,
    Sms,
)

log = logging.getLogger("amicable.outbox")

#: Tries before a message is given up, and how long one that was surely not taken waits besides:
#: a relay that is away for a night costs nobody a reminder (FT-23).
TRIES = 8
PATIENCE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A rendered message on its way out of one unit of work and into the next."""

    message_id: int
    mail: Mail | None
    sms: Sms | None


def send_due(house: House, *, worker: str, now: datetime, limit: int = 20) -> int:
    """Lease and send waiting messages; returns how many were looked at.

    A slow relay makes a lease of messages long, so each is sent at its own moment: `now` and what
    went by since. One that can't be sent holds up no other.
    """
    started = time.monotonic()
    with house.store.read() as session:
        policy = current_policy(session, now)
    leased = house.store.run(lambda s: _lease(s, worker=worker, policy=policy, now=now, limit=limit))
    for message_id in leased:
        moment = now + timedelta(seconds=time.monotonic() - started)
        try:
            deliver(house, message_id, now=moment)
        except Exception as error:
            log.exception("message stumbles", extra={"facts": {"message_id": message_id}})
            what = type(error).__name__
            house.store.run(lambda s, i=message_id, w=what: _stumble(s, i, w, now=now))  # type: ignore[misc]
    return len(leased)


def _lease(session: Session, *, worker: str, policy: Policy, now: datetime, limit: int) -> list[int]:
    free = or_(Message.locked_until.is_(None), Message.locked_until <= now)
    if switches.sending_stopped(session):
        # What chases stays in the queue until sending is allowed again (decision 22).
        free = and_(
            free,
            or_(Message.status == MessageStatus.SENDING, Message.purpose.not_in(contact_rules.CHASING)),
        )
    rows = session.scalars(
        select(Message)
        .where(
            free,
            Message.not_before <= now,
            or_(
                Message.status.in_([MessageStatus.QUEUED, MessageStatus.SENDING]),
                # At least once: a receipt whose outcome is unknown is sent again.
                and_(Message.status == MessageStatus.UNKNOWN, Message.purpose == Purpose.RECEIPT),
            ),
        )
        .order_by(Message.not_before, Message.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    leased = []
    for message in rows:
        if message.status is MessageStatus.SENDING:
            # Its worker died between the commit and the answer: the outcome is unknown (P-26).
            advance(message, MessageStatus.UNKNOWN)
            _note(session, message, MessageStatus.UNKNOWN, now=now)
            if message.purpose is not Purpose.RECEIPT:
                message.locked_until = None
                continue
        unsure = message.status is MessageStatus.UNKNOWN
        if message.attempts >= TRIES and (unsure or now - message.queued_at > PATIENCE):
            _give_up(session, message, now=now)
            continue
        message.worker, message.locked_until = worker, now + policy.lease
        leased.append(message.id)
    return leased


def _give_up(session: Session, message: Message, *, now: datetime) -> None:
    if message.status is MessageStatus.QUEUED:
        message.reasons = [*message.reasons, "given_up"]
        advance(message, MessageStatus.SUPPRESSED)
    else:
        _rest(message, now=now)
    outbox.raise_alert(
        session,
        "message_given_up",
        f"message:{message.id}",
        now=now,
        account_id=message.account_id,
        facts={"kind": message.kind},
    )


def _rest(message: Message, *, now: datetime) -> None:
    """Let a message whose outcome stays unknown lie: nobody looks at it again."""
    message.not_before, message.locked_until = now + timedelta(days=3650), None


def _later(message: Message, *, now: datetime) -> None:
    message.locked_until = None
    message.not_before = now + min(timedelta(seconds=30 * 2**message.attempts), timedelta(hours=1))


def _stumble(session: Session, message_id: int, what: str, *, now: datetime) -> None:
    """Put a message back that could not be made; a person hears of it (FT-08)."""
    message = session.get_one(Message, message_id, with_for_update=True)
    if message.status not in (MessageStatus.QUEUED, MessageStatus.UNKNOWN):
        return
    message.attempts += 1
    _later(message, now=now)
    _raise_incomplete(session, message, what, now=now)


def deliver(house: House, message_id: int, *, now: datetime) -> MessageStatus:
    """Send one leased message and return its status afterwards."""
    enclosed = enclosure_of(house, message_id, now=now)  # before `sending`: it may take seconds
    try:
        envelope = house.store.run(lambda s: _prepare(s, house, message_id, enclosed, now=now))
    except IntegrityError:  # another worker claimed the same day for this person
        envelope = None
        house.store.run(lambda s: _suppress(s, message_id, ("already_today",), now=now))
    if envelope is None:
        with house.store.read() as session:
            return session.get_one(Message, message_id).status
    reason: str | None = None
    try:
        _hand_over(house, envelope)
        outcome = MessageStatus.SENT
    except SendRefused as error:
        outcome, reason = MessageStatus.FAILED, str(error)
    except SendDeferred as error:
        outcome, reason = MessageStatus.QUEUED, str(error)
    except SendUnknown as error:
        outcome, reason = MessageStatus.UNKNOWN, str(error)
    except Exception as error:  # nobody knows how far it came (P-26)
        log.exception("carrier stumbles", extra={"facts": {"message_id": message_id}})
        outcome, reason = MessageStatus.UNKNOWN, type(error).__name__
    return house.store.run(lambda s: _close(s, message_id, outcome, reason, now=now))


def _hand_over(house: House, envelope: Envelope) -> None:
    if envelope.mail is not None:
        if house.mail is None:
            raise SendDeferred("no_mail_carrier")
        house.mail.send(envelope.mail)
    elif envelope.sms is not None:
        if house.sms is None:
            raise SendDeferred("no_sms_carrier")
        house.sms.send(envelope.sms)


def _suppress(session: Session, message_id: int, reasons: tuple[str, ...], *, now: datetime) -> None:
    message = session.get_one(Message, message_id, with_for_update=True)
    if message.status is not MessageStatus.QUEUED:
        return
    message.reasons, message.locked_until = list(reasons), None
    advance(message, MessageStatus.SUPPRESSED)
    record(
        session,
        SYSTEM,
        "message.moved",
        message,
        account_id=message.account_id,
        now=now,
        facts={"to": "suppressed", "reasons": list(reasons)},
    )


def _prepare(
    session: Session, house: House, message_id: int, enclosed: Attachment | None, *, now: datetime
) -> Envelope | None:
    """Ask the gate, make links, render, commit to `sending`; None when it does not leave now."""
    turn = session.execute(select(Message.account_id, Message.purpose).where(Message.id == message_id)).one()
    if turn.purpose is Purpose.REMINDER:
        contact_rules.take_turn(session, turn.account_id)
    message = session.get_one(Message, message_id, with_for_update=True)
    if message.status not in (MessageStatus.QUEUED, MessageStatus.UNKNOWN):
        return None
    account = session.get_one(Account, message.account_id)
    contact = session.get_one(Contact, message.contact_id)
    policy = current_policy(session, now)
    is_code = message.purpose is Purpose.CODE
    unfiled = codes.address_for(session, message) if is_code else contacts.address_before(message)
    decision = contact_rules.may_contact(
        session,
        account,
        contact,
        channel=message.channel,
        purpose=message.purpose,
        currency=message.currency,
        policy=policy,
        now=now,
        message_id=message.id,
        address=unfiled,
    )
    decisions.keep(session, account, contact, decision, message_id=message.id, now=now)
    address = unfiled or consents.address_of(contact, message.channel) or ""
    reasons = list(decision.reasons)
    if "sending_stopped" in reasons:  # since it was leased: it waits as it is
        message.locked_until = None
        return None
    if address and not house.may_deliver_to(address, message.channel is Channel.SMS):
        reasons.append("not_allowed_here")
    reminder = message.purpose is Purpose.REMINDER
    if not reasons and not letters.is_still_true(session, message, account, now=now):
        reasons.append("nothing_due")
    if is_code and not reasons and codes.is_over(session, message, policy=policy, now=now):
        reasons.append("code_over")
    if decision.next_at is not None and reasons == ["outside_hours"]:
        message.not_before, message.locked_until = decision.next_at, None
        return None
    if reasons:
        if message.status is MessageStatus.QUEUED:
            _suppress(session, message.id, tuple(reasons), now=now)
        else:
            _rest(message, now=now)
        return None
    if reminder:
        claim = contact_rules.claim(session, message, decision, now=now)
        if claim.business_on != decision.business_on:
            _suppress(session, message.id, ("day_over",), now=now)
            return None
    try:
        envelope, rendered = _render(
            session, house, message, account, contact, address, policy, enclosed, now=now
        )
    except MessageIncomplete as error:
        _incomplete(session, message, error, now=now)
        return None
    message.subject, message.body = rendered.subject, rendered.kept_text
    message.body_digest = hashlib.sha256(rendered.kept_text.encode()).hexdigest()
    message.template_version = rendered.template_version
    message.attempts += 1
    message.locked_until = now + policy.lease
    advance(message, MessageStatus.SENDING)
    return envelope


def _incomplete(session: Session, message: Message, error: MessageIncomplete, *, now: datetime) -> None:
    """A text that can't be made is never sent half: failed by name, and somebody looks."""
    if message.status is MessageStatus.QUEUED:
        advance(message, MessageStatus.SENDING)
    message.reasons, message.locked_until = ["message_incomplete"], None
    advance(message, MessageStatus.FAILED)
    _raise_incomplete(session, message, str(error), now=now)


def _raise_incomplete(session: Session, message: Message, what: str, *, now: datetime) -> None:
    outbox.raise_alert(
        session,
        "message_incomplete",
        f"message:{message.id}",
        now=now,
        account_id=message.account_id,
        facts={"what": what},
    )


def _render(
    session: Session,
    house: House,
    message: Message,
    account: Account,
    contact: Contact,
    address: str,
    policy: Policy,
    enclosed: Attachment | None,
    *,
    now: datetime,
) -> tuple[Envelope, Rendered]:
    is_sms = message.channel is Channel.SMS
    base = house.settings.short_url if is_sms else house.settings.base_url
    link = expires_at = None
    if letters.needs_link(message):
        row, token = links.issue(
            session,
            SYSTEM,
            account,
            contact=contact,
            channel=message.channel,
            policy=policy,
            message=message,
            invoice_id=forwarding.only_invoice(session, message, contact),
            now=now,
        )
        link, expires_at = f"{base}/l/{token}", row.expires_at
    way_out = consents.issue_opt_out(
        session, contact, message.channel, policy=policy, now=now, address=address
    )
    stop = f"{base}/x/{way_out}"
    letter = letters.compose(session, message, link=link, link_expires_at=expires_at, stop=stop, now=now)
    if message.purpose is Purpose.CODE:
        letter = replace(letter, code=codes.make(session, message, policy=policy, now=now))
    if enclosed is not None:
        letter = replace(letter, encloses=True)
    rendered = house.presenter.render_message(letter)
    if is_sms:
        sms = Sms(address, letter.sender.short_name, rendered.text, message.wire_id)
        return Envelope(message.id, None, sms), rendered
    mail = _mail(message, contact, address, letter, rendered, stop, now)
    if enclosed is not None:
        mail = replace(mail, attachments=(enclosed,))
    return Envelope(message.id, mail, None), rendered


def _mail(
    message: Message,
    contact: Contact,
    address: str,
    letter: Letter,
    rendered: Rendered,
    stop: str,
    now: datetime,
) -> Mail:
    return Mail(
        to=address,
        to_name=contact.name,
        from_name=f"{letter.sender.person}, {letter.sender.name}",
        from_address=letter.sender.email,
        reply_to=None,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        message_id=message.wire_id,
        sent_at=now,
        headers={
            "List-Unsubscribe": f"<{stop}/one-click>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Content-Language": message.language,
        },
    )


def _close(
    session: Session, message_id: int, outcome: MessageStatus, reason: str | None, *, now: datetime
) -> MessageStatus:
    message = session.get_one(Message, message_id, with_for_update=True)
    if message.status is not MessageStatus.SENDING:
        return message.status
    advance(message, outcome)
    message.locked_until = None
    if outcome is MessageStatus.SENT:
        message.sent_at = now
    if outcome in (MessageStatus.QUEUED, MessageStatus.UNKNOWN):
        _later(message, now=now)
    if outcome is MessageStatus.FAILED:
        message.reasons = ["carrier_refused"]
        outbox.raise_alert(
            session,
            "message_refused",
            f"message:{message.id}",
            now=now,
            account_id=message.account_id,
            facts={"why": reason or ""},
        )
        inbound.refused_at_the_door(session, message, reason or "", now=now)
    _note(session, message, outcome, now=now)
    record(
        session,
        SYSTEM,
        "message.moved",
        message,
        account_id=message.account_id,
        now=now,
        facts={"to": outcome.value, "try": message.attempts},
    )
    return outcome


def _note(session: Session, message: Message, outcome: MessageStatus, *, now: datetime) -> None:
    outbox.note(
        session,
        message.account_id,
        f"message.{outcome.value}",
        contact_id=message.contact_id,
        now=now,
        facts={"message": message.id, "kind": message.kind, "channel": message.channel.value},
    )
