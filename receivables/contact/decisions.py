"""What the gate answered, kept with everything it looked at; and the same answer given again (C-04)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.messages import ContactDecision
from receivables.contact.inputs import Inputs, binding_of
from receivables.contact.rule_rows import rules_of
from receivables.contact.rules import Decision, judge
from receivables.errors import Refused


def keep(
    session: Session, account: Account, contact: Contact, decision: Decision, *, now: datetime,
    message_id: int | None = None,
) -> ContactDecision:  # fmt: skip
    """Write down one answer of the gate, as it was when it counted.

    Args:
        decision: by `may_contact` or `may_call`, with its inputs.
        message_id: what it was about; None for a call.
    """
    if decision.inputs is None or decision.binding is None:
        raise ValueError("a decision that the gate did not make")
    row = ContactDecision(
        account_id=account.id,
        contact_id=contact.id,
        message_id=message_id,
        channel=decision.inputs.channel,
        purpose=decision.inputs.purpose,
        allowed=decision.allowed,
        reasons=list(decision.reasons),
        inputs=decision.inputs.as_json()
        | {
            "rows": list(decision.binding.rows),
            "unsure": list(decision.binding.unsure),
            "rules": rules_of(session, decision.rules_version_id).digest,
        },
        policy_version_id=decision.rules_version_id,
        decided_at=now,
    )
    session.add(row)
    return row


def again(session: Session, kept: ContactDecision) -> Decision:
    """Give a stored decision again from its inputs, by the rules that were in force then.

    Raises:
        Refused: `rules_changed` (facts: digest): it was made by shipped rules that this release no
            longer ships.
    """
    rules = rules_of(session, kept.policy_version_id)
    if rules.digest != kept.inputs["rules"]:
        raise Refused("rules_changed", digest=kept.inputs["rules"])
    known = Inputs.from_json(kept.inputs)
    return judge(known, binding_of(rules, known))
