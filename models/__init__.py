"""What exists and is remembered. Importing this package makes every table known."""

from models import (  # noqa: F401
    accounts,
    answers,
    arrangements,
    audit,
    bank_lines,
    calendars,
    costs,
    creditors,
    disputes,
    files,
    handovers,
    inbound,
    intake,
    invoices,
    ladder,
    ledger,
    links,
    messages,
    pauses,
    payments,
    post,
    rules,
    segments,
    staff,
    work,
)
from models.base import Base

__all__ = ["Base"]
