"""The customers who owe, the people behind them, and facts that bind what we may do."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, enum_column, pk, ref_key


class DebtorType(StrEnum):
    BUSINESS = "business"
    SOLE_TRADER = "sole_trader"
    PRIVATE_PERSON = "private_person"


class ContactRole(StrEnum):
    PAYS = "pays"
    APPROVES = "approves"
    LEGAL = "legal"
    OWNER = "owner"


class FlagKind(StrEnum):
    """Facts about an account that bind contact, escalation, charges or deletion (C-05)."""

    WRONG_PARTY = "wrong_party"
    DECEASED = "deceased"
    BANKRUPTCY = "bankruptcy"
    BREATHING_SPACE = "breathing_space"
    CEASE_REQUEST = "cease_request"
    ATTORNEY = "attorney"
    VULNERABILITY = "vulnerability"
    MENTAL_HEALTH_CRISIS = "mental_health_crisis"
    MINOR = "minor"
    #: Blocks deletion only.
    LEGAL_HOLD = "legal_hold"


class Segment(StrEnum):
    """Six kinds of debtor (domain.md); neutral names, since he may ask to see them."""

    REMINDER = "reminder"
    OWN_TERMS = "own_terms"
    OPEN_PROBLEM = "open_problem"
    HARDSHIP = "hardship"
    NO_AGREEMENT = "no_agreement"
    UNTRACEABLE = "untraceable"


class Account(Base):
    """The customer who owes (never "user" or "debtor" in code)."""

    __tablename__ = "account"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    creditor_id: Mapped[int] = mapped_column(ForeignKey("creditor.id"))
    #: The creditor's own number for the customer.
    number: Mapped[str]
    name: Mapped[str]
    debtor_type: Mapped[DebtorType] = enum_column(DebtorType, "debtor_type", default=DebtorType.BUSINESS)
    country: Mapped[str] = mapped_column(String(2))
    #: IANA zone: overdue, windows and promises are counted in it.
    zone: Mapped[str]
    language: Mapped[str] = mapped_column(String(2))
    #: When the debtor chose the language himself; his choice sticks (decision 2).
    language_chosen_at: Mapped[datetime | None]
    #: Head office that pays for this branch.
    payer_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    #: Whether the head office sees this branch in its own link and may pay it.
    shown_to_payer: Mapped[bool] = mapped_column(Boolean, default=False)
    #: Where letters go, a line each, without the name; None: nobody told us.
    postal_address: Mapped[str | None]
    #: Days on which he pays, and what his books require on an invoice, in words.
    pay_days: Mapped[str | None]
    required_references: Mapped[str | None]
    collector_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    salesperson_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    sponsor_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    #: Which treatment is due; a person confirmed it (domain.md, six kinds of debtor).
    segment: Mapped[Segment] = enum_column(Segment, "segment", default=Segment.REMINDER)
    #: Days by which agreed longer terms move every due date for the ladder; a person agreed to them.
    agreed_days: Mapped[int] = mapped_column(Integer, default=0)
    #: A ladder of its own; None: that of the segment.
    ladder: Mapped[str | None] = mapped_column(String(40))
    #: Among the first that the ladder writes to by itself, while it is in pilot mode.
    in_pilot: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("creditor_id", "number"),
        CheckConstraint("payer_id IS NULL OR payer_id <> id", name="payer"),
        CheckConstraint("agreed_days >= 0", name="agreed_days"),
        Index("ix_account_name", "name"),
        Index("ix_account_collector", "collector_id"),
    )

    @property
    def is_private(self) -> bool:
        """Whether neutral subjects and texts are due (decision 20)."""
        return self.debtor_type is not DebtorType.BUSINESS


class Contact(Base):
    """A person at an account; an address is used only while `is_active`."""

    __tablename__ = "contact"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    name: Mapped[str]
    email: Mapped[str | None]
    #: E.164.
    phone: Mapped[str | None]
    language: Mapped[str | None] = mapped_column(String(2))
    may_commit: Mapped[bool] = mapped_column(Boolean, default=False)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    #: Staff who added or changed it.
    changed_by_staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    #: When staff or an import added or changed it; None while only the debtor did.
    changed_at: Mapped[datetime | None]
    #: Since when it is known to be the debtor's: it came with the account, or was proved or vouched
    #: for. Until then it receives no codes, whoever added it (decision 6).
    confirmed_at: Mapped[datetime | None]
    #: A colleague to whom this contact forwarded one invoice: sees and pays that one only, is never
    #: reminded and never stands for the account.
    forwarded_by_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    #: How he wants to be written to; None leaves it to us. Hours are account-local, "HH:MM".
    preferred_channel: Mapped[str | None] = mapped_column(String(8))
    quiet_from: Mapped[str | None] = mapped_column(String(5))
    quiet_to: Mapped[str | None] = mapped_column(String(5))
    #: Since when he is not rung up, because he asked us not to; what he asks for himself he still gets.
    no_calls_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("email IS NOT NULL OR phone IS NOT NULL", name="reachable"),
        Index("ix_contact_account", "account_id"),
        Index("ix_contact_email", "email"),
        Index("ix_contact_phone", "phone"),
    )


class ContactHasRole(Base):
    """What a contact does at the account."""

    __tablename__ = "contact_role"

    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    role: Mapped[ContactRole] = enum_column(ContactRole, "role", primary_key=True)


class AccountFlag(Base):
    """A dated fact that binds contact, escalation or charges for a time."""

    __tablename__ = "account_flag"

    id: Mapped[pk]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    kind: Mapped[FlagKind] = enum_column(FlagKind, "kind")
    from_on: Mapped[date]
    #: First day on which it no longer holds; None while open.
    to_on: Mapped[date | None]
    source: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_account_flag_account", "account_id"),)
