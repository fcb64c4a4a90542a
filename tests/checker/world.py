"""A small healthy business: database, gateway log and mailbox that agree in every way the checker knows.

The rows are made by the product's own tables and its one poster of entries, the logs by the stand-ins'
own stores: so a healthy world that the checker calls broken means that the two have drifted apart.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import func
from sqlalchemy.orm import Session

from models import audit
from models.accounts import Account, AccountFlag, Contact, DebtorType, FlagKind
from models.approvals import ApprovalKind, ApprovalRequest, Refund
from models.arrangements import (
    DiscountTax,
    Every,
    Instalment,
    InstalmentCharge,
    Offer,
    OfferInvoice,
    OfferMaker,
    PaysBy,
    Plan,
    PlanInvoice,
)
from models.creditors import Creditor
from models.invoices import Invoice, InvoiceKind
from models.ladder import LadderMeeting, LadderMode, LadderStep, LadderSwitch, Met
from models.ledger import LedgerCode, LedgerEntry
from models.links import Channel, Link, LinkScope
from models.messages import (
    CallAttempt,
    ConsentEvent,
    ConsentEventKind,
    ContactLedger,
    Message,
    Purpose,
)
from models.migrate import upgrade
from models.pauses import Pause, PauseReason
from models.payments import (
    Adjustment,
    Allocation,
    AllocationRule,
    InboxEvent,
    Payment,
    PaymentAttempt,
    PaymentMethod,
    ProviderEffect,
)
from models.reconciliation import GatewayWatch
from models.reversals import AllocationReversal, PaymentReversal, ReversalCause
from models.staff import Role, Staff
from models.states import (
    ApprovalStatus,
    AttemptStatus,
    InboxStatus,
    InstalmentStatus,
    InvoiceStatus,
    JobStatus,
    MessageStatus,
    OfferStatus,
    PlanStatus,
    RefundStatus,
    StepStatus,
)
from models.store import Store
from models.work import Alert, Job, PolicyKind, PolicyVersion
from receivables import ledger
from receivables.ledger import Side
from receivables.permissions import SYSTEM
from sandbox.mailbox.store import Store as Mailbox
from sandbox.stripe.store import Store as StripeLog
from sandbox.stripe.store import Unit

T = TypeVar("T")

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TODAY = NOW.date()
#: In a delivered reminder, and its digest in table link.
TOKEN = "Zq3vT8mWc1RkY5nLx0BdHs7uGf2jPa9e"  # noqa: S105 - opens nothing
#: Facts that people of the house were told of by mail.
HOUSE_MAILS = ("decided:tess:request-7", "trial:trial-1")
#: In a delivered message; its number of telephone is no code.
CODE = "074613"
_CODE_TEXT = f"Your code is {CODE}. It is valid for 10 min.\nAsk us: 01632 960001.\n"
#: Only its digest is known.
QUIET_TOKEN = "Kd82hXw0QmZ4rTn6VbLc91sJyPfGe3Ua"  # noqa: S105 - opens nothing

#: What the house published: its hours; and two rules, of which one is off and would forbid what was sent.
HOURS = '[contact]\nwindow_from = "08:00"\nwindow_to = "20:00"\n'
RULES = """
role = "first_party"

[[row]]
where = ["US-NY"]
zones = ["America/New_York"]
debtors = ["private_person"]
roles = ["first_party"]
all = "3/7d"
opt_in = ["email"]
on = true

