"""Own terms: how an account really pays, terms that follow it, and what they cost.

Agreed days move every due date that the ladder counts from; the due date on the document stays.
Source: domain.md, the guides ("plan the follow-up by his real behaviour"); policy [segments].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from models.money import Money
from receivables import outbox, waking
from receivables.audit import record
from receivables.errors import NotAllowed, Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy, SegmentRules, current_policy
from receivables.segments.evidence import Lag, facts_of, overdue_on
from receivables.segments.moving import REASON_MOST
from receivables.texts import clean_words

_YEAR = 365


@dataclass(frozen=True, slots=True)
class TermsView:
    """How an account pays and on which terms.

    Attributes:
        agreed_days: by which every due date is later for the ladder.
        lag: observed, None while nothing was paid.
        suggested: days that follow the habit; None where there is no habit or they are agreed already.
        most_days: longest terms that the policy lets be agreed.
        costs: what the lag costs on what is open now, one for each currency.
        rate_percent: a year, of the policy.
    """

    agreed_days: int
    lag: Lag | None
    suggested: int | None
    most_days: int
    costs: Sequence[Money]
    rate_percent: Decimal


def suggest_agreed_days(lag: Lag | None, rules: SegmentRules) -> int | None:
    """Return terms that follow a habit of paying late, in whole fives of days; None without a habit.

    Args:
        lag: as observed.
    """
    if lag is None or lag.paid < rules.own_terms_paid or lag.spread > rules.own_terms_spread:
        return None
    if lag.middle < rules.own_terms_lag:
        return None
    return min(-(-lag.middle // 5) * 5, rules.own_terms_most)


def cost_of(amount: Money, days: int, rate_percent: Decimal) -> Money:
    """Return what waiting for an amount costs at a yearly rate, simple interest, rounded half up.

    Args:
        days: >= 0.

    >>> cost_of(Money(1000000, "GBP"), 30, Decimal("8.0"))
    Money(minor=6575, currency='GBP')
    """
    cost = Decimal(amount.minor) * days * rate_percent / (100 * _YEAR)
    return Money(int(cost.quantize(Decimal(1), ROUND_HALF_UP)), amount.currency)


def terms_of(session: Session, account: Account, *, today: date, policy: Policy) -> TermsView:
    """Return how an account pays, what terms would follow it, and what they cost on what is open.

    Args:
        today: its business date.
    """
    rules = policy.segments
    lag = facts_of(session, account, today=today, rules=rules).lag
    suggested = suggest_agreed_days(lag, rules)
    days = max(account.agreed_days, lag.middle if lag else 0)
    return TermsView(
        agreed_days=account.agreed_days,
        lag=lag,
        suggested=None if suggested == account.agreed_days else suggested,
        most_days=rules.own_terms_most,
        costs=[cost_of(amount, days, rules.terms_rate_percent) for amount in _open(session, account.id)],
        rate_percent=rules.terms_rate_percent,
    )


def _open(session: Session, account_id: int) -> list[Money]:
    rows = session.execute(
        select(Invoice.currency, func.sum(Invoice.balance_minor).label("minor"))
        .where(Invoice.account_id == account_id, overdue_on(date.max))
        .group_by(Invoice.currency)
        .order_by(Invoice.currency)
    )
    return [Money(int(r.minor), r.currency) for r in rows]


def agree_terms(
    session: Session, actor: Actor, account: Account, days: int, *, reason: str, now: datetime
) -> Account:
    """Agree on longer terms with an account; 0 takes them back.

    Args:
        account: locked here.
        days: added to every due date for the ladder, 0 to policy segments.own_terms_most.
        reason: why, in words, at most 500 characters.
    Raises:
        NotAllowed: the actor may not agree on terms, or is no person.
        Refused: same_terms, terms_too_long (facts: most), reason_missing, words_too_long.
    """
    require(actor, Permission.TERMS_AGREE)
    if actor.kind is not ActorKind.STAFF:
        raise NotAllowed("not_allowed", permission=Permission.TERMS_AGREE.value)
    most = current_policy(session, now).segments.own_terms_most
    if not 0 <= days <= most:
        raise Refused("terms_too_long", most=most)
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    account = session.get_one(Account, account.id, with_for_update=True, populate_existing=True)
    if account.agreed_days == days:
        raise Refused("same_terms")
    before, account.agreed_days = account.agreed_days, days
    record(
        session, actor, "terms.agreed", account, account_id=account.id, now=now, reason=words,
        facts={"days": days, "before": before},
    )  # fmt: skip
    outbox.note(session, account.id, "terms.agreed", staff_id=actor.id, now=now, facts={"number": f"+{days}"})
    waking.wake_account(session, account.id, now=now)
    return account
