"""What the rules ask of the outside world, and the values that cross the border.

Gateways keep these promises; receivables, portal and jobs know nothing else of them.
All moments are aware UTC. All amounts are Money (ISO minor units).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

from models.money import Money

# --------------------------------------------------------------------------- payments


class RemoteState(StrEnum):
    """What the payment gateway says of a payment, in our words."""

    OPEN = "open"  # the hosted page may still be paid
    PROCESSING = "processing"  # accepted, money not yet here (bank debit)
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class CheckoutOrder:
    """What a hosted payment page is to ask for; everything in it is ours, nothing the debtor's.

    Attributes:
        attempt_ref: opaque reference of the payment attempt, also its return id.
        amount: what is to be paid.
        title: line shown on the page, in the reader's language.
        language: en, he, ru or hu; the gateway maps what it does not speak.
        note: sentence under the pay button, or None.
        expires_at: when the page stops taking money (start + 40 min, decision 13).
        success_url, cancel_url: constants of ours (L-17).
        invoice_refs: opaque references, for the books of the gateway.
        idempotency_key: stored with the attempt before the first call (P-02).
    """

    attempt_ref: str
    amount: Money
    title: str
    language: str
    note: str | None
    expires_at: datetime
    success_url: str
    cancel_url: str
    invoice_refs: Sequence[str]
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """One exact call to the gateway, stored before it is made and repeated to the letter.

    Source: decision 13. `body` is opaque JSON to everybody but the gateway.
    """

    operation: str
    body: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class OpenedCheckout:
    """The hosted page that the gateway made."""

    session_id: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RemoteCharge:
    """One successful taking of money, the fact that is posted."""

    charge_id: str
    amount: Money
    taken_at: datetime
    method: str  # "card", "bank_debit", …
    method_detail: str  # "visa 4242": never a full number
    fee: Money | None  # None while the gateway has not worked it out yet
    balance_transaction_id: str | None


@dataclass(frozen=True, slots=True)
class RemotePayment:
    """The present truth about one checkout session, as retrieved from the gateway."""

    state: RemoteState
    session_id: str
    intent_id: str | None
    attempt_ref: str | None  # from metadata; None when the object is not ours
    charge: RemoteCharge | None
    failure_code: str | None
    url: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """One verified notification: a hint that something may have changed, never truth (P-11).

    `attempt_ref` comes from metadata; `tagged` says whether any of our tags is on the object,
    so that foreign objects (P-13) and partly tagged ones can be told apart.
    """

    event_id: str
    type: str
    created_at: datetime
    live: bool
    object_id: str
    session_id: str | None
    intent_id: str | None
    attempt_ref: str | None
    tagged: bool
    raw: str


class GatewayError(Exception):
    """Base of what a payment gateway call can end in besides its result."""


class GatewayUnreachable(GatewayError):
    """The call surely had no effect (refused connection, 429, key not accepted): try again later."""


class OutcomeUnknown(GatewayError):
    """The call may or may not have had its effect (time-out, dropped answer, 5xx, 409 while the same
    key is in use): ask, never assume."""


class GatewayRefused(GatewayError):
    """The gateway answered and says no; nothing was created.

    `code` is the gateway's own code, `param` the request's field it names.
    """

    def __init__(self, code: str, param: str | None = None) -> None:
        super().__init__(f"{code} ({param})" if param else code)
        self.code, self.param = code, param


class NotSignedByGateway(GatewayError):
    """A notification without a valid, recent signature of the gateway (P-08)."""


class PaymentGateway(Protocol):
    """Card and bank payments through a hosted page."""

    name: str
    live: bool

    def prepare_checkout(self, order: CheckoutOrder) -> PreparedRequest:
        """Write down the exact request that opens a hosted page. Pure: speaks to nobody."""

    def send(self, prepared: PreparedRequest) -> OpenedCheckout:
        """Make the stored call, with its stored idempotency key.

        Raises: GatewayUnreachable, OutcomeUnknown, GatewayRefused.
        """

    def retrieve(self, session_id: str) -> RemotePayment:
        """Return the present truth about one hosted page and its money.

        Raises: GatewayUnreachable (also on timeouts: reading has no effect), GatewayRefused.
        """

    def find(self, attempt_ref: str, since: datetime) -> RemotePayment | None:
        """Search the gateway for a page made for this attempt since a moment (P-03).

        Raises: GatewayUnreachable, GatewayRefused.
        """

    def expire(self, session_id: str) -> RemotePayment:
        """End an open hosted page at the gateway and return the truth afterwards.

        A page that was paid meanwhile is left as it is and returned as paid.
        Raises: GatewayUnreachable, GatewayRefused.
        """

    def read_event(self, body: bytes, signature: str | None, now: datetime) -> GatewayEvent:
        """Verify and read a notification.

        Raises: NotSignedByGateway: signature missing, wrong, or more than 300 s from `now`
        in either direction (P-08).
        """


# --------------------------------------------------------------------------- messages


@dataclass(frozen=True, slots=True)
class Sender:
    """The creditor as messages and pages show it."""

    name: str
    short_name: str
    legal_line: str  # address and numbers that business letters must carry
    person: str
    person_role: str
    phone: str
    hours: str
    email: str
    brand_colour: str
    verify_url: str
    #: language -> opening hours, for a page that is shown in another language.
    hours_in: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One open document as a reader sees it."""

    ref: str
    number: str
    kind: str
    issued_on: date
    due_on: date | None
    total: Money
    balance: Money
    days_late: int  # account-local days past due; 0 when not late
    description: str
    processing: Money  # on its way by a delayed method
    currency: str
    contested_minor: int = 0  # set aside by open disputes
    arranged: str | None = None  # "plan" or "offer" while an arrangement covers it
    discount: Money | None = None  # off when paid in full by discount_to
    discount_to: date | None = None

    @property
    def contested(self) -> Money:
        """What is set aside while a dispute about it is open."""
        return Money(self.contested_minor, self.currency)

    @property
    def open_part(self) -> Money:
        """What may still be paid on it: its balance less what is on its way or contested, never below nil."""
        return max(self.balance - self.processing - self.contested, Money(0, self.currency))

    @property
    def asked(self) -> Money:
        """What is asked for on it now; nothing while an arrangement covers it."""
        return Money(0, self.currency) if self.arranged else self.open_part


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything a message template may use; the renderer formats by type, the text has no logic.

    Attributes:
        kind: folder below templates/messages.
        language, zone: the reader's.
        private: private person or sole trader: neutral subject and opening (decision 20).
        values: name -> str, Money, date, datetime, int or a sequence of InvoiceRow.
        link: clear payment link, or None; stored copies show "[link]".
        stop: clear opt-out link.
    """

    kind: str
    channel: str
    language: str
    zone: str
    private: bool
    sender: Sender
    values: Mapping[str, Any]
    link: str | None
    stop: str | None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to go, and the copy that may be kept.

    `kept_text` has `[link]` and `[stop]` in place of the clear links (decision 19).
    """

    subject: str
    text: str
    html: str | None
    kept_text: str
    template_version: str
    segments: int  # SMS segments; 0 for mail


