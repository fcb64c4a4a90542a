"""What the rules ask of the outside world, and the values that cross the border.

Gateways keep these promises; receivables, portal and jobs know nothing else of them.
All moments are aware UTC. All amounts are Money (ISO minor units).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
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


#: Operation of a prepared charge of a saved card; a prepared page has another one.
CHARGE_CARD = "charge_card"


@dataclass(frozen=True, slots=True)
class CardSaving:
    """Consent to keep the card that is typed on a page; without it there is no customer (decision 11).

    Attributes:
        contact_ref: who consented; the gateway's customer is tied to this person.
        customer_key: idempotency key under which that customer is made.
        customer_id: the customer of an earlier consent of the same person, or None.
    """

    contact_ref: str
    customer_key: str
    customer_id: str | None = None


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
        saves_card: set when the debtor consented to keep the card for later charges.
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
    saves_card: CardSaving | None = None


@dataclass(frozen=True, slots=True)
class SetupOrder:
    """What a hosted page is to ask for that saves a card and takes no money.

    Attributes:
        setup_ref: opaque reference of the card setup, also its return id.
        currency: ISO code of what will be charged later.
    """

    setup_ref: str
    currency: str
    language: str
    note: str | None
    expires_at: datetime
    success_url: str
    cancel_url: str
    idempotency_key: str
    saves_card: CardSaving


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """What is to be taken from a saved card while its holder is away (P-24)."""

    attempt_ref: str
    amount: Money
    title: str
    customer_id: str
    payment_method_id: str
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
    customer_id: str | None = None  # for whom a card is kept on it


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
class RemoteCard:
    """A card that the gateway keeps for later charges; never a full number."""

    payment_method_id: str
    customer_id: str
    brand: str
    last4: str
    month: int | None
    year: int | None
    mandate_id: str | None = None  # the holder's permission, where the gateway keeps one apart


@dataclass(frozen=True, slots=True)
class RemotePayment:
    """The present truth about one hosted page or one charge, as retrieved from the gateway."""

    state: RemoteState
    session_id: str  # of the page, or of the charge where there is none
    intent_id: str | None
    attempt_ref: str | None  # of the attempt or card setup, from metadata; None when it is not ours
    charge: RemoteCharge | None
    failure_code: str | None
    url: str | None
    expires_at: datetime | None
    card: RemoteCard | None = None  # kept by this page, once it is


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """One verified notification: a hint that something may have changed, never truth (P-11).

    `attempt_ref` (of an attempt or a card setup) comes from metadata; `tagged` says whether any of our
    tags is on the object, so that foreign objects (P-13) and partly tagged ones can be told apart.
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
    charge_id: str | None = None  # of the object itself, or of what it is about
    payment_method_id: str | None = None  # a card or mandate event's card


class RefundState(StrEnum):
    """What the payment gateway says of a refund; one that succeeded may still fail later."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"  # a person must look, also at what we do not know
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DisputeState(StrEnum):
    """Where a chargeback or an inquiry stands; money moves by its movements alone."""

    NEEDS_RESPONSE = "needs_response"  # also what we do not know: a person must look
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"  # an inquiry that became no chargeback
    PREVENTED = "prevented"


class PayoutState(StrEnum):
    """Where a payout to the creditor's bank stands; a paid one may still fail later."""

    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"


class MovementKind(StrEnum):
    """What moved on the gateway's balance."""

    CHARGE = "charge"
    CHARGE_PENDING = "charge_pending"  # a charge of ours whose bank has not answered; the books know it so
    CHARGE_FAILURE = "charge_failure"  # a debit that did not come: takes what its charge had brought
    REFUND = "refund"
    REFUND_FAILURE = "refund_failure"
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"
    PAYOUT = "payout"
    PAYOUT_FAILURE = "payout_failure"  # failed or cancelled: the money is on the balance again
    FEE = "fee"  # a fee by itself; that of a charge is part of the charge's movement
    ADJUSTMENT = "adjustment"
    OTHER = "other"  # nothing we know: a person must look


