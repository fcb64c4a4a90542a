"""Every known corruption of the database, the gateway's log and the mailbox, and what it breaks."""

# ruff: noqa: S608 - the statements are the damage
from __future__ import annotations

import json
from datetime import timedelta

from tests.checker.damage import (
    Corruption,
    Damage,
    books,
    both,
    copied,
    mailbox,
    object_set,
    rehashed_from,
    stripe,
)
from tests.checker.world import NOW

_ENTRY = "(SELECT id FROM ledger_entry WHERE reference = '{}')"
_FEE = _ENTRY.format("fee:txn_1")
_INVOICE = "(SELECT id FROM invoice WHERE number = '{}')"
_PAYMENT = "(SELECT id FROM payment WHERE provider_charge_id = '{}')"
_MESSAGE = "(SELECT id FROM message WHERE ref = '{}')"
_LAST = "(SELECT max(id) FROM audit_entry)"
_DEBIT_UP, _CREDIT_UP = "debit_minor = debit_minor + 1", "credit_minor = credit_minor + 1"
_EFFECT = "kind = 'payment' AND provider_object_id"

LEDGER = [
    Corruption(
        "unbalanced entry",
        books(f"UPDATE posting SET {_DEBIT_UP} WHERE entry_id = {_FEE} AND debit_minor > 0"),
        ("INV-1", "INV-2", "INV-5", "INV-10"), "does not balance: debits exceed credits by GBP 0.01",
    ),
    Corruption(
        "postings in two currencies",
        books(f"UPDATE posting SET currency = 'EUR' WHERE entry_id = {_FEE} AND debit_minor > 0"),
        ("INV-1", "INV-2"), "is in GBP, its posting",
    ),
    Corruption(
        "postings in another currency than their entry",
        books(f"UPDATE posting SET currency = 'EUR' WHERE entry_id = {_FEE}"),
        ("INV-1", "INV-4"), "in EUR",
    ),
    Corruption(
        "one posting deleted",
        books(f"DELETE FROM posting WHERE entry_id = {_FEE} AND credit_minor > 0"),
        ("INV-1", "INV-2", "INV-10", "INV-4"), "has 1 posting(s)",
    ),
    Corruption(
        "entry without postings",
        books(f"DELETE FROM posting WHERE entry_id = {_ENTRY.format('fee:txn_4')}"),
        ("INV-1", "INV-5", "INV-10", "INV-4"), "has 0 posting(s)",
    ),
    Corruption(
        "entry deleted from under its postings",
        books(f"DELETE FROM ledger_entry WHERE id = {_FEE}"),
        ("INV-1", "INV-5", "INV-10", "INV-4"), "which does not exist",
    ),
    Corruption(
        "posting with two sides",
        books(f"UPDATE posting SET debit_minor = debit_minor + 5, credit_minor = credit_minor + 5"
              f" WHERE entry_id = {_FEE} AND debit_minor > 0"),
        ("INV-1", "INV-10"), "has not one positive side",
    ),
    Corruption(
        "both sides of an entry raised",
        books(f"UPDATE posting SET {_DEBIT_UP} WHERE entry_id = {_FEE} AND debit_minor > 0",
              f"UPDATE posting SET {_CREDIT_UP} WHERE entry_id = {_FEE} AND credit_minor > 0"),
        ("INV-10", "INV-5", "INV-4"), "were changed after posting",
    ),
    Corruption(
        "amount that is no number",
        books(f"UPDATE posting SET debit_minor = 'ten' WHERE entry_id = {_FEE} AND debit_minor > 0"),
        ("INV-1", "INV-2", "INV-5", "INV-10"), "rows cannot be read",
    ),
]  # fmt: skip

INVOICES = [
    Corruption(
        "cached balance off by one",
        books("UPDATE invoice SET balance_minor = balance_minor + 1 WHERE number = 'INV-2'"),
        ("INV-3",), "says it has GBP 120.01 open, its postings say GBP 120.00",
    ),
    Corruption(
        "cached balance of a credit note off by one",
        books("UPDATE invoice SET balance_minor = balance_minor - 1 WHERE number = 'CN-1'"),
        ("INV-3",), "says it has GBP 24.99 open, its postings say GBP 25.00",
    ),
    Corruption(
        "paid with a balance",
        books("UPDATE invoice SET status = 'paid' WHERE number = 'INV-2'"),
        ("INV-3",), "is paid with GBP 120.00 open",
    ),
    Corruption(
        "open without a balance",
        books("UPDATE invoice SET status = 'open' WHERE number = 'INV-5'"),
        ("INV-3",), "is open with JPY 0 open",
    ),
    Corruption(
        "total changed after it was posted",
        books("UPDATE invoice SET total_minor = total_minor + 100 WHERE number = 'INV-2'"),
        ("INV-3",), "came into the books with GBP 200.00, its total is GBP 201.00",
    ),
    Corruption(
        "balance beyond the total",
        books("UPDATE invoice SET total_minor = 11999 WHERE number = 'INV-2'"),
        ("INV-3",), "has GBP 120.00 open of GBP 119.99",
    ),
    Corruption(
        "draft with a balance and no posting",
        books("UPDATE invoice SET balance_minor = 5 WHERE number = 'INV-8'"),
        ("INV-3",), "its postings say GBP 0.00",
    ),
    Corruption(
        "receivable posted to another account",
        books(f"UPDATE posting SET account_id = 2 WHERE entry_id = {_ENTRY.format('invoice:INV-2')}"
              " AND account_id IS NOT NULL"),
        ("INV-3", "INV-10"), "is for account 2 in GBP",
    ),
    Corruption(
        "receivable posted on a credit note",
        books(f"UPDATE posting SET invoice_id = {_INVOICE.format('CN-2')}"
              f" WHERE entry_id = {_ENTRY.format('credit_note:CN-2')} AND ledger_code = 'receivables'"),
        ("INV-3", "INV-10"), "",
    ),
    Corruption(
        "invoice deleted from under its postings",
        books("DELETE FROM invoice WHERE number = 'FEE-7'"),
        ("INV-3", "INV-7"), "which does not exist",
    ),
    Corruption(
        "allocation missing",
        books(f"DELETE FROM allocation WHERE invoice_id = {_INVOICE.format('INV-1')}"),
        ("INV-3", "INV-7"), "credits invoice 1 with GBP 100.00, its allocations say GBP 0.00",
    ),
    Corruption(
        "allocation of a credit note missing",
        books(f"DELETE FROM allocation WHERE credit_note_id = {_INVOICE.format('CN-2')}"),
        ("INV-3",), "credits invoice 2 with GBP 10.00, its allocations say GBP 0.00",
    ),
    Corruption(
        "allocation of an applied credit note missing",
        books(f"DELETE FROM allocation WHERE credit_note_id = {_INVOICE.format('CN-1')}"),
        ("INV-3",), "its allocations say GBP 0.00",
    ),
    Corruption(
        "allocation to another invoice",
        books(f"UPDATE allocation SET invoice_id = {_INVOICE.format('INV-3')}"
              f" WHERE invoice_id = {_INVOICE.format('INV-1')}"),
        ("INV-3",), "credits invoice 1 with GBP 100.00, its allocations say GBP 0.00",
    ),
    Corruption(
        "allocation one unit too large",
        books(f"UPDATE allocation SET amount_minor = amount_minor + 1"
              f" WHERE invoice_id = {_INVOICE.format('INV-5')}"),
        ("INV-3", "INV-7"), "its allocations say JPY 5001",
    ),
]  # fmt: skip

