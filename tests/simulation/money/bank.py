"""A payment gateway in this process, with the semantics of Stripe that money depends on.

It keeps its own books of what was charged, refunded and contested; nothing of ours can change them. Keys
are idempotent for a day, a page that is paid can't be ended, a refund may fail after it succeeded, a
chargeback moves money by its movements alone. `mood` is how the next call ends: answered, lost after its
effect, or never made. What happens is told in `told`: the machine delivers, doubles, reorders and drops it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from models.money import Money
from receivables.ports import (
    CHARGE_CARD,
    REFUND_CHARGE,
    ChargeOrder,
    CheckoutOrder,
    DisputeState,
    GatewayEvent,
    GatewayRefused,
    GatewayUnreachable,
    MovementKind,
    NotSignedByGateway,
    OpenedCheckout,
    OutcomeUnknown,
    PreparedRequest,
    RefundOrder,
    RefundState,
    RemoteCard,
    RemoteCharge,
    RemoteDispute,
    RemoteMovement,
    RemotePayment,
    RemoteRefund,
    RemoteState,
    SetupOrder,
)
from tests.fakes import Unreachable

#: So long the gateway keeps the answer to a key, and the least life of a page.
KEYS_LAST, LEAST_LIFE = timedelta(hours=24), timedelta(minutes=30)
#: A fee is known so long after its charge.
FEE_AFTER = timedelta(minutes=1)


class Mood(StrEnum):
    """How the next call that may have an effect ends."""

    WELL = "well"
    LOST = "lost"  # it has its effect, the answer is lost
    AWAY = "away"  # it is never made


@dataclass
class Charge:
    """Money that was taken; `refs` is the attempt's, minor units."""

    charge_id: str
    ref: str
    minor: int
    currency: str
    at: datetime
    intent_id: str
    method: str = "card"

    @property
    def fee(self) -> int:
        return self.minor // 50 - self.minor // 50 % 100


@dataclass
class Page:
    """A hosted page or a charge of a kept card."""

    page_id: str
    ref: str
    minor: int
    currency: str
    state: RemoteState
    expires_at: datetime | None
    charge: Charge | None = None
    code: str | None = None
    by_debit: bool = False


@dataclass
class Refund:
    refund_id: str
    charge: Charge
    minor: int
    at: datetime
    state: RefundState = RefundState.SUCCEEDED
    ref: str | None = None