#: Operation of a prepared refund.
REFUND_CHARGE = "refund_charge"


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """What is to be given back of one charge.

    Attributes:
        refund_ref: opaque reference of our refund; the gateway keeps it with its own.
        charge_id: of the charge that took the money.
        amount: in the charge's currency.
        idempotency_key: stored before the first call (P-02).
    """

    refund_ref: str
    charge_id: str
    amount: Money
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class RemoteMovement:
    """One change of the gateway's balance; in the currency that it settles in.

    Attributes:
        amount, fee, net: signed as they change the balance; net = amount - fee. A fee given back
            is negative.
        source_id: the charge, refund, dispute or payout that moved it; None where there is none.
        available_on: day (UTC) from which it can be paid out.
        payout_id: the payout it went out with, where we asked by payout; of a payout's own
            movement that payout; else None: the gateway does not say it the other way round.
        exchange_rate: amount = original x rate; None where the source is in the same currency.
        original: the amount in the source's currency where that is another one; None too where that
            is none of ours.
    """

    movement_id: str
    kind: MovementKind
    amount: Money
    fee: Money
    net: Money
    source_id: str | None
    created_at: datetime
    available_on: date
    payout_id: str | None
    exchange_rate: Decimal | None
    original: Money | None


@dataclass(frozen=True, slots=True)
class UnreadMovement:
    """A change of the gateway's balance that our money cannot say: its currency, or its fraction, is none
    that we know.

    Attributes:
        said: amount and currency as the gateway writes them, "500000 inr".
        source_id: as of a RemoteMovement.
    """

    movement_id: str
    kind: MovementKind
    said: str
    source_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RemoteRefund:
    """The present truth about one refund, ours or one made at the gateway's own desk.

    Attributes:
        amount: positive, in the charge's currency.
        refund_ref: our reference; None when it is not ours.
        reason: why it was asked for, the gateway's word; `failure_reason` why it failed.
        movement_id: the movement that took the money from the balance, once there is one;
            `failure_movement_id` the one that brought it back.
    """

    refund_id: str
    charge_id: str | None
    intent_id: str | None
    amount: Money
    status: RefundState
    refund_ref: str | None
    reason: str | None
    failure_reason: str | None
    created_at: datetime
    movement_id: str | None
    failure_movement_id: str | None


@dataclass(frozen=True, slots=True)
class RemoteDispute:
    """The present truth about one chargeback or inquiry.

    Attributes:
        amount: what the payer contests, positive; may differ from the charge and from what moved.
        is_inquiry: no money has moved and the bank only asks.
        reason: the gateway's word ("fraudulent", "product_not_received", …).
        evidence_due_at: when an answer is due, or None.
        movements: what it did to the balance, the oldest first: taken, given back.
    """

    dispute_id: str
    charge_id: str
    intent_id: str | None
    amount: Money
    status: DisputeState
    is_inquiry: bool
    reason: str
    evidence_due_at: datetime | None
    movements: Sequence[RemoteMovement]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RemotePayout:
    """The present truth about one transfer to the creditor's bank.

    Attributes:
        amount: signed: negative where the gateway drew from the bank.
        automatic: the gateway made it; only of these the movements can be listed.
        arrives_on: day (UTC) on which the bank should have it.
        reconciled: whether the list of its movements is final.
    """

    payout_id: str
    amount: Money
    status: PayoutState
    automatic: bool
    arrives_on: date
    created_at: datetime
    movement_id: str | None
    failure_movement_id: str | None
    failure_code: str | None
    reconciled: bool


@dataclass(frozen=True, slots=True)
class RemoteWarning:
    """A card network's early warning that a charge may be fraud; no money moves by it.

    Attributes:
        kind: the gateway's word ("made_with_stolen_card", …).
        actionable: whether a refund now may still avoid a chargeback.
    """

    warning_id: str
    charge_id: str
    intent_id: str | None
    kind: str
    actionable: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RemoteReview:
    """The gateway's wish that a person looks at a charge; no money moves by it.

    Attributes:
        kind: who wished it, in the gateway's word: "rule" or "manual".
        is_open: whether nobody has decided it there yet.
    """

    review_id: str
    charge_id: str | None
    kind: str
    is_open: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """One address that the gateway notifies.

    Attributes:
        enabled: False where it was switched off, by hand or by the gateway after long failure.
        event_types: what it is told of; ("*",) is everything.
        api_version: in which its notifications are written; None is the account's default.
        our_version: in which we ask and understand the gateway; None where it has none.
    """

    endpoint_id: str
    url: str
    enabled: bool
    event_types: Sequence[str]
    api_version: str | None
    our_version: str | None = None


class GatewayError(Exception):
    """Base of what a payment gateway call can end in besides its result."""


class GatewayUnreachable(GatewayError):
    """The call surely had no effect (refused connection, 429, key not accepted): try again later."""


