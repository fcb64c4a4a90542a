"""Who may do what: permissions, roles, grants; deny by default (A-01).

`require(actor, permission, account_id=…)` is the first line of every action. A subject of
another account is "not found" for a link holder, never "forbidden" (L-15).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.links import LinkScope
from models.staff import Role
from receivables.errors import NotAllowed, NotFound


class Permission(StrEnum):
    """resource:action, alphabetical."""

    ACCOUNT_CHOOSE_LANGUAGE = "account:choose_language"
    ACCOUNT_NOTE = "account:note"
    ACCOUNT_READ = "account:read"
    ACCOUNT_VIEW_AS_DEBTOR = "account:view_as_debtor"
    ALERT_CLOSE = "alert:close"
    ALERT_READ = "alert:read"
    ANSWER_GIVE = "answer:give"
    APPROVAL_ASK = "approval:ask"
    APPROVAL_DECIDE = "approval:decide"
    APPROVAL_READ = "approval:read"
    ARRANGEMENT_READ = "arrangement:read"
    AUDIT_READ = "audit:read"
    BANK_LINES_READ = "bank_lines:read"
    BANK_LINES_RECORD = "bank_lines:record"
    CALENDAR_CHANGE = "calendar:change"
    CALL_ASK = "call:ask"
    CALL_LOG = "call:log"
    CARD_KEEP = "card:keep"
    CHARGE_ISSUE = "charge:issue"
    CHARGE_PROPOSE = "charge:propose"
    CHARGE_READ = "charge:read"
    CHARGE_WAIVE = "charge:waive"
    CHARGEBACK_ANSWER = "chargeback:answer"
    CHARGEBACK_READ = "chargeback:read"
    CODE_ASK = "code:ask"
    CONTACT_ADD = "contact:add"
    CONTACT_CHANGE = "contact:change"
    CONTACT_CONFIRM = "contact:confirm"
    CONTACT_MARK_SIGNATORY = "contact:mark_signatory"
    CONTACT_RULES_PUBLISH = "contact_rules:publish"
    CREDIT_USE = "credit:use"
    CREDIT_HOLD_PLACE = "credit_hold:place"
    CREDIT_HOLD_READ = "credit_hold:read"
    CREDIT_LIMIT_SET = "credit_limit:set"
    CREDIT_NOTE_RECORD = "credit_note:record"
    DEPUTY_NAME = "deputy:name"
    DISPUTE_CREDIT = "dispute:credit"
    DISPUTE_OPEN = "dispute:open"
    DISPUTE_READ = "dispute:read"
    DISPUTE_RESOLVE = "dispute:resolve"
    DISPUTE_STATE = "dispute:state"
    DOCUMENT_READ = "document:read"
    EVENT_TRY = "event:try"
    FEED_KEEP = "feed:keep"
    FIGURES_READ = "figures:read"
    FIGURES_READ_OWN = "figures:read_own"
    FILE_ADD = "file:add"
    FLAG_LIFT = "flag:lift"
    FLAG_READ = "flag:read"
    FLAG_RECORD = "flag:record"
    HANDLER_EDIT = "handler:edit"
    HANDOVER_DECIDE = "handover:decide"
    HANDOVER_PROPOSE = "handover:propose"
    HANDOVER_READ = "handover:read"
    HARDSHIP_READ = "hardship:read"
    HARDSHIP_TELL = "hardship:tell"
    INBOUND_ASSIGN = "inbound:assign"
    INVOICE_IMPORT = "invoice:import"
    INVOICE_READ = "invoice:read"
    LADDER_CHOOSE = "ladder:choose"
    LADDER_DECIDE = "ladder:decide"
    LADDER_PUBLISH = "ladder:publish"
    LADDER_READ = "ladder:read"
    LADDER_SWITCH = "ladder:switch"
    LESSON_ADD = "lesson:add"
    LETTER_PRINT = "letter:print"
    LETTER_QUEUE = "letter:queue"
    LINK_FORWARD = "link:forward"
    LINK_ISSUE = "link:issue"
    LINK_REVOKE = "link:revoke"
    MESSAGE_READ = "message:read"
    MESSAGE_WRITE = "message:write"
    OFFER_ACCEPT = "offer:accept"
    OFFER_MAKE = "offer:make"
    PAUSE_PLACE = "pause:place"
    PAY_RUN_KEEP = "pay_run:keep"
    PAYMENT_READ = "payment:read"
    PAYMENT_START = "payment:start"
    PAYMENT_TAKE_BACK = "payment:take_back"
    PLAN_CANCEL = "plan:cancel"
    PLAN_MAKE = "plan:make"
    POSTING_READ = "posting:read"
    PROFILE_KEEP = "profile:keep"
    PROMISE_MAKE = "promise:make"
    RATE_ADD = "rate:add"
    RECONCILIATION_EXPLAIN = "reconciliation:explain"
    RECONCILIATION_READ = "reconciliation:read"
    REFUND_PAY = "refund:pay"
    REFUND_PROPOSE = "refund:propose"
    REFUND_READ = "refund:read"
    REMINDER_SEND = "reminder:send"
    REMITTANCE_RECORD = "remittance:record"
    REPORT_READ = "report:read"
    REQUEST_ANSWER = "request:answer"
    RULES_PROPOSE = "rules:propose"
    RULES_READ = "rules:read"
    SALES_ACT = "sales:act"
    SALES_READ = "sales:read"
    SEGMENT_DECIDE = "segment:decide"
    SEGMENT_READ = "segment:read"
    SENDING_STOP = "sending:stop"
    SESSION_END = "session:end"
    SETTLEMENTS_READ = "settlements:read"
    SNIPPET_SHARE = "snippet:share"
    STAFF_ADD = "staff:add"
    STAFF_CHANGE = "staff:change"
    STAFF_READ = "staff:read"
    STAFF_RESET = "staff:reset"
    STATEMENT_READ = "statement:read"
    SURVEY_ANSWER = "survey:answer"
    TARGET_SET = "target:set"
    TASK_CLOSE = "task:close"
    TERMS_AGREE = "terms:agree"
    WORKLIST_ASSIGN = "worklist:assign"
    WORKLIST_WORK = "worklist:work"
    WRITE_OFF_PROPOSE = "write_off:propose"


class ActorKind(StrEnum):
    STAFF = "staff"
    LINK_HOLDER = "link_holder"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. No actor, no action; audit and permission come from the same value.

    Attributes:
        id: staff id, or link id of a link holder; None for the system.
        account_id: the one account a link holder may touch.
        request_id: names the request in audit and logs.
    """

    kind: ActorKind
    id: int | None = None
    role: Role | None = None
    account_id: int | None = None
    contact_id: int | None = None
    scope: LinkScope | None = None
    name: str = ""
    request_id: str | None = None
    #: The one invoice that a forwarded link shows and pays; None for every other.
    invoice_id: int | None = None