GATEWAY = [
    Corruption(
        "duplicate effect",
        books(copied("provider_effect", f"{_EFFECT} = 'ch_1'", "kind", "provider_object_id", "entry_id",
                     "attempt_id", "recorded_at", id="id + 1000"), rebuilt="provider_effect"),
        ("INV-5",), "ch_1 has two effects 'payment'",
    ),
    Corruption(
        "effect that points nowhere",
        books("UPDATE provider_effect SET entry_id = 9999 WHERE provider_object_id = 'txn_3'"),
        ("INV-5",), "points to entry 9999, which does not exist",
    ),
    Corruption(
        "effect on another payment's entry",
        books(f"UPDATE provider_effect SET entry_id = {_ENTRY.format('payment:ch_2')}"
              f" WHERE {_EFFECT} = 'ch_1'"),
        ("INV-5",), "effect 1 of ch_1 is entry",
    ),
    Corruption(
        "payment without effect",
        books(f"DELETE FROM provider_effect WHERE {_EFFECT} = 'ch_1'"),
        ("INV-5",), "payment 1 by ch_1 has no effect 'payment'",
    ),
    Corruption(
        "one charge, two payments",
        books(copied("payment", "provider_charge_id = 'ch_1'", "account_id", "method", "amount_minor",
                     "currency", "provider_charge_id", "entry_id", "attempt_id", id="id + 1000"),
              rebuilt="payment"),
        ("INV-5", "INV-7", "INV-8"), "ch_1 is payment 1 and payment 1001",
    ),
    Corruption(
        "fee not booked",
        books("DELETE FROM provider_effect WHERE provider_object_id = 'txn_1'"),
        ("INV-5",), "txn_1 took a fee of 250 (gbp, units of the gateway) for ch_1, which is not in",
    ),
    Corruption(
        "another fee than the gateway took",
        stripe(object_set("txn_1", "fee", 251)),
        ("INV-5", "INV-4"), "has a fee of GBP 2.50, txn_1 took 251",
    ),
    Corruption(
        "fee that the gateway never took",
        stripe("DELETE FROM object WHERE id = 'txn_2'"),
        ("INV-5", "INV-4"), "the gateway took no such fee",
    ),
    Corruption(
        "payment without charge",
        stripe("DELETE FROM object WHERE id = 'ch_3'"),
        ("INV-6",), "payment 3 names charge ch_3, which the gateway does not have",
    ),
    Corruption(
        "payment by a charge that failed",
        stripe(object_set("ch_3", "status", "failed")),
        ("INV-6",), "payment 3 names charge ch_3, which is failed",
    ),
    Corruption(
        "charge without payment",
        stripe(object_set("py_debit", "status", "succeeded")),
        ("INV-6", "INV-5", "INV-4"), "charge py_debit took 500 gbp and has no payment",
    ),
    Corruption(
        "amount times 100 in yen",
        stripe(object_set("ch_3", "amount", 500_000)),
        ("INV-6",), "payment 3 is JPY 5000, its charge ch_3 took 500000 jpy",
    ),
    Corruption(
        "amount not times 100 in krónur",
        stripe(object_set("ch_4", "amount", 500)),
        ("INV-6",), "payment 4 is ISK 500, its charge ch_4 took 500 isk",
    ),
    Corruption(
        "charge in another currency",
        stripe(object_set("ch_1", "currency", "usd")),
        ("INV-6",), "payment 1 is GBP 150.00, its charge ch_1 took 15000 usd",
    ),
    Corruption(
        "charge of another attempt",
        stripe(object_set("ch_1", "metadata.attempt", "attempt-ch_2")),
        ("INV-6",), "carries attempt attempt-ch_2, its payment 1 names attempt attempt-ch_1",
    ),
    Corruption(
        "charge without attempt",
        stripe(object_set("ch_1", "metadata", {})),
        ("INV-6",), "charge ch_1 of payment 1 carries no attempt",
    ),
    Corruption(
        "payment on another account",
        books(f"UPDATE payment SET account_id = 4 WHERE id = {_PAYMENT.format('ch_3')}"),
        ("INV-6", "INV-7"), "payment 3 is on account 4, its attempt attempt-ch_3 on account 3",
    ),
    Corruption(
        "card payment that lost its charge",
        books(f"UPDATE payment SET provider_charge_id = NULL WHERE id = {_PAYMENT.format('ch_3')}"),
        ("INV-6", "INV-5"), "charge ch_3 took 5000 jpy and has no payment",
    ),
    Corruption(
        "card payment that never had a charge",
        books("UPDATE payment SET method = 'card' WHERE method = 'bank_transfer'"),
        ("INV-6",), "by card has no charge",
    ),
    Corruption(
        "payment under another entry",
        books("UPDATE ledger_entry SET reference = 'payment:ch_9' WHERE reference = 'payment:ch_3'"),
        ("INV-6",), "which is 'payment:ch_9'",
    ),
    Corruption(
        "payment of another amount than its entry and charge",
        books(f"UPDATE payment SET amount_minor = 5001 WHERE id = {_PAYMENT.format('ch_3')}"),
        ("INV-6", "INV-7"), "payment 3 is JPY 5001",
    ),
    Corruption(
        "payment and charge of another amount than their entry",
        both(books(f"UPDATE payment SET amount_minor = 5001 WHERE id = {_PAYMENT.format('ch_3')}"),
             stripe(object_set("ch_3", "amount", 5001))),
        ("INV-6", "INV-7"), "clears JPY 5000, its payment 3 is JPY 5001",
    ),
    Corruption(
        "money of the gateway that belongs to no payment",
        books(f"UPDATE payment SET entry_id = 9999 WHERE id = {_PAYMENT.format('ch_3')}"),
        ("INV-6", "INV-5"), "payment 3 by ch_3 is entry 9999",
    ),
    Corruption(
        "attempt that succeeded without payment",
        books("UPDATE payment_attempt SET status = 'succeeded' WHERE ref = 'gone'"),
        ("INV-6",), "(gone) succeeded and has no payment",
    ),
    Corruption(
        "payment by an attempt that expired",
        books("UPDATE payment_attempt SET status = 'expired' WHERE ref = 'attempt-ch_3'"),
        ("INV-6",), "attempt attempt-ch_3 of payment 3 is expired",
    ),
    Corruption(
        "currency that nobody knows",
        both(books(f"UPDATE payment SET currency = 'XTS' WHERE id = {_PAYMENT.format('ch_3')}"),
             stripe(object_set("ch_3", "currency", "xts"))),
        ("INV-6", "INV-7"), "currency 'XTS' is not known",
    ),
]  # fmt: skip

