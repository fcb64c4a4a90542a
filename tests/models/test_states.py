"""One table of moves for each subject: complete, reachable, final where it should be (domain.md)."""

from __future__ import annotations

from enum import StrEnum
from types import SimpleNamespace

import pytest

from models import states
from models.states import (
    BLOCKING_ATTEMPTS,
    MOVES,
    UNSETTLED_ATTEMPTS,
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
    IllegalMove,
    ImportStatus,
    InboxStatus,
    InstalmentStatus,
    InvoiceStatus,
    JobStatus,
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
    advance,
    may_advance,
)

#: The tables of domain.md, "Statuses and their moves", in its own words; the last three are P-10,
#: P-25 and the import's.
WRITTEN = {
    InvoiceStatus: "draft→open,void · open→paid,written_off,void · paid→open · written_off→open",
    AttemptStatus: (
        "created→open,processing,succeeded,failed,cancelled,unknown"
        " · open→processing,succeeded,failed,cancelled,expired,unknown"
        " · processing→succeeded,failed,unknown"
        " · unknown→open,processing,succeeded,failed,cancelled,expired"
        " · failed,cancelled,expired→succeeded"
    ),
    MessageStatus: (
        "queued→sending,suppressed,stopped · sending→sent,failed,queued,unknown"
        " · sent→delivered,bounced · unknown→sending"
    ),
    DisputeStatus: (
        "opened→under_review,withdrawn · under_review→upheld,partly_upheld,rejected,withdrawn"
        " · rejected→under_review"
    ),
    PlanStatus: (
        "proposed→active,awaiting_approval,declined · awaiting_approval→proposed,active,declined,withdrawn"
        " · active→completed,defaulted,cancelled · defaulted→active · completed→active"
    ),
    InstalmentStatus: "scheduled→paid,missed,waived · missed→paid,waived · paid→scheduled,missed",
    OfferStatus: (
        "draft→awaiting_approval,open · awaiting_approval→open,refused,withdrawn,voided"
        " · open→accepted,declined,expired,withdrawn,voided,superseded · accepted→settled,lapsed"
        " · settled→reopened"
    ),
    PromiseStatus: "open→kept,broken,superseded,withdrawn · kept→broken",
    StepStatus: "proposed→approved,refused,withdrawn · approved→done,suppressed,withdrawn",
    PayoutStatus: "pending→in_transit,paid,failed,cancelled · in_transit→paid,failed,cancelled · paid→failed",
    FindingStatus: "open→explained,gone · explained→open,gone · gone→open",
    PostStatus: "waiting→printed,withdrawn · printed→posted,waiting,withdrawn · posted→returned",
    ChargeStatus: "proposed→issued,waived",
    SegmentStatus: "proposed→confirmed,refused,superseded",
    DraftStatus: "proposed→published,refused,withdrawn",
    EditorStatus: "open→published,dropped",
    HandoverStatus: "proposed→prepared,refused · prepared→placed,refused · placed→recalled,closed",
    HoldStatus: "active→released",
    CardStatus: "pending→active,removed · active→removed",
    RequestStatus: "open→answered,refused,withdrawn",
    FileStatus: "waiting→clean,infected · unchecked→infected · clean→infected",
    InboxStatus: (
        "received→processing · processing→done,failed,parked · failed→processing,parked · parked→processing"
    ),
    JobStatus: "queued→running · running→done,queued,dead · dead→queued",
    ApprovalStatus: "waiting→approved,refused,withdrawn,voided",
    RefundStatus: "payable→paid_out · under_way→paid_out,failed · paid_out→failed",
    ChargebackStatus: (
        "inquiry→open,under_review,won,lost,closed · open→under_review,won,lost,closed"
        " · under_review→open,won,lost,closed · won→open,under_review,lost · lost→open,under_review,won"
        " · closed→open,under_review,won,lost"
    ),
    ImportStatus: "staged→applying · applying→applied",
}
FIRST = {
    InvoiceStatus: {InvoiceStatus.DRAFT, InvoiceStatus.OPEN},
    AttemptStatus: {AttemptStatus.CREATED},
    MessageStatus: {MessageStatus.QUEUED},
    DisputeStatus: {DisputeStatus.OPENED},
    PlanStatus: {PlanStatus.PROPOSED},
    InstalmentStatus: {InstalmentStatus.SCHEDULED},
    OfferStatus: {OfferStatus.DRAFT},
    PromiseStatus: {PromiseStatus.OPEN},
    StepStatus: {StepStatus.PROPOSED},
    PayoutStatus: {PayoutStatus.PENDING, PayoutStatus.IN_TRANSIT, PayoutStatus.PAID, PayoutStatus.FAILED},
    FindingStatus: {FindingStatus.OPEN},
    PostStatus: {PostStatus.WAITING},
    ChargeStatus: {ChargeStatus.PROPOSED},
    SegmentStatus: {SegmentStatus.PROPOSED},
    DraftStatus: {DraftStatus.PROPOSED},
    EditorStatus: {EditorStatus.OPEN},
    HandoverStatus: {HandoverStatus.PROPOSED},
    HoldStatus: {HoldStatus.ACTIVE},
    CardStatus: {CardStatus.PENDING},
    RequestStatus: {RequestStatus.OPEN},
    FileStatus: {FileStatus.WAITING, FileStatus.UNCHECKED},
    InboxStatus: {InboxStatus.RECEIVED},
    JobStatus: {JobStatus.QUEUED},
    ApprovalStatus: {ApprovalStatus.WAITING},
    RefundStatus: {RefundStatus.PAYABLE, RefundStatus.UNDER_WAY},
    ChargebackStatus: {ChargebackStatus.INQUIRY, ChargebackStatus.OPEN},
    ImportStatus: {ImportStatus.STAGED},
}
FINAL = {
    InvoiceStatus: {InvoiceStatus.VOID},
    AttemptStatus: {AttemptStatus.SUCCEEDED},
    MessageStatus: {
        MessageStatus.DELIVERED, MessageStatus.BOUNCED, MessageStatus.FAILED, MessageStatus.SUPPRESSED,
        MessageStatus.STOPPED,
    },
    DisputeStatus: {DisputeStatus.UPHELD, DisputeStatus.PARTLY_UPHELD, DisputeStatus.WITHDRAWN},
    PlanStatus: {PlanStatus.DECLINED, PlanStatus.WITHDRAWN, PlanStatus.CANCELLED},
    InstalmentStatus: {InstalmentStatus.WAIVED},
    OfferStatus: {
        OfferStatus.REFUSED, OfferStatus.DECLINED, OfferStatus.EXPIRED, OfferStatus.WITHDRAWN,
        OfferStatus.VOIDED, OfferStatus.SUPERSEDED, OfferStatus.LAPSED, OfferStatus.REOPENED,
    },
    PromiseStatus: {PromiseStatus.BROKEN, PromiseStatus.SUPERSEDED, PromiseStatus.WITHDRAWN},
    StepStatus: {
        StepStatus.DONE, StepStatus.SUPPRESSED, StepStatus.REFUSED, StepStatus.WITHDRAWN,
    },
    PayoutStatus: {PayoutStatus.FAILED, PayoutStatus.CANCELLED},
    FindingStatus: set(),
    PostStatus: {PostStatus.RETURNED, PostStatus.WITHDRAWN},
    ChargeStatus: {ChargeStatus.ISSUED, ChargeStatus.WAIVED},
    SegmentStatus: {SegmentStatus.CONFIRMED, SegmentStatus.REFUSED, SegmentStatus.SUPERSEDED},
    DraftStatus: {DraftStatus.PUBLISHED, DraftStatus.REFUSED, DraftStatus.WITHDRAWN},
    EditorStatus: {EditorStatus.PUBLISHED, EditorStatus.DROPPED},
    HandoverStatus: {HandoverStatus.RECALLED, HandoverStatus.CLOSED, HandoverStatus.REFUSED},
    HoldStatus: {HoldStatus.RELEASED},
    CardStatus: {CardStatus.REMOVED},
    RequestStatus: {RequestStatus.ANSWERED, RequestStatus.REFUSED, RequestStatus.WITHDRAWN},
    FileStatus: {FileStatus.INFECTED},
    InboxStatus: {InboxStatus.DONE},
    JobStatus: {JobStatus.DONE},
    ApprovalStatus: {
        ApprovalStatus.APPROVED, ApprovalStatus.REFUSED, ApprovalStatus.WITHDRAWN, ApprovalStatus.VOIDED,
    },
    RefundStatus: {RefundStatus.FAILED},
    ChargebackStatus: set(),
    ImportStatus: {ImportStatus.APPLIED},
}  # fmt: skip
KINDS = sorted(MOVES, key=lambda kind: kind.__name__)
PAIRS = [(kind, a, b) for kind in KINDS for a in kind for b in kind]


