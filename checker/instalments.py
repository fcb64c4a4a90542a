"""INV-12: the parts of a plan are the plan, as agreed; each is charged once; an invoice is in one plan."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from checker.currencies import shown
from checker.ground import Ground
from checker.sources import Row

_PLANS = """
SELECT id, status, currency, total_minor, parts, proposed_by_staff_id, decided_by_id, accepted_name,
       accepted_at, ended_at, terms FROM plan ORDER BY id
"""
_PARTS = "SELECT plan_id, id, seq, amount_minor, status FROM instalment ORDER BY plan_id, seq"
_COVERED = (
    "SELECT plan_id, invoice_id, covered_minor, blocking FROM plan_invoice ORDER BY plan_id, invoice_id"
)
_CHARGES = """
SELECT c.instalment_id, c.attempt_id, c.credited, i.plan_id, i.amount_minor,
       a.status, a.amount_minor, a.currency
  FROM instalment_charge c
  LEFT JOIN instalment i ON i.id = c.instalment_id
  LEFT JOIN payment_attempt a ON a.id = c.attempt_id
 ORDER BY c.instalment_id, c.try_number
"""
#: Statuses that a signature came before.
_SIGNED = frozenset({"awaiting_approval", "active", "completed", "defaulted"})
_OPEN = frozenset({"scheduled", "missed"})


def plans(ground: Ground) -> Iterator[str]:
    """Each plan sums to its parts and its invoices, stands as it was agreed, and holds what it should."""
    parts: dict[int, list[Row]] = defaultdict(list)
    for plan_id, *part in ground.books.rows(_PARTS):
        parts[plan_id].append(tuple(part))
    covered: dict[int, list[Row]] = defaultdict(list)
    holder: dict[int, int] = {}
    for plan_id, invoice_id, minor, blocking in ground.books.rows(_COVERED):
        covered[plan_id].append((invoice_id, minor, bool(blocking)))
        if blocking and invoice_id in holder:
            yield f"invoice {invoice_id} is in plans {holder[invoice_id]} and {plan_id}"
        if blocking:
            holder[invoice_id] = plan_id
    for plan in ground.books.rows(_PLANS):
        ground.rows += 1
        yield from _people(plan)
        yield from _sums(plan, parts[plan[0]], covered[plan[0]])
        yield from _statuses(plan, parts[plan[0]], covered[plan[0]])
    yield from _charges(ground)


def _people(plan: Row) -> Iterator[str]:
    plan_id, status, *_, name, accepted_at, _ended, _terms = plan
    if status in _SIGNED and not (name and accepted_at):
        yield f"plan {plan_id} is {status} and nobody's name stands under it"


def _sums(plan: Row, parts: list[Row], covered: list[Row]) -> Iterator[str]:
    plan_id, _, currency, total, count, *_, terms = plan
    if [part[1] for part in parts] != list(range(1, count + 1)):
        yield f"plan {plan_id} has {count} parts, numbered {[part[1] for part in parts]}"
    amounts = [part[2] for part in parts]
    if sum(amounts) != total:
        yield f"plan {plan_id} is {shown(total, currency)}, its parts are {shown(sum(amounts), currency)}"
    of_invoices = sum(row[1] for row in covered)
    if of_invoices != total:
        yield f"plan {plan_id} is {shown(total, currency)}, its invoices are {shown(of_invoices, currency)}"
    agreed: Any = json.loads(terms) if isinstance(terms, str) else terms
    if [part["minor"] for part in agreed["parts"]] != amounts:
        yield f"the parts of plan {plan_id} are not those that were agreed"


def _statuses(plan: Row, parts: list[Row], covered: list[Row]) -> Iterator[str]:
    plan_id, status, *_, ended_at, _terms = plan
    holds = status == "active" or (status == "defaulted" and ended_at is None)
    for invoice_id, _, blocking in covered:
        if blocking != holds:
            yield f"plan {plan_id} is {status} and {'blocks' if blocking else 'frees'} invoice {invoice_id}"
    statuses = [part[3] for part in parts]
    first_open = next((n for n, s in enumerate(statuses) if s in _OPEN), len(statuses))
    if "paid" in statuses[first_open:]:
        yield f"plan {plan_id} has a paid instalment behind an open one"
    whole = first_open == len(statuses)
    if (status == "completed") != whole and status in ("completed", "active"):
        yield f"plan {plan_id} is {status} with {'nothing' if whole else 'something'} left to pay"


def _charges(ground: Ground) -> Iterator[str]:
    """A charge pays one instalment, at most once, never more than its row, and none is made after it."""
    credited: dict[int, int] = {}
    for part_id, attempt_id, counts, plan_id, row, status, minor, currency in ground.books.rows(_CHARGES):
        ground.rows += 1
        if plan_id is None or status is None:
            yield f"charge {attempt_id} is of instalment {part_id}; one of them does not exist"
            continue
        if minor > row:
            yield (
                f"instalment {part_id} is {shown(row, currency)},"
                f" attempt {attempt_id} charges {shown(minor, currency)}"
            )
        if part_id in credited:
            # In the order of the tries: none is begun after one that paid and still counts.
            yield (
                f"instalment {part_id} was charged again by attempt {attempt_id},"
                f" after attempt {credited[part_id]} had paid it"
            )
        if not counts:
            continue
        if part_id in credited:
            yield f"instalment {part_id} was paid by attempts {credited[part_id]} and {attempt_id}"
        credited[part_id] = attempt_id
        if status != "succeeded":
            yield f"instalment {part_id} was paid by attempt {attempt_id}, which is {status}"