CASH = [
    Corruption(
        "transfer recorded with another amount",
        books("UPDATE payment SET amount_minor = 3001 WHERE method = 'bank_transfer'"),
        ("INV-7",), "account 1: charged GBP 280.01",
    ),
    Corruption(
        "payment allocated beyond its amount",
        books(f"UPDATE allocation SET payment_id = {_PAYMENT.format('ch_2')}"
              f" WHERE invoice_id = {_INVOICE.format('INV-1')}"),
        ("INV-7",), "payment 2 of GBP 100.00 is allocated with GBP 185.00",
    ),
    Corruption(
        "money of one account on another's invoice",
        books("UPDATE account SET payer_id = NULL WHERE number = 'A-2'"),
        ("INV-7",), "takes money of account 1 for an invoice of account 2, for which it does not pay",
    ),
    Corruption(
        "unapplied credit of a payment vanished",
        books("UPDATE posting SET ledger_code = 'small_differences'"
              f" WHERE ledger_code = 'unapplied_credit' AND entry_id = {_ENTRY.format('payment:ch_2')}"),
        ("INV-7", "INV-10"), "unapplied GBP -5.00",
    ),
    Corruption(
        "payment deleted",
        books(f"DELETE FROM payment WHERE id = {_PAYMENT.format('ch_3')}"),
        ("INV-7", "INV-5", "INV-6"), "its payment in None",
    ),
]  # fmt: skip

CLEARING = [
    Corruption(
        "movement that the books do not know",
        stripe(
            "INSERT INTO object (id, kind, created, data) SELECT 'txn_lost', kind, created,"
            " json_set(data, '$.id', 'txn_lost', '$.type', 'adjustment') FROM object WHERE id = 'txn_1'"
        ),
        ("INV-4",), "the gateway moved GBP",
    ),
    Corruption(
        "debit that failed and was not taken back",
        stripe("DELETE FROM object WHERE id = 'txn_11'"),
        ("INV-4",), "the gateway moved GBP",
    ),
    Corruption(
        "cost of a failed debit that nobody posted",
        stripe(*(object_set(key, "created", 1_700_000_000) for key in ("txn_10", "txn_11"))),
        ("INV-4",), "clearing and payouts say",
    ),
    Corruption(
        "debit counted as if its money were there",
        stripe(object_set("py_debit", "status", "returned")),
        ("INV-4",), "clearing and payouts say",
    ),
    Corruption(
        "gateway took a unit less than its own charge says",
        stripe(object_set("txn_2", "amount", 9_999)),
        ("INV-4",), "clearing and payouts say",
    ),
    Corruption(
        "reversal that is not the sum of its parts",
        books("UPDATE payment_reversal SET unapplied_minor = unapplied_minor + 1"),
        ("INV-7",), "is not the sum of its parts",
    ),
    Corruption(
        "reversal without what it took off",
        books("DELETE FROM allocation_reversal"),
        ("INV-3", "INV-7"), "was taken off its allocations",
    ),
    Corruption(
        "reversal undone beyond its amount",
        books(copied("payment_reversal", "id = 1", "payment_id", "account_id", "cause", "currency",
                     "unapplied_minor", "recovered_minor", "beyond_minor", "entry_id", "effective_on",
                     "made_at", id="1000", ref="'again'", source="'again'", undoes_id="id",
                     amount_minor="amount_minor + 1", allocated_minor="allocated_minor + 1"),
              rebuilt="payment_reversal"),
        ("INV-7",), "of ISK 200 was undone beyond its amount",
    ),
    Corruption(
        "reversal in another currency than its payment",
        books("UPDATE payment_reversal SET currency = 'EUR'"),
        ("INV-7", "INV-3"), "is in EUR, its payment",
    ),
    Corruption(
        "what left twice counts still",
        books(*(f"UPDATE posting SET {side}_minor = {side}_minor + 50 WHERE {side}_minor > 0"
                f" AND ledger_code = '{code}' AND entry_id = {_ENTRY.format('taken_back:movement:txn_6')}"
                for side, code in (("debit", "chargebacks_held"), ("credit", "gateway_clearing")))),
        ("INV-7", "INV-4", "INV-10"), "left twice with ISK 50 and pays documents with ISK 100 still",
    ),
    Corruption(
        "reversal of a payment that does not exist",
        books("UPDATE payment_reversal SET payment_id = 999"),
        ("INV-7",), "one does not exist",
    ),
]  # fmt: skip


