"""Charges and rates as the desk sees them: what waits, what became of it, what is switched off and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.costs import Charge, ChargeKind, InterestRate
from models.creditors import Creditor
from models.invoices import Invoice
from models.money import Money
from models.staff import Staff
from models.states import ChargeStatus
from receivables.calendar_days import business_date
from receivables.costs import rates
from receivables.costs.rates import Rule
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy, current_policy

#: Most rows of a list; decided charges are many after some years.
MOST = 200


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """One charge with all that its amount was worked out from."""

    ref: str
    account_ref: str
    account_name: str
    invoice_ref: str
    invoice_number: str
    kind: ChargeKind
    status: ChargeStatus
    amount: Money
    base: Money
    percent: Decimal
    days: int
    days_in_year: int
    from_on: date
    to_on: date
    legal_basis: str
    proposed_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    fee_ref: str | None
    fee_number: str | None


def charge_rows(session: Session, actor: Actor, *, decided: bool = False) -> list[ChargeRow]:
    """Return the charges that wait for a decision, by account and day; or those decided, newest first.

    Raises:
        NotAllowed: the actor may not read charges.
    """
    require(actor, Permission.CHARGE_READ)
    fee = aliased(Invoice)
    query = (
        select(
            Charge.ref,
            Account.ref.label("account_ref"),
            Account.name.label("account_name"),
            Invoice.ref.label("invoice_ref"),
            Invoice.number.label("invoice_number"),
            Charge.kind,
            Charge.status,
            Charge.amount_minor,
            Charge.base_minor,
            Charge.currency,
            Charge.percent,
            Charge.days,
            Charge.days_in_year,
            Charge.from_on,
            Charge.to_on,
            Charge.legal_basis,
            Charge.proposed_at,
            Charge.decided_at,
            Staff.name.label("decided_by"),
            Charge.reason,
            fee.ref.label("fee_ref"),
            fee.number.label("fee_number"),
        )
        .join(Account, Account.id == Charge.account_id)
        .join(Invoice, Invoice.id == Charge.invoice_id)
        .outerjoin(fee, fee.id == Charge.fee_invoice_id)
        .outerjoin(Staff, Staff.id == Charge.decided_by_id)
        .limit(MOST)
    )
    if decided:
        query = query.where(Charge.status != ChargeStatus.PROPOSED).order_by(
            Charge.decided_at.desc(), Charge.id.desc()
        )
    else:
        query = query.where(Charge.status == ChargeStatus.PROPOSED).order_by(
            Account.name, Account.id, Invoice.due_on, Invoice.id, Charge.kind, Charge.from_on
        )
    return [
        ChargeRow(
            r.ref, r.account_ref, r.account_name, r.invoice_ref, r.invoice_number, r.kind, r.status,
            Money(r.amount_minor, r.currency), Money(r.base_minor, r.currency), Decimal(r.percent), r.days,
            r.days_in_year, r.from_on, r.to_on, r.legal_basis, r.proposed_at, r.decided_at, r.decided_by,
            r.reason, r.fee_ref, r.fee_number,
        )
        for r in session.execute(query)
    ]  # fmt: skip


def of_charge(session: Session, actor: Actor, ref: str) -> tuple[Account, str]:
    """Return the account and the currency of a charge.

    Raises:
        NotAllowed, NotFound.
    """
    require(actor, Permission.CHARGE_READ)
    row = session.execute(select(Charge.account_id, Charge.currency).where(Charge.ref == ref)).first()
    if row is None:
        raise NotFound("not_found")
    return session.get_one(Account, row.account_id), row.currency


def rule_named(session: Session, actor: Actor, text: str) -> str:
    """Return the rule that a person means: the code of a law, or an account's number for its agreement.

    Raises:
        NotAllowed: the actor may not enter rates.
        Refused: rule_unknown, also where several accounts have the number.
    """
    require(actor, Permission.RATE_ADD)
    if any(rule.code == text for rule in rates.rules()):
        return text
    refs = session.scalars(select(Account.ref).where(Account.number == text).limit(2)).all()
    if len(refs) != 1:
        raise Refused("rule_unknown")
    return rates.AGREED + refs[0]


@dataclass(frozen=True, slots=True)
class RateRow:
    """One entered rate; `effective` is what an account pays, points added."""

    rule: str
    account_ref: str | None
    account_name: str | None
    from_on: date
    percent: Decimal
    effective: Decimal
    source: str
    entered_by: str | None
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A law as it stands with us.

    Attributes:
        interest_on, fixed_on: the countries of it that the policy switches on.
        missing: the half-year of today, while nobody has entered its rate.
    """

    rule: Rule
    interest_on: tuple[str, ...]
    fixed_on: tuple[str, ...]
    missing: date | None

    @property
    def points(self) -> Decimal | None:
        """What is added to the reference rate, percent a year; None where nothing is computed."""
        return Decimal(self.rule.points) if self.rule.computes else None


@dataclass(frozen=True, slots=True)
class RateTable:
    """What late payment may cost, as rates and switches."""

    policy: Policy
    laws: Sequence[RuleRow]
    rows: Sequence[RateRow]

    @property
    def all_off(self) -> bool:
        """Whether nothing is ever proposed as the policy stands."""
        costs = self.policy.costs
        return not (costs.interest_countries or costs.fixed_sum_countries or costs.contract_interest)


def rate_table(session: Session, actor: Actor, *, now: datetime) -> RateTable:
    """Return every rule with its switches and every rate with its source, newest first.

    Raises:
        NotAllowed: the actor may not read charges.
    """
    require(actor, Permission.CHARGE_READ)
    policy = current_policy(session, now)
    zone = session.scalar(select(Creditor.zone).order_by(Creditor.id).limit(1)) or "UTC"
    today = business_date(now, zone)
    entered = session.execute(
        select(
            InterestRate.rule, InterestRate.from_on, InterestRate.percent, InterestRate.source,
            InterestRate.entered_at, Staff.name.label("entered_by"), Account.ref.label("account_ref"),
            Account.name.label("account_name"),
        )
        .outerjoin(Staff, Staff.id == InterestRate.entered_by_id)
        .outerjoin(Account, InterestRate.rule == rates.AGREED + Account.ref)
        .order_by(InterestRate.rule, InterestRate.from_on.desc())
        .limit(MOST)
    ).all()  # fmt: skip
    known = {(row.rule, row.from_on) for row in entered}
    points = {rule.code: rule.points for rule in rates.rules()}
    half = rates.half_of(today)
    costs = policy.costs
    return RateTable(
        policy,
        [
            RuleRow(
                rule,
                tuple(c for c in rule.countries if c in costs.interest_countries),
                tuple(c for c in rule.countries if c in costs.fixed_sum_countries),
                half if rule.computes and (rule.code, half) not in known else None,
            )
            for rule in rates.rules()
        ],
        [
            RateRow(
                r.rule, r.account_ref, r.account_name, r.from_on, Decimal(r.percent),
                Decimal(rates.plus(r.percent, points.get(r.rule) or "0")), r.source, r.entered_by,
                r.entered_at,
            )
            for r in entered
        ],
    )  # fmt: skip
