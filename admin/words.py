"""What the desk calls codes: audit, timeline, alerts, tasks, reasons, roles, refusals.

English is the key; `word` gives it in the reader's language. Tables, not templates, so that a
test can hold each code of the house to a word. The tables stand beside this file, in a module for
each noun; here they are joined.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext

import web
from admin.account_words import (
    ACCOUNT_AUDIT,
    ACCOUNT_REFUSALS,
    ACCOUNT_TABLES,
    ACCOUNT_TASK_ADVICE,
    ACCOUNT_TASKS,
)
from admin.approval_words import (
    APPROVAL_ADVICE,
    APPROVAL_ALERTS,
    APPROVAL_AUDIT,
    APPROVAL_KINDS,
    APPROVAL_MOVEMENTS,
    APPROVAL_REFUSALS,
    APPROVAL_TABLES,
    APPROVAL_TASK_ADVICE,
    APPROVAL_TASKS,
    APPROVAL_TIMELINE,
)
from admin.arrangement_words import (
    COMMON_APPROVALS,
    COMMON_MOVEMENTS,
    OFFER_MAKERS,
    OFFER_STATES,
    PLAN_OUTSIDE,
    REQUEST_KINDS,
    REQUEST_WHAT,
)
from admin.audit_words import ACTORS, COMMON_AUDIT
from admin.book_words import CHARGE_KINDS, COSTS_OFF, DISPUTE_REASONS, INBOX, INVOICE_KINDS, LEDGER, METHODS
from admin.calls_words import (
    ANSWER_REASONS,
    ARREARS_ENDS,
    CALL_AUDIT,
    CALL_LEADS,
    CALL_REFUSALS,
    CALL_TIMELINE,
    CANNOT,
    MORE_CALL_OUTCOMES,
    NEXT_ACTIONS,
    PROBLEM_BY,
    RECORDING_BASES,
    RECORDING_NEEDS,
    SPOKEN,
    VISIT_CHECKS,
    WORKED,
)
from admin.card_words import CARD_AUDIT, CARD_EVENTS, CARD_MESSAGES
from admin.contact_words import (
    CHANNELS,
    COMMON_CALL_OUTCOMES,
    FLAGS,
    INBOUND_KINDS,
    INBOUND_OUTCOMES,
    INBOUND_SHOWS,
    MET,
    PURPOSES,
    REASON_GROUPS,
    REASONS,
    WAITS,
)
from admin.figures_words import FIGURE_AUDIT, FIGURE_REFUSALS, FIGURE_TABLES
from admin.flag_words import FLAG_MEANS, FLAG_REFUSALS, GUARDED_FACT, MATRIX_ACTS, MATRIX_WORDS
from admin.handover_words import HANDLER_KINDS, LEGAL_MISSING, LEGAL_STEPS, RECEIVERS
from admin.hold_words import (
    HOLD_ADVICE,
    HOLD_ALERTS,
    HOLD_AUDIT,
    HOLD_NOTICES,
    HOLD_REFUSALS,
    HOLD_TABLES,
    HOLD_TASK_ADVICE,
    HOLD_TASKS,
    HOLD_TIMELINE,
)
from admin.ladder_words import (
    CALL_SCRIPTS,
    COMMON_NOTICE_RUNGS,
    GATES,
    LADDER_MODES,
    LADDER_SOURCES,
    LADDERS,
    RUNG_ACTS,
    RUNGS,
    STEP_OUTCOMES,
)
from admin.message_words import (
    COMMON_MESSAGE_KINDS,
    LETTER_ENCLOSURES,
    LETTER_ENDS,
    LETTER_KINDS,
    LINK_STATES,
    SCOPES,
)
from admin.pause_words import PAUSE_CAUSES, PAUSE_ENDS, PAUSE_REFUSALS, PAUSE_TIMELINE
from admin.payment_words import PAYMENT_MESSAGES, PAYMENT_TASK_ADVICE, PAYMENT_TASKS
from admin.person_words import COLLECTOR_ROLES, CONTACT_ROLES, DEBTOR_TYPES, ROLES
from admin.policy_words import (
    EDITOR_REFUSALS,
    POLICY_ABOUT,
    POLICY_CHOICES,
    POLICY_COLUMNS,
    POLICY_EFFECTS,
    POLICY_KEYS,
    POLICY_PARTS,
    POLICY_SECTIONS,
    POLICY_UNITS,
    TEXT_MARKS,
    TEXT_PARTS,
)
from admin.reconciliation_words import (
    RECONCILIATION_ADVICE,
    RECONCILIATION_ALERTS,
    RECONCILIATION_AUDIT,
    RECONCILIATION_REFUSALS,
    RECONCILIATION_TABLES,
)
from admin.refusal_words import COMMON_REFUSALS
from admin.reversal_words import (
    REVERSAL_ADVICE,
    REVERSAL_ALERTS,
    REVERSAL_AUDIT,
    REVERSAL_MESSAGES,
    REVERSAL_REFUSALS,
    REVERSAL_TABLES,
    REVERSAL_TASK_ADVICE,
    REVERSAL_TASKS,
    REVERSAL_TIMELINE,
)
from admin.rule_words import RULES
from admin.sales_words import (
    SALES_AUDIT,
    SALES_MESSAGE_KINDS,
    SALES_REFUSALS,
    SALES_TABLES,
    SALES_TIMELINE,
)
from admin.segment_words import SALES_OUTCOMES, SEGMENT_MOVES, SEGMENTS
from admin.staff_words import FRESH_ACT_WORDS, STAFF_AUDIT, STAFF_REFUSALS
from admin.timeline_words import COMMON_TIMELINE, PLACES
from admin.work_words import COMMON_ADVICE, COMMON_ALERTS, COMMON_TASK_ADVICE, COMMON_TASKS
from admin.worklist_words import WORKLIST_AUDIT, WORKLIST_REFUSALS, WORKLIST_TABLES, WORKLIST_TIMELINE
from receivables.flags import GUARDED, UNNAMED
from receivables.permissions import Permission


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `word` translates it where it is shown."""
    return text


