"""What exists and is remembered. Importing this package makes every table known."""

from models import (  # noqa: F401
    accounts,
    answers,
    arrangements,
    audit,
    creditors,
    disputes,
    files,
    intake,
    invoices,
    ledger,
    links,
    messages,
    pauses,
    payments,
    staff,
    work,
)
from models.base import Base

__all__ = ["Base"]