[[row]]
where = ["GB"]
debtors = ["business"]
roles = ["first_party"]
email = "1/7d"
on = false
"""
RECEIVABLES, CREDIT = LedgerCode.RECEIVABLES, LedgerCode.UNAPPLIED_CREDIT
CLEARING, FEES, BANK = LedgerCode.GATEWAY_CLEARING, LedgerCode.GATEWAY_FEES, LedgerCode.BANK
HELD, TRANSIT = LedgerCode.CHARGEBACKS_HELD, LedgerCode.BANK_IN_TRANSIT
OPENING, CREDIT_NOTES = LedgerCode.OPENING_COUNTERPART, LedgerCode.CREDIT_NOTES
BAD_DEBT = LedgerCode.BAD_DEBT
DISCOUNTS, WITHHELD = LedgerCode.SETTLEMENT_DISCOUNTS, LedgerCode.WITHHOLDING_TAX


@dataclass(frozen=True, slots=True)
class World:
    """Where the three parts lie."""

    database: str
    stripe: Path
    mailbox: Path


def build(database: str, folder: Path) -> World:
    """Make the healthy world.

    Args:
        database: address of an empty database.
        folder: where the gateway log and the mailbox go.
    """
    world = World(database, folder / "stripe.db", folder / "mailbox.db")
    store = Store(database)
    upgrade(store.writer)
    with store.write() as session:
        _Builder(session).everything()
    store.dispose()
    _fill_stripe(world.stripe)
    _fill_mailbox(world.mailbox)
    return world


class _Builder:
    def __init__(self, session: Session) -> None:
        self.session = session

    def everything(self) -> None:
        self._people()
        self._documents()
        self._payments()
        self._paid_out()
        self._offers()
        self._plans()
        self._waiting()
        self._rights()
        self._messages()
        self._house_mails()
        self._asked()
        self._acts()

    # ------------------------------------------------------------------ people

    def _people(self) -> None:
        self.creditor = self._add(
            Creditor(
                code="main", name="Northgate Tools Ltd", short_name="Northgate", address="1 Mill Lane",
                country="GB", zone="Europe/London", language="en", languages=["en"],
                email_from="accounts@northgate.example", person_name="June Marsh", phone="+441632960001",
                hours={}, verify_url="https://northgate.example/pay", created_at=NOW - 30 * DAY,
            )
        )  # fmt: skip
        self.alder = self._account("A-1", "Alder & Co", "GB", "Europe/London")
        self.branch = self._account("A-2", "Alder Leeds", "GB", "Europe/London", payer_id=self.alder.id)
        self.sakura = self._account("A-3", "Sakura Foods", "JP", "Asia/Tokyo")
        self.hekla = self._account("A-4", "Hekla Fish", "IS", "Atlantic/Reykjavik")
        self.ada = self._contact(self.alder, "Ada Alder", "ada@alder.example")
        self.ken = self._contact(self.sakura, "Ken Sato", "ken@sakura.example", "+815055501234")
        self.jon = self._contact(self.hekla, "Jon Hekla", None, "+3545550123")
        self.home = self._account("A-9", "Nell York", "US", "America/New_York")
        self.home.debtor_type = DebtorType.PRIVATE_PERSON
        self.nell = self._contact(self.home, "Nell York", "nell@york.example")

    def _account(
        self, number: str, name: str, country: str, zone: str, payer_id: int | None = None
    ) -> Account:
        return self._add(
            Account(
                creditor_id=self.creditor.id, number=number, name=name, country=country, zone=zone,
                language="en", payer_id=payer_id, created_at=NOW - 30 * DAY,
            )
        )  # fmt: skip

    def _contact(self, account: Account, name: str, email: str | None, phone: str | None = None) -> Contact:
        return self._add(
            Contact(
                account_id=account.id, name=name, email=email, phone=phone, confirmed_at=NOW - 30 * DAY,
                created_at=NOW - 30 * DAY,
            )
        )  # fmt: skip

    # ------------------------------------------------------------------ documents

    def _documents(self) -> None:
        self.paid = self._invoice(self.alder, "INV-1", 10_000)
        self.part = self._invoice(self.alder, "INV-2", 20_000)
        self.over = self._invoice(self.alder, "INV-3", 8_000)
        self.leeds = self._invoice(self.branch, "INV-4", 3_000)
        self.yen = self._invoice(self.sakura, "INV-5", 5_000, "JPY")
        self.krona = self._invoice(self.hekla, "INV-6", 700, "ISK")
        self.fee = self._invoice(self.alder, "FEE-7", 6_000, kind=InvoiceKind.FEE)
        self.draft = self._invoice(self.alder, "INV-8", 1_000, status=InvoiceStatus.DRAFT)
        self.note = self._invoice(self.alder, "CN-1", 4_000, kind=InvoiceKind.CREDIT_NOTE)
        self.issued = self._invoice(
            self.alder, "CN-2", 1_000, kind=InvoiceKind.CREDIT_NOTE, status=InvoiceStatus.PAID
        )

    def _invoice(
        self,
        account: Account,
        number: str,
        total: int,
        currency: str = "GBP",
        kind: InvoiceKind = InvoiceKind.INVOICE,
        status: InvoiceStatus = InvoiceStatus.OPEN,
    ) -> Invoice:
        invoice = self._add(
            Invoice(
                account_id=account.id, kind=kind, number=number, status=status, issued_on=TODAY - 20 * DAY,
                currency=currency, lines_net_minor=total, total_minor=total, created_at=NOW - 20 * DAY,
            )
        )  # fmt: skip
        if status is InvoiceStatus.OPEN:
            theirs = (
                Side(CREDIT, credit_minor=total, account_id=account.id, invoice_id=invoice.id)
                if kind is InvoiceKind.CREDIT_NOTE
                else Side(RECEIVABLES, debit_minor=total, account_id=account.id, invoice_id=invoice.id)
            )
            ours = Side(OPENING, debit_minor=theirs.credit_minor, credit_minor=theirs.debit_minor)
            self._post(f"invoice:{number}", "opening", currency, theirs, ours)
        return invoice

    # ------------------------------------------------------------------ money

    def _payments(self) -> None:
        self._charge("ch_1", "txn_1", 250, self.ada, (self.paid, 10_000), (self.part, 5_000))
        second = self._charge("ch_2", "txn_2", 175, self.ada, (self.over, 8_000), unapplied=2_000)
        self._charge("ch_3", "txn_3", 100, self.ken, (self.yen, 5_000))
        kept = self._charge("ch_4", "txn_4", 8, self.jon, (self.krona, 500))
        # By a card that is kept: nobody paid by himself, and the account has one reader.
        self.session.get_one(PaymentAttempt, kept.attempt_id).contact_id = None
        later = self._post(
            "apply:2", "allocation", "GBP",
            Side(CREDIT, debit_minor=500, account_id=self.alder.id), self._paid(self.part, 500),
        )  # fmt: skip
        self._allot(later, self.part, 500, payment=second)

        transfer = self._post(
            "payment:transfer-1",
            "payment",
            "GBP",
            Side(BANK, debit_minor=3_000),
            self._paid(self.leeds, 3_000),
        )
        self._allot(transfer, self.leeds, 3_000, payment=self._payment(transfer, self.alder, 3_000, "GBP"))

        cheque = self._post(
            "payment:cheque-1", "payment", "GBP", Side(BANK, debit_minor=6_000), self._paid(self.fee, 6_000)
        )
        bounced = self._payment(cheque, self.alder, 6_000, "GBP", PaymentMethod.OTHER)
        self._allot(cheque, self.fee, 6_000, payment=bounced)
        ledger.reverse(self.session, SYSTEM, cheque, effective_on=TODAY, now=NOW)

        self._taken_back()
        self._cost("txn_8", 36)
        self._cost("txn_9", 364)

        applied = self._post(
            "apply:CN-1", "allocation", "GBP",
            Side(CREDIT, debit_minor=1_500, account_id=self.alder.id, invoice_id=self.note.id),
            self._paid(self.part, 1_500),
        )  # fmt: skip
        self._allot(applied, self.part, 1_500, note=self.note)
        issued = self._post(
            "credit_note:CN-2",
            "credit_note",
            "GBP",
            Side(CREDIT_NOTES, debit_minor=1_000),
            self._paid(self.part, 1_000),
        )
        self._allot(issued, self.part, 1_000, note=self.issued)

    def _cost(self, transaction_id: str, fee: int) -> None:
        """What one movement of a debit cost that failed."""
        entry = self._post(
            f"fee:{transaction_id}", "gateway_fee", "GBP",
            Side(LedgerCode.GATEWAY_FEES, debit_minor=fee), Side(CLEARING, credit_minor=fee),
        )  # fmt: skip
        self._add(
            ProviderEffect(
                provider_object_id=transaction_id, kind="fee", attempt_id=None, entry_id=entry.id,
                recorded_at=NOW,
            )
        )  # fmt: skip

    def _taken_back(self) -> None:
        """A charge of which the payer's bank took a part back: the invoice owes it again."""
        contested = self._invoice(self.hekla, "INV-19", 900, "ISK")
        paid = self._charge("ch_5", "txn_5", 4, self.jon, (contested, 300))
        entry = self._post(
            "taken_back:movement:txn_6", "payment_returned", "ISK",
            Side(RECEIVABLES, debit_minor=200, account_id=self.hekla.id, invoice_id=contested.id),
            Side(HELD, credit_minor=200, account_id=self.hekla.id),
            Side(HELD, debit_minor=200, account_id=self.hekla.id),
            Side(CLEARING, credit_minor=200),
        )  # fmt: skip
        allocation = self.session.query(Allocation).filter_by(payment_id=paid.id).one()
        reversal = self._add(
            PaymentReversal(
                payment_id=paid.id, account_id=self.hekla.id, cause=ReversalCause.CHARGEBACK,
                source="movement:txn_6", amount_minor=200, currency="ISK", allocated_minor=200,
                unapplied_minor=0, recovered_minor=0, beyond_minor=0, entry_id=entry.id, effective_on=TODAY,
                made_at=NOW,
            )
        )  # fmt: skip
        self._add(AllocationReversal(reversal_id=reversal.id, allocation_id=allocation.id, amount_minor=200))
        self._add(
            ProviderEffect(
                provider_object_id="txn_6", kind="chargeback", attempt_id=paid.attempt_id, entry_id=entry.id,
                recorded_at=NOW,
            )
        )  # fmt: skip

    def _paid_out(self) -> None:
        """One payout at the bank, one in transit, one that came back; of the newest nobody has heard yet."""
        self._payout("po_1", 10_000)
        self._payout("po_1", 10_000, kind="payout_banked")
        self._payout("po_2", 2_000, "JPY")
        sent, banked = self._payout("po_3", 700), self._payout("po_3", 700, kind="payout_banked")
        for entry in (banked, sent):
            back = ledger.reverse(self.session, SYSTEM, entry, effective_on=TODAY, now=NOW)
            self._payout_effect("po_3", f"{entry.kind}_failed", back)
        self._add(
            GatewayWatch(
                gateway_account="default", work="reconcile", read_to_at=NOW - timedelta(hours=7),
                next_at=NOW + timedelta(hours=17), facts={},
            )
        )  # fmt: skip

    def _payout(
        self, payout_id: str, amount: int, currency: str = "GBP", kind: str = "payout"
    ) -> LedgerEntry:
        out, into = (CLEARING, TRANSIT) if kind == "payout" else (TRANSIT, BANK)
        entry = self._post(
            f"{kind}:{payout_id}",
            kind,
            currency,
            Side(into, debit_minor=amount),
            Side(out, credit_minor=amount),
        )
        self._payout_effect(payout_id, kind, entry)
        return entry

    def _payout_effect(self, payout_id: str, kind: str, entry: LedgerEntry) -> None:
        self._add(ProviderEffect(provider_object_id=payout_id, kind=kind, entry_id=entry.id, recorded_at=NOW))

    def _charge(
        self,
        charge_id: str,
        transaction_id: str,
        fee: int,
        payer: Contact,
        *shares: tuple[Invoice, int],
        unapplied: int = 0,
    ) -> Payment:
        account = self.session.get_one(Account, payer.account_id)
        amount = sum(minor for _, minor in shares) + unapplied
        currency = shares[0][0].currency
        attempt = self._attempt(f"attempt-{charge_id}", payer, amount, currency, AttemptStatus.SUCCEEDED)
        rest = [Side(CREDIT, credit_minor=unapplied, account_id=account.id)] if unapplied else []
        entry = self._post(
            f"payment:{charge_id}", "payment", currency,
            Side(CLEARING, debit_minor=amount),
            *(self._paid(invoice, minor) for invoice, minor in shares), *rest,
        )  # fmt: skip
        payment = self._payment(entry, account, amount, currency, PaymentMethod.CARD, attempt, charge_id)
        for invoice, minor in shares:
            self._allot(entry, invoice, minor, payment=payment)
        cost = self._post(
            f"fee:{transaction_id}", "gateway_fee", currency,
            Side(FEES, debit_minor=fee), Side(CLEARING, credit_minor=fee),
        )  # fmt: skip
        for object_id, kind, of in ((charge_id, "payment", entry), (transaction_id, "fee", cost)):
            self._add(
                ProviderEffect(
                    provider_object_id=object_id,
                    kind=kind,
                    attempt_id=attempt.id,
                    entry_id=of.id,
                    recorded_at=NOW,
                )
            )
        self._message(
            payer, f"receipt-{charge_id}", Purpose.RECEIPT, Channel.EMAIL if payer.email else Channel.SMS,
            dedupe_key=f"receipt:payment:{payment.id}",
        )  # fmt: skip
        return payment

    def _attempt(
        self,
        ref: str,
        payer: Contact,
        amount: int,
        currency: str,
        status: AttemptStatus,
        age: timedelta = DAY,
    ) -> PaymentAttempt:
        return self._add(
            PaymentAttempt(
                ref=ref, account_id=payer.account_id, contact_id=payer.id, amount_minor=amount,
                currency=currency, status=status, language="en", form_nonce=f"nonce-{ref}",
                gateway_account="default", idempotency_key=f"key-{ref}",
                operation="checkout.sessions.create", request_body="{}",
                expires_at=NOW - age, started_at=NOW - age - timedelta(minutes=40),
            )
        )  # fmt: skip

    def _payment(
        self,
        entry: LedgerEntry,
        account: Account,
        amount: int,
        currency: str,
        method: PaymentMethod = PaymentMethod.BANK_TRANSFER,
        attempt: PaymentAttempt | None = None,
        charge_id: str | None = None,
    ) -> Payment:
        return self._add(
            Payment(
                ref=f"payment-{entry.id}", number=f"PC-{entry.id}", account_id=account.id,
                attempt_id=attempt.id if attempt else None, method=method, amount_minor=amount,
                currency=currency, provider_charge_id=charge_id, received_at=NOW - DAY, valued_on=TODAY - DAY,
                entry_id=entry.id,
            )
        )  # fmt: skip

    def _paid(self, invoice: Invoice, minor: int) -> Side:
        return Side(RECEIVABLES, credit_minor=minor, account_id=invoice.account_id, invoice_id=invoice.id)

    def _post(self, reference: str, kind: str, currency: str, *sides: Side) -> LedgerEntry:
        draft = ledger.Draft(self.creditor.id, reference, kind, currency, sides, effective_on=TODAY - DAY)
        return ledger.post(self.session, SYSTEM, draft, now=NOW - DAY)

    def _allot(
        self,
        entry: LedgerEntry,
        invoice: Invoice,
        minor: int,
        *,
        payment: Payment | None = None,
        note: Invoice | None = None,
    ) -> None:
        self._add(
            Allocation(
                payment_id=payment.id if payment else None, credit_note_id=note.id if note else None,
                invoice_id=invoice.id, amount_minor=minor, currency=invoice.currency,
                rule=AllocationRule.DIRECTED if payment else AllocationRule.CREDIT_NOTE,
                valued_on=TODAY - DAY, entry_id=entry.id,
            )
        )  # fmt: skip

    # ------------------------------------------------------------------ offers

    def _offers(self) -> None:
        """One account with a settled, an accepted and a lapsed offer, and with tax withheld."""
        fen = self._account("A-5", "Fen Foods", "GB", "Europe/London")
        maker, decider = (self._person(name) for name in ("mia", "dan"))
        settled, agreed, lapsed, taxed = (
            self._invoice(fen, number, 10_000) for number in ("INV-9", "INV-10", "INV-11", "INV-12")
        )
        offer = self._offer(settled, OfferStatus.SETTLED, maker, decider)
        self._offer(agreed, OfferStatus.ACCEPTED, maker, decider)
        self._offer(lapsed, OfferStatus.LAPSED, maker, None)
        self._offer(lapsed, OfferStatus.AWAITING_APPROVAL, maker, None)
        paid = self._post(
            "payment:transfer-2", "payment", "GBP", Side(BANK, debit_minor=7_000), self._paid(settled, 7_000)
        )
        self._allot(paid, settled, 7_000, payment=self._payment(paid, fen, 7_000, "GBP"))
        for invoice, minor, kind, key, code in (
            (settled, 3_000, "settlement_discount", f"offer:{offer.id}:{settled.id}", DISCOUNTS),
            (taxed, 1_500, "withholding_tax", "certificate-1", WITHHELD),
        ):
            entry = self._post(
                f"adjustment:{key}", kind, "GBP", Side(code, debit_minor=minor), self._paid(invoice, minor)
            )
            self._add(
                Adjustment(
                    account_id=fen.id, invoice_id=invoice.id, kind=kind, amount_minor=minor, currency="GBP",
                    entry_id=entry.id, made_on=TODAY,
                )
            )  # fmt: skip

    def _house_mails(self) -> None:
        """A colleague was told of a decision, and a text was tried; both are jobs, and no messages."""
        self._person("tess", ref="tess")
        for kind, payload in (
            (
                "staff_mail",
                {"kind": "decided", "staff": "tess", "key": "request-7", "values": {}, "to": None},
            ),
            ("text_trial", {"staff": "tess", "key": "trial-1", "kind": "receipt"}),
        ):
            self._add(
                Job(
                    kind=kind, key=f"{kind}:{payload['key']}", payload=payload, status=JobStatus.DONE,
                    run_at=NOW - DAY, queued_at=NOW - DAY, done_at=NOW - DAY,
                )
            )  # fmt: skip

    def _person(self, name: str, **more: object) -> Staff:
        return self._add(
            Staff(
                email=f"{name}@northgate.example", name=name.title(), role=Role.SUPERVISOR, language="en",
                password_hash="!", is_active=True, created_at=NOW - 30 * DAY, **more,  # noqa: S106
            )
        )  # fmt: skip

    def _offer(self, invoice: Invoice, status: OfferStatus, maker: Staff, decider: Staff | None) -> Offer:
        agreed = status is not OfferStatus.AWAITING_APPROVAL
        last = self.session.query(func.max(LedgerEntry.id)).scalar()
        offer = self._add(
            Offer(
                ref=f"{status}-{invoice.number}", account_id=invoice.account_id, status=status,
                maker=OfferMaker.STAFF, currency="GBP", balance_minor=10_000, amount_minor=7_000,
                expires_on=TODAY, pay_by_on=TODAY, discount_tax=DiscountTax.NONE,
                proposed_by_staff_id=maker.id, proposed_at=NOW - 2 * DAY,
                decided_by_id=decider.id if decider else None, content_digest="0" * 64,
                terms={"accepted": {"after_entry": last}} if agreed else {},
                accepted_name="Finn Fen" if agreed else None, accepted_at=NOW - DAY if agreed else None,
            )
        )  # fmt: skip
        self._add(
            OfferInvoice(
                offer_id=offer.id, invoice_id=invoice.id, balance_minor=10_000,
                blocking=status is OfferStatus.ACCEPTED,
            )
        )  # fmt: skip
        return offer

    # ------------------------------------------------------------------ what two people decided

    def _asked(self) -> None:
        """One account with an invoice written off and credit on its way back, each decided by two."""
        ash = self._account("A-7", "Ash Works", "GB", "Europe/London")
        maker, decider = (self._person(name) for name in ("ines", "otto"))
        lost = self._invoice(ash, "INV-77", 20_000)
        written_off = self._request(ash, ApprovalKind.WRITE_OFF, lost.ref, 20_000, maker, decider)
        entry = self._post(
            f"adjustment:write_off:{written_off.id}",
            "write_off",
            "GBP",
            Side(BAD_DEBT, debit_minor=20_000),
            self._paid(lost, 20_000),
        )
        self._add(
            Adjustment(
                account_id=ash.id, invoice_id=lost.id, kind="write_off", amount_minor=20_000, currency="GBP",
                entry_id=entry.id, made_on=TODAY,
            )
        )  # fmt: skip
        credit = Side(CREDIT, credit_minor=7_000, account_id=ash.id)
        paid = self._post("payment:transfer-77", "payment", "GBP", Side(BANK, debit_minor=7_000), credit)
        self._payment(paid, ash, 7_000, "GBP")
        asked = self._request(ash, ApprovalKind.REFUND, f"{ash.ref}:GBP", 7_000, maker, decider)
        back = self._post(
            f"refund:{asked.id}",
            "refund",
            "GBP",
            Side(CREDIT, debit_minor=7_000, account_id=ash.id),
            Side(LedgerCode.REFUNDS_PAYABLE, credit_minor=7_000, account_id=ash.id),
        )
        self._add(
            Refund(
                account_id=ash.id, request_id=asked.id, status=RefundStatus.PAYABLE, amount_minor=7_000,
                currency="GBP", payee="Ash Works", bank_account="GB29", entry_id=back.id,
                approved_at=NOW - DAY,
            )
        )  # fmt: skip

    def _request(
        self, account: Account, kind: ApprovalKind, subject: str, minor: int, maker: Staff, decider: Staff
    ) -> ApprovalRequest:
        return self._add(
            ApprovalRequest(
                kind=kind, subject_ref=subject, status=ApprovalStatus.APPROVED, account_id=account.id,
                amount_minor=minor, currency="GBP", facts={}, content_digest="0" * 64, reason="Why",
                proposer_id=maker.id, proposed_at=NOW - 2 * DAY, approver_id=decider.id,
                decided_at=NOW - DAY, is_alone=False,
            )
        )  # fmt: skip

    # ------------------------------------------------------------------ plans

    def _plans(self) -> None:
        """One account with a running, a completed, a defaulted and a requested plan, and with charges."""
        elm = self._account("A-6", "Elm Engineering", "GB", "Europe/London")
        payer = self._contact(elm, "Eve Elm", None, "+442079460123")
        running, done, late, wanted = (
            self._invoice(elm, number, 10_000) for number in ("INV-13", "INV-14", "INV-15", "INV-16")
        )
        first, _ = self._plan(running, PlanStatus.ACTIVE, "paid", "scheduled")
        self._plan(done, PlanStatus.COMPLETED, "paid", "paid")
        self._plan(late, PlanStatus.DEFAULTED, "missed", "missed")
        self._plan(wanted, PlanStatus.AWAITING_APPROVAL, "scheduled", "scheduled")
        for number, (name, status) in enumerate(
            (("instalment-1", AttemptStatus.FAILED), ("instalment-2", AttemptStatus.SUCCEEDED)), 1
        ):
            attempt = self._attempt(name, payer, 5_000, "GBP", status)
            self._add(
                InstalmentCharge(
                    attempt_id=attempt.id, instalment_id=first.id, try_number=number, credited=number == 2
                )
            )
            if status is AttemptStatus.SUCCEEDED:
                paid = self._post(
                    "payment:transfer-3", "payment", "GBP", Side(BANK, debit_minor=5_000),
                    self._paid(running, 5_000),
                )  # fmt: skip
                money = self._payment(paid, elm, 5_000, "GBP", attempt=attempt)
                self._allot(paid, running, 5_000, payment=money)

    def _plan(self, invoice: Invoice, status: PlanStatus, *parts: str) -> list[Instalment]:
        decider = self._person(f"decider-{invoice.number}")
        plan = self._add(
            Plan(
                ref=f"plan-{invoice.number}", account_id=invoice.account_id, status=status, currency="GBP",
                total_minor=10_000, parts=2, every=Every.MONTH, pays_by=PaysBy.LINK,
                proposed_at=NOW - 2 * DAY, decided_by_id=decider.id,
                terms={"parts": [{"minor": 5_000}, {"minor": 5_000}]},
                terms_digest="0" * 64, accepted_name="Eve Elm", accepted_at=NOW - DAY,
                ended_at=NOW if status is PlanStatus.COMPLETED else None,
            )
        )  # fmt: skip
        holds = status in (PlanStatus.ACTIVE, PlanStatus.DEFAULTED)
        self._add(PlanInvoice(plan_id=plan.id, invoice_id=invoice.id, covered_minor=10_000, blocking=holds))
        return [
            self._add(
                Instalment(
                    ref=f"part-{invoice.number}-{seq}", plan_id=plan.id, seq=seq, due_on=TODAY + seq * DAY,
                    amount_minor=5_000, status=InstalmentStatus(word),
                )
            )
            for seq, word in enumerate(parts, 1)
        ]  # fmt: skip

    # ------------------------------------------------------------------ what waits

    def _waiting(self) -> None:
        self._attempt("fresh", self.ada, 500, "GBP", AttemptStatus.OPEN, age=timedelta(minutes=-30))
        self._attempt("gone", self.ada, 500, "GBP", AttemptStatus.EXPIRED)
        stuck = self._attempt("stuck", self.ada, 500, "GBP", AttemptStatus.UNKNOWN)
        self._attempt("debit", self.ada, 500, "GBP", AttemptStatus.PROCESSING, age=3 * DAY)
        self._alert("attempt_unresolved", f"attempt:{stuck.id}")
        self._event("evt_done", InboxStatus.DONE, DAY)
        self._event("evt_parked", InboxStatus.PARKED, DAY)
        self._event("evt_fresh", InboxStatus.RECEIVED, timedelta(minutes=5))
        failed = self._event("evt_failed", InboxStatus.FAILED, DAY)
        self._alert("event_not_understood", f"inbox:{failed.id}")

    def _event(self, event_id: str, status: InboxStatus, age: timedelta) -> InboxEvent:
        return self._add(
            InboxEvent(
                event_id=event_id, gateway_account="default", type="checkout.session.completed",
                object_id="cs_1", tagged=True, payload="{}", status=status, next_try_at=NOW,
                received_at=NOW - age,
            )
        )  # fmt: skip

    def _alert(self, code: str, key: str) -> None:
        self._add(Alert(code=code, key=key, facts={}, raised_at=NOW - timedelta(hours=1)))

    # ------------------------------------------------------------------ the right to write

    def _rights(self) -> None:
        """What stood about those who were written to, and what the house allowed itself: all was well."""
        for kind, first, end in ((FlagKind.BANKRUPTCY, 20, 9), (FlagKind.LEGAL_HOLD, 20, None)):
            self._add(
                AccountFlag(
                    account_id=self.alder.id, kind=kind, from_on=TODAY - first * DAY,
                    to_on=TODAY - end * DAY if end else None, source="court", created_at=NOW - 20 * DAY,
                )
            )  # fmt: skip
        self._add(
            Pause(
                account_id=self.alder.id, reason=PauseReason.PROMISE, key="promise:1", currency="GBP",
                from_on=TODAY - 9 * DAY, to_on=TODAY - 5 * DAY, started_at=NOW - 9 * DAY,
            )
        )  # fmt: skip
        for contact, event, at in (
            (self.ada, ConsentEventKind.OPTED_OUT, NOW - timedelta(hours=1)),
            (self.nell, ConsentEventKind.OPTED_IN, NOW - 9 * DAY),
        ):
            self._add(
                ConsentEvent(
                    contact_id=contact.id, channel=Channel.EMAIL, purpose=Purpose.REMINDER, event=event,
                    address_digest=sha256((contact.email or "").encode()).hexdigest(), text_shown="May we?",
                    text_version="1", source="page", ip_prefix=None, occurred_at=at,
                )
            )  # fmt: skip
        self._add(
            CallAttempt(
                account_id=self.home.id,
                contact_id=self.nell.id,
                talked=False,
                outcome="no_answer",
                made_at=NOW - timedelta(hours=1),
            )
        )
        for hours, stopped in ((0, True), (1, False)):
            self._add(
                LadderSwitch(
                    mode=LadderMode.LIVE, sending_stopped=stopped, reason="a wrong text",
                    set_at=NOW - 6 * DAY + timedelta(hours=hours),
                )
            )  # fmt: skip
        for kind, body, age in (
            (PolicyKind.HOUSE, HOURS, 29 * DAY), (PolicyKind.CONTACT, RULES, timedelta(days=2, hours=12)),
        ):  # fmt: skip
            self._add(
                PolicyVersion(
                    kind=kind, effective_at=NOW - age, author_id=None, reason="as ever", body=body,
                    body_digest=sha256(body.encode()).hexdigest(),
                )
            )  # fmt: skip
        self.step = self._add(
            LadderStep(
                ref="step-1", account_id=self.alder.id, currency="GBP", ladder="gentle", seq=3, gate="none",
                rung="first_reminder", business_on=TODAY - 3 * DAY, status=StepStatus.DONE, amount_minor=1,
                facts={}, made_at=NOW - 3 * DAY,
            )
        )  # fmt: skip
        self._add(
            LadderMeeting(
                invoice_id=self.part.id,
                cycle=1,
                rung="first_reminder",
                met_on=TODAY - 3 * DAY,
                how=Met.ACTED,
                step_id=self.step.id,
            )
        )

    # ------------------------------------------------------------------ messages

    def _messages(self) -> None:
        first = self._message(
            self.ada, "reminder-1", Purpose.REMINDER, sent_at=NOW - 3 * DAY, facts={"step_id": self.step.id}
        )
        for number in (1, 2, 3):
            at = (NOW - number * DAY).replace(hour=15)  # ten in the morning there
            self._message(self.nell, f"york-{number}", Purpose.REMINDER, sent_at=at, currency="USD")
        self._message(self.ada, "reminder-2", Purpose.REMINDER, sent_at=NOW - 2 * DAY)
        # 23:30 UTC is half past eight of the next morning in Tokyo.
        night = NOW.replace(hour=23, minute=30)
        self._message(
            self.ken, "sms-1", Purpose.REMINDER, Channel.SMS, sent_at=night - 4 * DAY, currency="JPY"
        )
        self._message(
            self.ken, "sms-2", Purpose.REMINDER, Channel.SMS, sent_at=night - 3 * DAY, currency="JPY"
        )
        self._message(
            self.ken,
            "reminder-3",
            Purpose.REMINDER,
            status=MessageStatus.UNKNOWN,
            sent_at=None,
            currency="JPY",
        )
        self._message(self.ada, "code-1", Purpose.CODE)
        self._message(self.ada, "fresh-1", Purpose.FRESH_LINK, status=MessageStatus.QUEUED, sent_at=None)
        stopped = self._message(
            self.ada,
            "stopped-1",
            Purpose.REMINDER,
            status=MessageStatus.SUPPRESSED,
            sent_at=None,
            claim=False,
        )
        assert stopped.id != first.id
        for token in (TOKEN, QUIET_TOKEN):
            self._add(
                Link(
                    token_digest=sha256(token.encode()).hexdigest(), account_id=self.alder.id,
                    contact_id=self.ada.id, channel=Channel.EMAIL, scope=LinkScope.FULL, message_id=first.id,
                    issued_at=NOW - 3 * DAY, expires_at=NOW + 11 * DAY,
                )
            )  # fmt: skip

    def _message(
        self,
        contact: Contact,
        name: str,
        purpose: Purpose,
        channel: Channel = Channel.EMAIL,
        *,
        status: MessageStatus = MessageStatus.SENT,
        sent_at: datetime | None = NOW - DAY,
        currency: str = "GBP",
        dedupe_key: str | None = None,
        claim: bool = True,
        facts: dict[str, Any] | None = None,
    ) -> Message:
        wire_id = name if channel is Channel.SMS else f"<{name}@northgate.example>"
        message = self._add(
            Message(
                ref=name, account_id=contact.account_id, contact_id=contact.id, channel=channel,
                purpose=purpose, kind=purpose.value, language="en", currency=currency,
                facts=facts or {}, reasons=[], dedupe_key=dedupe_key or name, status=status, wire_id=wire_id,
                not_before=NOW - 4 * DAY, queued_at=NOW - 4 * DAY, sent_at=sent_at,
            )
        )  # fmt: skip
        if purpose is Purpose.REMINDER and claim:
            claims = self.session.query(ContactLedger).count()
            self._add(
                ContactLedger(
                    contact_id=contact.id, account_id=contact.account_id, channel=channel, currency=currency,
                    business_on=date(2026, 11, 1) + claims * DAY, step="first_reminder", cycle=name,
                    message_id=message.id, claimed_at=NOW - 4 * DAY,
                )
            )  # fmt: skip
        return message

    # ------------------------------------------------------------------ acts

    def _acts(self) -> None:
        """A few acts with personal values and reasons, beside those of the poster."""
        told: tuple[dict[str, Any], ...] = ({"name": "Áda “A.” Alder", "since": TODAY}, {}, {"phone": None})
        for number, personal in enumerate(told):
            audit.buffer(
                self.session, code="account.language_chosen", actor_kind="staff", actor_id=number,
                account_id=self.alder.id, subject_kind="account", subject=self.alder,
                facts={"language": "he", "at": NOW}, personal=personal,
                reason="she asked by phone" if number < 2 else None, request_id=f"r-{number}", now=NOW,
            )  # fmt: skip

    def _add(self, row: T) -> T:
        self.session.add(row)
        self.session.flush()
        return row