def untold(charge: str, status: str, *reasons: str) -> Damage:
    """A receipt that never left, and what the books say of it."""
    name = f"receipt-{charge}"
    return both(
        books(f"UPDATE message SET status = '{status}', reasons = '{json.dumps(reasons)}', sent_at = NULL"
              f" WHERE ref = '{name}'"),
        mailbox(f"DELETE FROM message WHERE message_id IN ('{name}', '<{name}@northgate.example>')"),
    )  # fmt: skip


_PO_1 = _ENTRY.format("payout:po_1")
_AGAIN = (
    copied("ledger_entry", "reference = 'payout:po_1'", "creditor_id", "kind", "currency", "effective_on",
           "posted_on", "posted_at", "fingerprint", id="id + 1000", reference="'payout:po_1:again'"),
    copied("posting", f"entry_id = {_PO_1}", "position", "ledger_code", "currency", "debit_minor",
           "credit_minor", id="id + 9000", entry_id="entry_id + 1000"),
)  # fmt: skip
PAYOUTS = [
    Corruption(
        "payout not booked",
        stripe(object_set("po_4", "created", int((NOW - timedelta(hours=9)).timestamp()))),
        ("INV-5", "INV-4"), "payout po_4 of 300 gbp (units of the gateway) is pending and is not in",
    ),
    Corruption(
        "payout of three days ago that nothing was compared with",
        both(books("DELETE FROM gateway_watch"),
             stripe(object_set("po_4", "created", int((NOW - timedelta(days=3)).timestamp())))),
        ("INV-5", "INV-4"), "payout po_4 of 300 gbp (units of the gateway) is pending and is not in",
    ),
    Corruption(
        "payout booked with another sum",
        books(f"UPDATE posting SET debit_minor = 777700 WHERE entry_id = {_PO_1} AND debit_minor > 0",
              f"UPDATE posting SET credit_minor = 777700 WHERE entry_id = {_PO_1} AND credit_minor > 0"),
        ("INV-5", "INV-4", "INV-10"), "(payout) changes clearing by GBP -7777.00, po_1 is of 10000 gbp",
    ),
    Corruption(
        "payout booked twice",
        books(*_AGAIN),
        ("INV-5", "INV-4"), "(payout:po_1:again) moves a payout and is the effect of none",
    ),
    Corruption(
        "payout booked twice, each with its effect",
        books(*_AGAIN,
              copied("provider_effect", "provider_object_id = 'po_1' AND kind = 'payout'",
                     "provider_object_id", "kind", "attempt_id", "recorded_at", id="id + 1000",
                     entry_id="entry_id + 1000"),
              rebuilt="provider_effect"),
        ("INV-5", "INV-4"), "po_1 has two effects 'payout'",
    ),
    Corruption(
        "payout at the bank that is on its way",
        stripe(object_set("po_1", "status", "in_transit")),
        ("INV-5",), "is in_transit, and in the books it is at the bank",
    ),
    Corruption(
        "payout that came to the bank with another sum",
        books("UPDATE posting SET debit_minor = 9999 WHERE debit_minor > 0"
              f" AND entry_id = {_ENTRY.format('payout_banked:po_1')}",
              "UPDATE posting SET credit_minor = 9999 WHERE credit_minor > 0"
              f" AND entry_id = {_ENTRY.format('payout_banked:po_1')}"),
        ("INV-5", "INV-10"), "(payout_banked) changes in transit by GBP -99.99, po_1 is of 10000 gbp",
    ),
    Corruption(
        "payout that came back and is not undone",
        books("DELETE FROM provider_effect WHERE kind = 'payout_failed'"),
        ("INV-5",), "is failed, and its 'payout' is not undone in the books",
    ),
    Corruption(
        "payout that came back, nothing undone",
        books("DELETE FROM posting WHERE entry_id IN (SELECT entry_id FROM provider_effect"
              " WHERE kind IN ('payout_failed', 'payout_banked_failed'))",
              "DELETE FROM ledger_entry WHERE id IN (SELECT entry_id FROM provider_effect"
              " WHERE kind IN ('payout_failed', 'payout_banked_failed'))",
              "DELETE FROM provider_effect WHERE kind IN ('payout_failed', 'payout_banked_failed')"),
        ("INV-4", "INV-5", "INV-10"), "clearing and payouts say",
    ),
    Corruption(
        "payout undone that did not come back",
        stripe(object_set("po_3", "status", "paid"), object_set("po_3", "failure_balance_transaction", None),
               "DELETE FROM object WHERE id = 'txn_po_3_back'"),
        ("INV-5", "INV-4"), "is paid, and in the books it came back (payout_",
    ),
    Corruption(
        "payout in another currency",
        stripe(object_set("po_2", "currency", "gbp"), object_set("txn_po_2", "currency", "gbp")),
        ("INV-5", "INV-4"), "(payout) changes clearing by JPY -2000, po_2 is of 2000 gbp",
    ),
    Corruption(
        "payout that the gateway never made",
        stripe("DELETE FROM object WHERE id IN ('po_2', 'txn_po_2')"),
        ("INV-5", "INV-4"), "'payout' of po_2: the gateway made no such payout",
    ),
]  # fmt: skip

