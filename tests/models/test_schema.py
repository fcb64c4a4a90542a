"""Constraints that must exist in the schema: looked up, and violated (requirements section 1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import TextClause, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.invoices import Invoice
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.messages import ConsentEvent, ContactLedger, Message
from models.payments import (
    Allocation,
    AttemptInvoice,
    InboxEvent,
    Payment,
    PaymentAttempt,
    ProviderEffect,
)
from models.states import AttemptStatus
from models.store import Store
from models.work import Alert
from receivables import outbox
from tests.conftest import NOON
from tests.models.rows import grow

#: table, columns, condition: what may stand in the database only once.
UNIQUE = [
    ("inbox_event", ["event_id"], None),
    ("provider_effect", ["provider_object_id", "kind"], None),
    ("payment_attempt", ["idempotency_key"], None),
    ("payment_attempt", ["form_nonce"], None),
    ("payment_attempt", ["remote_id"], None),
    ("attempt_invoice", ["invoice_id"], "blocking"),  # decision 12, in place of attempt.group_key
    ("payment", ["attempt_id"], None),
    ("payment", ["provider_charge_id"], None),
    ("payment", ["number"], None),
    ("payment", ["entry_id"], None),
    ("ledger_entry", ["reference"], None),
    ("ledger_entry", ["reverses_id"], None),
    ("posting", ["entry_id", "position"], None),
    ("contact_ledger", ["contact_id", "step", "cycle", "channel", "currency"], None),
    ("contact_ledger", ["contact_id", "channel", "currency", "business_on"], None),
    ("contact_ledger", ["message_id", "business_on"], None),
    ("message", ["dedupe_key"], None),
    ("message", ["wire_id"], None),
    ("job", ["key"], None),
    ("task", ["key"], None),
    ("alert", ["code", "key"], "closed_at IS NULL"),
    ("audit_entry", ["prev_hash"], None),
    ("audit_entry", ["hash"], None),
    ("link", ["token_digest"], None),
    ("link_session", ["session_digest"], None),
    ("opt_out_link", ["token_digest"], None),
    ("staff", ["email"], None),
    ("staff_session", ["session_digest"], None),
    ("account", ["creditor_id", "number"], None),
    ("invoice", ["account_id", "kind", "number"], None),
    ("invoice_line", ["invoice_id", "position"], None),
    ("import_batch", ["content_digest"], None),
    ("creditor_bank_account", ["creditor_id", "currency"], None),
    ("plan_invoice", ["invoice_id"], "blocking"),  # decision 12, in place of settlement.debt_set
    ("offer_invoice", ["invoice_id"], "blocking"),
    ("instalment", ["plan_id", "seq"], None),
    ("instalment_charge", ["instalment_id"], "credited"),
    ("instalment_charge", ["instalment_id", "try_number"], None),
    ("dispute_line", ["invoice_line_id"], "holds"),
    ("promise", ["account_id", "currency"], "status = 'open'"),
    ("credit_hold", ["account_id"], "status = 'active'"),
    ("pause", ["key"], None),
    ("saved_card", ["payment_method_id"], None),
    ("card_setup", ["remote_id"], None),
    ("card_setup", ["idempotency_key"], None),
    ("survey", ["payment_id"], None),
]


def found_unique(store: Store, table: str) -> list[tuple[list[str], str | None]]:
    with store.writer.connect() as connection:
        look = inspect(connection)
        found: list[tuple[list[str], str | None]] = [
            (list(c["column_names"]), None) for c in look.get_unique_constraints(table)
        ]
        dialect = connection.dialect.name
        for index in look.get_indexes(table):
            if index["unique"] and not index.get("duplicates_constraint"):
                where = index.get("dialect_options", {}).get(f"{dialect}_where")
                columns = [str(c) for c in index["column_names"]]
                # PostgreSQL writes the condition back with casts and brackets.
                plain = re.sub(r"[()]|::\w+( varying)?", "", str(where)) if where is not None else None
                found.append((columns, plain))
        connection.exec_driver_sql("ROLLBACK")
    return found


def test_each_unique_rule_is_in_the_schema(store: Store) -> None:
    """Requirements section 1, for the tables that exist; partial ones with their condition."""
    assert [rule for rule in UNIQUE if (rule[1], rule[2]) not in found_unique(store, rule[0])] == []


# --------------------------------------------------------------------------- violated


def attempt(account: Account, name: str, **more: Any) -> PaymentAttempt:
    return PaymentAttempt(
        **{
            "account_id": account.id, "amount_minor": 100, "currency": "GBP",
            "status": AttemptStatus.CREATED, "language": "en", "form_nonce": f"nonce-{name}",
            "gateway_account": "default", "idempotency_key": f"key-{name}", "operation": "checkout",
            "request_body": "{}", "remote_id": f"cs_{name}", "expires_at": NOON, "started_at": NOON, **more,
        }
    )  # fmt: skip


def event(event_id: str) -> InboxEvent:
    return InboxEvent(
        event_id=event_id, gateway_account="default", type="checkout.session.completed", object_id="cs_1",
        tagged=True, payload="{}", status="received", next_try_at=NOON, received_at=NOON,
    )  # fmt: skip


def payment(account: Account, entry_id: int, number: str, charge: str, **more: Any) -> Payment:
    return Payment(
        **{
            "number": number, "account_id": account.id, "method": "card", "amount_minor": 100,
            "currency": "GBP", "provider_charge_id": charge, "received_at": NOON, "valued_on": NOON.date(),
            "entry_id": entry_id, **more,
        }
    )  # fmt: skip


def copy_of(row: Any, **changes: Any) -> Any:
    """The same row again, but for its key and what is changed."""
    columns = {c.key for c in type(row).__mapper__.column_attrs} - {"id", "ref", "version"}
    return type(row)(**{**{name: getattr(row, name) for name in columns}, **changes})


def first(s: Session, kind: type[Any]) -> Any:
    return s.scalars(select(kind).order_by(kind.id).limit(1)).one()


def free_entry(s: Session) -> int:
    """An entry that no payment has: what is refused is refused for one reason only."""
    entry = copy_of(first(s, LedgerEntry), reference="other")
    s.add(entry)
    s.flush()
    return int(entry.id)


def another_message(s: Session) -> int:
    message = copy_of(first(s, Message), dedupe_key="other", wire_id="<other@northgate.example>")
    s.add(message)
    s.flush()
    return int(message.id)


#: What is tried -> how the refusal is named, and the row (or statement) that must not get in.
SECOND_ROWS: Mapping[str, tuple[str, Callable[[Session], Any]]] = {
    "the same event of the gateway": (
        "event_id",
        lambda s: event("evt_1"),
    ),
    "the same effect of the same object": (
        "provider_object_id.*kind",
        lambda s: copy_of(first(s, ProviderEffect)),
    ),
    "another attempt with the same key": (
        "idempotency_key",
        lambda s: attempt(first(s, Account), "two", idempotency_key="key-one"),
    ),
    "another attempt with the same form": (
        "form_nonce",
        lambda s: attempt(first(s, Account), "two", form_nonce="nonce-one"),
    ),
    "another attempt with the same page": (
        "remote_id",
        lambda s: attempt(first(s, Account), "two", remote_id="cs_one"),
    ),
    "another payment of the same charge": (
        "provider_charge_id",
        lambda s: payment(first(s, Account), free_entry(s), "PC-2", "ch_1"),
    ),
    "another payment with the same number": (
        "payment.number",
        lambda s: payment(first(s, Account), free_entry(s), "PC-1", "ch_2"),
    ),
    "the same fact in the ledger": (
        "ledger_entry.reference",
        lambda s: copy_of(first(s, LedgerEntry)),
    ),
    "the same reminder twice": (
        "contact_id.*step.*cycle.*channel.*currency",
        lambda s: copy_of(
            first(s, ContactLedger),
            business_on=NOON.date().replace(day=20),
            message_id=another_message(s),
        ),
    ),
    "another reminder on the same day": (
        "contact_id.*channel.*currency.*business_on",
        lambda s: copy_of(first(s, ContactLedger), step="other", message_id=another_message(s)),
    ),
    "the same message": (
        "dedupe_key",
        lambda s: copy_of(first(s, Message), wire_id="<other@x>"),
    ),
    "the same alert while it is open": (
        "uq_alert_open|alert.code, alert.key",
        lambda s: copy_of(first(s, Alert)),
    ),
    "the same customer number": (
        "creditor_id.*number",
        lambda s: copy_of(first(s, Account)),
    ),
    "the same invoice number": (
        "account_id.*kind.*number",
        lambda s: copy_of(first(s, Invoice)),
    ),
    # --- checks
    "an attempt for nothing": (
        "ck_payment_attempt_amount",
        lambda s: attempt(first(s, Account), "two", amount_minor=0),
    ),
    "a negative attempt": (
        "ck_payment_attempt_amount",
        lambda s: attempt(first(s, Account), "two", amount_minor=-1),
    ),
    "a payment of nothing": (
        "ck_payment_amount",
        lambda s: payment(first(s, Account), free_entry(s), "PC-2", "ch_2", amount_minor=0),
    ),
    "an allocation of nothing": (
        "ck_allocation_amount",
        lambda s: copy_of(first(s, Allocation), amount_minor=0),
    ),
    "an allocation of two sources": (
        "ck_allocation_source",
        lambda s: copy_of(first(s, Allocation), payment_id=1),
    ),
    "an allocation of no source": (
        "ck_allocation_source",
        lambda s: copy_of(first(s, Allocation), credit_note_id=None),
    ),
    "a balance above the total": (
        "ck_invoice_balance",
        lambda s: copy_of(first(s, Invoice), number="n", balance_minor=10001),
    ),
    "a balance below zero": (
        "ck_invoice_balance",
        lambda s: copy_of(first(s, Invoice), number="n", balance_minor=-1),
    ),
    "a total that does not add up": (
        "ck_invoice_sum",
        lambda s: copy_of(first(s, Invoice), number="n", tax_minor=1),
    ),
    "a negative total": (
        "ck_invoice_(total|balance)",
        lambda s: copy_of(first(s, Invoice), number="n", total_minor=-1, lines_net_minor=-1, balance_minor=0),
    ),
    "a status that does not exist": (
        "ck_invoice_status",
        lambda s: text("UPDATE invoice SET status = 'lost'"),
    ),
    "a posting on both sides": (
        "ck_posting_one_side",
        lambda s: copy_of(first(s, Posting), position=9, credit_minor=1),
    ),
    "a posting on no side": (
        "ck_posting_one_side",
        lambda s: copy_of(first(s, Posting), position=9, debit_minor=0),
    ),
    "a negative posting": (
        "ck_posting_positive",
        lambda s: copy_of(first(s, Posting), position=9, debit_minor=-1),
    ),
    "receivables without an account": (
        "ck_posting_control",
        lambda s: copy_of(first(s, Posting), position=9, ledger_code=LedgerCode.RECEIVABLES, account_id=None),
    ),
    "receivables without an invoice": (
        "ck_posting_receivable",
        lambda s: copy_of(first(s, Posting), position=9, ledger_code=LedgerCode.RECEIVABLES, invoice_id=None),
    ),
    "unapplied credit without an account": (
        "ck_posting_control",
        lambda s: copy_of(
            first(s, Posting), position=9, ledger_code=LedgerCode.UNAPPLIED_CREDIT, account_id=None
        ),
    ),
    "an account that is its own payer": (
        "ck_account_payer",
        lambda s: text("UPDATE account SET payer_id = id"),
    ),
    "a contact nobody can reach": (
        "ck_contact_reachable",
        lambda s: copy_of(first(s, Contact), email=None, phone=None),
    ),
    "a word about contact from nobody": (
        "(?i)foreign key",
        lambda s: copy_of(first(s, ConsentEvent), contact_id=4711),
    ),
}


@pytest.mark.parametrize("what", SECOND_ROWS)
def test_each_rule_refuses(sqlite_store: Store, what: str) -> None:
    """By violating it, on SQLite; the next test does the same on PostgreSQL in one go."""
    refuses(grow_all(sqlite_store), what)


@pytest.mark.postgres
def test_each_rule_refuses_on_postgresql(postgres_store: Store) -> None:
    store = grow_all(postgres_store)
    for what in SECOND_ROWS:
        refuses(store, what)


def grow_all(store: Store) -> Store:
    with store.write() as s:
        account = grow(s)
        s.add(attempt(account, "one"))
        s.flush()
        owed = s.scalars(select(Invoice).where(Invoice.kind == "invoice")).one()
        s.add(AttemptInvoice(attempt_id=1, invoice_id=owed.id, reserved_minor=100, blocking=True))
        s.add(event("evt_1"))
        outbox.raise_alert(s, "amount_differs", "attempt:1", now=NOON)
        credit = s.scalars(select(LedgerEntry).where(LedgerEntry.kind == "credit_note")).one()
        s.add(payment(account, credit.id, "PC-1", "ch_1"))
    return store


def refuses(store: Store, what: str) -> None:
    named, make_row = SECOND_ROWS[what]

    def try_it(s: Session) -> None:
        row = make_row(s)
        if isinstance(row, TextClause):
            s.execute(row)
        else:
            s.add(row)

    with pytest.raises(IntegrityError) as refused:
        store.run(try_it)
    assert re.search(named, str(refused.value.orig)), f"{what}: {refused.value.orig}"


def test_one_open_page_for_an_invoice(store: Store) -> None:
    """Decision 12: a second blocking reservation is impossible, one that does not block is fine."""
    grow_all(store)
    with store.write() as s:
        account = s.scalars(select(Account)).one()
        owed = s.scalars(select(Invoice).where(Invoice.kind == "invoice")).one()
        s.add_all([attempt(account, "two"), attempt(account, "three")])
        s.flush()
        s.add(AttemptInvoice(attempt_id=2, invoice_id=owed.id, reserved_minor=100, blocking=False))
    with pytest.raises(IntegrityError), store.write() as s:
        s.add(AttemptInvoice(attempt_id=3, invoice_id=owed.id, reserved_minor=1, blocking=True))
    with store.write() as s:
        held = s.scalars(select(AttemptInvoice).where(AttemptInvoice.blocking)).one()
        held.blocking = False
        s.flush()
        s.add(AttemptInvoice(attempt_id=3, invoice_id=owed.id, reserved_minor=1, blocking=True))


def test_a_closed_alert_makes_room_for_a_new_one(store: Store) -> None:
    """INV-13: one open row for one cause, any number of closed ones."""
    with store.write() as s:
        for _ in range(2):
            alert = outbox.raise_alert(s, "amount_differs", "attempt:1", now=NOON)
            assert outbox.raise_alert(s, "amount_differs", "attempt:1", now=NOON) is alert
            alert.closed_at = NOON
            s.flush()
        outbox.raise_alert(s, "amount_differs", "attempt:1", now=NOON)
    with store.read() as s:
        assert len(s.scalars(select(Alert)).all()) == 3


def test_an_entry_is_reversed_once(store: Store) -> None:
    """M-04: the database alone refuses a second reversal."""
    with store.write() as s:
        grow(s)
        entry = first(s, LedgerEntry)
    with store.write() as s:
        mirror(s, entry, "by hand 1")
    with pytest.raises(IntegrityError), store.write() as s:
        mirror(s, entry, "by hand 2")


def mirror(s: Session, entry: LedgerEntry, reference: str) -> None:
    reversal = copy_of(entry, reference=reference, reverses_id=entry.id)
    s.add(reversal)
    s.flush()
    for p in s.scalars(select(Posting).where(Posting.entry_id == entry.id)).all():
        s.add(copy_of(p, entry_id=reversal.id, debit_minor=p.credit_minor, credit_minor=p.debit_minor))
