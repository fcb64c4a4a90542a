"""Make messages of a lease: ask the gate about each, claim its day, mint its links, write it.

Everything of a lease is one unit of work and the same few statements however many messages it has.
What comes of it leaves one after the other (jobs/outbox.py), and is looked at again before it does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.house import House
from models.accounts import Account, Contact
from models.links import Channel
from models.messages import Message, Purpose
from models.states import MessageStatus, advance
from models.store import write_together
from receivables import invoices, letters, links, message_texts, outbox, pauses
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.contact import changes, consents, decisions
from receivables.contact import rules as contact_rules
from receivables.contact.gathering import Question
from receivables.contact.inputs import place_of
from receivables.contact.rules import Decision
from receivables.flags import spoken
from receivables.people import codes, contacts, forwarding
from receivables.permissions import SYSTEM
from receivables.policy import Policy, current_policy
from receivables.ports import Attachment, Letter, Mail, MessageIncomplete, Rendered, Sms
from receivables.reading_ahead import reading_ahead


@dataclass(frozen=True, slots=True)
class Envelope:
    """A rendered message on its way out of one unit of work and into the next.

    Attributes:
        before: its status until it was claimed, to which it goes back when it does not set out.
        version: of its row since it was claimed; another worker that takes it up changes it.
        decision: why it may leave.
        seen: what it was made from.
    """

    message_id: int
    before: MessageStatus
    version: int
    mail: Mail | None
    sms: Sms | None
    decision: Decision
    seen: changes.Seen

    def is_in_hours(self, now: datetime) -> bool:
        """Whether the gate's answer would be the same at this moment: the hour may have passed."""
        inputs, binding = self.decision.inputs, self.decision.binding
        if inputs is None or binding is None:
            return False
        answer = contact_rules.judge(replace(inputs, at=now), binding)
        return answer.allowed and answer.business_on == self.decision.business_on


@dataclass(frozen=True, slots=True)
class _Piece:
    """One message in the making, with the rows that belong to it."""

    message: Message
    before: MessageStatus
    account: Account
    contact: Contact
    #: Where a code or a word about a change goes that is not on file.
    unfiled: str | None

    @property
    def address(self) -> str:
        return self.unfiled or consents.address_of(self.contact, self.message.channel) or ""

    @property
    def question(self) -> Question:
        m = self.message
        return Question(self.account, self.contact, m.channel, m.purpose, m.currency, m.id, self.unfiled)


def make(
    session: Session, house: House, message_ids: Sequence[int], enclosed: Mapping[int, Attachment], *,
    now: datetime,
) -> list[Envelope]:  # fmt: skip
    """Make the messages that may leave now, and commit them to `sending`; the others say why not.

    Args:
        enclosed: the files that go along, by message.
    """
    pieces = _taken(session, message_ids)
    if not pieces:
        return []
    policy = current_policy(session, now)
    digests = changes.digests_of([p.contact for p in pieces], [p.unfiled for p in pieces if p.unfiled])
    states = changes.states(session, [p.message.id for p in pieces], digests)
    days = {p.account.id: business_date(now, place_of(p.account)["zones"][0]) for p in pieces}
    open_rows = invoices.open_rows_of(session, days)
    made: list[tuple[_Piece, Decision, Mail | Sms]] = []
    with reading_ahead(
        session,
        pauses=pauses.standing_of(session, days),
        open_rows={(account_id, day): open_rows[account_id] for account_id, day in days.items()},
        senders=links.sender_rows(session, list(days)),
        texts={
            "all": message_texts.in_force(
                session, {"neutral_notice", *(p.message.kind for p in pieces)}, now=now
            )
        },
    ):
        passed = [
            found for wave in _waves(pieces) for found in _allowed(session, house, wave, policy, now=now)
        ]
        for piece, decision in passed:
            written = _written(session, house, piece, policy, enclosed.get(piece.message.id), now=now)
            if written is not None:
                made.append((piece, decision, written))
    write_together(session, [piece.message for piece, _, _ in made])
    session.flush()
    return [
        Envelope(
            message_id=piece.message.id,
            before=piece.before,
            version=piece.message.version,
            mail=written if isinstance(written, Mail) else None,
            sms=written if isinstance(written, Sms) else None,
            decision=decision,
            seen=changes.Seen(
                account_id=piece.account.id,
                today=days[piece.account.id],
                digests=digests,
                state=states[piece.message.id],
                rows=tuple(open_rows[piece.account.id]),
            ),
        )
        for piece, decision, written in made
    ]


