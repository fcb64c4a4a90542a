"""The words for statuses, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from babel.support import NullTranslations, Translations

from models.states import (
    ApprovalStatus,
    AttemptStatus,
    CardStatus,
    ChargeStatus,
    DisputeStatus,
    DraftStatus,
    EditorStatus,
    FileStatus,
    HandoverStatus,
    HoldStatus,
    InstalmentStatus,
    InvoiceStatus,
    MessageStatus,
    OfferStatus,
    PlanStatus,
    PostStatus,
    PromiseStatus,
    RefundStatus,
    RequestStatus,
    SegmentStatus,
    StepStatus,
)
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
    DisputeStatus: {
        DisputeStatus.OPENED: word("dispute", "Sent to us"),
        DisputeStatus.UNDER_REVIEW: word("dispute", "Being looked into"),
        DisputeStatus.UPHELD: word("dispute", "Agreed"),
        DisputeStatus.PARTLY_UPHELD: word("dispute", "Agreed in part"),
        DisputeStatus.REJECTED: word("dispute", "Not agreed"),
        DisputeStatus.WITHDRAWN: word("dispute", "Taken back by you"),
    },
    PlanStatus: {
        PlanStatus.PROPOSED: word("plan", "Not agreed yet"),
        PlanStatus.AWAITING_APPROVAL: word("plan", "Waits for our answer"),
        PlanStatus.ACTIVE: word("plan", "Running"),
        PlanStatus.DECLINED: word("plan", "Not agreed"),
        PlanStatus.WITHDRAWN: word("plan", "Taken back by you"),
        PlanStatus.COMPLETED: word("plan", "Paid in full"),
        PlanStatus.DEFAULTED: word("plan", "Stopped: parts were missed"),
        PlanStatus.CANCELLED: word("plan", "Ended"),
    },
    InstalmentStatus: {
        InstalmentStatus.SCHEDULED: word("instalment", "To come"),
        InstalmentStatus.PAID: word("instalment", "Paid"),
        InstalmentStatus.MISSED: word("instalment", "Not received yet"),
        InstalmentStatus.WAIVED: word("instalment", "Not needed any more"),
    },
    OfferStatus: {
        OfferStatus.AWAITING_APPROVAL: word("offer", "Waits for our answer"),
        OfferStatus.OPEN: word("offer", "Open for you"),
        OfferStatus.REFUSED: word("offer", "Not agreed"),
        OfferStatus.ACCEPTED: word("offer", "Agreed, to be paid"),
        OfferStatus.DECLINED: word("offer", "Declined by you"),
        OfferStatus.EXPIRED: word("offer", "Its last day has passed"),
        OfferStatus.WITHDRAWN: word("offer", "Taken back"),
        OfferStatus.VOIDED: word("offer", "No longer valid: the balance has changed"),
        OfferStatus.SUPERSEDED: word("offer", "Replaced by another one"),
        OfferStatus.SETTLED: word("offer", "Paid: nothing remains"),
        OfferStatus.LAPSED: word("offer", "Not paid in time"),
        OfferStatus.REOPENED: word("offer", "Open again: the payment went back"),
    },
    PromiseStatus: {
        PromiseStatus.OPEN: word("promise", "Noted"),
        PromiseStatus.KEPT: word("promise", "Kept"),
        PromiseStatus.BROKEN: word("promise", "The payment has not come"),
        PromiseStatus.SUPERSEDED: word("promise", "Changed"),
        PromiseStatus.WITHDRAWN: word("promise", "Taken back"),
    },
    HoldStatus: {
        HoldStatus.ACTIVE: word("credit hold", "On hold"),
        HoldStatus.RELEASED: word("credit hold", "Released"),
    },
    CardStatus: {
        CardStatus.PENDING: word("card", "Not saved yet"),
        CardStatus.ACTIVE: word("card", "Saved"),
        CardStatus.REMOVED: word("card", "Removed"),
    },
    RequestStatus: {
        RequestStatus.OPEN: word("request", "Waits for us"),
        RequestStatus.ANSWERED: word("request", "Answered"),
        RequestStatus.REFUSED: word("request", "We could not do this"),
        RequestStatus.WITHDRAWN: word("request", "Taken back by you"),
    },
    FileStatus: {
        FileStatus.WAITING: word("file", "being checked for viruses"),
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
    DisputeStatus: {
        DisputeStatus.OPENED: word("dispute, staff", "opened"),
        DisputeStatus.UNDER_REVIEW: word("dispute, staff", "under review"),
        DisputeStatus.UPHELD: word("dispute, staff", "upheld"),
        DisputeStatus.PARTLY_UPHELD: word("dispute, staff", "partly upheld"),
        DisputeStatus.REJECTED: word("dispute, staff", "rejected"),
        DisputeStatus.WITHDRAWN: word("dispute, staff", "withdrawn"),
    },
    PlanStatus: {
        PlanStatus.PROPOSED: word("plan, staff", "proposed"),
        PlanStatus.AWAITING_APPROVAL: word("plan, staff", "awaiting approval"),
        PlanStatus.ACTIVE: word("plan, staff", "active"),
        PlanStatus.DECLINED: word("plan, staff", "declined"),
        PlanStatus.WITHDRAWN: word("plan, staff", "withdrawn"),
        PlanStatus.COMPLETED: word("plan, staff", "completed"),
        PlanStatus.DEFAULTED: word("plan, staff", "defaulted"),
        PlanStatus.CANCELLED: word("plan, staff", "cancelled"),
    },
    InstalmentStatus: {
        InstalmentStatus.SCHEDULED: word("instalment, staff", "scheduled"),
        InstalmentStatus.PAID: word("instalment, staff", "paid"),
        InstalmentStatus.MISSED: word("instalment, staff", "missed"),
        InstalmentStatus.WAIVED: word("instalment, staff", "waived"),
    },
    OfferStatus: {
        OfferStatus.DRAFT: word("offer, staff", "draft"),
        OfferStatus.AWAITING_APPROVAL: word("offer, staff", "awaiting approval"),
        OfferStatus.OPEN: word("offer, staff", "open"),
        OfferStatus.REFUSED: word("offer, staff", "refused"),
        OfferStatus.ACCEPTED: word("offer, staff", "accepted"),
        OfferStatus.DECLINED: word("offer, staff", "declined"),
        OfferStatus.EXPIRED: word("offer, staff", "expired"),
        OfferStatus.WITHDRAWN: word("offer, staff", "withdrawn"),
        OfferStatus.VOIDED: word("offer, staff", "voided"),
        OfferStatus.SUPERSEDED: word("offer, staff", "superseded"),
        OfferStatus.SETTLED: word("offer, staff", "settled"),
        OfferStatus.LAPSED: word("offer, staff", "lapsed"),
        OfferStatus.REOPENED: word("offer, staff", "reopened"),
    },
    PromiseStatus: {
        PromiseStatus.OPEN: word("promise, staff", "open"),
        PromiseStatus.KEPT: word("promise, staff", "kept"),
        PromiseStatus.BROKEN: word("promise, staff", "broken"),
        PromiseStatus.SUPERSEDED: word("promise, staff", "superseded"),
        PromiseStatus.WITHDRAWN: word("promise, staff", "withdrawn"),
    },
    PostStatus: {
        PostStatus.WAITING: word("letter, staff", "waiting"),
        PostStatus.PRINTED: word("letter, staff", "printed"),
        PostStatus.POSTED: word("letter, staff", "posted"),
        PostStatus.RETURNED: word("letter, staff", "came back"),
        PostStatus.WITHDRAWN: word("letter, staff", "taken out"),
    },
    ChargeStatus: {
        ChargeStatus.PROPOSED: word("charge, staff", "proposed"),
        ChargeStatus.ISSUED: word("charge, staff", "issued"),
        ChargeStatus.WAIVED: word("charge, staff", "waived"),
    },
    HoldStatus: {
        HoldStatus.ACTIVE: word("credit hold, staff", "active"),
        HoldStatus.RELEASED: word("credit hold, staff", "released"),
    },
    CardStatus: {
        CardStatus.PENDING: word("card, staff", "pending"),
        CardStatus.ACTIVE: word("card, staff", "active"),
        CardStatus.REMOVED: word("card, staff", "removed"),
    },
    RequestStatus: {
        RequestStatus.OPEN: word("request, staff", "open"),
        RequestStatus.ANSWERED: word("request, staff", "answered"),
        RequestStatus.REFUSED: word("request, staff", "refused"),
        RequestStatus.WITHDRAWN: word("request, staff", "withdrawn"),
    },
    StepStatus: {
        StepStatus.PROPOSED: word("step of the ladder, staff", "waits for a person"),
        StepStatus.APPROVED: word("step of the ladder, staff", "approved"),
        StepStatus.DONE: word("step of the ladder, staff", "done"),
        StepStatus.SUPPRESSED: word("step of the ladder, staff", "stood still"),
        StepStatus.REFUSED: word("step of the ladder, staff", "refused"),
        StepStatus.WITHDRAWN: word("step of the ladder, staff", "over before it was done"),
    },
    HandoverStatus: {
        HandoverStatus.PROPOSED: word("hand-over, staff", "waits for a second person"),
        HandoverStatus.PREPARED: word("hand-over, staff", "approved, not yet gone"),
        HandoverStatus.PLACED: word("hand-over, staff", "handed over"),
        HandoverStatus.RECALLED: word("hand-over, staff", "recalled"),
        HandoverStatus.CLOSED: word("hand-over, staff", "closed"),
        HandoverStatus.REFUSED: word("hand-over, staff", "refused"),
    },
    EditorStatus: {
        EditorStatus.OPEN: word("rules being written, staff", "being written"),
        EditorStatus.PUBLISHED: word("proposed rules, staff", "published"),
        EditorStatus.DROPPED: word("rules being written, staff", "dropped"),
    },
    DraftStatus: {
        DraftStatus.PROPOSED: word("proposed rules, staff", "waits for another person"),
        DraftStatus.PUBLISHED: word("proposed rules, staff", "published"),
        DraftStatus.REFUSED: word("proposed rules, staff", "refused"),
        DraftStatus.WITHDRAWN: word("proposed rules, staff", "taken back"),
    },
    SegmentStatus: {
        SegmentStatus.PROPOSED: word("segment proposal, staff", "proposed"),
        SegmentStatus.CONFIRMED: word("segment proposal, staff", "moved"),
        SegmentStatus.REFUSED: word("segment proposal, staff", "left as it was"),
        SegmentStatus.SUPERSEDED: word("segment proposal, staff", "no longer holds"),
    },
    ApprovalStatus: {
        ApprovalStatus.WAITING: word("approval, staff", "awaiting approval"),
        ApprovalStatus.APPROVED: word("approval, staff", "approved"),
        ApprovalStatus.REFUSED: word("approval, staff", "refused"),
        ApprovalStatus.WITHDRAWN: word("approval, staff", "taken back"),
        ApprovalStatus.VOIDED: word("approval, staff", "fallen away"),
    },
    RefundStatus: {
        RefundStatus.PAYABLE: word("refund, staff", "to be sent"),
        RefundStatus.PAID_OUT: word("refund, staff", "sent"),
    },
    FileStatus: {
        FileStatus.UNCHECKED: word("file, staff", "not checked"),
        FileStatus.WAITING: word("file, staff", "being checked for viruses"),
        FileStatus.CLEAN: word("file, staff", "checked"),
        FileStatus.INFECTED: word("file, staff", "virus found, erased"),
    },
}


@cache
def catalogue(language: str, folder: Path) -> NullTranslations:
    return Translations.load(folder, [language], domain="messages")


def label(status: StrEnum, language: str, *, staff: bool = False, folder: Path = TRANSLATIONS) -> str:
    """Return the word for a status.

    Args:
        status: a member of one of the enums above (not its bare value).
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
