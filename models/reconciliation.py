"""What the gateway says moved on its balance, its payouts, and where our books say otherwise.

Movements are a copy that may be made again; findings are what a person looks at. Source: P-15, P-17,
P-18, M-18.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, enum_column, minor, pk, ref_key
from models.states import FindingStatus, PayoutStatus


class GatewayMovement(Base):
    """One change of the gateway's balance, as the gateway lists it; amounts are signed."""

    __tablename__ = "gateway_movement"

    id: Mapped[pk]
    gateway_account: Mapped[str] = mapped_column(String(40))
    movement_id: Mapped[str]
    #: receivables.ports.MovementKind; an unknown one of the gateway's is "other".
    kind: Mapped[str] = mapped_column(String(24))
    source_id: Mapped[str | None]
    amount_minor: Mapped[minor]
    fee_minor: Mapped[minor]
    net_minor: Mapped[minor]
    currency: Mapped[currency_code]
    #: What the source was in, where the gateway changed it into the currency above.
    original_minor: Mapped[int | None]
    original_currency: Mapped[str | None] = mapped_column(String(3))
    exchange_rate: Mapped[str | None]
    made_at: Mapped[datetime]
    available_on: Mapped[date]
    #: The payout that it went out with, once the gateway has said so.
    payout_id: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("movement_id", "gateway_account"),
        CheckConstraint("(original_minor IS NULL) = (original_currency IS NULL)", name="original"),
        Index("ix_gateway_movement_made", "gateway_account", "made_at"),
        # The account stands behind, so that no plan reads all of an account beside one row of it.
        Index("ix_gateway_movement_source", "source_id", "gateway_account"),
        Index("ix_gateway_movement_payout", "payout_id", "gateway_account"),
    )


class Payout(Base):
    """One transfer of the gateway to the creditor's bank, as the gateway says it stands."""

    __tablename__ = "payout"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    gateway_account: Mapped[str] = mapped_column(String(40))
    payout_id: Mapped[str]
    #: Signed: negative where the gateway drew from the bank.
    amount_minor: Mapped[minor]
    currency: Mapped[currency_code]
    status: Mapped[PayoutStatus] = enum_column(PayoutStatus, "status")
    #: Made by the gateway itself; only of these it lists what they consist of.
    automatic: Mapped[bool] = mapped_column(Boolean)
    made_at: Mapped[datetime]
    arrives_on: Mapped[date]
    #: What its movements sum to without its own; None until the gateway has listed them.
    listed_minor: Mapped[int | None]
    #: When it was confirmed at the bank, in our books.
    banked_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("gateway_account", "payout_id"),
        Index("ix_payout_made", "gateway_account", "made_at"),
        Index("ix_payout_status", "status", "arrives_on"),
    )


#: What a finding is about whose amount our money cannot say: neither side is a number.
UNREAD_MOVEMENT = "unread"


class FindingList(StrEnum):
    """On which of the three lists a finding stands (P-17)."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    DIFFERENT = "different"


class ReconciliationFinding(Base):
    """Where gateway and books do not say the same; stays until they do or a person explains it."""

    __tablename__ = "reconciliation_finding"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    gateway_account: Mapped[str] = mapped_column(String(40))
    listed: Mapped[FindingList] = enum_column(FindingList, "listed")
    #: What it is about: a kind of movement, "payout_sum", "entry", "unread".
    about: Mapped[str] = mapped_column(String(24))
    #: Names the cause: a movement, a payout, an object that only our books know.
    object_id: Mapped[str]
    currency: Mapped[currency_code]
    #: What the books hold for it, and what the gateway says; None where it is missing or no number.
    here_minor: Mapped[int | None]
    there_minor: Mapped[int | None]
    arose_on: Mapped[date]
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[FindingStatus] = enum_column(FindingStatus, "status")
    found_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    explained_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    explained_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("gateway_account", "object_id", "currency"),
        CheckConstraint("status <> 'explained' OR reason IS NOT NULL", name="explained"),
        CheckConstraint(
            "here_minor IS NOT NULL OR there_minor IS NOT NULL OR about = 'unread'", name="sides"
        ),
    )


Index(
    "ix_reconciliation_finding_standing",
    ReconciliationFinding.gateway_account,
    ReconciliationFinding.arose_on,
    sqlite_where=text("status <> 'gone'"),
    postgresql_where=text("status <> 'gone'"),
)


class GatewayWatch(Base):
    """How far one piece of regular work on a gateway account has come; claimed by its next moment."""

    __tablename__ = "gateway_watch"

    gateway_account: Mapped[str] = mapped_column(String(40), primary_key=True)
    work: Mapped[str] = mapped_column(String(24), primary_key=True)
    #: Up to which moment all is read; the next reading goes on from there, less an overlap.
    read_to_at: Mapped[datetime | None]
    next_at: Mapped[datetime]
    #: When it last came to its end, and why it did not since.
    done_at: Mapped[datetime | None]
    trouble: Mapped[str | None]
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
