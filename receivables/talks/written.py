"""Write down a call, visit or talk by messenger with everything that was agreed in it, in one unit of work.

A promise needs its amount and day, a dispute its invoice, a recording its basis; what lacks any of them
is refused whole, so that the log never says more than the books. Source: issue D, part 3; domain.md,
"If it is not written, it did not happen".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import Promise
from models.disputes import Dispute, DisputeReason
from models.links import Channel
from models.messages import CallAttempt, Direction, Spoken
from models.money import Money
from receivables.answers import hardship
from receivables.arrangements import promises
from receivables.desk import called
from receivables.disputes.claims import Claim
from receivables.disputes.opening import open_dispute
from receivables.errors import NotFound, Refused
from receivables.files import ReceivedFile
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy
from receivables.talks import recordings

#: Outcomes that are nothing without what was agreed.
NEEDS = {"promised": "promise_missing", "disputed": "dispute_missing", "hardship": "cannot_missing"}
#: What "cannot pay" leads to: parts that the rules give, or a person who looks at the case.
CANNOT = ("plan", "person")


@dataclass(frozen=True, slots=True)
class Promised:
    """What was promised: an amount, and the day."""

    amount: Money
    on: date


@dataclass(frozen=True, slots=True)
class Disputed:
    """What is wrong, with which invoice; `amount` None is the whole of it."""

    invoice: str
    reason: DisputeReason
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What goes with it: a recording with the basis that was stated, and photos of a visit."""

    recording: ReceivedFile | None = None
    basis: str = ""
    photos: Sequence[ReceivedFile] = ()


@dataclass(frozen=True, slots=True)
class Talk:
    """How they spoke, and what came of it; see `receivables.desk.called.write_down`."""

    contact: str
    talked: bool
    outcome: str
    follows: called.Next
    words: str = ""
    task: str = ""
    direction: Direction = Direction.OUT
    channel: Spoken = Spoken.PHONE
    number: str = ""
    checks: Sequence[str] = ()
    no_calls: bool = False
    instead: Channel | None = None
    promised: Promised | None = None
    disputed: Disputed | None = None
    cannot: str = ""
    enclosed: Enclosed = Enclosed()


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the books now."""

    call: CallAttempt
    promise: Promise | None
    dispute: Dispute | None


def speaking_for(actor: Actor, contact: Contact) -> Actor:
    """The collector as the one who writes down what a contact said: he acts, the words are the contact's."""
    return replace(actor, account_id=contact.account_id, contact_id=contact.id)


def write_down(session: Session, actor: Actor, ref: str, talk: Talk, *, now: datetime) -> Written:
    """Write a talk down with what was agreed.

    Args:
        ref: of the account.
        talk: as the collector filled it in.
    Raises:
        NotAllowed, NotFound.
        Refused: of `called.write_down`, `promises.promise`, `open_dispute`, `hardship.tell` and
            `recordings.attach`; promise_missing, dispute_missing, cannot_missing; `outcome_unfit` (an
            agreement that the outcome does not name); photos_many (facts: most).
    """
    require(actor, Permission.CALL_LOG)
    _check(talk)
    if talk.enclosed.recording is not None and talk.channel is not Spoken.PHONE:
        raise Refused("recording_not_a_call")
    policy = current_policy(session, now)
    if len(talk.enclosed.photos) > policy.talks.photos:
        raise Refused("photos_many", most=policy.talks.photos)
    account = session.scalar(select(Account).where(Account.ref == ref))
    if account is None:
        raise NotFound("not_found")
    told_in_difficulty = talk.outcome == "hardship" and talk.cannot == "person"
    call = called.write_down(
        session, actor, ref, contact=talk.contact, talked=talk.talked, outcome=talk.outcome,
        follows=talk.follows,
        # Words of somebody in difficulty lie in his case and nowhere else.
        words="" if told_in_difficulty else talk.words,
        task=talk.task, direction=talk.direction, channel=talk.channel, number=talk.number,
        checks=talk.checks, no_calls=talk.no_calls, instead=talk.instead, now=now,
    )  # fmt: skip
    theirs = speaking_for(actor, session.get_one(Contact, call.contact_id))
    promise = dispute = None
    if talk.promised is not None:
        promise = promises.promise(session, theirs, account, talk.promised.amount, talk.promised.on, now=now)
    if talk.disputed is not None:
        dispute = open_dispute(
            session, theirs, talk.disputed.invoice, Claim(talk.disputed.reason, amount=talk.disputed.amount),
            words=talk.words, shown_at=now, now=now,
        )  # fmt: skip
        if dispute.account_id != account.id:
            raise NotFound("not_found")
    if told_in_difficulty:
        hardship.tell(session, theirs, account, talk.words, None, now=now)
    if talk.enclosed.recording is not None:
        recordings.attach(session, actor, call, talk.enclosed.recording, country=account.country,
                          basis=talk.enclosed.basis, policy=policy, now=now)  # fmt: skip
    for photo in talk.enclosed.photos:
        recordings.attach_photo(session, actor, call, photo, policy=policy, now=now)
    return Written(call, promise, dispute)


def _check(talk: Talk) -> None:
    """Refuse an outcome without what it names, and an agreement that the outcome does not name."""
    given = {"promised": talk.promised, "disputed": talk.disputed, "hardship": talk.cannot or None}
    if talk.outcome in NEEDS and given[talk.outcome] is None:
        raise Refused(NEEDS[talk.outcome])
    if talk.cannot and talk.cannot not in CANNOT:
        raise Refused("cannot_missing")
    if any(value is not None and outcome != talk.outcome for outcome, value in given.items()):
        raise Refused("outcome_unfit", outcome=talk.outcome)