class OutcomeUnknown(GatewayError):
    """The call may or may not have had its effect (time-out, dropped answer, 5xx, 409 while the same
    key is in use): ask, never assume.

    `is_over`: the gateway repeats what it saved under the key, so nobody executes the call any more and
    a search tells what it made. Otherwise it may still be executed, and a search that finds nothing
    proves nothing.
    """

    def __init__(self, why: str, *, is_over: bool = False) -> None:
        super().__init__(why)
        self.is_over = is_over


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
    """Card and bank payments through a hosted page, and charges of saved cards."""

    name: str
    live: bool

    def prepare_checkout(self, order: CheckoutOrder) -> PreparedRequest:
        """Write down the exact request that opens a hosted page. Pure: speaks to nobody."""

    def prepare_setup(self, order: SetupOrder) -> PreparedRequest:
        """Write down the exact request that opens a page which saves a card. Pure."""

    def prepare_charge(self, order: ChargeOrder) -> PreparedRequest:
        """Write down the exact request that charges a saved card; its operation is CHARGE_CARD. Pure."""

    def charge(self, prepared: PreparedRequest) -> RemotePayment:
        """Make the stored charge with its stored key; a decline is an answer: FAILED and its code.

        Raises: GatewayUnreachable, OutcomeUnknown, GatewayRefused (no decline: the call is wrong, or the
            card is not there).
        """

    def detach_card(self, payment_method_id: str) -> None:
        """Forget a saved card at the gateway; one that is gone already is done.

        Raises: GatewayUnreachable, GatewayRefused.
        """

    def send(self, prepared: PreparedRequest) -> OpenedCheckout:
        """Make the stored call, with its stored idempotency key.

        Raises: GatewayUnreachable, OutcomeUnknown, GatewayRefused.
        """

    def retrieve(self, session_id: str) -> RemotePayment:
        """Return the present truth about one hosted page or charge and its money.

        Raises: GatewayUnreachable (also on timeouts: reading has no effect), GatewayRefused.
        """

    def payment_of_charge(self, charge_id: str) -> RemotePayment:
        """Return the present truth about the payment that took a charge, ours or not.

        Raises: GatewayUnreachable, GatewayRefused ("resource_missing"; "no_payment" where nothing of ours
            can have made it).
        """

    def find(self, attempt_ref: str, since: datetime) -> RemotePayment | None:
        """Search the gateway for a page or charge made for this attempt since a moment (P-03).

        Raises: GatewayUnreachable, GatewayRefused.
        """

    def expire(self, session_id: str) -> RemotePayment:
        """End an open hosted page, or a charge that took nothing yet, and return the truth afterwards.

        One that was paid meanwhile is left as it is and returned as paid.
        Raises: GatewayUnreachable, GatewayRefused.
        """

    def read_event(self, body: bytes, signature: str | None, now: datetime) -> GatewayEvent:
        """Verify and read a notification.

        Raises: NotSignedByGateway: signature missing, wrong, or more than 300 s from `now`
        in either direction (P-08).
        """

    # Each reading below raises GatewayUnreachable (reading has no effect, so never OutcomeUnknown) and
    # GatewayRefused ("resource_missing" for an id that is not there). Iterators raise while they run.

    def prepare_refund(self, order: RefundOrder) -> PreparedRequest:
        """Write down the exact request that gives money back; its operation is REFUND_CHARGE. Pure."""

    def refund(self, prepared: PreparedRequest) -> RemoteRefund:
        """Make the stored refund with its stored key.

        Raises: GatewayUnreachable, OutcomeUnknown, GatewayRefused ("charge_already_refunded",
            "charge_disputed", more than is left: nothing was given back).
        """

    def refund_of(self, refund_id: str) -> RemoteRefund:
        """Return the present truth about one refund."""

    def refunds_of_charge(self, charge_id: str) -> Sequence[RemoteRefund]:
        """Return all refunds of a charge, ours and others, the oldest first."""

    def find_refund(self, refund_ref: str, since: datetime) -> RemoteRefund | None:
        """Search for the refund made with our reference since a moment (P-03)."""

    def refunds_between(self, start: datetime, end: datetime) -> Iterator[RemoteRefund]:
        """Walk the refunds made from `start` until before `end`; newest first, flat memory.

        One in a currency that we do not know is left out, as of the two below.
        """

    def dispute_of(self, dispute_id: str) -> RemoteDispute:
        """Return the present truth about one chargeback or inquiry, with its movements."""

    def disputes_between(self, start: datetime, end: datetime) -> Iterator[RemoteDispute]:
        """Walk the chargebacks opened from `start` until before `end`; newest first, flat memory."""

    def warning_of(self, warning_id: str) -> RemoteWarning:
        """Return an early warning of fraud."""

    def review_of(self, review_id: str) -> RemoteReview:
        """Return the present truth about one review."""

    def movements_between(self, start: datetime, end: datetime) -> Iterator[RemoteMovement | UnreadMovement]:
        """Walk what moved on the balance from `start` until before `end`; newest first, flat memory."""

    def movements_of_payout(self, payout_id: str) -> Iterator[RemoteMovement | UnreadMovement]:
        """Walk what an automatic payout consists of, its own movement included: their nets sum to nil."""

    def payout_of(self, payout_id: str) -> RemotePayout:
        """Return the present truth about one payout."""

    def payouts_between(self, start: datetime, end: datetime) -> Iterator[RemotePayout]:
        """Walk the payouts made from `start` until before `end`; newest first, flat memory.

        One in a currency that we do not know is left out: its movement on the balance tells of it.
        """

    def events_since(self, since: datetime, *, types: Sequence[str]) -> Iterator[GatewayEvent]:
        """Walk the gateway's own list of events since a moment, the oldest first, flat memory (P-12).

        The list goes 30 days back; what came before is found by reconciliation only.

        Args:
            types: of these types; "charge.*" is a family, none at all is every type.
        """

    def undelivered_events(self, since: datetime) -> Iterator[GatewayEvent]:
        """Walk the events since a moment that an endpoint of ours has not taken, the oldest first."""

    def endpoints(self) -> Sequence[EndpointHealth]:
        """Return the addresses that the gateway notifies."""

    def card_of(self, payment_method_id: str) -> RemoteCard | None:
        """Return a saved card as it is now (a renewed one has a new expiry); None where it can't be charged
        any more: detached, or no card. One that is not there is refused: the key is of another account."""

    def mandate_is_active(self, mandate_id: str) -> bool:
        """Whether the holder's permission still stands; one that is not there is refused."""


