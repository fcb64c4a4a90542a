"""One enum and one table of moves for each subject; every other move is refused by name.

`advance(subject, to)` is the only place that writes `.status` (test_house.py holds it).
Overdue, partly paid and disputed are questions answered from facts, never statuses.

Source: domain.md, "Statuses and their moves"; P-04.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class IllegalMove(Exception):
    """A subject cannot go from its present status to the one asked for."""

    def __init__(self, subject: str, from_status: str, to_status: str) -> None:
        super().__init__(f"{subject}: {from_status} -> {to_status} is not a move")
        self.subject, self.from_status, self.to_status = subject, from_status, to_status


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    WRITTEN_OFF = "written_off"
    VOID = "void"


class AttemptStatus(StrEnum):
    CREATED = "created"
    OPEN = "open"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class MessageStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


class DisputeStatus(StrEnum):
    OPENED = "opened"
    UNDER_REVIEW = "under_review"
    UPHELD = "upheld"
    PARTLY_UPHELD = "partly_upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class PlanStatus(StrEnum):
    PROPOSED = "proposed"
    AWAITING_APPROVAL = "awaiting_approval"
    ACTIVE = "active"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    COMPLETED = "completed"
    DEFAULTED = "defaulted"
    CANCELLED = "cancelled"


class InstalmentStatus(StrEnum):
    SCHEDULED = "scheduled"
    PAID = "paid"
    MISSED = "missed"
    WAIVED = "waived"


class OfferStatus(StrEnum):
    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    OPEN = "open"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    VOIDED = "voided"
    SUPERSEDED = "superseded"
    SETTLED = "settled"
    LAPSED = "lapsed"
    REOPENED = "reopened"


class PromiseStatus(StrEnum):
    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


class HoldStatus(StrEnum):
    ACTIVE = "active"
    RELEASED = "released"


class CardStatus(StrEnum):
    """A card on its way into keeping; `active` only on the gateway's word."""

    PENDING = "pending"
    ACTIVE = "active"
    REMOVED = "removed"


class RequestStatus(StrEnum):
    """What a debtor asked of us: open until a person answered."""

    OPEN = "open"
    ANSWERED = "answered"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class StepStatus(StrEnum):
    """What the ladder means to do about an account: waits for a person where a gate says so."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    DONE = "done"
    #: Something stood in the way when its turn came; it says what.
    SUPPRESSED = "suppressed"
    REFUSED = "refused"
    #: What it was for is over: paid, disputed, promised.
    WITHDRAWN = "withdrawn"


class PostStatus(StrEnum):
    """A letter on paper."""

    WAITING = "waiting"
    PRINTED = "printed"
    POSTED = "posted"
    #: Came back: evidence for "cannot be found".
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class ChargeStatus(StrEnum):
    """A fee or interest that the ladder proposes: nothing is owed before it is issued."""

    PROPOSED = "proposed"
    ISSUED = "issued"
    WAIVED = "waived"


class SegmentStatus(StrEnum):
    """A rule's proposal that an account is of another kind; a person decides (GDPR article 22)."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


class DraftStatus(StrEnum):
    """Rules that one person proposed; another one publishes them (A-02)."""

    PROPOSED = "proposed"
    PUBLISHED = "published"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class EditorStatus(StrEnum):
    """Changes to rules or texts in the making; whether they wait is said by their approval request."""

    OPEN = "open"
    PUBLISHED = "published"
    DROPPED = "dropped"


class HandoverStatus(StrEnum):
    PROPOSED = "proposed"
    PREPARED = "prepared"
    PLACED = "placed"
    RECALLED = "recalled"
    CLOSED = "closed"
    REFUSED = "refused"


class FileStatus(StrEnum):
    """A stranger's file before the virus scanner: given out unless it waits or something was found (X-03)."""

    UNCHECKED = "unchecked"  # no scanner is set
    WAITING = "waiting"
    CLEAN = "clean"
    INFECTED = "infected"


class InboxStatus(StrEnum):
    """A gateway event on its way through the inbox (P-10): only `done` makes a repeat a repeat."""

    RECEIVED = "received"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"
    PARKED = "parked"