# --------------------------------------------------------------------------- taking up


def _taken(session: Session, message_ids: Sequence[int]) -> list[_Piece]:
    """Lock what the messages need and return those that still wait, in the order given.

    Accounts first, then contacts, then messages, each in the order of their ids: as whoever says no, so
    that nobody waits in a ring.
    """
    turns = session.execute(
        select(Message.account_id, Message.contact_id, Message.purpose).where(Message.id.in_(message_ids))
    ).all()
    accounts = {
        account.id: account
        for account in contact_rules.take_turns(
            session, {turn.account_id for turn in turns if turn.purpose is Purpose.REMINDER}
        )
    }
    rest = {turn.account_id for turn in turns} - accounts.keys()
    if rest:
        accounts |= {a.id: a for a in session.scalars(select(Account).where(Account.id.in_(rest)))}
    people = {
        contact.id: contact
        for contact in session.scalars(
            select(Contact)
            .where(Contact.id.in_({turn.contact_id for turn in turns}))
            .order_by(Contact.id)
            .with_for_update(read=True, key_share=True)
        )
    }
    waiting = {
        message.id: message
        for message in session.scalars(
            select(Message).where(Message.id.in_(message_ids)).order_by(Message.id).with_for_update()
        )
        if message.status in (MessageStatus.QUEUED, MessageStatus.UNKNOWN)
    }
    return [
        _Piece(
            message, message.status, accounts[message.account_id], people[message.contact_id],
            _unfiled(session, message),
        )
        for message in (waiting[i] for i in message_ids if i in waiting)
    ]  # fmt: skip


def _unfiled(session: Session, message: Message) -> str | None:
    is_code = message.purpose is Purpose.CODE
    return codes.address_for(session, message) if is_code else contacts.address_before(message)