#: What many rooms add to; each table is held to the codes of the house by a test.
AUDIT: Mapping[str, str] = {
    **ACCOUNT_AUDIT,
    **WORKLIST_AUDIT,
    **FIGURE_AUDIT,
    **STAFF_AUDIT,
    **HOLD_AUDIT,
    **APPROVAL_AUDIT,
    **SALES_AUDIT,
    **CALL_AUDIT,
    **RECONCILIATION_AUDIT,
    **REVERSAL_AUDIT,
    **CARD_AUDIT,
    **COMMON_AUDIT,
}
TIMELINE: Mapping[str, str] = {
    **WORKLIST_TIMELINE,
    **HOLD_TIMELINE,
    **PAUSE_TIMELINE,
    **APPROVAL_TIMELINE,
    **REVERSAL_TIMELINE,
    **SALES_TIMELINE,
    **CALL_TIMELINE,
    **CARD_EVENTS,
    **COMMON_TIMELINE,
}
MESSAGE_KINDS: Mapping[str, str] = {
    **SALES_MESSAGE_KINDS,
    **CARD_MESSAGES,
    **PAYMENT_MESSAGES,
    **REVERSAL_MESSAGES,
    **COMMON_MESSAGE_KINDS,
}
ALERTS: Mapping[str, str] = {
    **HOLD_ALERTS,
    **RECONCILIATION_ALERTS,
    **REVERSAL_ALERTS,
    **APPROVAL_ALERTS,
    **COMMON_ALERTS,
}
#: What to do about an alert, in one sentence.
ADVICE: Mapping[str, str] = {
    **HOLD_ADVICE,
    **RECONCILIATION_ADVICE,
    **REVERSAL_ADVICE,
    **APPROVAL_ADVICE,
    **COMMON_ADVICE,
}
TASKS: Mapping[str, str] = {
    **ACCOUNT_TASKS,
    **HOLD_TASKS,
    **APPROVAL_TASKS,
    **REVERSAL_TASKS,
    **PAYMENT_TASKS,
    **COMMON_TASKS,
}
TASK_ADVICE: Mapping[str, str] = {
    **ACCOUNT_TASK_ADVICE,
    **HOLD_TASK_ADVICE,
    **APPROVAL_TASK_ADVICE,
    **REVERSAL_TASK_ADVICE,
    **PAYMENT_TASK_ADVICE,
    **COMMON_TASK_ADVICE,
}
#: What came of a call.
CALL_OUTCOMES: Mapping[str, str] = {**MORE_CALL_OUTCOMES, **COMMON_CALL_OUTCOMES}
REFUSALS: Mapping[str, str] = {
    **ACCOUNT_REFUSALS,
    **CALL_REFUSALS,
    **RECONCILIATION_REFUSALS,
    **REVERSAL_REFUSALS,
    **FIGURE_REFUSALS,
    **FLAG_REFUSALS,
    **WORKLIST_REFUSALS,
    **STAFF_REFUSALS,
    **EDITOR_REFUSALS,
    **HOLD_REFUSALS,
    **PAUSE_REFUSALS,
    **APPROVAL_REFUSALS,
    **SALES_REFUSALS,
    **COMMON_REFUSALS,
}
#: What waits for a second person.
APPROVALS: Mapping[str, str] = {**APPROVAL_KINDS, **COMMON_APPROVALS}
#: What reduced an invoice.
MOVEMENTS: Mapping[str, str] = {**APPROVAL_MOVEMENTS, **COMMON_MOVEMENTS}
#: Rungs that a salesperson hears of before they act.
NOTICE_RUNGS: Mapping[str, str] = {**HOLD_NOTICES, **COMMON_NOTICE_RUNGS}