MESSAGES = [
    Corruption(
        "sent and never delivered",
        mailbox("DELETE FROM message WHERE message_id = '<reminder-1@northgate.example>'"),
        ("INV-8",), "(reminder-1@northgate.example) is sent and never reached the mailbox",
    ),
    Corruption(
        "delivered and unknown to us",
        mailbox("UPDATE message SET message_id = '<nobody@northgate.example>' WHERE id = 1"),
        ("INV-8",), "mailbox message 1 (nobody@northgate.example) is no message of ours",
    ),
    Corruption(
        "delivered without a Message-ID",
        mailbox("UPDATE message SET message_id = '' WHERE id = 7"),
        ("INV-8",), "mailbox message 7 (without a Message-ID) is no message of ours",
    ),
    Corruption(
        "mail of the house's to somebody else",
        mailbox("UPDATE message SET recipient = 'ada@alder.example'"
                " WHERE recipient = 'tess@northgate.example'"),
        ("INV-8",), "was for the house and went to somebody else",
    ),
    Corruption(
        "mail to a colleague that nobody queued",
        books("DELETE FROM job WHERE kind = 'staff_mail'"),
        ("INV-8",), "is no message of ours",
    ),
    Corruption(
        "queued and yet delivered",
        books("UPDATE message SET status = 'queued' WHERE ref = 'reminder-2'"),
        ("INV-8",), "is queued and reached the mailbox",
    ),
    Corruption(
        "reminder delivered twice",
        mailbox(copied("message", "message_id = '<reminder-1@northgate.example>'", "received_at",
                       "channel", "sender", "recipient", "subject", "message_id", "text", "html", "raw",
                       id="id + 1000")),
        ("INV-8",), "reached the mailbox 2 times",
    ),
    Corruption(
        "reminder twice on one day",
        books("UPDATE message SET sent_at = '2026-11-18 18:00:00.000000' WHERE ref = 'reminder-1'"),
        ("INV-8", "INV-9"), "contact 1 was reminded twice on 2026-11-18 (email, GBP)",
    ),
    Corruption(
        "reminder twice on one day of the account, on two days of UTC",
        books("UPDATE message SET sent_at = '2026-11-17 09:00:00.000000' WHERE ref = 'sms-2'"),
        ("INV-8", "INV-9"), "contact 2 was reminded twice on 2026-11-17 (sms, JPY)",
    ),
    Corruption(
        "two claims for one day",
        books("UPDATE contact_ledger SET business_on = '2026-11-01' WHERE contact_id = 1",
              rebuilt="contact_ledger"),
        ("INV-8",), "contact 1 has two claims on 2026-11-01 (email, GBP)",
    ),
    Corruption(
        "reminder without a claim",
        books(f"DELETE FROM contact_ledger WHERE message_id = {_MESSAGE.format('reminder-1')}"),
        ("INV-8",), "was sent without a claim in the contact ledger",
    ),
    Corruption(
        "payment without receipt",
        both(books("DELETE FROM message WHERE ref = 'receipt-ch_3'"),
             mailbox("DELETE FROM message WHERE message_id = '<receipt-ch_3@northgate.example>'")),
        ("INV-8",), "payment 3 has no receipt for contact 2",
    ),
    Corruption(
        "receipt of a card that is kept is missing",
        both(books("DELETE FROM message WHERE ref = 'receipt-ch_4'"),
             mailbox("DELETE FROM message WHERE message_id = 'receipt-ch_4'")),
        ("INV-8",), "payment 4 has no receipt for anybody at account 4",
    ),
    Corruption(
        "receipt by SMS is missing",
        both(books("DELETE FROM message WHERE ref = 'receipt-ch_5'"),
             mailbox("DELETE FROM message WHERE message_id = 'receipt-ch_5'")),
        ("INV-8",), "has no receipt for contact 3, who paid",
    ),
    Corruption(
        "receipt that failed, and nobody was told",
        untold("ch_3", "failed"),
        ("INV-8",), "of payment 3 is failed, and no alert was raised",
    ),
    Corruption(
        "receipt that nobody sent",
        untold("ch_3", "queued"),
        ("INV-8",), "of payment 3 is queued since 2026-11-16T12:00",
    ),
    Corruption(
        "receipt that was stopped",
        untold("ch_3", "stopped"),
        ("INV-8",), "of payment 3 is stopped",
    ),
    Corruption(
        "receipt kept back by what binds reminders only",
        untold("ch_3", "suppressed", "already_today"),
        ("INV-8",), "of payment 3 is suppressed: already_today",
    ),
    Corruption(
        "receipt kept back as if there were no address",
        untold("ch_4", "suppressed", "no_address"),
        ("INV-8",), "is suppressed for want of an address, and contact 3 has one",
    ),
    Corruption(
        "receipt kept back after a no that nobody said",
        untold("ch_3", "suppressed", "opted_out"),
        ("INV-8",), "is suppressed as after a no, and contact 2 said none by email",
    ),
    Corruption(
        "receipt to somebody else",
        books("UPDATE message SET contact_id = 1 WHERE ref = 'receipt-ch_3'"),
        ("INV-8",), "is for contact 1, contact 2 paid",
    ),
    Corruption(
        "message by another channel",
        books("UPDATE message SET channel = 'email' WHERE ref = 'sms-1'"),
        ("INV-8",), "was queued for email and reached the mailbox by sms",
    ),
    Corruption(
        "one step told twice",
        books("UPDATE message SET facts = (SELECT facts FROM message WHERE ref = 'reminder-1')"
              " WHERE ref = 'reminder-2'"),
        ("INV-8",), "contact 1 was told of first_reminder twice by email (invoice 2, cycle 1)",
    ),
]  # fmt: skip