SYSTEM = Actor(ActorKind.SYSTEM, name="Amicable")

_P = Permission
_READS = frozenset(
    { _P.ARRANGEMENT_READ, _P.BANK_LINES_READ,
        _P.ACCOUNT_READ, _P.APPROVAL_READ, _P.CHARGE_READ, _P.CREDIT_HOLD_READ, _P.DISPUTE_READ,
        _P.DOCUMENT_READ,
        _P.CHARGEBACK_READ, _P.FLAG_READ, _P.HANDOVER_READ, _P.INVOICE_READ,
        _P.PROFILE_KEEP,
        _P.MESSAGE_READ, _P.PAYMENT_READ, _P.POSTING_READ, _P.REFUND_READ, _P.REPORT_READ, _P.RULES_READ,
        _P.SALES_READ, _P.SEGMENT_READ,
    }
)  # fmt: skip
_CHASES = frozenset(
    {
        _P.ACCOUNT_NOTE, _P.ACCOUNT_VIEW_AS_DEBTOR, _P.FILE_ADD, _P.MESSAGE_WRITE, _P.PAY_RUN_KEEP,
        _P.DISPUTE_OPEN, _P.HARDSHIP_TELL, _P.LESSON_ADD,
        _P.ALERT_READ, _P.CALL_LOG, _P.CHARGE_PROPOSE, _P.CHARGE_WAIVE, _P.FLAG_RECORD, _P.INBOUND_ASSIGN,
        _P.LADDER_CHOOSE,
        _P.LADDER_DECIDE, _P.LADDER_READ,
        _P.LETTER_PRINT, _P.LETTER_QUEUE, _P.LINK_ISSUE, _P.LINK_REVOKE, _P.PLAN_CANCEL, _P.PROMISE_MAKE,
        _P.PAUSE_PLACE, _P.REMINDER_SEND,
        _P.RULES_PROPOSE, _P.SEGMENT_DECIDE, _P.SENDING_STOP, _P.WORKLIST_WORK,
    }
)  # fmt: skip

