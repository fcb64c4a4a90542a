"""The words for statuses, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from babel.support import NullTranslations, Translations

from models.states import AttemptStatus, InvoiceStatus, MessageStatus
from presentation.writing import TRANSLATIONS


@dataclass(frozen=True, slots=True)
class Word:
    """An English source word and what it is said of, the two halves of a translation key."""

    context: str
    text: str


def word(context: str, text: str) -> Word:
    """Mark a word for translation; pybabel finds it with `-k word:1c,2`."""
    return Word(context, text)


#: What the reader of a page sees. Statuses that readers never meet have a staff word only.
_READER_WORDS: Mapping[type[StrEnum], Mapping[str, Word]] = {
    InvoiceStatus: {
        InvoiceStatus.OPEN: word("invoice", "To be paid"),
        InvoiceStatus.PAID: word("invoice", "Paid"),
        InvoiceStatus.WRITTEN_OFF: word("invoice", "Nothing more to pay"),
        InvoiceStatus.VOID: word("invoice", "Cancelled"),
    },
    AttemptStatus: {
        AttemptStatus.CREATED: word("payment", "Not started"),
        AttemptStatus.OPEN: word("payment", "Payment page open"),
        AttemptStatus.PROCESSING: word("payment", "Processing"),
        AttemptStatus.SUCCEEDED: word("payment", "Paid, thank you"),
        AttemptStatus.FAILED: word("payment", "Not paid, nothing was charged"),
        AttemptStatus.CANCELLED: word("payment", "Cancelled, nothing was charged"),
        AttemptStatus.EXPIRED: word("payment", "The payment page has expired"),
        AttemptStatus.UNKNOWN: word("payment", "We are checking, do not pay again"),
    },
}
_STAFF_WORDS: Mapping[type[StrEnum], Mapping[str, Word]] = {
    InvoiceStatus: {
        InvoiceStatus.DRAFT: word("invoice, staff", "draft"),
        InvoiceStatus.OPEN: word("invoice, staff", "open"),
        InvoiceStatus.PAID: word("invoice", "Paid"),
        InvoiceStatus.WRITTEN_OFF: word("invoice, staff", "written off"),
        InvoiceStatus.VOID: word("invoice, staff", "void"),
    },
    AttemptStatus: {
        AttemptStatus.CREATED: word("payment, staff", "created"),
        AttemptStatus.OPEN: word("payment", "Payment page open"),
        AttemptStatus.PROCESSING: word("payment", "Processing"),
        AttemptStatus.SUCCEEDED: word("payment, staff", "succeeded"),
        AttemptStatus.FAILED: word("payment, staff", "failed"),
        AttemptStatus.CANCELLED: word("payment, staff", "cancelled"),
        AttemptStatus.EXPIRED: word("payment", "The payment page has expired"),
        AttemptStatus.UNKNOWN: word("payment, staff", "unknown"),
    },
    MessageStatus: {
        MessageStatus.QUEUED: word("message, staff", "queued"),
        MessageStatus.SENDING: word("message, staff", "sending"),
        MessageStatus.SENT: word("message, staff", "sent"),
        MessageStatus.DELIVERED: word("message, staff", "delivered"),
        MessageStatus.BOUNCED: word("message, staff", "bounced"),
        MessageStatus.FAILED: word("message, staff", "failed"),
        MessageStatus.SUPPRESSED: word("message, staff", "suppressed"),
        MessageStatus.STOPPED: word("message, staff", "stopped"),
        MessageStatus.UNKNOWN: word("message, staff", "outcome unknown"),
    },
}


@cache
def catalogue(language: str, folder: Path) -> NullTranslations:
    return Translations.load(folder, [language], domain="messages")


def label(status: StrEnum, language: str, *, staff: bool = False, folder: Path = TRANSLATIONS) -> str:
    """Return the word for a status.

    Args:
        status: a member of InvoiceStatus, AttemptStatus or MessageStatus (not its bare value).
        staff: True for the desk's word where it differs from what the debtor sees.
        folder: where the compiled translations are.
    Raises:
        LookupError: no word for it; a debtor never sees a draft, for one.
    """
    table = _STAFF_WORDS if staff else _READER_WORDS
    try:
        found = table[type(status)][status]
    except KeyError:
        raise LookupError(f"no {'staff' if staff else 'reader'} word for {status!r}") from None
    return str(catalogue(language, folder).pgettext(found.context, found.text))