def _fill_stripe(path: Path) -> None:
    log = StripeLog(path)
    with log.unit() as unit:
        for number, (units, currency, fee) in enumerate(
            (
                (15_000, "gbp", 250), (10_000, "gbp", 175), (5_000, "jpy", 100), (50_000, "isk", 775),
                (30_000, "isk", 400),
            ),
            1,
        ):  # fmt: skip
            unit.put(charge(f"ch_{number}", units, currency))
            unit.put(
                {
                    "id": f"txn_{number}", "object": "balance_transaction", "type": "charge", "amount": units,
                    "currency": currency, "fee": fee, "source": f"ch_{number}",
                }
            )  # fmt: skip
        for number, (units, currency, status, hours) in enumerate(
            (
                (10_000, "gbp", "paid", 30), (2_000, "jpy", "in_transit", 28), (700, "gbp", "failed", 26),
                (300, "gbp", "pending", 1),
            ),
            1,
        ):  # fmt: skip
            at = NOW - timedelta(hours=hours)
            _pay_out(unit, f"po_{number}", units, currency, status, int(at.timestamp()))
        unit.put(
            {
                "id": "txn_6", "object": "balance_transaction", "type": "adjustment", "amount": -20_000,
                "currency": "isk", "fee": 0, "source": "dp_1",
            }
        )  # fmt: skip
        unit.put(charge("ch_declined", 500, "gbp", status="failed"))
        unit.put(charge("py_debit", 500, "gbp", status="pending"))
        unit.put(_debit_movement("txn_7", "py_debit", 500, 33))
        # Two debits failed: of one its cost is posted, of the other the comparison has not come by yet.
        for number, key in ((8, "py_refused"), (10, "py_refused_now")):
            unit.put(charge(key, 700, "gbp", status="failed"))
            unit.put(_debit_movement(f"txn_{number}", key, 700, 36))
            unit.put(_debit_movement(f"txn_{number + 1}", key, -700, 364, "payment_failure_refund"))
    log.close()