# --------------------------------------------------------------------------- messages


@dataclass(frozen=True, slots=True)
class Sender:
    """The creditor as messages and pages show it."""

    name: str
    short_name: str
    legal_line: str  # address and numbers that business letters must carry
    person: str
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
    covered_minor: int | None = None  # what of the open part it covers; None for all
    discount: Money | None = None  # off when paid in full by discount_to
    discount_to: date | None = None
    handed_over: bool = False  # now with an agency or a lawyer, who asks for it

    @property
    def contested(self) -> Money:
        """What is set aside while a dispute about it is open."""
        return Money(self.contested_minor, self.currency)

    @property
    def open_part(self) -> Money:
        """What may still be paid on it: its balance less what is on its way or contested, never below nil.

        Where all but its early-payment discount is on its way, nothing more is: it may be earned (P-19).
        """
        return Money(self._open_minor, self.currency)

    @property
    def _open_minor(self) -> int:
        left = max(self.balance.minor - self.processing.minor - self.contested_minor, 0)
        is_earned = self.processing.minor and self.discount is not None and left <= self.discount.minor
        return 0 if is_earned else left

    @property
    def asked(self) -> Money:
        """What we ask for on it now: its open part, less what an arrangement covers or a handler asks for."""
        if self.handed_over:
            return Money(0, self.currency)
        return Money(self._open_minor - self._covered_minor, self.currency)

    @property
    def covered(self) -> Money:
        """What of the open part waits for an arrangement's days."""
        return Money(self._covered_minor, self.currency)

    @property
    def _covered_minor(self) -> int:
        if self.arranged is None:
            return 0
        return self._open_minor if self.covered_minor is None else min(self._open_minor, self.covered_minor)


@dataclass(frozen=True, slots=True)
class FeeBasis:
    """What a line of interest or of a percentage fee was worked out from.

    Attributes:
        principal: the sum that the rate is of.
        rate: percent as a decimal string; a year where there are days or a period.
    """

    principal: Money
    rate: str
    days: int | None
    from_on: date | None
    to_on: date | None

    @property
    def percent(self) -> Decimal:
        """The rate as a number, in percent."""
        return Decimal(self.rate)

    @property
    def is_yearly(self) -> bool:
        """Whether the rate is of a year: it is, where it ran for a time."""
        return self.days is not None or self.from_on is not None