class JobStatus(StrEnum):
    """An outside effect on its way (P-25)."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class PayoutStatus(StrEnum):
    """Where a transfer of the gateway to the bank stands, in the gateway's words."""

    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FindingStatus(StrEnum):
    """A difference between gateway and books: it goes by itself, or a person explains it (P-17)."""

    OPEN = "open"
    EXPLAINED = "explained"
    GONE = "gone"


class ApprovalStatus(StrEnum):
    """What one person asked for and another decides (A-02)."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    VOIDED = "voided"


class RefundStatus(StrEnum):
    """Credit on its way back to the debtor."""

    PAYABLE = "payable"
    PAID_OUT = "paid_out"
    #: To the card: asked of the gateway, or about to be; the outcome may be open.
    UNDER_WAY = "under_way"
    #: The gateway could not give it back, at once or later: it is the account's credit again.
    FAILED = "failed"


class ChargebackStatus(StrEnum):
    """A payment contested with the payer's bank, on the gateway's word; money moves by movements alone."""

    INQUIRY = "inquiry"  # the bank asks; no money has moved
    OPEN = "open"  # waits for our evidence
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"  # ended without a decision: an inquiry, or prevented


class ImportStatus(StrEnum):
    """A file on its way into the books: read whole, then applied in chunks."""

    STAGED = "staged"
    APPLYING = "applying"
    APPLIED = "applied"


_I, _A, _M, _X, _J, _F = InvoiceStatus, AttemptStatus, MessageStatus, InboxStatus, JobStatus, ImportStatus
_D, _P, _N, _O = DisputeStatus, PlanStatus, InstalmentStatus, OfferStatus
_R, _H, _C, _Q = PromiseStatus, HoldStatus, CardStatus, RequestStatus
_L, _S, _B, _G, _K, _V = FileStatus, StepStatus, PostStatus, ChargeStatus, SegmentStatus, HandoverStatus
_W, _Z = DraftStatus, ChargebackStatus

MOVES: Mapping[type[StrEnum], Mapping[StrEnum, frozenset[StrEnum]]] = {
    InvoiceStatus: {
        _I.DRAFT: frozenset({_I.OPEN, _I.VOID}),
        _I.OPEN: frozenset({_I.PAID, _I.WRITTEN_OFF, _I.VOID}),
        _I.PAID: frozenset({_I.OPEN}),  # a payment was reversed
        _I.WRITTEN_OFF: frozenset({_I.OPEN}),  # its write-off was reversed, by four eyes
        _I.VOID: frozenset(),
    },
    AttemptStatus: {
        _A.CREATED: frozenset({_A.OPEN, _A.PROCESSING, _A.SUCCEEDED, _A.FAILED, _A.CANCELLED, _A.UNKNOWN}),
        _A.OPEN: frozenset({_A.PROCESSING, _A.SUCCEEDED, _A.FAILED, _A.CANCELLED, _A.EXPIRED, _A.UNKNOWN}),
        _A.PROCESSING: frozenset({_A.SUCCEEDED, _A.FAILED, _A.UNKNOWN}),
        _A.UNKNOWN: frozenset({_A.OPEN, _A.PROCESSING, _A.SUCCEEDED, _A.FAILED, _A.CANCELLED, _A.EXPIRED}),
        # Late money: posted, left unapplied where nothing is open, and a task for a person.
        _A.FAILED: frozenset({_A.SUCCEEDED}),
        _A.CANCELLED: frozenset({_A.SUCCEEDED}),
        _A.EXPIRED: frozenset({_A.SUCCEEDED}),
        _A.SUCCEEDED: frozenset(),
    },
    MessageStatus: {
        _M.QUEUED: frozenset({_M.SENDING, _M.SUPPRESSED, _M.STOPPED}),
        _M.SENDING: frozenset({_M.SENT, _M.FAILED, _M.QUEUED, _M.UNKNOWN}),
        _M.SENT: frozenset({_M.DELIVERED, _M.BOUNCED}),
        _M.UNKNOWN: frozenset({_M.SENDING}),  # receipts only: they are sent at least once
        _M.DELIVERED: frozenset(),
        _M.BOUNCED: frozenset(),
        _M.FAILED: frozenset(),
        _M.SUPPRESSED: frozenset(),
        _M.STOPPED: frozenset(),
    },
    DisputeStatus: {
        _D.OPENED: frozenset({_D.UNDER_REVIEW, _D.WITHDRAWN}),
        _D.UNDER_REVIEW: frozenset({_D.UPHELD, _D.PARTLY_UPHELD, _D.REJECTED, _D.WITHDRAWN}),
        _D.REJECTED: frozenset({_D.UNDER_REVIEW}),  # once, with new evidence
        _D.UPHELD: frozenset(),
        _D.PARTLY_UPHELD: frozenset(),
        _D.WITHDRAWN: frozenset(),
    },
    PlanStatus: {
        _P.PROPOSED: frozenset({_P.ACTIVE, _P.AWAITING_APPROVAL, _P.DECLINED}),
        _P.AWAITING_APPROVAL: frozenset({_P.PROPOSED, _P.ACTIVE, _P.DECLINED, _P.WITHDRAWN}),
        _P.ACTIVE: frozenset({_P.COMPLETED, _P.DEFAULTED, _P.CANCELLED}),
        _P.DEFAULTED: frozenset({_P.ACTIVE}),  # cured
        _P.COMPLETED: frozenset({_P.ACTIVE}),  # a payment was reversed
        _P.DECLINED: frozenset(),
        _P.WITHDRAWN: frozenset(),
        _P.CANCELLED: frozenset(),
    },
    InstalmentStatus: {
        _N.SCHEDULED: frozenset({_N.PAID, _N.MISSED, _N.WAIVED}),
        _N.MISSED: frozenset({_N.PAID, _N.WAIVED}),
        _N.PAID: frozenset({_N.SCHEDULED, _N.MISSED}),  # a payment was reversed
        _N.WAIVED: frozenset(),
    },
    OfferStatus: {
        _O.DRAFT: frozenset({_O.AWAITING_APPROVAL, _O.OPEN}),
        _O.AWAITING_APPROVAL: frozenset({_O.OPEN, _O.REFUSED, _O.WITHDRAWN, _O.VOIDED}),
        _O.OPEN: frozenset({_O.ACCEPTED, _O.DECLINED, _O.EXPIRED, _O.WITHDRAWN, _O.VOIDED, _O.SUPERSEDED}),
        _O.ACCEPTED: frozenset({_O.SETTLED, _O.LAPSED}),
        _O.SETTLED: frozenset({_O.REOPENED}),  # a payment was reversed, and the discount with it
        **{
            final: frozenset()
            for final in (
                _O.REFUSED,
                _O.DECLINED,
                _O.EXPIRED,
                _O.WITHDRAWN,
                _O.VOIDED,
                _O.SUPERSEDED,
                _O.LAPSED,
                _O.REOPENED,
            )
        },
    },
    PromiseStatus: {
        _R.OPEN: frozenset({_R.KEPT, _R.BROKEN, _R.SUPERSEDED, _R.WITHDRAWN}),
        _R.KEPT: frozenset({_R.BROKEN}),  # a payment was reversed
        _R.BROKEN: frozenset(),
        _R.SUPERSEDED: frozenset(),
        _R.WITHDRAWN: frozenset(),
    },
    HoldStatus: {_H.ACTIVE: frozenset({_H.RELEASED}), _H.RELEASED: frozenset()},
    CardStatus: {
        _C.PENDING: frozenset({_C.ACTIVE, _C.REMOVED}),
        _C.ACTIVE: frozenset({_C.REMOVED}),
        _C.REMOVED: frozenset(),
    },
    RequestStatus: {
        _Q.OPEN: frozenset({_Q.ANSWERED, _Q.REFUSED, _Q.WITHDRAWN}),
        _Q.ANSWERED: frozenset(),
        _Q.REFUSED: frozenset(),
        _Q.WITHDRAWN: frozenset(),
    },
    StepStatus: {
        _S.PROPOSED: frozenset({_S.APPROVED, _S.REFUSED, _S.WITHDRAWN}),
        _S.APPROVED: frozenset({_S.DONE, _S.SUPPRESSED, _S.WITHDRAWN}),
        _S.DONE: frozenset(),
        _S.SUPPRESSED: frozenset(),
        _S.REFUSED: frozenset(),
        _S.WITHDRAWN: frozenset(),
    },
    PostStatus: {
        _B.WAITING: frozenset({_B.PRINTED, _B.WITHDRAWN}),
        _B.PRINTED: frozenset({_B.POSTED, _B.WAITING, _B.WITHDRAWN}),
        _B.POSTED: frozenset({_B.RETURNED}),
        _B.RETURNED: frozenset(),
        _B.WITHDRAWN: frozenset(),
    },
    ChargeStatus: {
        _G.PROPOSED: frozenset({_G.ISSUED, _G.WAIVED}),
        _G.ISSUED: frozenset(),
        _G.WAIVED: frozenset(),
    },
    SegmentStatus: {
        _K.PROPOSED: frozenset({_K.CONFIRMED, _K.REFUSED, _K.SUPERSEDED}),
        _K.CONFIRMED: frozenset(),
        _K.REFUSED: frozenset(),
        _K.SUPERSEDED: frozenset(),
    },
    DraftStatus: {
        _W.PROPOSED: frozenset({_W.PUBLISHED, _W.REFUSED, _W.WITHDRAWN}),
        _W.PUBLISHED: frozenset(),
        _W.REFUSED: frozenset(),
        _W.WITHDRAWN: frozenset(),
    },
    EditorStatus: {
        EditorStatus.OPEN: frozenset({EditorStatus.PUBLISHED, EditorStatus.DROPPED}),
        EditorStatus.PUBLISHED: frozenset(),
        EditorStatus.DROPPED: frozenset(),
    },
    HandoverStatus: {
        _V.PROPOSED: frozenset({_V.PREPARED, _V.REFUSED}),
        _V.PREPARED: frozenset({_V.PLACED, _V.REFUSED}),  # paid, or answered, before it was sent
        _V.PLACED: frozenset({_V.RECALLED, _V.CLOSED}),
        _V.RECALLED: frozenset(),
        _V.CLOSED: frozenset(),
        _V.REFUSED: frozenset(),
    },
    FileStatus: {
        _L.WAITING: frozenset({_L.CLEAN, _L.INFECTED}),
        # The same content was found to be infected when somebody sent it again.
        _L.UNCHECKED: frozenset({_L.INFECTED}),
        _L.CLEAN: frozenset({_L.INFECTED}),
        _L.INFECTED: frozenset(),
    },
    InboxStatus: {
        _X.RECEIVED: frozenset({_X.PROCESSING}),
        _X.PROCESSING: frozenset({_X.DONE, _X.FAILED, _X.PARKED}),
        _X.FAILED: frozenset({_X.PROCESSING, _X.PARKED}),
        _X.PARKED: frozenset({_X.PROCESSING}),
        _X.DONE: frozenset(),
    },
    JobStatus: {
        _J.QUEUED: frozenset({_J.RUNNING}),
        _J.RUNNING: frozenset({_J.DONE, _J.QUEUED, _J.DEAD}),
        _J.DEAD: frozenset({_J.QUEUED}),
        _J.DONE: frozenset(),
    },
    PayoutStatus: {
        PayoutStatus.PENDING: frozenset(
            {PayoutStatus.IN_TRANSIT, PayoutStatus.PAID, PayoutStatus.FAILED, PayoutStatus.CANCELLED}
        ),
        PayoutStatus.IN_TRANSIT: frozenset({PayoutStatus.PAID, PayoutStatus.FAILED, PayoutStatus.CANCELLED}),
        PayoutStatus.PAID: frozenset({PayoutStatus.FAILED}),  # the bank sent it back
        PayoutStatus.FAILED: frozenset(),
        PayoutStatus.CANCELLED: frozenset(),
    },
    FindingStatus: {
        FindingStatus.OPEN: frozenset({FindingStatus.EXPLAINED, FindingStatus.GONE}),
        FindingStatus.EXPLAINED: frozenset({FindingStatus.OPEN, FindingStatus.GONE}),  # other amounts: open
        FindingStatus.GONE: frozenset({FindingStatus.OPEN}),
    },
    ApprovalStatus: {
        ApprovalStatus.WAITING: frozenset(
            {
                ApprovalStatus.APPROVED,
                ApprovalStatus.REFUSED,
                ApprovalStatus.WITHDRAWN,
                ApprovalStatus.VOIDED,  # its subject has changed, or other terms took its place
            }
        ),
        ApprovalStatus.APPROVED: frozenset(),
        ApprovalStatus.REFUSED: frozenset(),
        ApprovalStatus.WITHDRAWN: frozenset(),
        ApprovalStatus.VOIDED: frozenset(),
    },
    RefundStatus: {
        RefundStatus.PAYABLE: frozenset({RefundStatus.PAID_OUT}),
        RefundStatus.UNDER_WAY: frozenset({RefundStatus.PAID_OUT, RefundStatus.FAILED}),
        RefundStatus.PAID_OUT: frozenset({RefundStatus.FAILED}),  # a card refund may fail days later
        RefundStatus.FAILED: frozenset(),
    },
    ChargebackStatus: {
        # What is asked tells how it stands now: some steps are never seen, and a decision may be appealed.
        _Z.INQUIRY: frozenset({_Z.OPEN, _Z.UNDER_REVIEW, _Z.WON, _Z.LOST, _Z.CLOSED}),
        _Z.OPEN: frozenset({_Z.UNDER_REVIEW, _Z.WON, _Z.LOST, _Z.CLOSED}),
        _Z.UNDER_REVIEW: frozenset({_Z.OPEN, _Z.WON, _Z.LOST, _Z.CLOSED}),
        _Z.WON: frozenset({_Z.OPEN, _Z.UNDER_REVIEW, _Z.LOST}),
        _Z.LOST: frozenset({_Z.OPEN, _Z.UNDER_REVIEW, _Z.WON}),
        _Z.CLOSED: frozenset({_Z.OPEN, _Z.UNDER_REVIEW, _Z.WON, _Z.LOST}),
    },
    ImportStatus: {
        _F.STAGED: frozenset({_F.APPLYING}),
        _F.APPLYING: frozenset({_F.APPLIED}),
        _F.APPLIED: frozenset(),
    },
}

#: Attempts whose outcome the gateway may still change; they hold their invoices (decision 12).
UNSETTLED_ATTEMPTS = frozenset({_A.CREATED, _A.OPEN, _A.PROCESSING, _A.UNKNOWN})
#: Attempts that forbid another one for the same invoices, unless superseded (decision 12).
BLOCKING_ATTEMPTS = frozenset({_A.CREATED, _A.OPEN, _A.UNKNOWN})
#: Disputes that keep their contested amount out of what is asked for.
HOLDING_DISPUTES = frozenset({_D.OPENED, _D.UNDER_REVIEW})
#: Plans that keep their invoices out of what is asked for at once.
RUNNING_PLANS = frozenset({_P.ACTIVE})


def may_advance(status: StrEnum, to: StrEnum) -> bool:
    """Whether the table has the move `status` -> `to`; between two subjects' enums there is none."""
    return isinstance(status, type(to)) and to in MOVES[type(to)][status]


def advance(subject: Any, to: StrEnum) -> Any:
    """Move a subject to a new status; the one writer of `.status`.

    Args:
        subject: a row with a `status` column.
        to: member of the subject's enum.
    Returns:
        The same subject, in the new status.
    Raises:
        IllegalMove: the table has no such move.
    """
    if not may_advance(subject.status, to):
        raise IllegalMove(type(subject).__name__, str(subject.status), str(to))
    subject.status = to
    return subject