TABLES: Mapping[str, Mapping[str, str]] = {
    **ACCOUNT_TABLES,
    **WORKLIST_TABLES,
    **FIGURE_TABLES,
    **RECONCILIATION_TABLES,
    **REVERSAL_TABLES,
    "actor": ACTORS,
    "advice": ADVICE,
    "alert": ALERTS,
    "answer_reason": ANSWER_REASONS,
    "approval": APPROVALS,
    "arrears_end": ARREARS_ENDS,
    "call_leads": CALL_LEADS,
    "cannot": CANNOT,
    "next_action": NEXT_ACTIONS,
    "problem_by": PROBLEM_BY,
    "recording_basis": RECORDING_BASES,
    "recording_needs": RECORDING_NEEDS,
    "spoken": SPOKEN,
    "visit_check": VISIT_CHECKS,
    "worked": WORKED,
    "audit": AUDIT,
    "call_outcome": CALL_OUTCOMES,
    "channel": CHANNELS,
    "charge_kind": CHARGE_KINDS,
    "contact_role": CONTACT_ROLES,
    "costs_off": COSTS_OFF,
    "debtor_type": DEBTOR_TYPES,
    "dispute_reason": DISPUTE_REASONS,
    "flag": FLAGS,
    "flag_means": FLAG_MEANS,
    "flag_name": FLAGS,
    "matrix_act": MATRIX_ACTS,
    "matrix_word": MATRIX_WORDS,
    "handler_kind": HANDLER_KINDS,
    "inbound_kind": INBOUND_KINDS,
    "inbound_outcome": INBOUND_OUTCOMES,
    "inbound_show": INBOUND_SHOWS,
    "inbox": INBOX,
    "invoice_kind": INVOICE_KINDS,
    "ledger": LEDGER,
    "legal_missing": LEGAL_MISSING,
    "legal_step": LEGAL_STEPS,
    "link_state": LINK_STATES,
    "message_kind": MESSAGE_KINDS,
    "met": MET,
    "method": METHODS,
    "movement": MOVEMENTS,
    "offer_maker": OFFER_MAKERS,
    "offer_status": OFFER_STATES,
    "place": PLACES,
    "plan_outside": PLAN_OUTSIDE,
    "purpose": PURPOSES,
    "letter_end": LETTER_ENDS,
    "letter_enclosure": LETTER_ENCLOSURES,
    "letter_kind": LETTER_KINDS,
    "reason": REASONS,
    "reason_group": REASON_GROUPS,
    "refusal": REFUSALS,
    "request_kind": REQUEST_KINDS,
    "request_what": REQUEST_WHAT,
    "role": ROLES,
    "rung": RUNGS,
    "ladder": LADDERS,
    "fresh_act": FRESH_ACT_WORDS,
    "policy_about": POLICY_ABOUT,
    "policy_choice": POLICY_CHOICES,
    "policy_column": POLICY_COLUMNS,
    "policy_effect": POLICY_EFFECTS,
    "policy_key": POLICY_KEYS,
    "policy_part": {**ROLES, **SEGMENTS, **LETTER_KINDS, **APPROVALS, **POLICY_PARTS},
    "policy_section": POLICY_SECTIONS,
    "policy_unit": POLICY_UNITS,
    "text_mark": TEXT_MARKS,
    "text_part": TEXT_PARTS,
    "gate": GATES,
    "rung_act": RUNG_ACTS,
    "rule": RULES,
    "call_script": CALL_SCRIPTS,
    "receiver": RECEIVERS,
    "ladder_source": LADDER_SOURCES,
    "collector_role": COLLECTOR_ROLES,
    "ladder_mode": LADDER_MODES,
    "step_outcome": STEP_OUTCOMES,
    "scope": SCOPES,
    **HOLD_TABLES,
    "pause_cause": PAUSE_CAUSES,
    "pause_ends": PAUSE_ENDS,
    **APPROVAL_TABLES,
    **SALES_TABLES,
    "notice_rung": NOTICE_RUNGS,
    "sales_outcome": SALES_OUTCOMES,
    "segment": SEGMENTS,
    "segment_move": SEGMENT_MOVES,
    "task": TASKS,
    "task_advice": TASK_ADVICE,
    "timeline": TIMELINE,
    "waits": {**REASONS, **WAITS},
}


#: Tables in which a fact about a debtor stands by its code.
_OF_DEBTORS = ("flag", "reason", "waits")
_GUARDED = {kind.value for kind in GUARDED}


def is_guarded(code: str) -> bool:
    """Whether a code names a fact that this reader may not know by name."""
    named = code.removeprefix("flag:")
    return named == UNNAMED or (named in _GUARDED and not web.staff_may(Permission.HARDSHIP_READ))


def word(table: str, code: str) -> str:
    """Return the word for a code in the reader's language; a code without a word stands for itself.

    A fact about a debtor that the reader may not know is said to be one, and not which.

    Args:
        table: a key of TABLES.
    """
    if table in _OF_DEBTORS and is_guarded(code):
        return str(gettext(GUARDED_FACT))
    text = TABLES[table].get(code)
    return str(gettext(text)) if text else code
