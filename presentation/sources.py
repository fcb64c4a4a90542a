"""Message sources: plain text with `{placeholders}` and nothing else, so that a staff-edited text can
never run anything (X-05)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from presentation.writing import LANGUAGES


class SourceWrong(ValueError):
    """A message source is absent, or is more than text with known placeholders (X-05)."""


class Form(Enum):
    """How a placeholder's value is written."""

    TEXT = "text"
    WORDS = "words"  # what a person wrote: lines and empty lines stay
    LTR = "ltr"  # telephone numbers, addresses, codes: left to right in every language
    URL = "url"
    MONEY = "money"
    PERCENT = "percent"  # a decimal string, as rates are stored: "8.5"
    DAY = "day"
    MOMENT = "moment"
    ROWS = "rows"


PLACEHOLDERS: Mapping[str, Form] = {
    "name": Form.TEXT,
    "creditor": Form.TEXT,
    "person": Form.TEXT,
    "hours": Form.TEXT,
    "reason": Form.TEXT,
    "code_minutes": Form.TEXT,
    "forwarder": Form.TEXT,
    "account": Form.TEXT,
    "phone": Form.LTR,
    "code": Form.LTR,
    "contact_point": Form.LTR,
    "number": Form.LTR,
    "verify": Form.URL,
    "link": Form.URL,
    "stop": Form.URL,
    "preferences": Form.URL,
    "amount": Form.MONEY,
    "paid_amount": Form.MONEY,
    "balance": Form.MONEY,
    "processing": Form.MONEY,
    "rate": Form.PERCENT,
    "due_date": Form.DAY,
    "paid_date": Form.DAY,
    "confirmation": Form.LTR,
    "counted_to": Form.DAY,
    "interest_from": Form.DAY,
    "optout_date": Form.DAY,
    "hold_date": Form.DAY,
    "release_amount": Form.MONEY,
    "release_date": Form.DAY,
    "promise_amount": Form.MONEY,
    "offer_amount": Form.MONEY,
    "discount": Form.MONEY,
    "deadline": Form.DAY,
    "answer_by": Form.DAY,
    "invoice": Form.LTR,
    "case": Form.LTR,
    "contested_amount": Form.MONEY,
    "credited_amount": Form.MONEY,
    "kept_amount": Form.MONEY,
    "rest_amount": Form.MONEY,
    "finding": Form.TEXT,
    "pay_by": Form.DAY,
    "accepted_date": Form.DAY,
    "promise_date": Form.DAY,
    "asked_date": Form.DAY,
    "reply": Form.WORDS,
    "about": Form.TEXT,
    "link_expires": Form.MOMENT,
    "invoice_list": Form.ROWS,
    "allocation_list": Form.ROWS,
    "plan_total": Form.MONEY,
    "instalment_amount": Form.MONEY,
    "retry_date": Form.DAY,
    "card": Form.LTR,
    "card_until": Form.LTR,
    "instalment_list": Form.ROWS,
    "order": Form.LTR,
    "order_line": Form.TEXT,
    "order_list": Form.ROWS,
    "agreed_date": Form.DAY,
    "sent_date": Form.DAY,
    "refund_to": Form.LTR,
    "handover_to": Form.TEXT,
    "handover_contact": Form.TEXT,
    "handover_date": Form.DAY,
    "refund_amount": Form.MONEY,
    "refund_date": Form.DAY,
    "refund_account": Form.LTR,
    "refund_reference": Form.LTR,
}
#: Blocks a text may call, and the placeholders that each may use.
BLOCKS: Mapping[str, frozenset[str]] = {
    "salutation": frozenset({"name"}),
    "subject_private": frozenset({"name", "creditor"}),
    "opening_private": frozenset({"name", "creditor", "phone"}),
    "ways_out": frozenset(),
    "late_terms": frozenset({"rate", "interest_from"}),
    "balance_open": frozenset({"balance"}),
    "balance_none": frozenset(),
    # Only where a file goes with the mail; else the text closes up.
    "enclosed": frozenset(),
    # Of one invoice: `{block_rest}` and `{block_remains}` stand for one of two, by what is asked for.
    "rest_open": frozenset({"rest_amount"}),
    "rest_none": frozenset(),
    "remains_open": frozenset({"balance", "deadline"}),
    "remains_none": frozenset(),
    # `{block_evidence}`: new evidence may be sent once (domain.md, statuses of a dispute), or has been.
    "evidence_open": frozenset(),
    "evidence_none": frozenset({"person"}),
    "footer": frozenset({"person", "creditor", "phone", "hours", "counted_to", "verify", "stop"}),
    "footer_plain": frozenset({"person", "creditor", "phone", "hours", "verify", "stop"}),
    "button_pay": frozenset(),
    "button_open": frozenset(),
    "button_confirmation": frozenset(),
    "link_fallback": frozenset({"link"}),
    "row_due": frozenset({"due_date"}),
    "row_processing": frozenset({"processing"}),
    "list_total": frozenset(),
    # What ends a credit hold, and whether orders paid in advance go on; each by its word.
    "release_money": frozenset({"release_amount"}),
    "release_plan": frozenset({"release_amount"}),
    "prepaid_open": frozenset(),
    "prepaid_none": frozenset(),
    # What a one-time code is for; `{block_purpose}` stands for the one that its value names.
    "purpose_address": frozenset(),
    "purpose_contact_change": frozenset(),
    "purpose_page": frozenset(),
    "purpose_plan_by_card": frozenset(),
    "purpose_settlement": frozenset(),
    # Why a saved card did not pay (DeclineReason), and what helps (Remedy), likewise.
    "refusal_card_expired": frozenset(),
    "refusal_card_gone": frozenset(),
    "refusal_confirm": frozenset(),
    "refusal_declined": frozenset(),
    "refusal_no_funds": frozenset(),
    "remedy_card": frozenset({"deadline", "link"}),
    "remedy_confirm": frozenset({"deadline", "link"}),
    "remedy_retry": frozenset({"retry_date", "link"}),
    # What money that the payer's bank took back leaves: documents open again, all paid still, or paid out
    # twice; and the agreement that it touched, if it touched one.
    "returned_open": frozenset(),
    "returned_credit": frozenset(),
    "returned_twice": frozenset(),
    "again_plan": frozenset(),
    "again_offer": frozenset(),
    "again_promise": frozenset(),
    # The one step that is decided and follows a formal warning, likewise; it stands after a colon.
    "next_step_agency": frozenset(),
    "next_step_court": frozenset(),
    "next_step_lawyer": frozenset(),
}
#: Blocks that the frame, not a text, asks for; every HTML part depends on them.
FRAME_BLOCKS = ("link_fallback", "row_due", "row_processing", "list_total")
#: `{block_balance}` stands for one of two blocks, by the value of {balance} (tone.md, section 10).
CALLABLE_BLOCKS = frozenset(BLOCKS) | {
    "again", "balance", "evidence", "next_step", "prepaid", "purpose", "refusal", "release", "remains",
    "remedy", "rest", "returned",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """What a message may say.

    own: placeholders beside those that every message may use.
    button: block with the words on its button.
    neutral_sms: a private person gets `neutral_notice` instead of this SMS; False where the text
        itself names no amount, document or debt and says something the reader asked for.
    by_sms: whether there is an SMS of it at all.
    """

    own: frozenset[str]
    button: str = "button_open"
    neutral_sms: bool = False
    by_sms: bool = True

    @property
    def parts(self) -> tuple[str, ...]:
        """The texts that it has in every language."""
        return PARTS if self.by_sms else PARTS[:2]


EVERYWHERE = frozenset(
    {"name", "creditor", "person", "phone", "hours", "verify", "link", "stop", "counted_to"}
)
_ASKING = frozenset({"amount", "due_date", "invoice_list"})
_PROMISE = frozenset({"promise_amount", "promise_date"})
_AGREED = frozenset({"offer_amount", "pay_by", "discount"})
_DISPUTE = frozenset({"invoice", "case"})
_REVERSED = frozenset({"amount", "confirmation", "paid_date"})
_ORDER = frozenset({"amount", "deadline", "order", "order_list"})
_CARD = frozenset({"card", "instalment_amount", "due_date"})
_HANDING_OVER = frozenset({"handover_to", "handover_contact", "handover_date"})
KINDS: Mapping[str, Kind] = {
    "courtesy": Kind(_ASKING, "button_pay", neutral_sms=True),
    "due_today": Kind(_ASKING, "button_pay", neutral_sms=True),
    "first_reminder": Kind(_ASKING, "button_pay", neutral_sms=True),
    "neutral_notice": Kind(frozenset()),
    "payment_confirmation": Kind(
        frozenset({"paid_amount", "paid_date", "balance", "allocation_list"}),
        "button_confirmation",
        neutral_sms=True,
    ),
    "debit_failed": Kind(frozenset({"amount", "asked_date", "invoice_list"}), "button_pay", neutral_sms=True),
    "payment_returned": Kind(_REVERSED | {"invoice_list"}, by_sms=False),
    "payment_restored": Kind(_REVERSED, by_sms=False),
    "card_refund_sent": Kind(frozenset({"amount", "sent_date", "refund_to"}), by_sms=False),
    "fresh_link": Kind(frozenset({"link_expires"})),
    "paid_by_head_office": Kind(
        frozenset({"paid_amount", "paid_date", "balance", "allocation_list"}), by_sms=False
    ),
    "credit_hold_placed": Kind(frozenset({"hold_date", "reason", "release_amount"}), neutral_sms=True),
    "credit_hold_released": Kind(frozenset({"release_date"}), neutral_sms=True),
    "refund_sent": Kind(
        frozenset({"refund_amount", "refund_date", "refund_account", "refund_reference"}), neutral_sms=True
    ),
    "one_time_code": Kind(frozenset({"code", "code_minutes"})),
    "invoice_forwarded": Kind(frozenset({"forwarder", "account", "number"}), by_sms=False),
    "promise_recorded": Kind(_PROMISE, neutral_sms=True),
    "promise_due_tomorrow": Kind(_PROMISE, "button_pay", neutral_sms=True),
    "promise_broken": Kind(_PROMISE, "button_pay", neutral_sms=True),
    "personal": Kind(frozenset({"about", "reply"}), by_sms=False),
    "request_answered": Kind(frozenset({"asked_date", "reply"}), neutral_sms=True),
    "plan_activated": Kind(
        frozenset({"case", "plan_total", "instalment_list", "instalment_amount", "due_date"}),
        neutral_sms=True,
    ),
    "plan_answered": Kind(frozenset({"case"}), neutral_sms=True),
    "plan_cancelled": Kind(frozenset({"case", "reason", "balance"}), neutral_sms=True),
    "plan_proposed": Kind(
        frozenset({"case", "plan_total", "instalment_list", "instalment_amount", "due_date", "deadline"}),
        neutral_sms=True,
    ),
    "instalment_due": Kind(frozenset({"instalment_amount", "due_date"}), neutral_sms=True),
    "instalment_missed": Kind(
        frozenset({"instalment_amount", "due_date", "deadline", "balance"}), "button_pay", neutral_sms=True
    ),
    "card_refused": Kind(
        frozenset({"instalment_amount", "due_date", "deadline", "retry_date"}), "button_pay", neutral_sms=True
    ),
    "card_gone": Kind(_CARD, neutral_sms=True),
    "card_ends": Kind(_CARD | {"card_until"}, neutral_sms=True),
    "offer_made": Kind(frozenset({"deadline"}), neutral_sms=True),
    "offer_accepted": Kind(_AGREED | {"accepted_date"}, neutral_sms=True),
    "offer_lapsed": Kind(
        frozenset({"offer_amount", "pay_by", "accepted_date", "paid_amount", "balance"}), neutral_sms=True
    ),
    "counter_offer_accepted": Kind(_AGREED | {"deadline"}, neutral_sms=True),
    "counter_offer_changed": Kind(frozenset({"offer_amount", "deadline"}), neutral_sms=True),
    "counter_offer_refused": Kind(frozenset({"offer_amount", "reason", "balance"}), neutral_sms=True),
    "offer_voided": Kind(frozenset({"offer_amount", "balance"}), neutral_sms=True),
    "dispute_received": Kind(_DISPUTE | {"contested_amount", "answer_by"}, neutral_sms=True),
    "dispute_answered": Kind(_DISPUTE | {"reply"}, neutral_sms=True),
    "dispute_upheld": Kind(_DISPUTE | {"credited_amount", "finding"}, neutral_sms=True),
    "dispute_partly_upheld": Kind(_DISPUTE | {"credited_amount", "kept_amount", "finding"}, neutral_sms=True),
    "dispute_refused": Kind(_DISPUTE | {"finding"}, neutral_sms=True),
    "contact_changed": Kind(frozenset({"account"})),
    "opt_out_confirmed": Kind(frozenset({"contact_point", "optout_date", "preferences"})),
    # Rungs of the ladders (receivables/ladder/letters.py). A letter's mail says in full what the paper says.
    "prepayment_reminder": Kind(_ORDER, "button_pay", neutral_sms=True),
    "prepayment_due": Kind(_ORDER, "button_pay", neutral_sms=True),
    "prepayment_expiring": Kind(_ORDER, "button_pay", neutral_sms=True),
    "prepayment_expired": Kind(_ORDER, neutral_sms=True),
    "first_letter_strict": Kind(_ASKING, "button_pay", neutral_sms=True),
    "callback_invitation": Kind(_ASKING, neutral_sms=True),
    "official_letter": Kind(_ASKING | {"deadline"}, "button_pay", neutral_sms=True),
    "formal_warning": Kind(_ASKING | {"deadline"}, "button_pay", neutral_sms=True),
    "handover_notice": Kind(_ASKING | _HANDING_OVER, "button_pay", by_sms=False),
    "own_terms_reminder": Kind(_ASKING | {"agreed_date"}, "button_pay", neutral_sms=True),
    "open_problem_contact": Kind(_ASKING, neutral_sms=True),
    "hardship_contact": Kind(_ASKING, neutral_sms=True),
}
PARTS = ("subject", "body", "sms")

SLOT = re.compile(r"\{([a-z_]+)\}")
LONE_BLOCK = re.compile(r"\{block_([a-z_]+)\}")


def check_source(where: str, source: str, allowed: Iterable[str]) -> None:
    """Refuse a message source that holds anything but text and the allowed placeholders.

    Raises:
        SourceWrong: a brace too many (`{{`, `{%`), or a placeholder nobody fills (X-05).
    """
    if set("{}") & set(SLOT.sub("", source)):
        raise SourceWrong(f"{where}: braces only around a placeholder")
    unknown = set(SLOT.findall(source)) - set(allowed)
    if unknown:
        raise SourceWrong(f"{where}: unknown placeholders {', '.join(sorted(unknown))}")


@cache
def read_sources(folder: Path) -> Mapping[str, str]:
    """Read and check every message source; the keys are paths such as "courtesy/en/body"."""
    calls = {f"block_{name}" for name in CALLABLE_BLOCKS}
    allowed = {f"blocks/{{}}/{name}": own for name, own in BLOCKS.items()}
    for kind, facts in KINDS.items():
        for part in facts.parts:
            may_call = calls if part == "body" else set()
            allowed[f"{kind}/{{}}/{part}"] = frozenset(facts.own | EVERYWHERE | may_call)
    sources: dict[str, str] = {}
    for pattern, names in allowed.items():
        for language in LANGUAGES:
            key = pattern.format(language)
            path = folder / f"{key}.txt"
            if not path.is_file():
                raise SourceWrong(f"{key}: no such text")
            sources[key] = path.read_text(encoding="utf-8").strip()
            check_source(key, sources[key], names)
    return sources