def _debit_movement(key: str, source: str, units: int, fee: int, kind: str = "payment") -> dict[str, object]:
    return {
        "id": key, "object": "balance_transaction", "type": kind, "amount": units, "currency": "gbp",
        "fee": fee, "source": source, "created": int(NOW.timestamp()) - 3600,
    }  # fmt: skip


def charge(charge_id: str, units: int, currency: str, status: str = "succeeded") -> dict[str, object]:
    """A charge as the gateway keeps it, as far as anybody reads it."""
    return {
        "id": charge_id, "object": "charge", "amount": units, "currency": currency, "status": status,
        "payment_intent": f"pi_{charge_id}", "metadata": {"attempt": f"attempt-{charge_id}"},
    }  # fmt: skip


def _pay_out(unit: Unit, payout_id: str, units: int, currency: str, status: str, at: int) -> None:
    moved = {"object": "balance_transaction", "currency": currency, "fee": 0, "source": payout_id}
    back = f"txn_{payout_id}_back" if status == "failed" else None
    unit.put(
        {
            "id": payout_id, "object": "payout", "amount": units, "currency": currency, "status": status,
            "created": at, "balance_transaction": f"txn_{payout_id}", "failure_balance_transaction": back,
        }
    )  # fmt: skip
    unit.put(moved | {"id": f"txn_{payout_id}", "type": "payout", "amount": -units, "created": at})
    if back:
        later = at + int(timedelta(hours=12).total_seconds())
        unit.put(moved | {"id": back, "type": "payout_failure", "amount": units, "created": later})


