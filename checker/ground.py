"""What is looked at, and what a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from checker.sources import READ_ERRORS, Source

#: Tables of the product that the checks read.
BOOKS_TABLES = (
    "account", "account_flag", "adjustment", "alert", "allocation", "allocation_reversal", "audit_detail",
    "audit_entry", "call_attempt", "consent_event", "contact", "contact_decision", "contact_ledger",
    "gateway_watch", "heartbeat", "inbox_event", "invoice", "job", "ladder_meeting", "ladder_switch",
    "ledger_entry", "link", "message", "offer", "offer_invoice", "opt_out_link", "pause", "payment",
    "payment_attempt", "payment_reversal", "policy_version", "posting", "provider_effect", "staff",
)  # fmt: skip


@dataclass(slots=True)
class Ground:
    """Everything that was given to be looked at.

    Attributes:
        stripe, mailbox, client_log: None when absent; `left_out` says why.
        anchor: a hash of the audit that was kept elsewhere, or None.
        rows: rows that the running check has looked at.
        notes: what a reader should keep, such as the head of the audit.
    """

    books: Source
    now: datetime
    stripe: Source | None = None
    mailbox: Source | None = None
    client_log: Path | None = None
    logs: list[Path] = field(default_factory=list)
    anchor: str | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant.

    Attributes:
        name: as in the requirements, "INV-6".
        proves: one line of what holds when it is ok.
        find: walks the ground and yields each broken fact in words, with ids.
        needs: part of the ground without which it cannot be checked, or None.
    """

    name: str
    proves: str
    find: Callable[[Ground], Iterator[str]]
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one check: `broken` holds the first broken fact, `left_out` why it was not checked."""

    check: Check
    rows: int
    broken: str | None = None
    left_out: str | None = None

    @property
    def word(self) -> str:
        """`ok`, `broken` or `not checked`."""
        return "not checked" if self.left_out else "broken" if self.broken else "ok"


def judge(check: Check, ground: Ground) -> Verdict:
    """Run one check up to its first broken fact.

    Rows that cannot be read (another type, another currency, a damaged file) break it as well.
    """
    if check.needs and not getattr(ground, check.needs):
        return Verdict(check, 0, left_out=ground.left_out.get(check.needs, "not given"))
    ground.rows = 0
    try:
        broken = next(check.find(ground), None)
    except (ValueError, TypeError, LookupError, AttributeError, *READ_ERRORS) as error:
        broken = f"rows cannot be read ({type(error).__name__}: {str(error).strip()})"
    return Verdict(check, ground.rows, broken)