RIGHTS = [
    Corruption(
        "reminder at night",
        both(books("UPDATE message SET sent_at = '2026-11-17 05:00:00.000000' WHERE ref = 'reminder-1'"),
             mailbox("UPDATE message SET received_at = '2026-11-17T05:00:00.000000+00:00'"
                     " WHERE message_id = '<reminder-1@northgate.example>'")),
        ("INV-9",), "reached contact 1 at 05:00 in Europe/London, outside 08:00-20:00",
    ),
    Corruption(
        "reminder at night, and the books say noon",
        mailbox("UPDATE message SET received_at = '2026-11-17T05:00:00.000000+00:00'"
                " WHERE message_id = '<reminder-1@northgate.example>'"),
        ("INV-9",), "left at 2026-11-17 12:00 UTC by the books and reached the mailbox at 2026-11-17 05:00",
    ),
    Corruption(
        "reminder in somebody's quiet hours",
        books("UPDATE contact SET quiet_from = '23:00', quiet_to = '12:30' WHERE id = 1"),
        ("INV-9",), "reached contact 1 at 12:00, quiet from 23:00 to 12:30",
    ),
    Corruption(
        "reminder outside published hours",
        books("UPDATE policy_version SET body = replace(body, '08:00', '12:30') WHERE kind = 'house'"),
        ("INV-9",), "reached contact 1 at 12:00 in Europe/London, outside 12:30-20:00",
    ),
    Corruption(
        "reminder to somebody who moved",
        books("UPDATE account SET zone = 'Pacific/Auckland' WHERE number = 'A-1'"),
        ("INV-9",), "in Pacific/Auckland, outside 08:00-20:00",
    ),
    Corruption(
        "reminder after a no",
        books("UPDATE consent_event SET occurred_at = '2026-11-16 12:00:00.000000' WHERE contact_id = 1"),
        ("INV-9",), "reached contact 1 by email after a no",
    ),
    Corruption(
        "reminder without the yes that New York asks for",
        books("DELETE FROM consent_event WHERE event = 'opted_in'"),
        ("INV-9",), "by email without a yes",
    ),
    Corruption(
        "one contact too many in New York",
        books("UPDATE call_attempt SET made_at = '2026-11-17 16:00:00.000000'"),
        ("INV-9",), "one more than 3 in 7 days (all)",
    ),
    Corruption(
        "one mail more than a published rule allows",
        books("UPDATE policy_version SET body = replace(body, 'on = false', 'on = true')"
              " WHERE kind = 'contact'"),
        ("INV-9",), "reached contact 1: one more than 1 in 7 days (email)",
    ),
    Corruption(
        "reminder to a bankrupt",
        books("UPDATE account_flag SET to_on = NULL WHERE kind = 'bankruptcy'"),
        ("INV-9",), "reached contact 1 on 2026-11-17, under bankruptcy",
    ),
    Corruption(
        "reminder during a promise",
        books("UPDATE pause SET to_on = '2026-11-19' WHERE key = 'promise:1'"),
        ("INV-9",), "reached contact 1 on 2026-11-17, in a pause (promise)",
    ),
    Corruption(
        "reminder while all sending was stopped",
        books("UPDATE ladder_switch SET sending_stopped = (1 = 1)"),
        ("INV-9",), "while all sending was stopped",
    ),
]  # fmt: skip

AUDIT = [
    Corruption(
        "payload edited",
        books("UPDATE audit_entry SET payload = replace(payload, '\"he\"', '\"ru\"')"
              f" WHERE id = {_LAST}"),
        ("INV-10",), "is not what was hashed",
    ),
    Corruption(
        "column edited",
        books("UPDATE audit_entry SET actor_id = 7 WHERE id = 3"),
        ("INV-10",), "audit row 3 shows actor ['system', 7], hashed was ['system', None]",
    ),
    Corruption(
        "moment edited",
        books("UPDATE audit_entry SET occurred_at = '2026-11-19 12:00:00.000001' WHERE id = 3"),
        ("INV-10",), "audit row 3 shows at '2026-11-19T12:00:00.000001+00:00'",
    ),
    Corruption(
        "row deleted",
        books("DELETE FROM audit_entry WHERE id = 3"),
        ("INV-10",), "audit row 3 is missing",
    ),
    Corruption(
        "first rows deleted",
        books("DELETE FROM audit_entry WHERE id < 3"),
        ("INV-10",), "audit row 1 is missing",
    ),
    Corruption(
        "rows in another order",
        books("UPDATE audit_entry SET id = -3 WHERE id = 3", "UPDATE audit_entry SET id = 3 WHERE id = 4",
              "UPDATE audit_entry SET id = 4 WHERE id = -3"),
        ("INV-10",), "audit row 3 does not follow row 2",
    ),
    Corruption(
        "last row cut off, its detail left",
        books(f"DELETE FROM audit_entry WHERE id = {_LAST}"),
        ("INV-10",), "which the chain has no more",
    ),
    Corruption(
        "fork",
        books("UPDATE audit_entry SET prev_hash = (SELECT prev_hash FROM audit_entry WHERE id = 3)"
              " WHERE id = 4", rebuilt="audit_entry"),
        ("INV-10",), "audit row 4 does not follow row 3 (a fork",
    ),
    Corruption(
        "form that does not exist",
        books("UPDATE audit_entry SET form = 2 WHERE id = 3"),
        ("INV-10",), "audit row 3 has form 2",
    ),
    Corruption(
        "detail edited",
        books("UPDATE audit_detail SET \"values\" = replace(\"values\", 'Alder', 'Elder')"
              " WHERE \"values\" LIKE '%Alder%'"),
        ("INV-10",), "detail 'name' of audit row",
    ),
    Corruption(
        "reason edited",
        books("UPDATE audit_detail SET reason = 'he asked' WHERE reason IS NOT NULL"),
        ("INV-10",), "detail 'reason' of audit row",
    ),
    Corruption(
        "detail added",
        books("UPDATE audit_detail SET reason = 'because' WHERE reason IS NULL"),
        ("INV-10",), "detail 'reason' of audit row",
    ),
    Corruption(
        "entry replaced, fingerprint and all",
        books("UPDATE ledger_entry SET fingerprint = 'f' WHERE reference = 'fee:txn_1'"),
        ("INV-10",), "has another fingerprint than audit row",
    ),
    Corruption(
        "forged from the first row on, columns and all, but not the books",
        both(books("UPDATE audit_entry SET account_id = 2 WHERE id = 1"), rehashed_from(1)),
        ("INV-10",), "audit row 1 shows account 2, hashed was 1",
    ),
]  # fmt: skip

