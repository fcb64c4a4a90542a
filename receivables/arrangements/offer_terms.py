"""What a settlement offer may be, by the rules: pure arithmetic over balances, ages and the policy.

Source: policy.offers.grid, policy.approvals; decision 5; A-02, A-03.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from models.audit import canonical
from models.money import Money, currency_row, total
from models.staff import Role
from receivables.errors import Refused
from receivables.four_eyes import Standing, is_within_units
from receivables.policy import OfferBand, Policy
from receivables.ports import InvoiceRow


@dataclass(frozen=True, slots=True)
class Limits:
    """What the rules give for some invoices on a day.

    Attributes:
        balance: all that is open on them.
        most_forgiven: the largest discount of the grid, each invoice by its own age.
        accept_on, pay_on: last day to accept and to pay what the rules offer themselves.
        latest_on: last day to pay that anybody may ask for.
        days_late: of the oldest.
    """

    balance: Money
    most_forgiven: Money
    accept_on: date
    pay_on: date
    latest_on: date
    days_late: int

    @property
    def least(self) -> Money:
        """The smallest sum that the rules take without a person."""
        return self.balance - self.most_forgiven


def limits(policy: Policy, rows: Sequence[InvoiceRow], today: date) -> Limits:
    """Return what the grid gives for some invoices of one currency.

    Raises:
        Refused: `no_offers`, the policy has no grid.
    """
    grid = policy.offers.grid
    if not grid:
        raise Refused("no_offers")
    currency = rows[0].currency
    balance = total([row.balance for row in rows], currency)
    forgiven = 0
    for row in rows:
        band = _band(grid, row.days_late)
        forgiven += row.balance.minor * band.discount_percent // 100 if band else 0
    oldest = max(row.days_late for row in rows)
    days = _band(grid, oldest) or min(grid, key=lambda band: band.days_late)
    # The least sum is payable: what is below the payable step is not forgiven.
    step = currency_row(currency).step
    least = -(-(balance.minor - forgiven) // step) * step
    return Limits(
        balance=balance,
        most_forgiven=Money(max(balance.minor - least, 0), currency),
        accept_on=today + timedelta(days=days.accept_days),
        pay_on=today + timedelta(days=max(days.accept_days, days.pay_days)),
        latest_on=today + timedelta(days=max(band.accept_days + band.pay_days for band in grid)),
        days_late=oldest,
    )


def _band(grid: Sequence[OfferBand], days_late: int) -> OfferBand | None:
    return next((band for band in grid if days_late >= band.days_late), None)


def is_within(percent: int, balance: Money, amount: Money) -> bool:
    """Whether what an amount forgives of a balance is at most so many percent of it.

    >>> is_within(10, Money(10000, "GBP"), Money(9000, "GBP"))
    True
    >>> is_within(10, Money(10000, "GBP"), Money(8999, "GBP"))
    False
    """
    return (balance - amount).minor * 100 <= percent * balance.minor


def role_percent(policy: Policy, role: Role | None) -> int:
    """Return the largest discount, in percent, that a role decides alone (A-03)."""
    return policy.approvals.discount_percent.get(role.value, 0) if role else 0


def may_forgive(policy: Policy, standing: Standing, balance: Money, amount: Money) -> bool:
    """Whether a standing may let so much of a balance go: its share and its sum alike (A-03).

    Source: policy approvals.discount_percent, approvals.offer_amount.
    """
    return is_within(role_percent(policy, standing.role), balance, amount) and is_within_units(
        policy, policy.approvals.offer_amount, standing, balance - amount
    )


def percent_forgiven(balance: Money, amount: Money) -> str:
    """Return the discount in percent with one decimal, as a decimal string.

    >>> percent_forgiven(Money(141840, "GBP"), Money(120564, "GBP"))
    '15.0'
    """
    share = Decimal((balance - amount).minor) * 100 / Decimal(balance.minor)
    return str(share.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP))


def check_amount(amount: Money, balance: Money) -> None:
    """Refuse a sum that nobody could offer.

    Raises:
        Refused: other_currency, amount_zero, amount_negative, amount_is_all, amount_above_balance
            (facts: asked), amount_below_minimum (facts: minimum), amount_off_step (facts: step).
    """
    if amount.currency != balance.currency:
        raise Refused("other_currency", currency=balance.currency)
    row = currency_row(amount.currency)
    minimum = Money(max(row.minimum, row.step), amount.currency)
    if not amount:
        raise Refused("amount_zero")
    if amount.minor < 0:
        raise Refused("amount_negative")
    if amount == balance:
        raise Refused("amount_is_all", asked=balance)
    if amount > balance:
        raise Refused("amount_above_balance", asked=balance)
    if amount < minimum:
        raise Refused("amount_below_minimum", minimum=minimum)
    if amount.minor % row.step:
        raise Refused("amount_off_step", step=Money(row.step, amount.currency))


def content_digest(
    currency: str,
    balances: Sequence[tuple[int, int]],
    amount_minor: int,
    expires_on: date,
    pay_by_on: date,
    discount_tax: str,
) -> str:
    """SHA-256 of what is approved and accepted: invoices with balances, sum, days, tax (A-02).

    Args:
        balances: (invoice id, open minor units), in any order.
    """
    said = [currency, sorted([i, b] for i, b in balances), amount_minor, expires_on, pay_by_on, discount_tax]
    return hashlib.sha256(canonical(said).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TaxPart:
    """A part of a document at one tax rate; `rate` is a decimal string, None when not told."""

    rate: str | None
    net_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        return self.net_minor + self.tax_minor


def split_tax(discount_minor: int, parts: Sequence[TaxPart]) -> list[TaxPart]:
    """Split a gross discount pro rata by rate into net and tax; the sum is exact (decision 5, M-17).

    Args:
        discount_minor: gross, > 0.
        parts: what the document consists of, by rate; parts without a positive gross take none.

    >>> split_tax(21276, [TaxPart("20", 118200, 23640)])
    [TaxPart(rate='20', net_minor=17730, tax_minor=3546)]
    """
    weighed = [part for part in parts if part.gross_minor > 0]
    whole = sum(part.gross_minor for part in weighed)
    if not whole:
        return [TaxPart(None, discount_minor, 0)]
    shares = [discount_minor * part.gross_minor // whole for part in weighed]
    for place in range(discount_minor - sum(shares)):
        shares[place % len(shares)] += 1
    split = []
    for part, share in zip(weighed, shares, strict=True):
        exact = Decimal(share) * part.tax_minor / Decimal(part.gross_minor)
        # A document whose own figures hold more tax than money asks for no more tax than its share.
        tax = min(int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP)), share)
        if share:
            split.append(TaxPart(part.rate, share - tax, tax))
    return split
