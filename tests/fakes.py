"""Hand-written parts behind the ports, for truths that the stand-ins can't be brought to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from models.money import Money
from receivables.ports import (
    CHARGE_CARD,
    REFUND_CHARGE,
    ChargeOrder,
    CheckoutOrder,
    EndpointHealth,
    GatewayEvent,
    GatewayUnreachable,
    NotSignedByGateway,
    OpenedCheckout,
    PreparedRequest,
    RefundOrder,
    RemoteCard,
    RemoteCharge,
    RemoteDispute,
    RemoteMovement,
    RemotePayment,
    RemotePayout,
    RemoteRefund,
    RemoteReview,
    RemoteState,
    RemoteWarning,
    SetupOrder,
)

#: Something a fake does when it is asked: answer this, raise this, or call this and answer its result.
Answer = RemotePayment | Exception | Callable[[], RemotePayment]


class Unreachable:
    """The readings of a PaymentGateway whose line is down."""

    def prepare_refund(self, order: RefundOrder) -> PreparedRequest:
        return PreparedRequest(REFUND_CHARGE, order.refund_ref, order.idempotency_key)

    def refund(self, prepared: PreparedRequest) -> RemoteRefund:
        raise GatewayUnreachable("no_connection")

    def payment_of_charge(self, charge_id: str) -> RemotePayment:
        raise GatewayUnreachable("no_connection")

    def refund_of(self, refund_id: str) -> RemoteRefund:
        raise GatewayUnreachable("no_connection")

    def refunds_of_charge(self, charge_id: str) -> Sequence[RemoteRefund]:
        raise GatewayUnreachable("no_connection")

    def find_refund(self, refund_ref: str, since: datetime) -> RemoteRefund | None:
        raise GatewayUnreachable("no_connection")

    def refunds_between(self, start: datetime, end: datetime) -> Iterator[RemoteRefund]:
        raise GatewayUnreachable("no_connection")

    def dispute_of(self, dispute_id: str) -> RemoteDispute:
        raise GatewayUnreachable("no_connection")

    def disputes_between(self, start: datetime, end: datetime) -> Iterator[RemoteDispute]:
        raise GatewayUnreachable("no_connection")

    def warning_of(self, warning_id: str) -> RemoteWarning:
        raise GatewayUnreachable("no_connection")

    def review_of(self, review_id: str) -> RemoteReview:
        raise GatewayUnreachable("no_connection")

    def movements_between(self, start: datetime, end: datetime) -> Iterator[RemoteMovement]:
        raise GatewayUnreachable("no_connection")

    def movements_of_payout(self, payout_id: str) -> Iterator[RemoteMovement]:
        raise GatewayUnreachable("no_connection")

    def payout_of(self, payout_id: str) -> RemotePayout:
        raise GatewayUnreachable("no_connection")

    def payouts_between(self, start: datetime, end: datetime) -> Iterator[RemotePayout]:
        raise GatewayUnreachable("no_connection")

    def events_since(self, since: datetime, *, types: Sequence[str]) -> Iterator[GatewayEvent]:
        raise GatewayUnreachable("no_connection")

    def undelivered_events(self, since: datetime) -> Iterator[GatewayEvent]:
        raise GatewayUnreachable("no_connection")

    def endpoints(self) -> Sequence[EndpointHealth]:
        raise GatewayUnreachable("no_connection")

    def card_of(self, payment_method_id: str) -> RemoteCard | None:
        raise GatewayUnreachable("no_connection")

    def mandate_is_active(self, mandate_id: str) -> bool:
        raise GatewayUnreachable("no_connection")


@dataclass
class ToldGateway(Unreachable):
    """A PaymentGateway that tells the truths it was given, one a question; the last one stays.

    Attributes:
        truths: answers to `retrieve`, `find`, `expire` and `charge`, in order.
        on_send: called by `send` before it answers; may raise.
        calls: what it was asked, in order.
    """

    truths: list[Answer] = field(default_factory=list)
    on_send: Callable[[PreparedRequest], object] | None = None
    calls: list[str] = field(default_factory=list)
    name: str = "default"
    live: bool = False

    def prepare_checkout(self, order: CheckoutOrder) -> PreparedRequest:
        return PreparedRequest("open", order.attempt_ref, order.idempotency_key)

    def prepare_setup(self, order: SetupOrder) -> PreparedRequest:
        return PreparedRequest("open", order.setup_ref, order.idempotency_key)

    def prepare_charge(self, order: ChargeOrder) -> PreparedRequest:
        return PreparedRequest(CHARGE_CARD, order.attempt_ref, order.idempotency_key)

    def charge(self, prepared: PreparedRequest) -> RemotePayment:
        self.calls.append("charge")
        return self._tell()

    def detach_card(self, payment_method_id: str) -> None:
        self.calls.append("detach_card")

    def send(self, prepared: PreparedRequest) -> OpenedCheckout:
        self.calls.append("send")
        if self.on_send is not None:
            self.on_send(prepared)
        return OpenedCheckout(f"page-{prepared.body}", "https://pay.example/page", a_while_from_now())

    def retrieve(self, session_id: str) -> RemotePayment:
        self.calls.append("retrieve")
        return self._tell()

    def find(self, attempt_ref: str, since: datetime) -> RemotePayment | None:
        self.calls.append("find")
        return self._tell() if self.truths else None

    def expire(self, session_id: str) -> RemotePayment:
        self.calls.append("expire")
        return self._tell()

    def read_event(self, body: bytes, signature: str | None, now: datetime) -> GatewayEvent:
        raise NotSignedByGateway("signature")

    def _tell(self) -> RemotePayment:
        answer = self.truths.pop(0) if len(self.truths) > 1 else self.truths[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, RemotePayment) else answer()


def a_while_from_now() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=40)


def a_charge(ref: str, amount: Money, *, fee: Money | None = None) -> RemoteCharge:
    """A charge of an attempt; its fee is known when given."""
    return RemoteCharge(
        charge_id=f"ch-{ref}", amount=amount, taken_at=datetime.now(UTC), method="card",
        method_detail="visa 4242", fee=fee, balance_transaction_id=f"txn-{ref}" if fee else None,
    )  # fmt: skip


def a_truth(ref: str, state: RemoteState, charge: RemoteCharge | None = None) -> RemotePayment:
    """What a gateway says of an attempt's page."""
    return RemotePayment(
        state=state, session_id=f"page-{ref}", intent_id=f"intent-{ref}", attempt_ref=ref, charge=charge,
        failure_code="card_declined" if state is RemoteState.FAILED else None, url=None, expires_at=None,
    )  # fmt: skip
