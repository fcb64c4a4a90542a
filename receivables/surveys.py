"""What stands beside the thanks after paying: the way back to the shop, one question, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, exists, or_, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.answers import HardshipCase, Survey
from models.arrangements import CreditHold
from models.creditors import Creditor
from models.disputes import Dispute
from models.money import Money
from models.payments import Payment, PaymentAttempt
from models.states import HOLDING_DISPUTES, HoldStatus, RequestStatus
from models.store import fetch
from receivables.audit import record
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, may, require
from receivables.policy import current_policy
from receivables.texts import clean_words

#: Longest comment, characters.
COMMENT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Thanks:
    """What a paid return page may offer.

    Attributes:
        payment_ref: random name of the payment, for its owner's pages.
        shop_url: way back to the shop; None while a hold, a hardship case or a dispute is open.
        answered: whether the question was answered, which is once for a payment.
    """

    payment_ref: str
    account_id: int
    shop_url: str | None
    answered: bool


@dataclass(frozen=True, slots=True)
class Question:
    """The payment that the one question is about."""

    ref: str
    amount: Money
    number: str
    answered: bool


#: Whether something is open in which a way to the shop would be out of place (domain.md, the ladder).
_OUT_OF_PLACE = or_(
    exists().where(CreditHold.account_id == Account.id, CreditHold.status == HoldStatus.ACTIVE),
    exists().where(HardshipCase.account_id == Account.id, HardshipCase.status == RequestStatus.OPEN),
    exists().where(Dispute.account_id == Account.id, Dispute.status.in_(HOLDING_DISPUTES)),
).label("out_of_place")

_ANSWERED = exists().where(Survey.payment_id == Payment.id).label("answered")

_THANKS = (
    select(Payment.ref, Payment.account_id, Creditor.shop_url, _OUT_OF_PLACE, _ANSWERED)
    .join(PaymentAttempt, PaymentAttempt.id == Payment.attempt_id)
    .join(Account, Account.id == Payment.account_id)
    .join(Creditor, Creditor.id == Account.creditor_id)
    .where(PaymentAttempt.ref == bindparam("attempt_ref"))
)

_QUESTION = select(
    Payment.ref, Payment.account_id, Payment.number, Payment.amount_minor, Payment.currency, _ANSWERED
).where(Payment.ref == bindparam("ref"))


def thanks(session: Session, attempt_ref: str) -> Thanks | None:
    """Return what may stand beside the thanks for an attempt; None while no money came of it."""
    r = fetch(session, _THANKS, {"attempt_ref": attempt_ref}).first()
    if r is None:
        return None
    shop = None if r.out_of_place else r.shop_url
    return Thanks(r.ref, r.account_id, shop, bool(r.answered))


def may_be_asked(session: Session, actor: Actor, shown: Thanks, *, now: datetime) -> bool:
    """Whether the one question is put to this visitor: his own payment, not answered, policy says so.

    Source: policy key after_paying.survey.
    """
    owns = actor.account_id == shown.account_id and may(actor, Permission.SURVEY_ANSWER)
    return owns and not shown.answered and current_policy(session, now).asks_survey


def question(session: Session, actor: Actor, ref: str) -> Question:
    """Return the payment that the question is about.

    Raises:
        NotAllowed: the link may not answer for the debtor.
        NotFound: no such payment, or another account's (L-15).
    """
    r = fetch(session, _QUESTION, {"ref": ref}).first()
    if r is None:
        require(actor, Permission.SURVEY_ANSWER)
        raise NotFound("not_found")
    require(actor, Permission.SURVEY_ANSWER, account_id=r.account_id)
    return Question(r.ref, Money(r.amount_minor, r.currency), r.number, bool(r.answered))


def answer(
    session: Session, actor: Actor, ref: str, *, score: int | None, comment: str, now: datetime
) -> Survey:
    """Keep the answer to the one question about a payment; the first answer stays.

    Args:
        ref: the payment's random name.
        score: 1 (hard) to 5 (easy).
        comment: free words, may be empty, at most COMMENT_MOST characters.
    Raises:
        NotAllowed, NotFound: as `question`.
        Refused: score_missing, words_too_long.
    """
    question(session, actor, ref)
    payment = session.scalars(select(Payment).where(Payment.ref == ref).with_for_update()).one()
    known = session.scalar(select(Survey).where(Survey.payment_id == payment.id))
    if known is not None:
        return known
    if score not in range(1, 6):
        raise Refused("score_missing")
    survey = Survey(
        payment_id=payment.id,
        account_id=payment.account_id,
        score=score,
        comment=clean_words(comment, most=COMMENT_MOST),
        answered_at=now,
    )
    session.add(survey)
    session.flush()
    record(
        session, actor, "survey.answered", survey, account_id=payment.account_id, now=now,
        facts={"payment": payment.id, "score": survey.score},
    )  # fmt: skip
    return survey