def house_mail(fact: str) -> str:
    """The name under which a mail to a person of the house leaves."""
    return sha256(fact.encode()).hexdigest()[:32]


def _fill_mailbox(path: Path) -> None:
    mailbox = Mailbox(path)
    for name in ("reminder-1", "reminder-2", "reminder-3", "receipt-ch_1", "receipt-ch_2", "receipt-ch_3"):
        mailbox.keep_mail("accounts@northgate.example", ["ada@alder.example"], _mail(name))
    mailbox.keep_mail("accounts@northgate.example", ["ada@alder.example"], _mail("receipt-ch_2"))
    mailbox.keep_mail("accounts@northgate.example", ["ada@alder.example"], _mail("code-1", _CODE_TEXT))
    for name in ("sms-1", "sms-2"):
        mailbox.keep_sms("Northgate", "+815055501234", "Please see /l/… ", [name], b"{}")
    for name in ("receipt-ch_4", "receipt-ch_5"):
        mailbox.keep_sms("Northgate", "+3545550123", "Paid. Thank you.", [name], b"{}")
    for number in (1, 2, 3):
        mailbox.keep_mail("accounts@northgate.example", ["nell@york.example"], _mail(f"york-{number}"))
    for fact in HOUSE_MAILS:
        mailbox.keep_mail("accounts@northgate.example", ["tess@northgate.example"], _mail(house_mail(fact)))
    mailbox.close()
    with closing(sqlite3.connect(path)) as db, db:
        for name, at in _arrivals():
            ids = at.isoformat(), name, f"<{name}@northgate.example>"
            db.execute("UPDATE message SET received_at = ? WHERE message_id IN (?, ?)", ids)


def _arrivals() -> Iterator[tuple[str, datetime]]:
    """When each message arrived, by the mailbox's clock."""
    night = NOW.replace(hour=23, minute=30)
    yield from (("reminder-1", NOW - 3 * DAY), ("reminder-2", NOW - 2 * DAY))
    yield "reminder-3", NOW.replace(hour=1) - 2 * DAY
    yield from ((f"receipt-ch_{number}", NOW - DAY) for number in (1, 2, 3, 4, 5))
    yield "code-1", NOW - DAY
    yield from (("sms-1", night - 4 * DAY), ("sms-2", night - 3 * DAY))
    yield from ((f"york-{number}", NOW.replace(hour=15) - number * DAY) for number in (1, 2, 3))


def _mail(name: str, text: str = f"See https://pay.northgate.example/l/{TOKEN} for the details.\n") -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "accounts@northgate.example", "somebody@example", "Statement"
    mail["Message-ID"] = f"<{name}@northgate.example>"
    mail.set_content(text)
    return mail.as_bytes()
