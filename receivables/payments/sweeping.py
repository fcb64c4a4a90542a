"""The sweeper: asks about attempts that have no end yet, and calls a person where none comes (P-16, P-22).

Webhooks are the quick way to the truth, this is the sure one: every attempt is asked about in time, more
and more seldom, and none passes its limit without an open alert (INV-13). When the gateway is away or
says that it is asked too often, the rest of the round waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from models.payments import PaymentAttempt
from models.states import UNSETTLED_ATTEMPTS, AttemptStatus
from models.store import Store
from receivables import outbox
from receivables.payments import settling
from receivables.payments.attempts import find_attempt, lock
from receivables.policy import Policy, current_policy
from receivables.ports import GatewayRefused, GatewayUnreachable, PaymentGateway

#: Statuses of which nobody knows what became of the call.
_UNSURE = (AttemptStatus.CREATED, AttemptStatus.UNKNOWN)
#: So long a call that was just begun is left to whoever made it.
_CALL_LASTS = timedelta(seconds=20)
#: The first pause between two looks, and the longest: a payer waits for the truth, a page closes by
#: itself, a bank takes days.
_FIRST_PAUSE = timedelta(seconds=20)
_LONGEST_PAUSE = {
    AttemptStatus.CREATED: timedelta(minutes=2),
    AttemptStatus.UNKNOWN: timedelta(minutes=2),
    AttemptStatus.OPEN: timedelta(minutes=5),
    AttemptStatus.PROCESSING: timedelta(hours=1),
}
#: What the gateway says when it is asked too often; and how many calls in vain end a round.
_TOO_OFTEN, _IN_VAIN = "rate_limit", 3
#: The sweeper comes by every half a minute: an alert is there when its time is over, not after it.
_EARLY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Look:
    """How one look ended: what went wrong in our own books, or why the gateway told nothing."""

    trouble: str | None = None
    in_vain: str | None = None


def sweep(
    store: Store, gateway: PaymentGateway, *, gateway_account: str, now: datetime, limit: int = 200
) -> int:
    """Ask about every attempt whose time has come; raise an alert for each that is past its limit.

    Speaks to the gateway between units of work. Safe to run in several workers at once.
    Returns: how many attempts were looked at.
    """
    with store.read() as session:
        policy = current_policy(session, now)
        due = _due(session, policy, gateway_account, now=now, limit=limit)
    looked = in_vain = 0
    for ref in due:
        look = _look(store, gateway, ref, now=now)
        looked += 1
        store.run(lambda s, ref=ref, look=look: _write(s, ref, look, now=now))  # type: ignore[misc]
        in_vain = in_vain + 1 if look.in_vain else 0
        if look.in_vain == _TOO_OFTEN or in_vain == _IN_VAIN:
            break
    store.run(lambda s: call_people(s, policy, gateway_account, now=now))
    return looked


def _due(session: Session, policy: Policy, gateway_account: str, *, now: datetime, limit: int) -> list[str]:
    found = session.scalars(
        select(PaymentAttempt.ref)
        .where(
            PaymentAttempt.status.in_(UNSETTLED_ATTEMPTS),
            PaymentAttempt.gateway_account == gateway_account,
            or_(
                PaymentAttempt.started_at <= now - policy.sweep_after,
                and_(PaymentAttempt.status.in_(_UNSURE), PaymentAttempt.started_at <= now - _CALL_LASTS),
            ),
            func.coalesce(PaymentAttempt.next_look_at, PaymentAttempt.started_at) <= now,
        )
        # A bank debit takes days: many of them must not hide a card payment that got stuck.
        .order_by(case((PaymentAttempt.status == AttemptStatus.PROCESSING, 1), else_=0), PaymentAttempt.id)
        .limit(limit)
    )
    return list(found)


def _look(store: Store, gateway: PaymentGateway, ref: str, *, now: datetime) -> _Look:
    try:
        settling.learn(store, gateway, ref, now=now)
    except GatewayUnreachable as error:
        return _Look(in_vain=str(error))
    except GatewayRefused as error:
        return _Look(trouble=str(error))
    except Exception as error:  # one bad attempt must not hold up the others
        return _Look(trouble=type(error).__name__)
    return _Look()


def _write(session: Session, ref: str, look: _Look, *, now: datetime) -> None:
    """Say when it is asked about again, and what went wrong."""
    attempt = lock(session, find_attempt(session, ref).id)
    if attempt.status in UNSETTLED_ATTEMPTS:
        attempt.next_look_at = now + min(
            _FIRST_PAUSE * 2 ** min(attempt.looks, 12), _LONGEST_PAUSE[attempt.status]
        )
        attempt.looks += 1
    if look.trouble:
        _alert(session, attempt, look.trouble, now=now)


def call_people(
    session: Session, policy: Policy, gateway_account: str, *, now: datetime, limit: int = 200
) -> int:
    """Raise an alert for each attempt without an end that is past its limit, asked about or not.

    The limits: of an unknown outcome `payments.alert_after_minutes` after the start, of a page so long
    after it closed, of a bank debit `payments.debit_days` after the start.
    Returns: how many are past their limit and have no open alert yet.
    """
    soon = now + _EARLY
    found = session.scalars(
        select(PaymentAttempt)
        .where(
            PaymentAttempt.gateway_account == gateway_account,
            or_(
                and_(
                    PaymentAttempt.status.in_(_UNSURE),
                    func.coalesce(PaymentAttempt.unknown_since, PaymentAttempt.started_at)
                    <= soon - policy.alert_after,
                ),
                and_(
                    PaymentAttempt.status == AttemptStatus.OPEN,
                    PaymentAttempt.expires_at <= soon - policy.alert_after,
                ),
                and_(
                    PaymentAttempt.status == AttemptStatus.PROCESSING,
                    PaymentAttempt.started_at <= soon - policy.debit_life,
                ),
            ),
            ~outbox.is_alerted("attempt_unresolved", "attempt:", PaymentAttempt.id),
        )
        .order_by(PaymentAttempt.id)
        .limit(limit)
    ).all()
    for attempt in found:
        _alert(session, attempt, None, now=now)
    return len(found)


def _alert(session: Session, attempt: PaymentAttempt, trouble: str | None, *, now: datetime) -> None:
    facts = {"status": attempt.status.value, "since": attempt.started_at.isoformat()}
    facts |= {"error": trouble} if trouble else {}
    outbox.raise_alert(
        session,
        "attempt_unresolved",
        f"attempt:{attempt.id}",
        account_id=attempt.account_id,
        facts=facts,
        now=now,
    )
