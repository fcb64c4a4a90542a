"""The test cards and test bank accounts that the hosted page and the API know; all others are refused.

Source: docs.stripe.com/testing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """A known test card.

    Attributes:
        name: our word for it, kept with the payment method instead of the number.
        number: 16 digits.
        token: the `pm_card_…` id which the API takes instead of a number.
        code: Stripe's error code when it is declined, or None.
        decline_code: the issuer's reason, or None.
        challenge: `always`, `until_saved` (off-session is fine once saved) or None.
        saves: it can be saved although every charge is declined.
        later: what follows once it paid: `dispute`, `not_received`, `inquiry`, `warning`, or for its refunds
            `refund_pending`, `refund_fails`; None for nothing.
    """

    name: str
    number: str
    token: str
    code: str | None = None
    decline_code: str | None = None
    challenge: str | None = None
    brand: str = "visa"
    saves: bool = False
    later: str | None = None

    @property
    def last4(self) -> str:
        return self.number[-4:]


CARDS = (
    Card("ok", "4242424242424242", "pm_card_visa"),
    Card("ok_mastercard", "5555555555554444", "pm_card_mastercard", brand="mastercard"),
    Card("declined", "4000000000000002", "pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    Card(
        "insufficient_funds",
        "4000000000009995",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "card_declined",
        "insufficient_funds",
    ),
    Card("lost", "4000000000009987", "pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    Card(
        "stolen", "4000000000009979", "pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"
    ),
    Card("expired", "4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    Card(
        "incorrect_cvc",
        "4000000000000127",
        "pm_card_chargeDeclinedIncorrectCvc",
        "incorrect_cvc",
        "incorrect_cvc",
    ),
    Card(
        "processing_error",
        "4000000000000119",
        "pm_card_chargeDeclinedProcessingError",
        "processing_error",
        "processing_error",
    ),
    Card(
        "saves_then_declines",
        "4000000000000341",
        "pm_card_chargeCustomerFail",
        "card_declined",
        "generic_decline",
        saves=True,
    ),
    Card("challenge", "4000002500003155", "pm_card_authenticationRequiredOnSetup", challenge="until_saved"),
    Card("challenge_always", "4000002760003184", "pm_card_authenticationRequired", challenge="always"),
    Card(
        "challenge_insufficient",
        "4000008260003178",
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "card_declined",
        "insufficient_funds",
        challenge="always",
        saves=True,
    ),
    Card("disputed", "4000000000000259", "pm_card_createDispute", later="dispute"),
    Card("not_received", "4000000000002685", "pm_card_createDisputeProductNotReceived", later="not_received"),
    Card("inquired", "4000000000001976", "pm_card_createDisputeInquiry", later="inquiry"),
    Card("warned", "4000000000005423", "pm_card_createIssuerFraudRecord", later="warning"),
    Card("refund_pending", "4000000000007726", "pm_card_pendingRefund", later="refund_pending"),
    Card("refund_fails", "4000000000005126", "pm_card_refundFail", later="refund_fails"),
)
BY_NAME = {card.name: card for card in CARDS}
BY_NUMBER = {card.number: card for card in CARDS}
BY_TOKEN = {card.token: card for card in CARDS}
QUICK_PICKS = ("ok", "declined", "insufficient_funds", "challenge")
SAVE_PICKS = ("ok", "challenge", "challenge_always", "saves_then_declines", "declined")

DEBIT_TYPES = {
    "eur": "sepa_debit",
    "gbp": "bacs_debit",
    "usd": "us_bank_account",
    "aud": "au_becs_debit",
    "cad": "acss_debit",
}
DEBIT_LAST4 = {"debit_settles": "3000", "debit_fails": "3001", "debit_disputed": "3002"}
#: The test accounts that can be typed for a SEPA debit.
IBANS = {
    "DE89370400440532013000": "debit_settles",
    "DE62370400440532013001": "debit_fails",
    "DE35370400440532013002": "debit_disputed",
}
DEBIT_DAYS = 5

MESSAGES = {
    "card_declined": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "payment_intent_authentication_failure": "We are unable to authenticate your payment method. Please"
    " choose a different payment method and try again.",
    "setup_intent_authentication_failure": "We are unable to authenticate your payment method. Please"
    " choose a different payment method and try again.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "debit_not_authorized": "The customer has notified their bank that this payment was unauthorized.",
}


#: What the issuer advises to do after his reason (docs.stripe.com/declines/card#retrying-issuer-declines).
ADVICE = {"lost_card": "do_not_try_again", "stolen_card": "do_not_try_again"}


def message(code: str, decline_code: str | None = None) -> str:
    """Stripe's sentence for a decline."""
    return MESSAGES.get(decline_code or "") or MESSAGES[code]
