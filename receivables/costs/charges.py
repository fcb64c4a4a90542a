"""Interest and fixed sums: proposed by a rung, issued as a document of their own, or waived.

A proposal is owed by nobody: it is worked out anew, up to yesterday, each time until somebody issues or
waives it, and its row keeps all the inputs (M-16). Issued, it is a fee with a line of its own; paying
the invoice that it came from leaves it open (M-14). Source: issue of the ladder, part 9; domain.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest
from models.base import new_ref
from models.costs import Charge, ChargeKind
from models.invoices import Invoice
from models.ladder import LadderStep
from models.money import Money
from models.states import ChargeStatus, advance
from receivables import approval_requests, outbox
from receivables.approval_requests import amount_of
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.costs import bearing, fees, rates
from receivables.costs.bearing import Late
from receivables.costs.interest import DAY
from receivables.costs.rates import Terms
from receivables.errors import NotFound, Refused
from receivables.four_eyes import Standing, is_within_units
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy, current_policy
from receivables.texts import clean_words

#: Longest reason, in characters.
REASON_MOST = 500
BOTH = frozenset(ChargeKind)


class Worked(NamedTuple):
    """What a charge is worked out from; names are those of its columns."""

    from_on: date
    to_on: date
    days: int
    days_in_year: int
    base_minor: int
    percent: str
    rate_id: int | None
    amount_minor: int
    legal_basis: str


# --------------------------------------------------------------------------- proposing


def propose_charges(
    session: Session,
    actor: Actor,
    account: Account,
    currency: str,
    *,
    step: LadderStep | None = None,
    kinds: frozenset[ChargeKind] = BOTH,
    today: date,
    now: datetime,
) -> list[Charge]:
    """Propose what the late invoices of an account have cost up to yesterday, and what stands is renewed.

    No day is charged twice, a fixed sum is due once per late payment, and nothing is proposed on an
    invoice that stands still today. Refused before anything is written.

    Args:
        step: the step of the ladder that asks for it.
        kinds: interest, fixed sums or both.
        today: account-local date.
    Returns:
        The proposals that stand now, by invoice and day; none where policy, law or contract give none.
    Raises:
        NotAllowed: the actor may not propose charges.
        Refused: rate_missing (facts: rule, from_on), rule_empty (facts: country).
    """
    require(actor, Permission.CHARGE_PROPOSE, account_id=account.id)
    account = session.get_one(Account, account.id, with_for_update=True)
    policy = current_policy(session, now)
    terms = rates.terms_of(session, account, policy)
    if "rule_empty" in (terms.off, terms.fixed_off):
        raise Refused("rule_empty", country=account.country)
    late = [
        one
        for one in bearing.late_documents(session, account, currency, today, policy.costs)
        if not one.stands_still(today)
    ]
    known = _known(session, [one.invoice.id for one in late])
    wanted = [
        (one, kind, *_work(one, kind, known.get((one.invoice.id, kind), []), terms, policy, today))
        for one in late
        for kind in ChargeKind
        if kind in kinds
    ]
    charges = [
        charge
        for one, kind, standing, worked in wanted
        for charge in _write(session, actor, account, one, kind, standing, worked, step, policy, now)
    ]
    return sorted(charges, key=lambda charge: (charge.invoice_id, charge.from_on, charge.kind))


def _known(session: Session, invoice_ids: Sequence[int]) -> dict[tuple[int, ChargeKind], list[Charge]]:
    found: dict[tuple[int, ChargeKind], list[Charge]] = {}
    query = select(Charge).where(Charge.invoice_id.in_(invoice_ids)).order_by(Charge.from_on)
    for charge in session.scalars(query.execution_options(populate_existing=True)):
        found.setdefault((charge.invoice_id, charge.kind), []).append(charge)
    return found


def _work(
    late: Late, kind: ChargeKind, known: Sequence[Charge], terms: Terms, policy: Policy, today: date
) -> tuple[list[Charge], list[Worked]]:
    """Return the proposals that stand for one invoice, and what ought to stand instead."""
    standing = [charge for charge in known if charge.status is ChargeStatus.PROPOSED]
    decided = [charge for charge in known if charge.status is not ChargeStatus.PROPOSED]
    yesterday = today - DAY
    if kind is ChargeKind.FIXED_SUM:
        fixed = None if decided else _fixed(late, terms, policy, yesterday)
        return standing, [fixed] if fixed else []
    if terms.off is not None:
        return standing, []
    since = max([late.first, *(charge.to_on + DAY for charge in decided)])
    worked = _interest(late, terms, policy, since, yesterday)
    least = policy.units(policy.costs.least_charge, late.invoice.currency)
    enough = sum(one.amount_minor for one in worked) >= (least.minor if least else 1)
    return standing, worked if enough else []


def _interest(late: Late, terms: Terms, policy: Policy, first: date, last: date) -> list[Worked]:
    return [
        Worked(p.from_on, p.to_on, p.days, policy.costs.days_in_year, p.base_minor, p.percent, p.rate_id,
               p.amount_minor, terms.legal_basis)
        for p in late.periods(terms, policy.costs, first, last)
        if p.amount_minor > 0
    ]  # fmt: skip


def _fixed(late: Late, terms: Terms, policy: Policy, last: date) -> Worked | None:
    """The fixed sum of a late payment: due with the first day that counts, on what was late then."""
    begun = late.first_counted(last)
    amount = terms.fixed_sum(Money(begun[1], late.invoice.currency)) if begun else None
    if begun is None or amount is None or terms.rule is None:
        return None
    day, base_minor = begun
    basis = terms.rule.legal_basis
    return Worked(day, day, 1, policy.costs.days_in_year, base_minor, "0", None, amount.minor, basis)


def _write(
    session: Session,
    actor: Actor,
    account: Account,
    late: Late,
    kind: ChargeKind,
    standing: Sequence[Charge],
    worked: Sequence[Worked],
    step: LadderStep | None,
    policy: Policy,
    now: datetime,
) -> list[Charge]:
    """Let the proposals of one invoice be what was worked out: kept, changed, added, withdrawn."""
    left = {charge.from_on: charge for charge in standing}
    made = []
    for one in worked:
        charge = left.pop(one.from_on, None)
        if charge is None:
            charge = Charge(
                ref=new_ref(),
                account_id=account.id,
                invoice_id=late.invoice.id,
                kind=kind,
                status=ChargeStatus.PROPOSED,
                currency=late.invoice.currency,
                policy_version_id=policy.version_id,
                step_id=step.id if step else None,
                proposed_at=now,
                **one._asdict(),
            )
            session.add(charge)
            session.flush()
            facts = _facts(charge)
            record(session, actor, "charge.proposed", charge, account_id=account.id, now=now, facts=facts)
        elif _worked(charge) != one:
            for name, value in one._asdict().items():
                setattr(charge, name, value)
            charge.policy_version_id = policy.version_id
            facts = _facts(charge)
            record(session, actor, "charge.changed", charge, account_id=account.id, now=now, facts=facts)
        made.append(charge)
    for charge in left.values():
        facts = _facts(charge)
        record(session, actor, "charge.withdrawn", charge, account_id=account.id, now=now, facts=facts)
        session.delete(charge)
    session.flush()
    return made


def _worked(charge: Charge) -> Worked:
    return Worked(**{name: getattr(charge, name) for name in Worked._fields})


def _facts(charge: Charge) -> dict[str, object]:
    return {
        "invoice": charge.invoice_id,
        "kind": charge.kind.value,
        "amount_minor": charge.amount_minor,
        "currency": charge.currency,
        "base_minor": charge.base_minor,
        "percent": charge.percent,
        "days": charge.days,
        "from_on": charge.from_on.isoformat(),
        "to_on": charge.to_on.isoformat(),
    }


# --------------------------------------------------------------------------- deciding


def issue(
    session: Session, actor: Actor, charge_ref: str, *, seen: Money | None = None, now: datetime
) -> Charge:
    """Make a proposed charge a document that is owed: a fee with one line that says how it came about.

    Args:
        seen: the amount that the person saw; another one by now is refused.
    Returns:
        The charge, issued; its `fee_invoice_id` names the document. A second call changes nothing.
    Raises:
        NotAllowed, NotFound.
        Refused: charge_waived; charge_changed (what it was worked out from is not so any more, or no
            longer allowed: it is proposed anew); earlier_first (an earlier period of the same invoice
            waits); stands_still (the invoice is paused, offered or held today).
    """
    require(actor, Permission.CHARGE_ISSUE)
    account, charge = _lock(session, charge_ref)
    if charge.status is ChargeStatus.ISSUED:
        return charge
    if charge.status is ChargeStatus.WAIVED:
        raise Refused("charge_waived")
    policy, today = current_policy(session, now), business_date(now, account.zone)
    late = bearing.late_document(session, account, charge.invoice_id, policy.costs)
    if late.stands_still(today):
        raise Refused("stands_still")
    _refuse_unless_first(session, charge)
    amount = Money(charge.amount_minor, charge.currency)
    if (seen is not None and seen != amount) or not _still_so(session, account, late, charge, policy):
        raise Refused("charge_changed")
    document = fees.write_fee(session, actor, account, late.invoice, charge, today=today, now=now)
    advance(charge, ChargeStatus.ISSUED)
    charge.fee_invoice_id, charge.decided_by_id, charge.decided_at = document.id, actor.id, now
    session.flush()
    facts = {**_facts(charge), "document": document.id}
    record(session, actor, "charge.issued", charge, account_id=account.id, now=now, facts=facts)
    outbox.note(
        session,
        account.id,
        "charge.issued",
        staff_id=actor.id,
        now=now,
        facts={"number": document.number, "invoice": late.invoice.number, "amount_minor": amount.minor,
               "currency": amount.currency},
    )  # fmt: skip
    return charge


def waive(session: Session, actor: Actor, charge_ref: str, *, reason: str, now: datetime) -> Charge:
    """Give up a proposed charge for good; its days are not charged again.

    Args:
        reason: for the audit and the timeline, at most REASON_MOST characters.
    Returns:
        The charge, waived. A second call changes nothing.
    Raises:
        NotAllowed, NotFound.
        Refused: charge_issued (a credit note takes it back), above_limit (facts: limit; somebody with
            a higher limit decides), reason_missing, words_too_long, earlier_first.
    Source: policy key approvals.waived_charge.
    """
    require(actor, Permission.CHARGE_WAIVE)
    account, charge = _lock(session, charge_ref)
    if charge.status is ChargeStatus.WAIVED:
        return charge
    if charge.status is ChargeStatus.ISSUED:
        raise Refused("charge_issued")
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    _refuse_beyond_limit(actor, charge, current_policy(session, now))
    return _waive(session, actor, account, charge, words, now=now)


def ask_waiver(
    session: Session, actor: Actor, charge_ref: str, *, reason: str, now: datetime
) -> ApprovalRequest:
    """Ask somebody with a higher limit to give a proposed charge up.

    Raises:
        NotAllowed, NotFound.
        Refused: charge_issued, charge_waived, earlier_first, request_waits, reason_missing, words_too_long.
    """
    require(actor, Permission.CHARGE_WAIVE)
    account, charge = _lock(session, charge_ref)
    _refuse_decided(charge)
    _refuse_unless_first(session, charge)
    number = session.get_one(Invoice, charge.invoice_id).number
    return approval_requests.ask(
        session, actor, ApprovalKind.WAIVER, account=account, subject_ref=charge.ref,
        facts={"number": number, "kind": charge.kind.value, "days": charge.days},
        amount=Money(charge.amount_minor, charge.currency), reason=reason, now=now,
    )  # fmt: skip


def waive_on_approval(session: Session, actor: Actor, request: ApprovalRequest, *, now: datetime) -> None:
    """Give up the charge that was asked about; the limit was that of who approved.

    Raises: Refused: charge_issued, charge_waived, earlier_first, case_changed (it was worked out anew).
    """
    try:
        account, charge = _lock(session, request.subject_ref)
    except NotFound as error:  # withdrawn meanwhile: nothing is late any more
        raise Refused("case_changed") from error
    _refuse_decided(charge)
    if amount_of(request) != Money(charge.amount_minor, charge.currency):
        raise Refused("case_changed")
    _waive(session, actor, account, charge, request.reason, now=now)


def _refuse_decided(charge: Charge) -> None:
    if charge.status is ChargeStatus.ISSUED:
        raise Refused("charge_issued")
    if charge.status is ChargeStatus.WAIVED:
        raise Refused("charge_waived")


def _waive(
    session: Session, actor: Actor, account: Account, charge: Charge, words: str, *, now: datetime
) -> Charge:
    _refuse_unless_first(session, charge)
    advance(charge, ChargeStatus.WAIVED)
    charge.decided_by_id, charge.decided_at, charge.reason = actor.id, now, words
    session.flush()
    facts = _facts(charge)
    record(session, actor, "charge.waived", charge, account_id=account.id, now=now, facts=facts, reason=words)
    outbox.note(
        session,
        account.id,
        "charge.waived",
        staff_id=actor.id,
        now=now,
        facts={"amount_minor": charge.amount_minor, "currency": charge.currency},
    )
    return charge


def _lock(session: Session, ref: str) -> tuple[Account, Charge]:
    """Lock the account, then the charge (M-07)."""
    account_id = session.scalar(select(Charge.account_id).where(Charge.ref == ref))
    if account_id is None:
        raise NotFound("not_found")
    account = session.get_one(Account, account_id, with_for_update=True)
    charge = session.scalar(
        select(Charge).where(Charge.ref == ref).execution_options(populate_existing=True).with_for_update()
    )
    if charge is None:  # withdrawn while we waited for the account
        raise NotFound("not_found")
    return account, charge


def _refuse_unless_first(session: Session, charge: Charge) -> None:
    """Periods of an invoice are decided in their order, so that what is left begins after the last."""
    earlier = select(func.count()).where(
        Charge.invoice_id == charge.invoice_id,
        Charge.kind == charge.kind,
        Charge.status == ChargeStatus.PROPOSED,
        Charge.from_on < charge.from_on,
    )
    if session.execute(earlier).scalar_one():
        raise Refused("earlier_first")


def _refuse_beyond_limit(actor: Actor, charge: Charge, policy: Policy) -> None:
    if actor.kind is not ActorKind.STAFF or actor.role is None:
        return
    limits, amount = policy.approvals.waived_charge, Money(charge.amount_minor, charge.currency)
    if not is_within_units(policy, limits, Standing(actor.role), amount):
        raise Refused("above_limit", limit=policy.units(limits.get(actor.role.value, 0), charge.currency))


def _still_so(session: Session, account: Account, late: Late, charge: Charge, policy: Policy) -> bool:
    """Whether working a charge out now, for its own days, gives the same."""
    terms = rates.terms_of(session, account, policy)
    if charge.kind is ChargeKind.FIXED_SUM:
        return _fixed(late, terms, policy, charge.to_on) == _worked(charge)
    if terms.off is not None:
        return False
    return _interest(late, terms, policy, charge.from_on, charge.to_on) == [_worked(charge)]
