"""What exists and is remembered. Importing this package makes every table known."""

from models import (  # noqa: F401
    accounts,
    audit,
    creditors,
    files,
    intake,
    invoices,
    ledger,
    links,
    messages,
    payments,
    staff,
    work,
)
from models.base import Base

__all__ = ["Base"]
