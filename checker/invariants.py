"""The list of what is proved, in the order of the requirements (section 7, "Nothing lost" checker)."""

from __future__ import annotations

from checker import (
    audit,
    cash,
    clearing,
    client_log,
    contacts,
    entries,
    gateway,
    instalments,
    invoices,
    logs,
    messages,
    offers,
    waiting,
)
from checker.ground import Check

CHECKS = (
    Check("INV-1", "each entry balances in one currency", entries.whole_entries),
    Check("INV-2", "the trial balance is zero in each currency", entries.trial_balance),
    Check("INV-3", "balances are their postings; allocations are their credits", invoices.balances),
    Check("INV-4", "the gateway's balance is clearing, payouts are at the bank", clearing.clearing, "stripe"),
    Check("INV-5", "each gateway object has one effect of a kind", gateway.effects),
    Check("INV-6", "each charge is one payment, each card payment a charge", gateway.charges, "stripe"),
    Check("INV-7", "charged = allocated + unapplied + refunded + held", cash.accounts),
    Check(
        "INV-8", "sent is delivered, delivered is known, one reminder a day", messages.deliveries, "mailbox"
    ),
    Check("INV-9", "no message at a wrong hour, over a cap, after a no or flag", contacts.rights, "mailbox"),
    Check("INV-10", "the audit is one whole chain, the books as posted", audit.chain),
    Check(
        "INV-11",
        "a settlement is agreed once, by two people, and forgives what was paid for",
        offers.settlements,
    ),
    Check("INV-12", "a plan is its parts, as agreed; each is charged once", instalments.plans),
    Check("INV-13", "nothing waits in silence", waiting.waiting),
    Check("INV-14", "what the client was told is so", client_log.operations, "client_log"),
    Check("INV-16", "no log shows a token, a code, an address or a card", logs.secrets, "logs"),
)