@dataclass(frozen=True, slots=True)
class LineRow:
    """One line of a document as printed; quantity and price are decimal strings.

    `legal_basis` names the contract or law that allows a fee, in the creditor's words; may be empty.
    """

    position: int
    code: str | None
    description: str
    quantity: str
    unit_price: str
    net: Money
    tax: Money
    tax_rate: str | None
    basis: FeeBasis | None = None
    legal_basis: str = ""


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
        code: clear one-time code, or None; stored copies show "[code]".
        encloses: whether a file goes with it, which the text then says.
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
    code: str | None = None
    encloses: bool = False
    #: Texts that were published at the desk and stand in place of the shipped ones, by
    #: "kind/language/part"; `texts_version` names the row of the kind's own version.
    texts: Mapping[str, str] = field(default_factory=dict)
    texts_version: int | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to go, and the copy that may be kept.

    `kept_text` has `[link]`, `[stop]` and `[code]` in place of what opens something (decision 19).
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


@dataclass(frozen=True, slots=True)
class TextFault:
    """What is wrong with a text: `code` is worded by the desk, `what` names the placeholder or figure."""

    place: str  # "language/part"
    code: str
    what: str = ""


class Presenter(Protocol):
    """Words and numbers as the reader writes them."""

    def render_message(self, letter: Letter) -> Rendered:
        """Render one message.

        Raises: MessageIncomplete: a part or a value is missing; names which.
        """

    def text_samples(self, kind: str, currency: str, today: date) -> dict[str, Any]:
        """Return an example for each value of a kind, where a real account has no such fact."""

    def staff_mail(self, kind: str, language: str, values: Mapping[str, str]) -> tuple[str, str]:
        """Return subject and text of a mail to a person of the house.

        Raises: KeyError: a value is missing.
        """


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with an e-mail; its name has an ending and may be in any script."""

    name: str
    media_type: str
    data: bytes


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
    attachments: Sequence[Attachment] = ()


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


# --------------------------------------------------------------------------- what reaches us


class Fate(StrEnum):
    """What a carrier says became of a message of ours."""

    DELIVERED = "delivered"
    #: Not yet, and it is still tried: the message may arrive.
    DELAYED = "delayed"
    #: Given up for a reason that may pass: full, refused for its content, no line.
    RETURNED = "returned"
    #: Given up for good: there is no such address or number.
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class DeliveryWord:
    """A carrier's word about one message of ours.

    Attributes:
        wire_id: our own name of the message, as it came back; None when it did not.
        recipient: the address or number it was for, as far as the carrier says.
        code: the carrier's own code: "5.1.1", "unreachable".
    """

    fate: Fate
    wire_id: str | None
    recipient: str | None
    code: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message to us, as it came; nothing in it is believed yet.

    Attributes:
        channel: "email" or "sms".
        external_id: the carrier's name for it, the same however often it is brought.
        sender: address or number that it says it comes from.
        text: what was written, quoted text included; attachments are not opened.
        answers: wire ids that it refers to, the nearest first.
        automatic: nobody wrote it: out of office, a receipt of reading.
        words: what a carrier says about messages of ours; empty for what people write.
        files: how many attachments were left unopened.
    """

    channel: str
    external_id: str
    sender: str
    subject: str | None
    text: str
    answers: Sequence[str] = ()
    automatic: bool = False
    words: Sequence[DeliveryWord] = ()
    files: int = 0


class MailboxDown(Exception):
    """The mailbox can't be read now; everything stays in it."""


class Mailbox(Protocol):
    """Where replies and bounces arrive."""

    def take(self, keep: Callable[[Incoming], bool], *, most: int) -> int:
        """Hand each unseen mail to `keep`, and mark it as seen once that says it is kept.

        Args:
            most: so many mails are kept at most; what is not kept stays unseen and holds up no other.
        Returns:
            How many were kept.
        Raises: MailboxDown.
        """


class NotSignedByCarrier(Exception):
    """A text message or status without a valid, recent signature of the provider."""


class NotReadable(Exception):
    """A signed notification that does not say what it must."""


class SmsDesk(Protocol):
    """Reads what the SMS provider posts to us."""

    def read(self, body: bytes, signature: str | None, now: datetime) -> Incoming:
        """Verify and read a text message or a status.

        Raises: NotSignedByCarrier; NotReadable.
        """


# --------------------------------------------------------------------------- files


