"""What the books' entries, ages and ways to pay are called where a debtor reads them."""

from __future__ import annotations

from collections.abc import Mapping

from presentation.words import Word, catalogue, word
from presentation.writing import TRANSLATIONS

_ENTRIES: Mapping[str, Word] = {
    "invoice": word("document", "Invoice"),
    "prepayment": word("document", "Prepayment"),
    "fee": word("document", "Fee"),
    "credit_note": word("document", "Credit note"),
    "payment": word("document", "Payment"),
    "settlement_discount": word("document", "Settlement discount"),
    "early_payment_discount": word("document", "Early-payment discount"),
    "withholding_tax": word("document", "Tax withheld"),
    "write_off": word("document", "Adjustment"),
    "refund": word("document", "Paid back to you"),
    "payment_reversed": word("document", "Payment returned"),
    "credit_note_reversed": word("document", "Credit note withdrawn"),
    "invoice_reversed": word("document", "Invoice withdrawn"),
}
_OTHER = word("document", "Correction")
_AGES: Mapping[str, Word] = {
    "not_due": word("ageing", "Not yet due"),
    "to_30": word("ageing", "1 to 30 days"),
    "to_60": word("ageing", "31 to 60 days"),
    "to_90": word("ageing", "61 to 90 days"),
    "over_90": word("ageing", "Over 90 days"),
}
_WAYS: Mapping[str, Word] = {
    "card": word("payment way", "Card"),
    "bank_debit": word("payment way", "Bank debit"),
    "bank_transfer": word("payment way", "Bank transfer"),
    "other": word("payment way", "Another way"),
}


def _said(found: Word, language: str) -> str:
    return str(catalogue(language, TRANSLATIONS).pgettext(found.context, found.text))


def entry_word(kind: str, language: str) -> str:
    """What an entry of the books, or a kind of document, is called.

    >>> entry_word("invoice_imported", "en"), entry_word("payment_reversed", "en")
    ('Invoice', 'Payment returned')
    """
    return _said(_ENTRIES.get(kind.replace("_imported", ""), _OTHER), language)


def age_word(bucket: str, language: str) -> str:
    """How old an open amount is, by its bucket (receivables.documents.statements.BUCKETS)."""
    return _said(_AGES[bucket], language)


def way_word(method: str, language: str) -> str:
    """How something was paid."""
    return _said(_WAYS.get(method, _WAYS["other"]), language)
