"""What our books say, read by plain SQL; shares no code with what wrote them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from models.store import Store


class Books:
    """One reading of the books."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def rows(self, sql: str, **values: Any) -> Sequence[Any]:
        with self._store.read() as session:
            return session.execute(text(sql), values).all()

    def booked(self) -> list[Any]:
        """Charges that are booked, in the order of their entries."""
        return list(
            self.rows(
                "SELECT p.id, p.provider_charge_id AS charge_id, p.account_id, p.amount_minor, p.currency,"
                " p.entry_id, a.ref, a.id AS attempt_id FROM payment p"
                " JOIN payment_attempt a ON a.id = p.attempt_id ORDER BY p.entry_id"
            )
        )

    def taken_back(self) -> list[Any]:
        """Reversals of payments, in the order of their entries."""
        return list(
            self.rows(
                "SELECT r.id, r.entry_id, r.source, r.amount_minor, r.undoes_id, r.beyond_minor,"
                " p.provider_charge_id AS charge_id, p.account_id FROM payment_reversal r"
                " JOIN payment p ON p.id = r.payment_id ORDER BY r.entry_id"
            )
        )

    def own_refunds(self) -> list[Any]:
        """Refunds that we made, and the entry that undid each one that failed."""
        return list(
            self.rows(
                "SELECT r.ref, r.account_id, r.status, r.amount_minor,"
                " (SELECT e.id FROM ledger_entry e WHERE e.reverses_id = r.entry_id) AS undone_id"
                " FROM refund r ORDER BY r.id"
            )
        )

    def mistaken(self) -> int:
        """What was taken back for mistakes of ours; the gateway knows nothing of it."""
        found = self.rows("SELECT SUM(amount_minor) AS minor FROM payment_reversal WHERE cause = 'mistake'")
        return int(found[0].minor or 0)

    def attempts(self) -> dict[str, str]:
        """Status of each attempt, by its ref, the first one first."""
        return {r.ref: r.status for r in self.rows("SELECT ref, status FROM payment_attempt ORDER BY id")}

    def reserved(self, attempt_id: int) -> dict[int, int]:
        found = self.rows(
            "SELECT invoice_id, reserved_minor FROM attempt_invoice WHERE attempt_id = :a", a=attempt_id
        )
        return {r.invoice_id: r.reserved_minor for r in found}

    def open(self) -> dict[int, int]:
        """What is open on each document by its postings."""
        found = self.rows(
            "SELECT invoice_id, SUM(debit_minor) - SUM(credit_minor) AS minor FROM posting"
            " WHERE ledger_code = 'receivables' AND invoice_id IS NOT NULL GROUP BY invoice_id"
        )
        return {r.invoice_id: int(r.minor) for r in found}

    def unapplied(self) -> dict[int, int]:
        found = self.rows(
            "SELECT account_id, SUM(credit_minor) - SUM(debit_minor) AS minor FROM posting"
            " WHERE ledger_code = 'unapplied_credit' GROUP BY account_id"
        )
        return {r.account_id: int(r.minor) for r in found}

    def of(self, code: str) -> dict[str, int]:
        """Debits less credits of one line of the chart, by currency."""
        found = self.rows(
            "SELECT e.currency, SUM(p.debit_minor) - SUM(p.credit_minor) AS minor FROM posting p"
            " JOIN ledger_entry e ON e.id = p.entry_id WHERE p.ledger_code = :c GROUP BY e.currency", c=code,
        )  # fmt: skip
        return defaultdict(int, {r.currency: int(r.minor) for r in found})

    def plans(self) -> list[Any]:
        return list(self.rows("SELECT id, account_id, status, total_minor, ended_at FROM plan ORDER BY id"))

    def parts(self, plan_id: int) -> list[Any]:
        return list(
            self.rows(
                "SELECT id, seq, amount_minor, status FROM instalment WHERE plan_id = :p ORDER BY seq",
                p=plan_id,
            )
        )

    def charge_of(self, attempt_id: int) -> Any:
        """The instalment that an attempt charges, with its plan's status; None for a payment by hand."""
        found = self.rows(
            "SELECT c.instalment_id, c.credited, i.plan_id, i.seq, p.status AS plan_status"
            " FROM instalment_charge c JOIN instalment i ON i.id = c.instalment_id"
            " JOIN plan p ON p.id = i.plan_id WHERE c.attempt_id = :a", a=attempt_id,
        )  # fmt: skip
        return found[0] if found else None

    def offers(self) -> dict[int, str]:
        return {r.id: r.status for r in self.rows("SELECT id, status FROM offer")}