WAITING = [
    Corruption(
        "event stuck",
        books("UPDATE inbox_event SET received_at = '2026-11-20 11:44:59.000000'"
              " WHERE event_id = 'evt_fresh'"),
        ("INV-13",), "(evt_fresh) is received since 2026-11-20T11:44+00:00, no alert is open",
    ),
    Corruption(
        "event stuck in the middle",
        books("UPDATE inbox_event SET status = 'processing', received_at = '2026-11-19 12:00:00.000000'"
              " WHERE event_id = 'evt_fresh'"),
        ("INV-13",), "is processing",
    ),
    Corruption(
        "alert about a failed event closed",
        books("UPDATE alert SET closed_at = raised_at WHERE key LIKE 'inbox:%'"),
        ("INV-13",), "(evt_failed) is failed",
    ),
    Corruption(
        "attempt stuck without alert",
        books("DELETE FROM alert WHERE key LIKE 'attempt:%'"),
        ("INV-13",), "(stuck) is unknown, its page closed 2026-11-19T12:00+00:00, and no alert is open",
    ),
    Corruption(
        "attempt never opened",
        books("UPDATE payment_attempt SET status = 'created' WHERE ref = 'gone'"),
        ("INV-13",), "(gone) is created",
    ),
    Corruption(
        "bank debit on its way for three weeks",
        books("UPDATE payment_attempt SET expires_at = '2026-10-30 12:00:00.000000' WHERE ref = 'debit'"),
        ("INV-13",), "(debit) is processing",
    ),
]  # fmt: skip

_SETTLED = "status = 'settled'"
_DISCOUNT = "(SELECT id FROM ledger_entry WHERE reference LIKE 'adjustment:offer:%')"
OFFERS = [
    Corruption(
        "offer decided by its proposer",
        books(f"UPDATE offer SET decided_by_id = proposed_by_staff_id WHERE {_SETTLED}"),
        ("INV-11",), "was decided by staff 1, who had proposed it",
    ),
    Corruption(
        "invoice in two accepted offers",
        books("UPDATE offer_invoice SET invoice_id = (SELECT id FROM invoice WHERE number = 'INV-10'),"
              " blocking = true WHERE offer_id = (SELECT id FROM offer WHERE status = 'lapsed')",
              rebuilt="offer_invoice"),
        ("INV-11",), "is in accepted offers",
    ),
    Corruption(
        "settled with less than was agreed written off",
        books(f"UPDATE adjustment SET amount_minor = 2999 WHERE entry_id = {_DISCOUNT}"),
        ("INV-11", "INV-3"), "is settled: GBP 70.00 came and GBP 29.99 was written off, GBP 100.00 was owed",
    ),
    Corruption(
        "forgiven before the money was in",
        books(f"UPDATE offer SET status = 'lapsed' WHERE {_SETTLED}"),
        ("INV-11",), "is lapsed, yet GBP 30.00 of it is forgiven",
    ),
    Corruption(
        "another sum than was owed",
        books(f"UPDATE offer SET balance_minor = 9999 WHERE {_SETTLED}"),
        ("INV-11",), "is about GBP 99.99, its invoices had GBP 100.00",
    ),
    Corruption(
        "offer of more than is owed",
        books("UPDATE offer SET amount_minor = 10000 WHERE status = 'accepted'"),
        ("INV-11",), "asks GBP 100.00 of GBP 100.00",
    ),
    Corruption(
        "accepted by nobody",
        books("UPDATE offer SET accepted_name = '' WHERE status = 'accepted'"),
        ("INV-11",), "nobody's name stands under it",
    ),
    Corruption(
        "accepted at no moment",
        books("UPDATE offer SET accepted_at = NULL WHERE status = 'accepted'"),
        ("INV-11",), "is accepted, accepted at None",
    ),
    Corruption(
        "accepted and not reserved",
        books("UPDATE offer_invoice SET blocking = false"
              " WHERE offer_id = (SELECT id FROM offer WHERE status = 'accepted')"),
        ("INV-11",), "is accepted and frees invoice",
    ),
    Corruption(
        "to be paid before it ends",
        books("UPDATE offer SET pay_by_on = '2026-11-01' WHERE status = 'accepted'"),
        ("INV-11",), "before its last day",
    ),
    Corruption(
        "made by staff, but by nobody",
        books("UPDATE offer SET proposed_by_staff_id = NULL WHERE status = 'accepted'"),
        ("INV-11",), "was made by staff, but by nobody",
    ),
    Corruption(
        "discount of an offer that is not there",
        books("UPDATE ledger_entry SET reference = 'adjustment:offer:99:1'"
              f" WHERE id = {_DISCOUNT}"),
        ("INV-11",), "forgiven for offer 99, which does not exist",
    ),
    Corruption(
        "discount for no offer",
        books(f"UPDATE ledger_entry SET reference = 'adjustment:generous' WHERE id = {_DISCOUNT}"),
        ("INV-11",), "forgives part of invoice",
    ),
    Corruption(
        "adjustment missing",
        books("DELETE FROM adjustment WHERE kind = 'withholding_tax'"),
        ("INV-3",), "by GBP 15.00, its adjustments say nothing",
    ),
    Corruption(
        "adjustment of another kind than its entry",
        books("UPDATE adjustment SET kind = 'settlement_discount' WHERE kind = 'withholding_tax'"),
        ("INV-3", "INV-11"), "is settlement_discount, its entry debits withholding_tax",
    ),
    Corruption(
        "tax withheld booked as a small difference",
        books("UPDATE posting SET ledger_code = 'small_differences' WHERE ledger_code = 'withholding_tax'"),
        ("INV-3", "INV-10"), "is withholding_tax, its entry debits small_differences",
    ),
    Corruption(
        "adjustment of another invoice",
        books("UPDATE adjustment SET invoice_id = 1 WHERE kind = 'withholding_tax'"),
        ("INV-3",), "its adjustments say invoice 1 by GBP 15.00",
    ),
    Corruption(
        "adjustment of an entry that is not there",
        books("UPDATE adjustment SET entry_id = 9999 WHERE kind = 'withholding_tax'", rebuilt="adjustment"),
        ("INV-3",), "",
    ),
]  # fmt: skip