def _waves(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Cut a lease into waves with one reminder of an account at most: the next counts after its claim."""
    left = list(pieces)
    while left:
        wave: list[_Piece] = []
        later: list[_Piece] = []
        seen: set[int] = set()
        for piece in left:
            reminder = piece.message.purpose is Purpose.REMINDER
            (later if reminder and piece.account.id in seen else wave).append(piece)
            if reminder:
                seen.add(piece.account.id)
        yield wave
        left = later


# --------------------------------------------------------------------------- the gate


def _allowed(
    session: Session, house: House, wave: Sequence[_Piece], policy: Policy, *, now: datetime
) -> list[tuple[_Piece, Decision]]:
    """Ask the gate, keep its answers, claim the days; return what may leave now."""
    answers = contact_rules.may_contact_each(session, [p.question for p in wave], policy=policy, now=now)
    passed = []
    for piece, decision in zip(wave, answers, strict=True):
        decisions.keep(session, piece.account, piece.contact, decision, message_id=piece.message.id, now=now)
        if _may_leave(session, house, piece, decision, policy, now=now):
            passed.append((piece, decision))
    reminders = [(p.message, d) for p, d in passed if p.message.purpose is Purpose.REMINDER]
    contact_rules.claim_each(session, reminders, now=now)
    return passed


def _may_leave(
    session: Session, house: House, piece: _Piece, decision: Decision, policy: Policy, *, now: datetime
) -> bool:
    """Whether nothing stands against the message; it waits or is suppressed where something does."""
    message, reasons = piece.message, list(decision.reasons)
    if "sending_stopped" in reasons:  # since it was leased: it waits as it is
        message.locked_until = None
        return False
    if piece.address and not house.may_deliver_to(piece.address, message.channel is Channel.SMS):
        reasons.append("not_allowed_here")
    if not reasons and not letters.is_still_true(session, message, piece.account, now=now):
        reasons.append("nothing_due")
    is_code = message.purpose is Purpose.CODE
    if is_code and not reasons and codes.is_over(session, message, policy=policy, now=now):
        reasons.append("code_over")
    if decision.next_at is not None and reasons == ["outside_hours"]:
        message.not_before, message.locked_until = decision.next_at, None
        return False
    if reasons:
        if message.status is MessageStatus.QUEUED:
            suppress(session, message, tuple(reasons), now=now)
        else:
            rest(message, now=now)
    return not reasons


def suppress(session: Session, message: Message, reasons: tuple[str, ...], *, now: datetime) -> None:
    """Let a queued message never leave, and say why."""
    message.reasons, message.locked_until = list(reasons), None
    advance(message, MessageStatus.SUPPRESSED)
    record(
        session,
        SYSTEM,
        "message.moved",
        message,
        account_id=message.account_id,
        now=now,
        facts={"to": "suppressed", "reasons": [spoken(code) for code in reasons]},
    )


def rest(message: Message, *, now: datetime) -> None:
    """Let a message whose outcome stays unknown lie: nobody looks at it again."""
    message.not_before, message.locked_until = now + timedelta(days=3650), None


# --------------------------------------------------------------------------- writing


def _written(
    session: Session, house: House, piece: _Piece, policy: Policy, enclosed: Attachment | None, *,
    now: datetime,
) -> Mail | Sms | None:  # fmt: skip
    """Render one message and commit it to `sending`; None when its text can't be made."""
    message = piece.message
    try:
        carried, rendered = _rendered(session, house, piece, policy, enclosed, now=now)
    except MessageIncomplete as error:
        _fail(session, message, error, now=now)
        return None
    message.subject, message.body = rendered.subject, rendered.kept_text
    message.body_digest = hashlib.sha256(rendered.kept_text.encode()).hexdigest()
    message.template_version = rendered.template_version
    message.attempts += 1
    message.locked_until = now + policy.lease
    advance(message, MessageStatus.SENDING)
    return carried


def _fail(session: Session, message: Message, error: MessageIncomplete, *, now: datetime) -> None:
    """A text that can't be made is never sent half: failed by name, and somebody looks."""
    if message.status is MessageStatus.QUEUED:
        advance(message, MessageStatus.SENDING)
    message.reasons, message.locked_until = ["message_incomplete"], None
    advance(message, MessageStatus.FAILED)
    tell_incomplete(session, message, str(error), now=now)


def tell_incomplete(session: Session, message: Message, what: str, *, now: datetime) -> None:
    """Let a person hear of a message that could not be made."""
    outbox.raise_alert(
        session,
        "message_incomplete",
        f"message:{message.id}",
        now=now,
        account_id=message.account_id,
        facts={"what": what},
    )


def _rendered(
    session: Session, house: House, piece: _Piece, policy: Policy, enclosed: Attachment | None, *,
    now: datetime,
) -> tuple[Mail | Sms, Rendered]:  # fmt: skip
    message, contact = piece.message, piece.contact
    is_sms = message.channel is Channel.SMS
    base = house.settings.short_url if is_sms else house.settings.base_url
    link = expires_at = None
    if letters.needs_link(message):
        row, token = links.issue_later(
            session,
            SYSTEM,
            piece.account,
            contact=contact,
            channel=message.channel,
            policy=policy,
            message=message,
            invoice_id=forwarding.only_invoice(session, message, contact),
            now=now,
        )
        link, expires_at = f"{base}/l/{token}", row.expires_at
    way_out = consents.issue_opt_out(
        session, contact, message.channel, policy=policy, now=now, address=piece.address
    )
    stop = f"{base}/x/{way_out}"
    letter = letters.compose(session, message, link=link, link_expires_at=expires_at, stop=stop, now=now)
    if message.purpose is Purpose.CODE:
        letter = replace(letter, code=codes.make(session, message, policy=policy, now=now))
    if enclosed is not None:
        letter = replace(letter, encloses=True)
    rendered = house.presenter.render_message(letter)
    if is_sms:
        return Sms(piece.address, letter.sender.short_name, rendered.text, message.wire_id), rendered
    mail = _mail(message, contact, piece.address, letter, rendered, stop, now)
    return replace(mail, attachments=(enclosed,)) if enclosed is not None else mail, rendered


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