@dataclass(frozen=True, slots=True)
class CleanFile:
    """A stranger's file as it may be kept: its bytes, what it is, and the ending its name gets."""

    data: bytes
    media_type: str
    ending: str


class FileUnsafe(Exception):
    """A file is not taken (X-03); `code` is file_kind, file_pixels or file_broken."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ScannerDown(Exception):
    """The virus scanner gave no answer; what it was asked about stays held (X-03)."""


class VirusScanner(Protocol):
    def finds(self, data: bytes) -> bool:
        """Whether a file must not be given out.

        Raises: ScannerDown.
        """


class FileStore(Protocol):
    """Files named by their content (decision 23).

    has_scanner: whether what is kept has to wait for a virus scanner before it is given out.
    """

    @property
    def has_scanner(self) -> bool: ...

    def clean(self, data: bytes) -> CleanFile:
        """Return what may be kept of a stranger's bytes.

        Raises: FileUnsafe.
        """

    def keep(self, data: bytes) -> str:
        """Write bytes for good and return their SHA-256; the same content twice is one file."""

    def read(self, digest: str) -> bytes:
        """Return the bytes of a digest.

        Raises: FileNotFoundError.
        """

    def is_infected(self, digest: str) -> bool:
        """Ask the scanner about the bytes of a digest.

        Raises: FileNotFoundError; ScannerDown, also where there is no scanner.
        """

    def untouched(self, since: datetime, *, part: int, of: int) -> Iterator[str]:
        """Walk the digests that nobody kept or kept again since a moment; one part of so many."""

    def erase(self, digest: str, *, untouched_since: datetime | None = None) -> bool:
        """Remove the bytes of a digest, unless they were kept again since a moment; whether they went."""


# --------------------------------------------------------------------------- documents


@dataclass(frozen=True, slots=True)
class Document:
    """A document ready to be set: nothing in it is left to be worked out.

    Attributes:
        kind: a template of templates/documents.
        language: the reader's; en, he, ru or hu.
        title: for the reader's window and for screen readers.
        made_on: the day that the file says it was made on.
        data: JSON values, amounts and days written as the reader writes them.
    """

    kind: str
    language: str
    title: str
    made_on: date
    data: Mapping[str, Any]


class StillPreparing(Exception):
    """A document is being made and comes later; the same question again finds it."""


class DocumentFailed(Exception):
    """A document cannot be made; the message says what the compiler said."""


class DocumentPress(Protocol):
    """Sets documents as PDF; one process a host does the work (decision 23)."""

    def press(self, document: Document, *, timeout: float | None = None) -> bytes:
        """Return the PDF of a document; the same document twice is the same bytes.

        Args:
            timeout: seconds to wait for it; None waits as long as a page may.
        Raises: StillPreparing, DocumentFailed.
        """

    def close(self) -> None:
        """Let go of the press; a later question holds it again."""


#: What a cell may hold: a text, an amount, a day, a count, another number, or nothing.
Cell = str | Money | date | int | Decimal | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table for somebody's spreadsheet.

    Attributes:
        title: name of the sheet.
        header: one name a column.
        rows: cells as they are meant: nothing is a text that is an amount, a day or a number. May be
            read while it is written, so that a long table is never whole in memory.
        right_to_left: whether the reader's columns run so.
    """

    title: str
    header: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    right_to_left: bool = False


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One whole day in somebody's calendar, with a reminder the day before; or half an hour of it.

    Attributes:
        key: names the entry for ever, so that a second import moves it instead of doubling it.
        changed_at: when it was last made or moved.
        at: when it begins, with a reminder ten minutes before; None for the whole day.
    """

    key: str
    on: date
    summary: str
    words: str
    changed_at: datetime
    at: datetime | None = None


class Exports(Protocol):
    """Files for other people's programs."""

    def csv(self, sheet: Sheet) -> bytes:
        """Write a table as RFC 4180 text in which no cell is a formula (X-01)."""

    def csv_pieces(self, sheet: Sheet) -> Iterator[bytes]:
        """Write the same text piece by piece, as its rows are read."""

    def xlsx(self, *sheets: Sheet) -> bytes:
        """Write tables as one workbook; amounts are numbers, texts are texts (X-01).

        The same tables are the same bytes.
        """

    def xlsx_pieces(self, *sheets: Sheet) -> Iterator[bytes]:
        """Write the same workbook piece by piece; rows wait on disk, not in memory."""

    def calendar(self, name: str, language: str, entries: Sequence[CalendarEntry]) -> bytes:
        """Write an iCalendar file."""