_ASKED = "UPDATE approval_request SET {} WHERE kind = '{}'"
APPROVALS = [
    Corruption(
        "request decided by who asked",
        books(_ASKED.format("approver_id = proposer_id", "write_off")),
        ("INV-11",), "request 1 was decided by staff",
    ),
    Corruption(
        "decided alone, and the audit is silent",
        books(_ASKED.format("approver_id = proposer_id, is_alone = true", "refund")),
        ("INV-11",), "was decided alone, and the audit does not say so",
    ),
    Corruption(
        "marked as decided alone",
        books(f"UPDATE offer SET is_alone = true WHERE {_SETTLED}"),
        ("INV-11",), "is marked as decided alone, and was decided by another",
    ),
    Corruption(
        "decided with the limit of who asked",
        books(_ASKED.format("deputy_for_id = proposer_id", "refund")),
        ("INV-11",), "was decided with the limit of staff",
    ),
    Corruption(
        "written off, and nobody approved it",
        books(_ASKED.format("status = 'refused'", "write_off")),
        ("INV-11",), "off, which nobody approved",
    ),
    Corruption(
        "another sum than was allowed to be written off",
        books(_ASKED.format("amount_minor = 19999", "write_off")),
        ("INV-11",), "allowed to write off GBP 199.99, GBP 200.00 was",
    ),
    Corruption(
        "write-off approved and not done",
        books("UPDATE ledger_entry SET reference = 'adjustment:write_off:99' WHERE kind = 'write_off'"),
        ("INV-11",), "off, which nobody approved",
    ),
    Corruption(
        "refund that nobody approved",
        books(_ASKED.format("status = 'waiting'", "refund")),
        ("INV-11",), "was approved by nobody",
    ),
    Corruption(
        "refund of another sum",
        books("UPDATE refund SET amount_minor = 6999"),
        ("INV-11",), "is of GBP 69.99, GBP 70.00 was allowed and GBP 70.00 is owed for it",
    ),
    Corruption(
        "refund that was not paid out",
        books("UPDATE refund SET status = 'paid_out'"),
        ("INV-11",), "is paid_out, and GBP 0.00 of it was paid out",
    ),
    Corruption(
        "refund without its row",
        books("DELETE FROM refund"),
        ("INV-11",), "request 2 was approved, and no refund was made",
    ),
]  # fmt: skip

_RUNNING = "(SELECT id FROM plan WHERE status = 'active')"
PLANS = [
    Corruption(
        "plan of another sum than its parts",
        books(f"UPDATE instalment SET amount_minor = 4999 WHERE plan_id = {_RUNNING} AND seq = 2"),
        ("INV-12",), "is GBP 100.00, its parts are GBP 99.99",
    ),
    Corruption(
        "parts that nobody agreed on",
        books(f"UPDATE instalment SET amount_minor = amount_minor + CASE seq WHEN 1 THEN 1 ELSE -1 END"
              f" WHERE plan_id = {_RUNNING}"),
        ("INV-12",), "are not those that were agreed",
    ),
    Corruption(
        "plan over another sum than its invoices",
        books(f"UPDATE plan_invoice SET covered_minor = 9999 WHERE plan_id = {_RUNNING}"),
        ("INV-12",), "is GBP 100.00, its invoices are GBP 99.99",
    ),
    Corruption(
        "a part was lost",
        books(f"DELETE FROM instalment WHERE plan_id = {_RUNNING} AND seq = 2"),
        ("INV-12",), "has 2 parts, numbered [1]",
    ),
    Corruption(
        "invoice in two plans",
        books("UPDATE plan_invoice SET invoice_id = (SELECT id FROM invoice WHERE number = 'INV-13')"
              " WHERE plan_id = (SELECT id FROM plan WHERE status = 'defaulted')", rebuilt="plan_invoice"),
        ("INV-12",), "is in plans",
    ),
    Corruption(
        "running plan that holds nothing",
        books(f"UPDATE plan_invoice SET blocking = false WHERE plan_id = {_RUNNING}"),
        ("INV-12",), "is active and frees invoice",
    ),
    Corruption(
        "paid behind an open one",
        books(f"UPDATE instalment SET status = CASE seq WHEN 1 THEN 'missed' ELSE 'paid' END"
              f" WHERE plan_id = {_RUNNING}"),
        ("INV-12",), "has a paid instalment behind an open one",
    ),
    Corruption(
        "completed with something left",
        books("UPDATE instalment SET status = 'scheduled' WHERE plan_id ="
              " (SELECT id FROM plan WHERE status = 'completed')"),
        ("INV-12",), "is completed with something left to pay",
    ),
    Corruption(
        "instalment paid twice",
        books("UPDATE instalment_charge SET credited = true", rebuilt="instalment_charge"),
        ("INV-12",), "was paid by attempt",
    ),
    Corruption(
        "instalment charged again",
        books("UPDATE instalment_charge SET try_number = try_number + 2 WHERE NOT credited",
              rebuilt="instalment_charge"),
        ("INV-12",), "was charged again by attempt",
    ),
    Corruption(
        "charged more than the row",
        books("UPDATE payment_attempt SET amount_minor = 5001 WHERE ref = 'instalment-1'"),
        ("INV-12",), "is GBP 50.00, attempt",
    ),
    Corruption(
        "paid by a charge that failed",
        books("UPDATE instalment_charge SET credited = (try_number = 1)", rebuilt="instalment_charge"),
        ("INV-12",), "which is failed",
    ),
    Corruption(
        "charge of an instalment that is not there",
        books("UPDATE instalment_charge SET instalment_id = 9999", rebuilt="instalment_charge"),
        ("INV-12",), "one of them does not exist",
    ),
    Corruption(
        "plan decided by its proposer",
        books(f"UPDATE plan SET proposed_by_staff_id = decided_by_id WHERE id = {_RUNNING}"),
        ("INV-11",), "who had proposed it",
    ),
    Corruption(
        "plan signed by nobody",
        books(f"UPDATE plan SET accepted_name = '' WHERE id = {_RUNNING}"),
        ("INV-12",), "nobody's name stands under it",
    ),
]  # fmt: skip

ALL = [
    *LEDGER, *INVOICES, *OFFERS, *APPROVALS, *PLANS, *GATEWAY, *CASH, *CLEARING, *PAYOUTS, *MESSAGES, *RIGHTS,
    *AUDIT, *WAITING,
]  # fmt: skip
