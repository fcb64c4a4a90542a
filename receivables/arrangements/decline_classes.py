"""What a decline of a saved card asks for: another try, another card, or the debtor's own proof.

One table for all codes of the gateway. A code nobody knows yet is tried again as the policy says and
no oftener. What the debtor may read is a word of ours: never that a card was reported lost, stolen or
used in fraud (stripe.md 3). Source: docs.stripe.com/declines/codes; P-24.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum


class DeclineKind(StrEnum):
    """What may help after a decline."""

    SOFT = "soft"  # the same card may work another day
    HARD = "hard"  # only another card helps
    NEEDS_AUTHENTICATION = "needs_authentication"  # the bank wants its customer to confirm


class Remedy(StrEnum):
    """What the debtor can do about an instalment that his card did not pay."""

    RETRY = "retry"  # nothing: the card is tried again on a day
    CARD = "card"  # name another card, or pay it himself
    CONFIRM = "confirm"  # pay it himself: his bank asks him then


class DeclineReason(StrEnum):
    """Why a charge brought no money, as the debtor may read it; fits `Instalment.last_failure`."""

    NO_FUNDS = "no_funds"
    CARD_EXPIRED = "card_expired"
    CARD_GONE = "card_gone"
    CONFIRM = "confirm"
    DECLINED = "declined"


def remedy_of(reason: DeclineReason, next_try_on: date | None) -> Remedy:
    """What may be done, by the reason of the last try and the day of the next one."""
    if next_try_on is not None:
        return Remedy.RETRY
    return Remedy.CONFIRM if reason is DeclineReason.CONFIRM else Remedy.CARD


_S, _H, _A = DeclineKind.SOFT, DeclineKind.HARD, DeclineKind.NEEDS_AUTHENTICATION
_W = DeclineReason

#: Code of the gateway (the issuer's advice or reason where there is one) -> what helps, what is said.
CLASSES: dict[str, tuple[DeclineKind, DeclineReason]] = {
    "authentication_required": (_A, _W.CONFIRM),
    "payment_intent_authentication_failure": (_A, _W.CONFIRM),
    "insufficient_funds": (_S, _W.NO_FUNDS),
    "withdrawal_count_limit_exceeded": (_S, _W.NO_FUNDS),
    "card_velocity_exceeded": (_S, _W.NO_FUNDS),
    **dict.fromkeys(
        (
            "approve_with_id", "call_issuer", "card_declined", "do_not_honor", "generic_decline",
            "issuer_not_available", "no_action_taken", "not_permitted", "processing_error",
            "reenter_transaction", "service_not_allowed", "transaction_not_allowed", "try_again_later",
        ),
        (_S, _W.DECLINED),
    ),
    "expired_card": (_H, _W.CARD_EXPIRED),
    "invalid_expiry_month": (_H, _W.CARD_EXPIRED),
    "invalid_expiry_year": (_H, _W.CARD_EXPIRED),
    "resource_missing": (_H, _W.CARD_GONE),
    "payment_method_not_available": (_H, _W.CARD_GONE),
    **dict.fromkeys(
        (
            "card_not_supported", "currency_not_supported", "do_not_try_again", "fraudulent",
            "incorrect_cvc", "incorrect_number", "invalid_account", "invalid_cvc", "invalid_number",
            "lost_card", "merchant_blacklist", "new_account_information_available",
            "payment_method_unactivated", "pickup_card", "restricted_card",
            "revocation_of_all_authorizations", "revocation_of_authorization", "stolen_card",
            "stop_payment_order",
        ),
        (_H, _W.DECLINED),
    ),
}  # fmt: skip
_UNKNOWN = (_S, _W.DECLINED)


def decline_kind(code: str | None) -> DeclineKind:
    """What may help after this code.

    >>> decline_kind("insufficient_funds").value, decline_kind("lost_card").value, decline_kind("new").value
    ('soft', 'hard', 'soft')
    """
    return CLASSES.get(code or "", _UNKNOWN)[0]


def decline_reason(code: str | None) -> DeclineReason:
    """The reason as the debtor may read it.

    >>> decline_reason("lost_card") == decline_reason("generic_decline") == DeclineReason.DECLINED
    True
    """
    return CLASSES.get(code or "", _UNKNOWN)[1]