class MessageIncomplete(LookupError):
    """A message cannot be made; `missing` names the part or the value."""

    def __init__(self, kind: str, language: str, channel: str, missing: str) -> None:
        super().__init__(f"{kind}, {language}, {channel}: {missing}")
        self.kind, self.language, self.channel, self.missing = kind, language, channel, missing


class Presenter(Protocol):
    """Words and numbers as the reader writes them."""

    def render_message(self, letter: Letter) -> Rendered:
        """Render one message.

        Raises: MessageIncomplete: a part or a value is missing; names which.
        """


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail for one address."""

    to: str
    to_name: str
    from_name: str
    from_address: str
    reply_to: str | None
    subject: str
    text: str
    html: str | None
    message_id: str
    sent_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sms:
    """One text message for one number (E.164)."""

    to: str
    sender: str
    text: str
    idempotency_key: str


class SendRefused(Exception):
    """The carrier says no for good (unknown address, blocked): do not try again."""


class SendDeferred(Exception):
    """The carrier surely did not take it (no connection, 4xx before DATA): try again later."""


class SendUnknown(Exception):
    """The carrier may have taken it (the line dropped after the text): P-26 says what follows."""


class MailCarrier(Protocol):
    def send(self, mail: Mail) -> None:
        """Hand one mail over. Raises: SendRefused, SendDeferred, SendUnknown."""


class SmsCarrier(Protocol):
    def send(self, sms: Sms) -> None:
        """Hand one text over. Raises: SendRefused, SendDeferred, SendUnknown."""
