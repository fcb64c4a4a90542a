"""What the books' entries, ages and ways to pay are called where a debtor reads them."""

from __future__ import annotations

from collections.abc import Mapping

from presentation.words import Word, catalogue, pN_
from presentation.writing import TRANSLATIONS

_ENTRIES: Mapping[str, Word] = {
    "invoice": pN_("document", "Invoice"),
    "prepayment": pN_("document", "Prepayment"),
    "fee": pN_("document", "Fee"),
    "credit_note": pN_("document", "Credit note"),
    "payment": pN_("document", "Payment"),
    "settlement_discount": pN_("document", "Settlement discount"),
    "early_payment_discount": pN_("document", "Early-payment discount"),
    "small_difference": pN_("document", "Small difference"),
    "withholding_tax": pN_("document", "Tax withheld"),
    "write_off": pN_("document", "Adjustment"),
    "refund": pN_("document", "Paid back to you"),
    "payment_reversed": pN_("document", "Payment returned"),
    "payment_returned": pN_("document", "Payment returned"),
    "payment_restored": pN_("document", "Payment counts again"),
    "refund_reversed": pN_("document", "Refund came back"),
    "credit_note_reversed": pN_("document", "Credit note withdrawn"),
    "invoice_reversed": pN_("document", "Invoice withdrawn"),
}
_OTHER = pN_("document", "Correction")
_AGES: Mapping[str, Word] = {
    "not_due": pN_("ageing", "Not yet due"),
    "to_30": pN_("ageing", "1 to 30 days"),
    "to_60": pN_("ageing", "31 to 60 days"),
    "to_90": pN_("ageing", "61 to 90 days"),
    "over_90": pN_("ageing", "Over 90 days"),
}
_WAYS: Mapping[str, Word] = {
    "card": pN_("payment way", "Card"),
    "bank_debit": pN_("payment way", "Bank debit"),
    "bank_transfer": pN_("payment way", "Bank transfer"),
    "other": pN_("payment way", "Another way"),
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