def faults(books: Books) -> list[str]:
    """What is wrong with the books by themselves, whatever happened (M-09, INV-1, 2, 5, 11, 12)."""
    found = []
    for sql, what in BROKEN:
        found += [f"{what}: {tuple(row)}" for row in books.rows(sql)]
    return found


_POSTED = (
    "COALESCE((SELECT SUM(p.debit_minor) - SUM(p.credit_minor) FROM posting p"
    " WHERE p.invoice_id = i.id AND p.ledger_code = 'receivables'), 0)"
)
_PUT = (
    "COALESCE((SELECT SUM(a.amount_minor) FROM allocation a"
    " WHERE a.payment_id = p.id AND a.entry_id = p.entry_id), 0)"
)
#: Each finds nothing in good books.
BROKEN = (
    (
        "SELECT entry_id FROM posting GROUP BY entry_id"
        " HAVING SUM(debit_minor) <> SUM(credit_minor) OR COUNT(*) < 2",
        "INV-1, an entry that does not balance",
    ),
    (
        "SELECT i.id, i.balance_minor FROM invoice i"  # noqa: S608 - constants of ours
        f" WHERE i.kind <> 'credit_note' AND i.balance_minor <> {_POSTED}",
        "INV-2, a balance that its postings do not give",
    ),
    (
        "SELECT id, balance_minor, total_minor FROM invoice"
        " WHERE balance_minor < 0 OR balance_minor > total_minor",
        "M-09, a balance below nil or above the total",
    ),
    (
        "SELECT id, status, balance_minor FROM invoice WHERE kind <> 'credit_note' AND"
        " ((status = 'paid' AND balance_minor <> 0) OR (status = 'open' AND balance_minor = 0))",
        "an invoice whose status and balance differ",
    ),
    (
        "SELECT account_id FROM posting WHERE ledger_code = 'unapplied_credit'"
        " GROUP BY account_id HAVING SUM(credit_minor) < SUM(debit_minor)",
        "INV-7, unapplied credit below nil",
    ),
    (
        "SELECT provider_charge_id FROM payment GROUP BY provider_charge_id HAVING COUNT(*) > 1",
        "INV-5, a charge booked twice",
    ),
    (
        "SELECT provider_object_id FROM provider_effect"
        " GROUP BY provider_object_id, kind HAVING COUNT(*) > 1",
        "INV-5, an effect booked twice",
    ),
    (
        "SELECT entry_id FROM provider_effect GROUP BY entry_id HAVING COUNT(*) > 1",
        "INV-5, two effects of one entry",
    ),
    (
        f"SELECT p.id FROM payment p WHERE p.amount_minor < {_PUT}",  # noqa: S608 - constants of ours
        "INV-3, more put on documents than came",
    ),
    (
        "SELECT instalment_id FROM instalment_charge WHERE credited"
        " GROUP BY instalment_id HAVING COUNT(*) > 1",
        "an instalment paid by two charges",
    ),
    (
        "SELECT pl.id FROM plan pl WHERE pl.total_minor <>"
        " (SELECT SUM(i.amount_minor) FROM instalment i WHERE i.plan_id = pl.id)",
        "INV-12, parts that do not sum to their plan",
    ),
    (
        "SELECT invoice_id FROM offer_invoice WHERE blocking GROUP BY invoice_id HAVING COUNT(*) > 1",
        "INV-11, one invoice in two accepted offers",
    ),
    (
        "SELECT o.id FROM offer o JOIN offer_invoice oi ON oi.offer_id = o.id"
        " WHERE oi.blocking <> (o.status = 'accepted')",
        "decision 12, an offer that holds what it should not",
    ),
    (
        "SELECT invoice_id FROM attempt_invoice WHERE blocking GROUP BY invoice_id HAVING COUNT(*) > 1",
        "P-05, two attempts that block one invoice",
    ),
    (
        "SELECT account_id FROM promise WHERE status = 'open'"
        " GROUP BY account_id, currency HAVING COUNT(*) > 1",
        "two open promises",
    ),
)