def moves_written(kind: type[StrEnum]) -> set[tuple[str, str]]:
    pairs = set()
    for clause in WRITTEN[kind].split(" · "):
        sources, targets = clause.split("→")
        pairs |= {(a, b) for a in sources.split(",") for b in targets.split(",")}
    return pairs


def test_every_status_of_the_house_has_a_table() -> None:
    """house.md: no status enum without moves, no moves without a test here."""
    enums = {
        kind
        for kind in vars(states).values()
        if isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not StrEnum
    }
    assert enums == set(MOVES) == set(WRITTEN) == set(FIRST) == set(FINAL)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_each_status_is_a_key_and_reachable(kind: type[StrEnum]) -> None:
    """Every status stands in the table, and there is a way to it."""
    assert set(MOVES[kind]) == set(kind)
    reached, todo = set(), set(FIRST[kind])
    while todo:
        status = todo.pop()
        reached.add(status)
        todo |= MOVES[kind][status] - reached
    assert reached == set(kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_finals_have_no_exit_and_nothing_else_is_final(kind: type[StrEnum]) -> None:
    """A final status stays; every other one has a way on."""
    assert {status for status, to in MOVES[kind].items() if not to} == FINAL[kind]


@pytest.mark.parametrize(("kind", "a", "b"), PAIRS, ids=lambda v: getattr(v, "value", ""))
def test_each_pair_is_a_move_or_refused_by_name(kind: type[StrEnum], a: StrEnum, b: StrEnum) -> None:
    """P-04: only the written moves; a refusal names subject, from and to, and changes nothing."""
    subject = SimpleNamespace(status=a)
    if (a.value, b.value) in moves_written(kind):
        assert may_advance(a, b)
        assert advance(subject, b) is subject
        assert subject.status is b
        return
    assert not may_advance(a, b)
    with pytest.raises(IllegalMove) as refused:
        advance(subject, b)
    assert (refused.value.from_status, refused.value.to_status) == (a.value, b.value)
    assert refused.value.subject == "SimpleNamespace"
    assert subject.status is a


def test_a_status_of_another_subject_is_no_move() -> None:
    """An attempt that is open is no open invoice, although both words are the same."""
    subject = SimpleNamespace(status=AttemptStatus.OPEN)
    assert not may_advance(AttemptStatus.OPEN, InvoiceStatus.PAID)
    with pytest.raises(IllegalMove):
        advance(subject, InvoiceStatus.PAID)
    assert subject.status is AttemptStatus.OPEN


def test_money_never_unhappens() -> None:
    """P-04: what has succeeded is never failed, cancelled or open again."""
    assert MOVES[AttemptStatus][AttemptStatus.SUCCEEDED] == frozenset()
    for late in (AttemptStatus.FAILED, AttemptStatus.CANCELLED, AttemptStatus.EXPIRED):
        assert MOVES[AttemptStatus][late] == {AttemptStatus.SUCCEEDED}


def test_groups_of_statuses() -> None:
    """Decision 12: `processing` holds its amount but does not forbid another attempt."""
    blocking = {AttemptStatus.CREATED, AttemptStatus.OPEN, AttemptStatus.UNKNOWN}
    assert set(BLOCKING_ATTEMPTS) == blocking
    assert set(UNSETTLED_ATTEMPTS) == blocking | {AttemptStatus.PROCESSING}