# fmt: off
GRANTS: dict[Role, frozenset[Permission]] = {
    Role.COLLECTOR: _READS
    | _CHASES
    | {
        _P.FIGURES_READ_OWN,
        _P.APPROVAL_ASK, _P.APPROVAL_DECIDE, _P.DEPUTY_NAME, _P.REFUND_PROPOSE,
        _P.WRITE_OFF_PROPOSE, _P.CONTACT_ADD, _P.CREDIT_HOLD_PLACE, _P.DISPUTE_CREDIT, _P.DISPUTE_RESOLVE,
        _P.HANDOVER_PROPOSE,
        _P.OFFER_MAKE,
        _P.PLAN_MAKE,
        _P.REQUEST_ANSWER, _P.TASK_CLOSE, _P.FEED_KEEP,
    },
    Role.SUPERVISOR: _READS
    | _CHASES
    | {
        _P.FIGURES_READ, _P.FIGURES_READ_OWN, _P.SETTLEMENTS_READ, _P.STATEMENT_READ, _P.TARGET_SET,
        _P.EVENT_TRY, _P.RECONCILIATION_READ,
        _P.STAFF_READ, _P.STAFF_RESET,
        _P.DEPUTY_NAME, _P.REFUND_PROPOSE, _P.WRITE_OFF_PROPOSE, _P.CHARGEBACK_ANSWER,
        _P.ALERT_CLOSE, _P.APPROVAL_ASK, _P.APPROVAL_DECIDE, _P.AUDIT_READ, _P.BANK_LINES_RECORD,
        _P.CHARGE_ISSUE,
        _P.CONTACT_ADD, _P.CONTACT_CONFIRM, _P.CONTACT_MARK_SIGNATORY, _P.CONTACT_RULES_PUBLISH,
        _P.CREDIT_HOLD_PLACE, _P.CREDIT_LIMIT_SET, _P.SNIPPET_SHARE,
        _P.CREDIT_NOTE_RECORD, _P.DISPUTE_CREDIT, _P.DISPUTE_RESOLVE, _P.DISPUTE_STATE,
        _P.FLAG_LIFT, _P.HANDLER_EDIT, _P.HANDOVER_DECIDE, _P.HANDOVER_PROPOSE, _P.REMITTANCE_RECORD,
        _P.HARDSHIP_READ, _P.LADDER_PUBLISH, _P.LADDER_SWITCH, _P.OFFER_MAKE, _P.PLAN_MAKE,
        _P.REQUEST_ANSWER, _P.SALES_ACT, _P.TASK_CLOSE, _P.CALENDAR_CHANGE, _P.FEED_KEEP, _P.TERMS_AGREE,
        _P.WORKLIST_ASSIGN,
    },
    Role.ACCOUNTANT: _READS
    | {
        _P.FIGURES_READ, _P.FIGURES_READ_OWN, _P.SETTLEMENTS_READ, _P.STATEMENT_READ,
        _P.ACCOUNT_NOTE, _P.CREDIT_LIMIT_SET, _P.FILE_ADD,
        _P.REFUND_PAY, _P.REFUND_PROPOSE, _P.WRITE_OFF_PROPOSE, _P.PAYMENT_TAKE_BACK,
        _P.CHARGEBACK_ANSWER,
        _P.EVENT_TRY, _P.RECONCILIATION_EXPLAIN, _P.RECONCILIATION_READ,
        _P.ALERT_READ, _P.ALERT_CLOSE, _P.APPROVAL_ASK, _P.BANK_LINES_RECORD, _P.CHARGE_ISSUE,
        _P.CHARGE_PROPOSE,
        _P.CREDIT_NOTE_RECORD, _P.DISPUTE_CREDIT, _P.INVOICE_IMPORT, _P.REMITTANCE_RECORD, _P.RATE_ADD,
        _P.REQUEST_ANSWER,
        _P.TASK_CLOSE, _P.FEED_KEEP,
    },
    Role.SALESPERSON: frozenset(
        {
            _P.STATEMENT_READ,
            _P.ACCOUNT_NOTE, _P.ACCOUNT_READ, _P.CREDIT_HOLD_READ, _P.DISPUTE_STATE, _P.FEED_KEEP,
            _P.FLAG_READ, _P.INVOICE_READ, _P.PAYMENT_READ, _P.PROFILE_KEEP, _P.SALES_ACT,
            _P.SALES_READ,
        }
    ),
    Role.AUDITOR: _READS
    | {_P.FIGURES_READ, _P.FIGURES_READ_OWN, _P.SETTLEMENTS_READ, _P.STATEMENT_READ}
    | {_P.AUDIT_READ, _P.ALERT_READ, _P.RECONCILIATION_READ, _P.STAFF_READ},
    Role.ADMIN: frozenset(
        {
            _P.APPROVAL_ASK, _P.CALENDAR_CHANGE, _P.HANDLER_EDIT,
            _P.PROFILE_KEEP, _P.STAFF_CHANGE, _P.STAFF_READ, _P.STAFF_RESET,
            _P.STAFF_ADD, _P.ALERT_READ, _P.ALERT_CLOSE, _P.AUDIT_READ, _P.CONTACT_CONFIRM,
        }
    ),
}