@dataclass
class Contest:
    """A chargeback; `moved` is what it did to the balance, oldest first, signed."""

    dispute_id: str
    charge: Charge
    minor: int
    at: datetime
    state: DisputeState = DisputeState.NEEDS_RESPONSE
    is_inquiry: bool = False
    moved: list[tuple[str, int, datetime]] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether it keeps the money, or may."""
        return not self.is_inquiry and self.state is not DisputeState.WON


class Bank(Unreachable):
    """PaymentGateway; readings that it does not offer are unreachable."""

    name, live = "default", False

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.mood = Mood.WELL
        self.card: str | None = None  # the code with which a kept card is declined, or None
        self.pages: dict[str, Page] = {}
        self.refunds: dict[str, Refund] = {}
        self.contests: dict[str, Contest] = {}
        self.keys: dict[str, tuple[datetime, str, str]] = {}
        self.told: list[GatewayEvent] = []
        self._numbers = itertools.count(1)

    # ------------------------------------------------------------- what people do there

    @property
    def charges(self) -> dict[str, Charge]:
        """Everything that was ever taken, by id."""
        return {page.charge.charge_id: page.charge for page in self.pages.values() if page.charge}

    def pay(self, page: Page) -> Charge:
        """A debtor pays a page that is open, or his bank debit arrives."""
        assert page.state in (RemoteState.OPEN, RemoteState.PROCESSING)
        page.state = RemoteState.SUCCEEDED
        page.charge = Charge(
            self._id("ch"), page.ref, page.minor, page.currency, self.now, self._intent(page),
            "bank_debit" if page.by_debit else "card",
        )  # fmt: skip
        self._tell("checkout.session.completed", page.page_id, page)
        self._tell("charge.updated", page.charge.charge_id, page)
        return page.charge

    def debit(self, page: Page) -> None:
        """A debtor pays by bank debit: accepted, and the money is days away."""
        page.state, page.by_debit = RemoteState.PROCESSING, True
        self._tell("checkout.session.completed", page.page_id, page)

    def bounce(self, page: Page) -> None:
        """A bank debit does not come."""
        page.state, page.code = RemoteState.FAILED, "debit_not_authorized"
        self._tell("checkout.session.async_payment_failed", page.page_id, page)

    def run_out(self, page: Page) -> None:
        """A page's time is over."""
        page.state = RemoteState.EXPIRED
        self._tell("checkout.session.expired", page.page_id, page)

    def pass_time(self, now: datetime) -> None:
        """Let the clock go on: pages whose time is over end by themselves."""
        self.now = now
        for page in list(self.pages.values()):
            if page.state is RemoteState.OPEN and page.expires_at is not None and page.expires_at <= now:
                self.run_out(page)

    def left(self, charge: Charge) -> int:
        """What of a charge can still be refunded or contested."""
        gone = sum(
            r.minor for r in self.refunds.values()
            if r.charge is charge and r.state in (RefundState.SUCCEEDED, RefundState.PENDING)
        )  # fmt: skip
        held = sum(-sum(m for _, m, _ in c.moved) for c in self.contests.values() if c.charge is charge)
        return charge.minor - gone - held

    def give_back(self, charge: Charge, minor: int) -> Refund:
        """Somebody refunds at the gateway's own desk."""
        refund = Refund(self._id("re"), charge, minor, self.now)
        self.refunds[refund.refund_id] = refund
        self._tell("refund.created", refund.refund_id, charge=charge)
        return refund

    def fail_refund(self, refund: Refund) -> None:
        """The debtor's bank sends a refund back."""
        refund.state = RefundState.FAILED
        self._tell("refund.failed", refund.refund_id, charge=refund.charge)

    def contest(self, charge: Charge, minor: int, *, inquiry: bool = False) -> Contest:
        """The card network pulls money back, or only asks; a debit that is taken back is so for good."""
        contest = Contest(self._id("dp"), charge, minor, self.now, is_inquiry=inquiry)
        self.contests[contest.dispute_id] = contest
        self._tell("charge.dispute.created", contest.dispute_id, charge=charge)
        if not inquiry:
            self.take(contest)
        if charge.method == "bank_debit" and not inquiry:
            contest.state = DisputeState.LOST
            self._tell("charge.dispute.closed", contest.dispute_id, charge=charge)
        return contest

    def take(self, contest: Contest) -> None:
        """The money of a chargeback leaves our balance; an inquiry is one from now on."""
        contest.is_inquiry = False
        contest.moved.append((self._id("txn"), -contest.minor, self.now))
        self._tell("charge.dispute.funds_withdrawn", contest.dispute_id, charge=contest.charge)

    def decide(self, contest: Contest, back: int | None, *, won: bool) -> None:
        """The card network decides, perhaps anew; so much comes back. An inquiry is closed."""
        if contest.is_inquiry:
            contest.state = DisputeState.CLOSED
        else:
            contest.state = DisputeState.WON if won else DisputeState.LOST
        if back:
            contest.moved.append((self._id("txn"), back, self.now))
            self._tell("charge.dispute.funds_reinstated", contest.dispute_id, charge=contest.charge)
        self._tell("charge.dispute.closed", contest.dispute_id, charge=contest.charge)

    def balance(self) -> int:
        """Gross of fees: what the gateway must hold of ours, by its own books."""
        gone = sum(r.minor for r in self.refunds.values() if r.state is RefundState.SUCCEEDED)
        held = sum(m for c in self.contests.values() for _, m, _ in c.moved)
        return sum(c.minor for c in self.charges.values()) - gone + held

    # ------------------------------------------------------------- the port: pages and charges

    def prepare_checkout(self, order: CheckoutOrder) -> PreparedRequest:
        body = {
            "ref": order.attempt_ref, "minor": order.amount.minor, "currency": order.amount.currency,
            "expires_at": order.expires_at.isoformat(),
        }  # fmt: skip
        return PreparedRequest("open", json.dumps(body), order.idempotency_key)

    def prepare_setup(self, order: SetupOrder) -> PreparedRequest:
        raise GatewayUnreachable("no_connection")

    def prepare_charge(self, order: ChargeOrder) -> PreparedRequest:
        body = {
            "ref": order.attempt_ref,
            "minor": order.amount.minor,
            "currency": order.amount.currency,
        }
        return PreparedRequest(CHARGE_CARD, json.dumps(body), order.idempotency_key)

    def send(self, prepared: PreparedRequest) -> OpenedCheckout:
        asked = json.loads(prepared.body)
        expires_at = datetime.fromisoformat(asked["expires_at"])
        mood = self._begin()
        page = self._known(prepared)
        if page is None:
            if expires_at - self.now < LEAST_LIFE:
                raise GatewayRefused("parameter_invalid", "expires_at")
            page = self._page("cs", asked, RemoteState.OPEN, expires_at)
            self._keep(prepared, page)
        self._end(mood)
        return OpenedCheckout(page.page_id, f"https://pay.example/{page.page_id}", expires_at)

    def charge(self, prepared: PreparedRequest) -> RemotePayment:
        mood = self._begin()
        page = self._known(prepared)
        if page is None:
            asked = json.loads(prepared.body)
            page = self._page("pi", asked, RemoteState.FAILED, None)
            page.code = self.card
            if self.card is None:
                page.state = RemoteState.OPEN
                self.pay(page)
            self._keep(prepared, page)
        self._end(mood)
        return self._truth(page)

    def retrieve(self, session_id: str) -> RemotePayment:
        self._read()
        if session_id not in self.pages:
            raise GatewayRefused("resource_missing")
        return self._truth(self.pages[session_id])

    def find(self, attempt_ref: str, since: datetime) -> RemotePayment | None:
        self._read()
        found = [page for page in self.pages.values() if page.ref == attempt_ref]
        return self._truth(found[0]) if found else None

    def expire(self, session_id: str) -> RemotePayment:
        mood = self._begin()
        page = self.pages[session_id]
        if page.state is RemoteState.OPEN:
            self.run_out(page)
        if mood is Mood.LOST:  # ending twice is harmless: it is simply asked again
            raise GatewayUnreachable("no_answer")
        return self._truth(page)

    def detach_card(self, payment_method_id: str) -> None:
        return

    def read_event(self, body: bytes, signature: str | None, now: datetime) -> GatewayEvent:
        found = [event for event in self.told if event.event_id == body.decode()]
        if not found or not signature:
            raise NotSignedByGateway("signature")
        return found[0]

    def payment_of_charge(self, charge_id: str) -> RemotePayment:
        self._read()
        found = [p for p in self.pages.values() if p.charge and p.charge.charge_id == charge_id]
        if not found:
            raise GatewayRefused("no_payment")
        return self._truth(found[0])

    def card_of(self, payment_method_id: str) -> RemoteCard | None:
        return RemoteCard(payment_method_id, "cus_1", "visa", "4242", 11, 2029)

    # ------------------------------------------------------------- the port: what goes back

    def prepare_refund(self, order: RefundOrder) -> PreparedRequest:
        body = {"ref": order.refund_ref, "charge": order.charge_id, "minor": order.amount.minor}
        return PreparedRequest(REFUND_CHARGE, json.dumps(body), order.idempotency_key)

    def refund(self, prepared: PreparedRequest) -> RemoteRefund:
        mood = self._begin()
        kept = self.keys.get(prepared.idempotency_key)
        if kept is None or self.now - kept[0] > KEYS_LAST:
            asked = json.loads(prepared.body)
            charge = self.charges[asked["charge"]]
            if any(c.charge is charge and c.holds for c in self.contests.values()):
                raise GatewayRefused("charge_disputed")
            if asked["minor"] > self.left(charge):
                raise GatewayRefused("charge_already_refunded")
            refund = self.give_back(charge, asked["minor"])
            refund.ref = asked["ref"]
            self.keys[prepared.idempotency_key] = (self.now, prepared.body, refund.refund_id)
            kept = self.keys[prepared.idempotency_key]
        self._end(mood)
        return self._refund(self.refunds[kept[2]])

    def refund_of(self, refund_id: str) -> RemoteRefund:
        self._read()
        return self._refund(self.refunds[refund_id])

    def refunds_of_charge(self, charge_id: str) -> Sequence[RemoteRefund]:
        return [self._refund(r) for r in self.refunds.values() if r.charge.charge_id == charge_id]

    def find_refund(self, refund_ref: str, since: datetime) -> RemoteRefund | None:
        self._read()
        return next((self._refund(r) for r in self.refunds.values() if r.ref == refund_ref), None)

    def dispute_of(self, dispute_id: str) -> RemoteDispute:
        self._read()
        contest = self.contests[dispute_id]
        return RemoteDispute(
            dispute_id=dispute_id, charge_id=contest.charge.charge_id, intent_id=contest.charge.intent_id,
            amount=Money(contest.minor, contest.charge.currency), status=contest.state,
            is_inquiry=contest.is_inquiry, reason="fraudulent",
            evidence_due_at=contest.at + timedelta(days=7),
            movements=[self._movement(contest, *moved) for moved in contest.moved],
            created_at=contest.at,
        )  # fmt: skip

    def disputes_between(self, start: datetime, end: datetime) -> Iterator[RemoteDispute]:
        return (self.dispute_of(i) for i, c in self.contests.items() if start <= c.at < end)

    def refunds_between(self, start: datetime, end: datetime) -> Iterator[RemoteRefund]:
        return (self._refund(r) for r in self.refunds.values() if start <= r.at < end)

    def events_since(self, since: datetime, *, types: Sequence[str]) -> Iterator[GatewayEvent]:
        return (event for event in self.told if event.created_at >= since)

    def undelivered_events(self, since: datetime) -> Iterator[GatewayEvent]:
        return (event for event in self.told if event.created_at >= since)

    # ------------------------------------------------------------- inside

    def _id(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers)}"

    def _begin(self) -> Mood:
        mood, self.mood = self.mood, Mood.WELL
        if mood is Mood.AWAY:
            raise GatewayUnreachable("no_connection")
        return mood

    def _end(self, mood: Mood) -> None:
        if mood is Mood.LOST:
            raise OutcomeUnknown("no_answer")

    def _read(self) -> None:
        """A reading without an answer taught nothing, however it ended."""
        if self._begin() is Mood.LOST:
            raise GatewayUnreachable("no_answer")

    def _known(self, prepared: PreparedRequest) -> Page | None:
        kept = self.keys.get(prepared.idempotency_key)
        if kept is None or self.now - kept[0] > KEYS_LAST:
            return None
        assert kept[1] == prepared.body, "one key, two requests (P-02)"
        return self.pages[kept[2]]

    def _keep(self, prepared: PreparedRequest, page: Page) -> None:
        self.keys[prepared.idempotency_key] = (self.now, prepared.body, page.page_id)

    def _page(self, kind: str, asked: dict[str, object], state: RemoteState, until: datetime | None) -> Page:
        page = Page(
            self._id(kind), str(asked["ref"]), int(str(asked["minor"])), str(asked["currency"]), state, until
        )
        self.pages[page.page_id] = page
        return page

    def _intent(self, page: Page) -> str:
        return page.page_id if page.page_id.startswith("pi") else f"pi_of_{page.page_id}"

    def _truth(self, page: Page) -> RemotePayment:
        charge = page.charge
        return RemotePayment(
            state=page.state, session_id=page.page_id, intent_id=self._intent(page), attempt_ref=page.ref,
            charge=self._charge(charge) if charge else None, failure_code=page.code,
            url=f"https://pay.example/{page.page_id}", expires_at=page.expires_at,
        )  # fmt: skip

    def _charge(self, charge: Charge) -> RemoteCharge:
        known = self.now - charge.at >= FEE_AFTER
        return RemoteCharge(
            charge_id=charge.charge_id, amount=Money(charge.minor, charge.currency), taken_at=charge.at,
            method=charge.method, method_detail="visa 4242",
            fee=Money(charge.fee, charge.currency) if known else None,
            balance_transaction_id=f"txn_of_{charge.charge_id}" if known else None,
        )  # fmt: skip

    def _refund(self, refund: Refund) -> RemoteRefund:
        failed = refund.state is RefundState.FAILED
        return RemoteRefund(
            refund_id=refund.refund_id, charge_id=refund.charge.charge_id, intent_id=refund.charge.intent_id,
            amount=Money(refund.minor, refund.charge.currency), status=refund.state, refund_ref=refund.ref,
            reason=None, failure_reason="unknown" if failed else None, created_at=refund.at,
            movement_id=f"txn_of_{refund.refund_id}",
            failure_movement_id=f"txn_back_{refund.refund_id}" if failed else None,
        )  # fmt: skip

    def _movement(self, contest: Contest, txn: str, minor: int, at: datetime) -> RemoteMovement:
        amount, none = Money(minor, contest.charge.currency), Money(0, contest.charge.currency)
        return RemoteMovement(
            movement_id=txn, kind=MovementKind.DISPUTE if minor < 0 else MovementKind.DISPUTE_REVERSAL,
            amount=amount, fee=none, net=amount, source_id=contest.dispute_id, created_at=at,
            available_on=at.date(), payout_id=None,
            exchange_rate=None, original=None,
        )  # fmt: skip

    def _tell(
        self, kind: str, object_id: str, page: Page | None = None, *, charge: Charge | None = None
    ) -> None:
        charge = charge or (page.charge if page else None)
        ref = page.ref if page else None
        self.told.append(
            GatewayEvent(
                event_id=self._id("evt"), type=kind, created_at=self.now, live=False, object_id=object_id,
                session_id=page.page_id if page and page.page_id.startswith("cs") else None,
                intent_id=charge.intent_id if charge else None, attempt_ref=ref, tagged=ref is not None,
                raw="{}", charge_id=charge.charge_id if charge else None,
            )
        )  # fmt: skip
