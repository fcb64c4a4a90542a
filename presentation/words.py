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
    ChargebackStatus,
    ChargeStatus,
    DisputeStatus,
    DraftStatus,
    EditorStatus,
    FileStatus,
    FindingStatus,
    HandoverStatus,
    HoldStatus,
    InstalmentStatus,
    InvoiceStatus,
    MessageStatus,
    OfferStatus,
    PayoutStatus,
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


def pN_(context: str, text: str) -> Word:
    """Mark a word for translation; pybabel finds it with `-k pN_:1c,2`."""
    return Word(context, text)


#: What the reader of a page sees. Statuses that readers never meet have a staff word only.
_READER_WORDS: Mapping[type[StrEnum], Mapping[str, Word]] = {
    InvoiceStatus: {
        InvoiceStatus.OPEN: pN_("invoice", "To be paid"),
        InvoiceStatus.PAID: pN_("invoice", "Paid"),
        InvoiceStatus.WRITTEN_OFF: pN_("invoice", "Nothing more to pay"),
        InvoiceStatus.VOID: pN_("invoice", "Cancelled"),
    },
    AttemptStatus: {
        AttemptStatus.CREATED: pN_("payment", "Not started"),
        AttemptStatus.OPEN: pN_("payment", "Payment page open"),
        AttemptStatus.PROCESSING: pN_("payment", "Processing"),
        AttemptStatus.SUCCEEDED: pN_("payment", "Paid, thank you"),
        AttemptStatus.FAILED: pN_("payment", "Not paid, nothing was charged"),
        AttemptStatus.CANCELLED: pN_("payment", "Cancelled, nothing was charged"),
        AttemptStatus.EXPIRED: pN_("payment", "The payment page has expired"),
        AttemptStatus.UNKNOWN: pN_("payment", "We are checking, do not pay again"),
    },
    DisputeStatus: {
        DisputeStatus.OPENED: pN_("dispute", "Sent to us"),
        DisputeStatus.UNDER_REVIEW: pN_("dispute", "Being looked into"),
        DisputeStatus.UPHELD: pN_("dispute", "Agreed"),
        DisputeStatus.PARTLY_UPHELD: pN_("dispute", "Agreed in part"),
        DisputeStatus.REJECTED: pN_("dispute", "Not agreed"),
        DisputeStatus.WITHDRAWN: pN_("dispute", "Taken back by you"),
    },
    PlanStatus: {
        PlanStatus.PROPOSED: pN_("plan", "Not agreed yet"),
        PlanStatus.AWAITING_APPROVAL: pN_("plan", "Waits for our answer"),
        PlanStatus.ACTIVE: pN_("plan", "Running"),
        PlanStatus.DECLINED: pN_("plan", "Not agreed"),
        PlanStatus.WITHDRAWN: pN_("plan", "Taken back by you"),
        PlanStatus.COMPLETED: pN_("plan", "Paid in full"),
        PlanStatus.DEFAULTED: pN_("plan", "Stopped: parts were missed"),
        PlanStatus.CANCELLED: pN_("plan", "Ended"),
    },
    InstalmentStatus: {
        InstalmentStatus.SCHEDULED: pN_("instalment", "To come"),
        InstalmentStatus.PAID: pN_("instalment", "Paid"),
        InstalmentStatus.MISSED: pN_("instalment", "Not received yet"),
        InstalmentStatus.WAIVED: pN_("instalment", "Not needed any more"),
    },
    OfferStatus: {
        OfferStatus.AWAITING_APPROVAL: pN_("offer", "Waits for our answer"),
        OfferStatus.OPEN: pN_("offer", "Open for you"),
        OfferStatus.REFUSED: pN_("offer", "Not agreed"),
        OfferStatus.ACCEPTED: pN_("offer", "Agreed, to be paid"),
        OfferStatus.DECLINED: pN_("offer", "Declined by you"),
        OfferStatus.EXPIRED: pN_("offer", "Its last day has passed"),
        OfferStatus.WITHDRAWN: pN_("offer", "Taken back"),
        OfferStatus.VOIDED: pN_("offer", "No longer valid: the balance has changed"),
        OfferStatus.SUPERSEDED: pN_("offer", "Replaced by another one"),
        OfferStatus.SETTLED: pN_("offer", "Paid: nothing remains"),
        OfferStatus.LAPSED: pN_("offer", "Not paid in time"),
        OfferStatus.REOPENED: pN_("offer", "Open again: the payment went back"),
    },
    PromiseStatus: {
        PromiseStatus.OPEN: pN_("promise", "Noted"),
        PromiseStatus.KEPT: pN_("promise", "Kept"),
        PromiseStatus.BROKEN: pN_("promise", "The payment has not come"),
        PromiseStatus.SUPERSEDED: pN_("promise", "Changed"),
        PromiseStatus.WITHDRAWN: pN_("promise", "Taken back"),
    },
    HoldStatus: {
        HoldStatus.ACTIVE: pN_("credit hold", "On hold"),
        HoldStatus.RELEASED: pN_("credit hold", "Released"),
    },
    CardStatus: {
        CardStatus.PENDING: pN_("card", "Not saved yet"),
        CardStatus.ACTIVE: pN_("card", "Saved"),
        CardStatus.REMOVED: pN_("card", "Removed"),
    },
    RequestStatus: {
        RequestStatus.OPEN: pN_("request", "Waits for us"),
        RequestStatus.ANSWERED: pN_("request", "Answered"),
        RequestStatus.REFUSED: pN_("request", "We could not do this"),
        RequestStatus.WITHDRAWN: pN_("request", "Taken back by you"),
    },
    FileStatus: {
        FileStatus.WAITING: pN_("file", "being checked for viruses"),
    },
}
_STAFF_WORDS: Mapping[type[StrEnum], Mapping[str, Word]] = {
    InvoiceStatus: {
        InvoiceStatus.DRAFT: pN_("invoice, staff", "draft"),
        InvoiceStatus.OPEN: pN_("invoice, staff", "open"),
        InvoiceStatus.PAID: pN_("invoice", "Paid"),
        InvoiceStatus.WRITTEN_OFF: pN_("invoice, staff", "written off"),
        InvoiceStatus.VOID: pN_("invoice, staff", "void"),
    },
    AttemptStatus: {
        AttemptStatus.CREATED: pN_("payment, staff", "created"),
        AttemptStatus.OPEN: pN_("payment", "Payment page open"),
        AttemptStatus.PROCESSING: pN_("payment", "Processing"),
        AttemptStatus.SUCCEEDED: pN_("payment, staff", "succeeded"),
        AttemptStatus.FAILED: pN_("payment, staff", "failed"),
        AttemptStatus.CANCELLED: pN_("payment, staff", "cancelled"),
        AttemptStatus.EXPIRED: pN_("payment", "The payment page has expired"),
        AttemptStatus.UNKNOWN: pN_("payment, staff", "unknown"),
    },
    MessageStatus: {
        MessageStatus.QUEUED: pN_("message, staff", "queued"),
        MessageStatus.SENDING: pN_("message, staff", "sending"),
        MessageStatus.SENT: pN_("message, staff", "sent"),
        MessageStatus.DELIVERED: pN_("message, staff", "delivered"),
        MessageStatus.BOUNCED: pN_("message, staff", "bounced"),
        MessageStatus.FAILED: pN_("message, staff", "failed"),
        MessageStatus.SUPPRESSED: pN_("message, staff", "suppressed"),
        MessageStatus.STOPPED: pN_("message, staff", "stopped"),
        MessageStatus.UNKNOWN: pN_("message, staff", "outcome unknown"),
    },
    DisputeStatus: {
        DisputeStatus.OPENED: pN_("dispute, staff", "opened"),
        DisputeStatus.UNDER_REVIEW: pN_("dispute, staff", "under review"),
        DisputeStatus.UPHELD: pN_("dispute, staff", "upheld"),
        DisputeStatus.PARTLY_UPHELD: pN_("dispute, staff", "partly upheld"),
        DisputeStatus.REJECTED: pN_("dispute, staff", "rejected"),
        DisputeStatus.WITHDRAWN: pN_("dispute, staff", "withdrawn"),
    },
    PlanStatus: {
        PlanStatus.PROPOSED: pN_("plan, staff", "proposed"),
        PlanStatus.AWAITING_APPROVAL: pN_("plan, staff", "awaiting approval"),
        PlanStatus.ACTIVE: pN_("plan, staff", "active"),
        PlanStatus.DECLINED: pN_("plan, staff", "declined"),
        PlanStatus.WITHDRAWN: pN_("plan, staff", "withdrawn"),
        PlanStatus.COMPLETED: pN_("plan, staff", "completed"),
        PlanStatus.DEFAULTED: pN_("plan, staff", "defaulted"),
        PlanStatus.CANCELLED: pN_("plan, staff", "cancelled"),
    },
    InstalmentStatus: {
        InstalmentStatus.SCHEDULED: pN_("instalment, staff", "scheduled"),
        InstalmentStatus.PAID: pN_("instalment, staff", "paid"),
        InstalmentStatus.MISSED: pN_("instalment, staff", "missed"),
        InstalmentStatus.WAIVED: pN_("instalment, staff", "waived"),
    },
    OfferStatus: {
        OfferStatus.DRAFT: pN_("offer, staff", "draft"),
        OfferStatus.AWAITING_APPROVAL: pN_("offer, staff", "awaiting approval"),
        OfferStatus.OPEN: pN_("offer, staff", "open"),
        OfferStatus.REFUSED: pN_("offer, staff", "refused"),
        OfferStatus.ACCEPTED: pN_("offer, staff", "accepted"),
        OfferStatus.DECLINED: pN_("offer, staff", "declined"),
        OfferStatus.EXPIRED: pN_("offer, staff", "expired"),
        OfferStatus.WITHDRAWN: pN_("offer, staff", "withdrawn"),
        OfferStatus.VOIDED: pN_("offer, staff", "voided"),
        OfferStatus.SUPERSEDED: pN_("offer, staff", "superseded"),
        OfferStatus.SETTLED: pN_("offer, staff", "settled"),
        OfferStatus.LAPSED: pN_("offer, staff", "lapsed"),
        OfferStatus.REOPENED: pN_("offer, staff", "reopened"),
    },
    PromiseStatus: {
        PromiseStatus.OPEN: pN_("promise, staff", "open"),
        PromiseStatus.KEPT: pN_("promise, staff", "kept"),
        PromiseStatus.BROKEN: pN_("promise, staff", "broken"),
        PromiseStatus.SUPERSEDED: pN_("promise, staff", "superseded"),
        PromiseStatus.WITHDRAWN: pN_("promise, staff", "withdrawn"),
    },
    PostStatus: {
        PostStatus.WAITING: pN_("letter, staff", "waiting"),
        PostStatus.PRINTED: pN_("letter, staff", "printed"),
        PostStatus.POSTED: pN_("letter, staff", "posted"),
        PostStatus.RETURNED: pN_("letter, staff", "came back"),
        PostStatus.WITHDRAWN: pN_("letter, staff", "taken out"),
    },
    ChargeStatus: {
        ChargeStatus.PROPOSED: pN_("charge, staff", "proposed"),
        ChargeStatus.ISSUED: pN_("charge, staff", "issued"),
        ChargeStatus.WAIVED: pN_("charge, staff", "waived"),
    },
    HoldStatus: {
        HoldStatus.ACTIVE: pN_("credit hold, staff", "active"),
        HoldStatus.RELEASED: pN_("credit hold, staff", "released"),
    },
    CardStatus: {
        CardStatus.PENDING: pN_("card, staff", "pending"),
        CardStatus.ACTIVE: pN_("card, staff", "active"),
        CardStatus.REMOVED: pN_("card, staff", "removed"),
    },
    RequestStatus: {
        RequestStatus.OPEN: pN_("request, staff", "open"),
        RequestStatus.ANSWERED: pN_("request, staff", "answered"),
        RequestStatus.REFUSED: pN_("request, staff", "refused"),
        RequestStatus.WITHDRAWN: pN_("request, staff", "withdrawn"),
    },
    StepStatus: {
        StepStatus.PROPOSED: pN_("step of the ladder, staff", "waits for a person"),
        StepStatus.APPROVED: pN_("step of the ladder, staff", "approved"),
        StepStatus.DONE: pN_("step of the ladder, staff", "done"),
        StepStatus.SUPPRESSED: pN_("step of the ladder, staff", "stood still"),
        StepStatus.REFUSED: pN_("step of the ladder, staff", "refused"),
        StepStatus.WITHDRAWN: pN_("step of the ladder, staff", "over before it was done"),
    },
    HandoverStatus: {
        HandoverStatus.PROPOSED: pN_("hand-over, staff", "waits for a second person"),
        HandoverStatus.PREPARED: pN_("hand-over, staff", "approved, not yet gone"),
        HandoverStatus.PLACED: pN_("hand-over, staff", "handed over"),
        HandoverStatus.RECALLED: pN_("hand-over, staff", "recalled"),
        HandoverStatus.CLOSED: pN_("hand-over, staff", "closed"),
        HandoverStatus.REFUSED: pN_("hand-over, staff", "refused"),
    },
    EditorStatus: {
        EditorStatus.OPEN: pN_("rules being written, staff", "being written"),
        EditorStatus.PUBLISHED: pN_("proposed rules, staff", "published"),
        EditorStatus.DROPPED: pN_("rules being written, staff", "dropped"),
    },
    DraftStatus: {
        DraftStatus.PROPOSED: pN_("proposed rules, staff", "waits for another person"),
        DraftStatus.PUBLISHED: pN_("proposed rules, staff", "published"),
        DraftStatus.REFUSED: pN_("proposed rules, staff", "refused"),
        DraftStatus.WITHDRAWN: pN_("proposed rules, staff", "taken back"),
    },
    SegmentStatus: {
        SegmentStatus.PROPOSED: pN_("segment proposal, staff", "proposed"),
        SegmentStatus.CONFIRMED: pN_("segment proposal, staff", "moved"),
        SegmentStatus.REFUSED: pN_("segment proposal, staff", "left as it was"),
        SegmentStatus.SUPERSEDED: pN_("segment proposal, staff", "no longer holds"),
    },
    ApprovalStatus: {
        ApprovalStatus.WAITING: pN_("approval, staff", "awaiting approval"),
        ApprovalStatus.APPROVED: pN_("approval, staff", "approved"),
        ApprovalStatus.REFUSED: pN_("approval, staff", "refused"),
        ApprovalStatus.WITHDRAWN: pN_("approval, staff", "taken back"),
        ApprovalStatus.VOIDED: pN_("approval, staff", "fallen away"),
    },
    RefundStatus: {
        RefundStatus.PAYABLE: pN_("refund, staff", "to be sent"),
        RefundStatus.PAID_OUT: pN_("refund, staff", "sent"),
        RefundStatus.UNDER_WAY: pN_("refund, staff", "under way to the card"),
        RefundStatus.FAILED: pN_("refund, staff", "came back"),
    },
    ChargebackStatus: {
        ChargebackStatus.INQUIRY: pN_("chargeback, staff", "bank asks"),
        ChargebackStatus.OPEN: pN_("chargeback, staff", "waits for our answer"),
        ChargebackStatus.UNDER_REVIEW: pN_("chargeback, staff", "the bank decides"),
        ChargebackStatus.WON: pN_("chargeback, staff", "won"),
        ChargebackStatus.LOST: pN_("chargeback, staff", "lost"),
        ChargebackStatus.CLOSED: pN_("chargeback, staff", "closed"),
    },
    PayoutStatus: {
        PayoutStatus.PENDING: pN_("payout, staff", "not sent yet"),
        PayoutStatus.IN_TRANSIT: pN_("payout, staff", "on its way"),
        PayoutStatus.PAID: pN_("payout, staff", "paid"),
        PayoutStatus.FAILED: pN_("payout, staff", "came back"),
        PayoutStatus.CANCELLED: pN_("payout, staff", "cancelled"),
    },
    FindingStatus: {
        FindingStatus.OPEN: pN_("difference, staff", "open"),
        FindingStatus.EXPLAINED: pN_("difference, staff", "explained"),
        FindingStatus.GONE: pN_("difference, staff", "over"),
    },
    FileStatus: {
        FileStatus.UNCHECKED: pN_("file, staff", "not checked"),
        FileStatus.WAITING: pN_("file, staff", "being checked for viruses"),
        FileStatus.CLEAN: pN_("file, staff", "checked"),
        FileStatus.INFECTED: pN_("file, staff", "virus found, erased"),
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