# fmt: on

_SEES_AND_PAYS = frozenset(
    {_P.ACCOUNT_READ, _P.DOCUMENT_READ, _P.INVOICE_READ, _P.PAYMENT_READ, _P.PAYMENT_START, _P.CALL_ASK}
)
#: Staff-held and forwarded links see and pay; what binds the debtor is his alone (decision 6).
SCOPE_GRANTS: dict[LinkScope, frozenset[Permission]] = {
    LinkScope.VIEW_AND_PAY: _SEES_AND_PAYS - {_P.CALL_ASK},
    LinkScope.ONE_INVOICE: frozenset({_P.CODE_ASK, _P.INVOICE_READ, _P.PAYMENT_START}),
    LinkScope.FULL: _SEES_AND_PAYS
    | {
        _P.ACCOUNT_CHOOSE_LANGUAGE,
        _P.ANSWER_GIVE,
        _P.CARD_KEEP,
        _P.CODE_ASK,
        _P.CONTACT_CHANGE,
        _P.CREDIT_USE,
        _P.DISPUTE_OPEN,
        _P.DISPUTE_READ,
        _P.HARDSHIP_TELL,
        _P.LINK_FORWARD,
        _P.OFFER_ACCEPT,
        _P.OFFER_MAKE,
        _P.PLAN_MAKE,
        _P.PROMISE_MAKE,
        _P.SESSION_END,
        _P.SURVEY_ANSWER,
    },
}


def may(actor: Actor, permission: Permission) -> bool:
    """Whether the actor holds the permission, whatever the account."""
    if actor.kind is ActorKind.SYSTEM:
        return True
    if actor.kind is ActorKind.STAFF:
        return actor.role is not None and permission in GRANTS[actor.role]
    return actor.scope is not None and permission in SCOPE_GRANTS[actor.scope]


def require(actor: Actor, permission: Permission, *, account_id: int | None = None) -> None:
    """Refuse unless the actor holds the permission and may touch the account.

    Raises:
        NotAllowed: the permission is missing.
        NotFound: a link holder asks for another account's subject.
    """
    if not may(actor, permission):
        raise NotAllowed("not_allowed", permission=permission.value)
    if actor.kind is ActorKind.LINK_HOLDER and account_id is not None and account_id != actor.account_id:
        raise NotFound("not_found")
