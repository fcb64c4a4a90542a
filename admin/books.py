"""The books, list by list; what each shows and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, g
from markupsafe import Markup
from sqlalchemy import select

import web
from admin.cells import EMPTY, amount, day, details, linked, moment, number, opens, status, text, worded
from admin.filters import Begins, Choice, Since, Until
from admin.views import ReadOnlyView
from admin.words import N_, word
from models.accounts import Account, DebtorType
from models.answers import HardshipCase
from models.audit import AuditDetail, AuditEntry
from models.base import Base
from models.invoices import Invoice, InvoiceKind
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.links import Channel
from models.messages import Message, Purpose
from models.money import CURRENCIES, Money
from models.payments import InboxEvent, Payment, PaymentAttempt, PaymentMethod
from models.states import AttemptStatus, InboxStatus, InvoiceStatus, MessageStatus
from receivables import audit
from receivables.permissions import ActorKind, Permission

P = Permission
_CURRENCY = N_("Currency")
_HARDSHIP = HardshipCase.__tablename__


def _currency(column: Any) -> Choice:
    return Choice(column, "currency", _CURRENCY, CURRENCIES, None)


class AccountBook(ReadOnlyView):
    permission, title = P.ACCOUNT_READ, N_("Accounts")
    why = N_("Everybody who owes, or may. Open one to work on it.")
    column_list = ("number", "name", "debtor_type", "country", "language", "collector_id", "created_at")
    column_labels = {
        "number": N_("Number"), "name": N_("Name"), "debtor_type": N_("Kind"), "country": N_("Country"),
        "language": N_("Language"), "collector_id": N_("Collector"), "created_at": N_("Since"),
    }  # fmt: skip
    column_formatters = {
        "number": opens("account"), "name": text, "debtor_type": worded("debtor_type"),
        "country": number, "language": number, "collector_id": linked("staff"), "created_at": day,
    }  # fmt: skip
    column_searchable_list = ("number", "name")
    column_sortable_list = ("number", "name", "created_at")
    column_default_sort = ("name", False)
    column_filters = (Choice(Account.debtor_type, "kind", N_("Kind"), DebtorType, "debtor_type"),)
    mentions = {"collector_id": "staff"}


class InvoiceBook(ReadOnlyView):
    permission, title = P.INVOICE_READ, N_("Invoices")
    why = N_("Every document, paid or open. The balance is the sum of its postings.")
    column_list = ("number", "kind", "account_id", "issued_on", "due_on", "total_minor", "balance_minor",
                   "currency", "status")  # fmt: skip
    column_labels = {
        "number": N_("Number"), "kind": N_("Kind"), "account_id": N_("Account"), "issued_on": N_("Issued"),
        "due_on": N_("Due"), "total_minor": N_("Original"), "balance_minor": N_("Balance"),
        "currency": _CURRENCY, "status": N_("State"),
    }  # fmt: skip
    column_formatters = {
        "number": opens("invoice"), "kind": worded("invoice_kind"),
        "account_id": linked("account"), "issued_on": day, "due_on": day, "total_minor": amount,
        "balance_minor": amount, "currency": number, "status": status,
    }  # fmt: skip
    column_searchable_list = ("number",)
    column_sortable_list = ("number", "issued_on", "due_on")
    column_filters = (
        Choice(Invoice.status, "status", N_("State"), InvoiceStatus, "status"),
        Choice(Invoice.kind, "kind", N_("Kind"), InvoiceKind, "invoice_kind"),
        _currency(Invoice.currency),
        Since(Invoice.due_on, "from", N_("Due from"), moments=False),
        Until(Invoice.due_on, "to", N_("Due to"), moments=False),
    )
    mentions = {"account_id": "account"}
    numeric = frozenset({"total_minor", "balance_minor"})

    def get_query(self) -> Any:
        return super().get_query().filter(Invoice.status != InvoiceStatus.DRAFT)


class PaymentBook(ReadOnlyView):
    permission, title = P.PAYMENT_READ, N_("Payments")
    why = N_("Money that came, whatever became of the documents it was meant for.")
    column_list = ("number", "account_id", "received_at", "valued_on", "method", "method_detail",
                   "amount_minor", "currency")  # fmt: skip
    column_details_list = (*column_list, "provider_charge_id", "entry_id")
    column_labels = {
        "number": N_("Confirmation"), "account_id": N_("Account"), "received_at": N_("Received"),
        "valued_on": N_("Counts from"), "method": N_("Way"), "method_detail": N_("Recognised by"),
        "amount_minor": N_("Amount"), "currency": _CURRENCY, "provider_charge_id": N_("Gateway's number"),
        "entry_id": N_("Entry"),
    }  # fmt: skip
    column_formatters = {
        "number": details(number), "account_id": linked("account"), "received_at": moment,
        "valued_on": day, "method": worded("method"), "method_detail": text, "amount_minor": amount,
        "currency": number, "provider_charge_id": number, "entry_id": number,
    }  # fmt: skip
    column_searchable_list = ("number", "provider_charge_id")
    column_sortable_list = ("received_at", "amount_minor")
    column_filters = (
        Choice(Payment.method, "way", N_("Way"), PaymentMethod, "method"),
        _currency(Payment.currency),
        Since(Payment.received_at, "from", N_("Received from"), moments=True),
        Until(Payment.received_at, "to", N_("Received to"), moments=True),
    )
    mentions = {"account_id": "account"}
    numeric = frozenset({"amount_minor"})


class Posted(Choice):
    """Entries with a posting on a ledger account."""

    def apply(self, query: Any, value: Any, alias: Any = None) -> Any:
        entries = select(Posting.entry_id).where(Posting.ledger_code == LedgerCode(value))
        return query.filter(self.get_column(alias).in_(entries))


class Journal(ReadOnlyView):
    """Entries with their postings; a page holds whole entries, so debits and credits agree on it."""

    permission, title = P.POSTING_READ, N_("Journal")
    why = N_("A wrong entry is corrected by a reversal, never here.")
    page_size = 25
    list_template = "admin/model/journal.html"
    details_template = "admin/model/entry.html"
    column_list = ("id", "posted_on", "reference", "kind", "currency")
    column_details_list = ("id", "posted_on", "posted_at", "effective_on", "reference", "kind", "currency",
                           "reverses_id", "fingerprint")  # fmt: skip
    column_labels = {
        "id": N_("Entry"), "posted_on": N_("Date"), "posted_at": N_("Posted"),
        "reference": N_("Entry reference"),
        "effective_on": N_("Effective"), "kind": N_("Kind"), "currency": _CURRENCY,
        "reverses_id": N_("Reversal of"), "fingerprint": N_("Fingerprint"),
    }  # fmt: skip
    column_formatters = {
        "id": details(number), "posted_on": day, "posted_at": moment, "effective_on": day,
        "reference": number, "kind": number, "currency": number, "reverses_id": number, "fingerprint": number,
    }  # fmt: skip
    column_sortable_list = ("id", "posted_on")
    column_filters = (
        Since(LedgerEntry.posted_on, "from", N_("From"), moments=False),
        Until(LedgerEntry.posted_on, "to", N_("To"), moments=False),
        Begins(LedgerEntry.reference, "reference", N_("Reference begins")),
        _currency(LedgerEntry.currency),
        Posted(LedgerEntry.id, "ledger", N_("Ledger account"), LedgerCode, "ledger"),
    )
    mentions = {"account_id": "account"}

    def _name_rows(self, rows: Sequence[Any]) -> None:
        """Load the postings of the entries on this page, with the accounts they name."""
        found = self.session.scalars(
            select(Posting)
            .where(Posting.entry_id.in_([row.id for row in rows]))
            .order_by(Posting.entry_id, Posting.position)
        ).all()
        super()._name_rows(found)
        g.book_postings = {row.id: [p for p in found if p.entry_id == row.id] for row in rows}
        sums: dict[str, list[int]] = {}
        for p in found:
            side = sums.setdefault(p.currency, [0, 0])
            side[0] += p.debit_minor
            side[1] += p.credit_minor
        g.book_sums = [(c, Money(d, c), Money(k, c)) for c, (d, k) in sorted(sums.items())]

    def render(self, template: str, **kwargs: Any) -> Response:
        """Give the template the postings beside their entries."""
        account = linked("account")
        return super().render(
            template,
            postings=g.book_postings,
            sums=g.book_sums,
            account_of=lambda posting: account(self, None, posting, "account_id"),
            **kwargs,
        )


class AttemptBook(ReadOnlyView):
    permission, title = P.PAYMENT_READ, N_("Payment attempts")
    why = N_("Every try to pay through the gateway and what the gateway said of it.")
    column_list = ("ref", "account_id", "started_at", "finished_at", "amount_minor", "currency", "status",
                   "failure_code")  # fmt: skip
    column_details_list = (*column_list, "contact_id", "expires_at", "superseded_at", "unknown_since",
                           "gateway_account", "remote_id", "intent_id", "idempotency_key")  # fmt: skip
    column_labels = {
        "ref": N_("Attempt"), "account_id": N_("Account"), "started_at": N_("Started"),
        "finished_at": N_("Ended"), "amount_minor": N_("Amount"), "currency": _CURRENCY,
        "status": N_("State"), "failure_code": N_("Refusal"), "contact_id": N_("Contact"),
        "expires_at": N_("Page open until"), "superseded_at": N_("Ended by us"),
        "unknown_since": N_("Without answer since"), "gateway_account": N_("Gateway account"),
        "remote_id": N_("Gateway's number"), "intent_id": N_("Gateway's payment"),
        "idempotency_key": N_("Request key"),
    }  # fmt: skip
    column_formatters = {
        "ref": details(number), "account_id": linked("account"), "contact_id": linked("contact"),
        "started_at": moment, "finished_at": moment, "expires_at": moment, "superseded_at": moment,
        "unknown_since": moment, "amount_minor": amount, "currency": number, "status": status,
        "failure_code": number, "gateway_account": number, "remote_id": number, "intent_id": number,
        "idempotency_key": number,
    }  # fmt: skip
    column_searchable_list = ("ref", "remote_id", "intent_id")
    column_sortable_list = ("started_at",)
    column_filters = (
        Choice(PaymentAttempt.status, "status", N_("State"), AttemptStatus, "status"),
        _currency(PaymentAttempt.currency),
        Since(PaymentAttempt.started_at, "from", N_("From"), moments=True),
        Until(PaymentAttempt.started_at, "to", N_("To"), moments=True),
    )
    mentions = {"account_id": "account", "contact_id": "contact"}
    numeric = frozenset({"amount_minor"})


class MessageBook(ReadOnlyView):
    permission, title = P.MESSAGE_READ, N_("Messages")
    why = N_("What we wrote, to whom, and what became of it. Links are not kept in the text.")
    column_list = (
        "queued_at",
        "kind",
        "channel",
        "account_id",
        "contact_id",
        "language",
        "status",
        "sent_at",
    )
    column_details_list = (*column_list, "purpose", "reasons", "not_before", "attempts", "template_version",
                           "wire_id", "subject", "body")  # fmt: skip
    column_labels = {
        "queued_at": N_("Queued"), "kind": N_("Message"), "channel": N_("Channel"),
        "account_id": N_("Account"), "contact_id": N_("Contact"), "language": N_("Language"),
        "status": N_("State"), "sent_at": N_("Sent"), "purpose": N_("Purpose"), "reasons": N_("Because"),
        "not_before": N_("Not before"), "attempts": N_("Tries"), "template_version": N_("Text version"),
        "wire_id": N_("Message-ID"), "subject": N_("Subject"), "body": N_("Text"),
    }  # fmt: skip

    def _reasons(self, context: Any, row: Any, name: str) -> str:
        return ", ".join(word("reason", code) for code in row.reasons)

    def _body(self, context: Any, row: Any, name: str) -> Markup:
        return Markup('<pre class="letter" dir="auto">{}</pre>').format(row.body) if row.body else EMPTY

    column_formatters = {
        "queued_at": details(moment), "kind": worded("message_kind"), "channel": worded("channel"),
        "account_id": linked("account"), "contact_id": linked("contact"), "language": number,
        "status": status, "sent_at": moment, "purpose": worded("purpose"), "reasons": _reasons,
        "not_before": moment, "attempts": number, "template_version": number, "wire_id": number,
        "subject": text, "body": _body,
    }  # fmt: skip
    column_sortable_list = ("queued_at",)
    column_filters = (
        Choice(Message.status, "status", N_("State"), MessageStatus, "status"),
        Choice(Message.channel, "channel", N_("Channel"), (Channel.EMAIL, Channel.SMS), "channel"),
        Choice(Message.purpose, "purpose", N_("Purpose"), Purpose, "purpose"),
        Since(Message.queued_at, "from", N_("From"), moments=True),
        Until(Message.queued_at, "to", N_("To"), moments=True),
    )
    mentions = {"account_id": "account", "contact_id": "contact"}


class NoticeBook(ReadOnlyView):
    permission, title = P.POSTING_READ, N_("Gateway notices")
    why = N_(
        "What the gateway told us. A notice is a hint: what counts is asked for again before it is booked."
    )
    column_list = ("event_id", "type", "object_id", "received_at", "status", "attempts", "done_at")
    column_details_list = (*column_list, "gateway_account", "attempt_ref", "session_id", "intent_id",
                           "next_try_at", "error")  # fmt: skip
    column_labels = {
        "event_id": N_("Notice"), "type": N_("Kind"), "object_id": N_("About"),
        "received_at": N_("Received"), "status": N_("State"), "attempts": N_("Tries"), "done_at": N_("Done"),
        "gateway_account": N_("Gateway account"), "attempt_ref": N_("Attempt"),
        "session_id": N_("Gateway's number"), "intent_id": N_("Gateway's payment"),
        "next_try_at": N_("Next try"), "error": N_("Error"),
    }  # fmt: skip
    column_formatters = {
        "event_id": details(number), "type": number, "object_id": number, "received_at": moment,
        "status": worded("inbox"), "attempts": number, "done_at": moment, "gateway_account": number,
        "attempt_ref": number, "session_id": number, "intent_id": number, "next_try_at": moment,
        "error": text,
    }  # fmt: skip
    column_searchable_list = ("event_id", "object_id")
    column_sortable_list = ("received_at",)
    column_filters = (
        Choice(InboxEvent.status, "status", N_("State"), InboxStatus, "inbox"),
        Since(InboxEvent.received_at, "from", N_("From"), moments=True),
        Until(InboxEvent.received_at, "to", N_("To"), moments=True),
    )
    numeric = frozenset({"attempts"})


class AuditBook(ReadOnlyView):
    permission, title = P.AUDIT_READ, N_("Audit")
    why = N_(
        "Who did what and when. Each line holds the fingerprint of the line before it, so a change shows."
    )
    column_list = ("id", "occurred_at", "code", "actor_kind", "account_id", "subject_kind")
    column_details_list = (*column_list, "reason", "payload", "prev_hash", "hash", "form")
    column_labels = {
        "id": N_("Line"), "occurred_at": N_("When"), "code": N_("What"), "actor_kind": N_("Who"),
        "account_id": N_("Account"), "subject_kind": N_("About"), "reason": N_("Because"),
        "payload": N_("What is hashed"), "prev_hash": N_("Hash before"), "hash": N_("Hash"),
        "form": N_("Version of the form"),
    }  # fmt: skip

    def get_query(self) -> Any:
        """All lines; those about hardship cases for their own readers only."""
        query = super().get_query()
        return query if web.staff_may(P.HARDSHIP_READ) else query.filter(AuditEntry.subject_kind != _HARDSHIP)

    def _who(self, context: Any, row: Any, name: str) -> Markup:
        person = linked("staff")(self, context, row, "actor_id") if row.actor_kind == "staff" else ""
        return Markup('{} <span class="mute">{}</span>').format(person, word("actor", row.actor_kind))

    def _about(self, context: Any, row: Any, name: str) -> Markup:
        return Markup('<bdi dir="ltr">{} {}</bdi>').format(row.subject_kind, row.subject_id or "")

    def _reason(self, context: Any, row: Any, name: str) -> Any:
        said = self.session.scalar(select(AuditDetail.reason).where(AuditDetail.audit_entry_id == row.id))
        return Markup("<bdi>{}</bdi>").format(said) if said else EMPTY

    column_formatters = {
        "id": details(number), "occurred_at": moment, "code": worded("audit"), "actor_kind": _who,
        "account_id": linked("account"), "subject_kind": _about, "reason": _reason, "payload": number,
        "prev_hash": number, "hash": number, "form": number,
    }  # fmt: skip
    column_sortable_list = ("id",)
    column_filters = (
        Choice(AuditEntry.code, "code", N_("What"), sorted(audit.CODES), "audit"),
        Choice(AuditEntry.actor_kind, "who", N_("Who"), ActorKind, "actor"),
        Since(AuditEntry.occurred_at, "from", N_("From"), moments=True),
        Until(AuditEntry.occurred_at, "to", N_("To"), moments=True),
    )
    mentions = {"account_id": "account", "actor_id": "staff"}


#: Model, view and endpoint of each list, in the order of the rail.
BOOKS: tuple[tuple[type[Base], type[ReadOnlyView], str], ...] = (
    (Account, AccountBook, "accounts"),
    (Invoice, InvoiceBook, "invoices"),
    (Payment, PaymentBook, "payments"),
    (LedgerEntry, Journal, "journal"),
    (Message, MessageBook, "messages"),
    (PaymentAttempt, AttemptBook, "attempts"),
    (InboxEvent, NoticeBook, "notices"),
    (AuditEntry, AuditBook, "audit"),
)
