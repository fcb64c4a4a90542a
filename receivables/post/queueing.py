"""Letters join the queue with their content fixed, leave it unprinted, and where they go is kept.

Source: issue of the ladder, part 7; domain.md, "The ladder" (official letter, formal warning, hand over).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import new_ref
from models.ladder import LadderStep
from models.links import Channel
from models.messages import Purpose
from models.post import PostLetter
from models.states import PostStatus, advance
from receivables import outbox
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.contact.readers import reader_of
from receivables.contact.rules import prefers_other
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy, current_policy
from receivables.post import legal_steps
from receivables.post.papers import KINDS, content, contract_language
from receivables.texts import clean_words, one_line, postal_lines

#: Letters that are mailed too; a letter of claim goes by post, where its enclosures go.
MAILED = frozenset({"first_letter_strict", "official_letter", "formal_warning", "handover_notice"})
#: Longest address: lines, and characters of all of them.
MOST_LINES = 6
MOST_ADDRESS = 300
#: Longest reason for taking a letter out, characters.
MOST_REASON = 200


def queue_letter(
    session: Session,
    actor: Actor,
    account: Account,
    *,
    kind: str,
    currency: str,
    step: LadderStep | None = None,
    deadline_on: date | None = None,
    facts: Mapping[str, Any] | None = None,
    now: datetime,
) -> PostLetter:
    """Put one letter into the post queue, with the amounts that are asked for now.

    Where somebody who pays has an e-mail address, the letter goes there too, with its PDF.

    Args:
        kind: one of papers.KINDS.
        currency: ISO 4217; a letter asks in one.
        step: the ladder's step that wants it; it wants one letter of a kind once.
        deadline_on: account-local day; None: by policy and law (`deadline`).
        facts: what the books do not know: handover_to, handover_contact, handover_on (a day) for a
            notice of hand-over; next_step ("agency", "lawyer", "court") for a warning.
    Returns:
        The waiting letter; the one of before for a second call about the same step, or about the same
        kind, currency and day.
    Raises:
        NotAllowed: the actor may not queue letters.
        Refused: unknown_letter, flagged, no_address, nothing_asked, fact_missing, day_past.
    Source: policy letters.deadline_days, letters.post_days.
    """
    require(actor, Permission.LETTER_QUEUE, account_id=account.id)
    if kind not in KINDS:
        raise Refused("unknown_letter", kind=kind)
    today = business_date(now, account.zone)
    key = f"{kind}:step:{step.id}" if step else f"{kind}:{account.id}:{currency}:{today}"
    known = session.scalar(select(PostLetter).where(PostLetter.dedupe_key == key))
    if known is not None:
        return known
    if deadline_on is not None and deadline_on <= today:
        raise Refused("day_past")
    given = {name: _plain(value) for name, value in (facts or {}).items()}
    if deadline_on is not None:
        given["deadline_on"] = deadline_on.isoformat()
    step_id = step.id if step else None
    letter = _queue(session, actor, account, kind, currency, key, step_id, given, now=now)
    _mail(session, actor, account, letter, now=now)
    return letter


def renew(
    session: Session, actor: Actor, letter: PostLetter, account: Account, *, now: datetime
) -> PostLetter:
    """Withdraw a letter that is no longer right, and queue it anew about the same documents.

    Raises:
        NotAllowed.
        Refused: as `queue_letter`; then the letter is to be withdrawn for that reason.
    """
    require(actor, Permission.LETTER_QUEUE, account_id=letter.account_id)
    only = [row["ref"] for row in letter.facts["rows"]]
    base = letter.dedupe_key.partition(":again:")[0]
    fresh = _queue(
        session, actor, account, letter.kind, letter.currency, f"{base}:again:{letter.id}", letter.step_id,
        letter.facts["given"], now=now, only=only,
    )  # fmt: skip
    withdraw(session, actor, letter, reason="renewed", now=now)
    return fresh


def withdraw(session: Session, actor: Actor, letter: PostLetter, *, reason: str, now: datetime) -> PostLetter:
    """Take a letter out of the post before it is posted.

    Args:
        reason: a code ("nothing_asked", "renewed") or a person's words, at most MOST_REASON characters.
    Raises:
        NotAllowed.
        Refused: reason_missing, words_too_long, letter_gone (it is posted, or was taken out).
    """
    require(actor, Permission.LETTER_PRINT, account_id=letter.account_id)
    words = one_line(clean_words(reason, most=MOST_REASON))
    if not words:
        raise Refused("reason_missing")
    if letter.status not in (PostStatus.WAITING, PostStatus.PRINTED):
        raise Refused("letter_gone")
    advance(letter, PostStatus.WITHDRAWN)
    letter.facts = {**letter.facts, "withdrawn": words}
    facts = {"kind": letter.kind, "why": words}
    record(
        session, actor, "letter.withdrawn", letter, account_id=letter.account_id, now=now,
        facts={"kind": letter.kind}, reason=words,
    )  # fmt: skip
    outbox.note(
        session, letter.account_id, "letter.withdrawn", now=now, facts=facts, staff_id=staff_id(actor)
    )
    return letter


def deadline(account: Account, kind: str, today: date, policy: Policy) -> date:
    """Return the day that a letter of today names: policy or law, whichever is more, and the post's days.

    It is a business day of the account's country.
    """
    step = legal_steps.step_of(account, kind)
    days = max(policy.letters.deadline_days.get(kind, 0), step.days if step else 0)
    return add_business_days(today + timedelta(days=days + policy.letters.post_days), 0, account.country)


def set_address(session: Session, actor: Actor, account: Account, address: str, *, now: datetime) -> Account:
    """Keep where letters to an account go; an empty address takes it away.

    Args:
        address: a line each, without the name; at most MOST_LINES lines and MOST_ADDRESS characters.
    Raises:
        NotAllowed: the actor may not change what is on file.
        Refused: words_too_long, address_lines.
    """
    require(actor, Permission.CONTACT_ADD, account_id=account.id)
    wanted = postal_lines(clean_words(address, most=MOST_ADDRESS))
    if wanted and len(wanted.splitlines()) > MOST_LINES:
        raise Refused("address_lines", most=MOST_LINES)
    before, account.postal_address = account.postal_address, wanted
    if before != account.postal_address:
        record(
            session, actor, "account.address_changed", account, account_id=account.id, now=now,
            personal={"from": before or "", "to": account.postal_address or ""},
        )  # fmt: skip
    return account


def letter_of(session: Session, ref: str, *, lock: bool = False) -> PostLetter:
    """Return a letter by its ref. Raises: NotFound."""
    found = select(PostLetter).where(PostLetter.ref == ref)
    letter = session.scalar(found.with_for_update() if lock else found)
    if letter is None:
        raise NotFound("not_found")
    return letter


def _queue(
    session: Session,
    actor: Actor,
    account: Account,
    kind: str,
    currency: str,
    key: str,
    step_id: int | None,
    given: Mapping[str, Any],
    *,
    now: datetime,
    only: Collection[str] | None = None,
) -> PostLetter:
    policy, today = current_policy(session, now), business_date(now, account.zone)
    rule = legal_steps.step_of(account, kind)
    contact = reader_of(session, account.id)
    usual = "court" if kind == "claim_letter" else policy.letters.next_step
    facts = content(
        session, account, contact, kind, currency, given=given, only=only, now=now,
        next_step=str(given.get("next_step") or usual),
        enclosures=rule.enclosures if rule else (),
        registered=bool(rule and rule.registered),
    )  # fmt: skip
    language = contract_language(session, account)
    own = contact.language if contact and contact.language and not account.language_chosen_at else None
    reads = own or account.language
    letter = PostLetter(
        ref=new_ref(),
        account_id=account.id,
        contact_id=contact.id if contact else None,
        kind=kind,
        status=PostStatus.WAITING,
        language=language,
        reading_language=reads if reads != language else None,
        address=account.postal_address or "",
        currency=currency,
        facts=facts,
        step_id=step_id,
        dedupe_key=key,
        queued_at=now,
        deadline_on=_deadline(account, kind, given, today, policy),
    )
    try:
        with session.begin_nested():
            session.add(letter)
            session.flush()
    except IntegrityError:  # another worker queued the same in this moment
        return session.scalars(select(PostLetter).where(PostLetter.dedupe_key == key)).one()
    said = {"kind": kind, "amount_minor": facts["amount_minor"], "currency": currency}
    record(session, actor, "letter.queued", letter, account_id=account.id, now=now, facts=said)
    outbox.note(session, account.id, "letter.queued", now=now, facts=said, staff_id=staff_id(actor))
    return letter


def _mail(session: Session, actor: Actor, account: Account, letter: PostLetter, *, now: datetime) -> None:
    """Queue the mail that says the same and takes the PDF along; the gate decides when it leaves."""
    given = letter.facts["given"]
    contact = reader_of(session, account.id, by_mail=True)
    if contact is None or letter.kind not in MAILED or prefers_other(session, contact, Channel.EMAIL):
        return
    if letter.kind == "handover_notice" and "handover_id" not in given:
        return  # who placed the case writes the mail
    facts = {
        **given, "letter": letter.ref, "next_step": letter.facts["next_step"],
        "deadline_on": letter.deadline_on.isoformat() if letter.deadline_on else None,
    }  # fmt: skip
    if "handover_id" in given:
        facts["handover_id"] = int(given["handover_id"])
    if letter.step_id is not None:
        facts["step_id"] = letter.step_id
    outbox.enqueue(
        session, actor, account=account, contact=contact, channel=Channel.EMAIL, purpose=Purpose.REMINDER,
        kind=letter.kind, facts=facts, dedupe_key=f"letter:{letter.dedupe_key}:{contact.id}",
        currency=letter.currency, now=now,
    )  # fmt: skip


def _deadline(account: Account, kind: str, given: Mapping[str, Any], today: date, policy: Policy) -> date:
    """The day that was asked for while it leaves the reader time; else the one by policy."""
    asked = given.get("deadline_on") or given.get("handover_on")
    if asked and date.fromisoformat(asked) >= today + timedelta(days=policy.letters.least_days):
        return date.fromisoformat(asked)
    return deadline(account, kind, today, policy)


def _plain(value: Any) -> str:
    """A fact as JSON keeps it: a day in its form, words on one line."""
    return value.isoformat() if isinstance(value, date) else one_line(str(value))


def staff_id(actor: Actor) -> int | None:
    """Return who of the staff acts; None for the system."""
    return actor.id if actor.kind is ActorKind.STAFF else None
