"""Why an account stands where it stands: what holds of it, heaviest first, and what comes next.

Codes with their facts; the pages word them. The first line of the heaviest is always there: how late the
oldest document is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from models.pauses import PauseReason
from models.work import TaskKind
from receivables import pauses
from receivables.calendar_days import business_date
from receivables.invoices import OpenDocument
from receivables.policy import FACTORS, WorklistRules
from receivables.worklist.facts import Known, Moment

#: What brings a skipped account back before its day.
NEWS = frozenset({"promise_broken", "dispute_settled", "bounced", "reply", "call_back"})
#: A pause for one of these leaves the amount in the list: its factor says how much it counts.
_COUNTED = frozenset({PauseReason.PROMISE, PauseReason.SAYS_PAID, PauseReason.PLAN, PauseReason.OFFER})
_ORDER = {code: place for place, code in enumerate(FACTORS)}


@dataclass(frozen=True, slots=True)
class Why:
    """What holds of an account in one currency.

    Attributes:
        documents: (document, days late) of what is overdue and not left alone on purpose.
        moments: what happened, heaviest first; one of a code.
        next_code, next_on: "task:call_back" or "rung:call", and its account-local day; None: nothing.
        rests_until: first day on which a skipped account is shown again; None: it is shown.
    """

    documents: Sequence[tuple[OpenDocument, int]]
    moments: Sequence[Moment]
    next_code: str | None
    next_on: date | None
    rests_until: date | None
    untouched_days: int

    @property
    def codes(self) -> frozenset[str]:
        """The factors that hold."""
        return frozenset(moment.code for moment in self.moments)


def why(
    known: Known,
    currency: str,
    overdue: Sequence[tuple[OpenDocument, int]],
    *,
    rules: WorklistRules,
    now: datetime,
) -> Why:
    """Return what holds of an account in one currency of which something is overdue."""
    moments = [*_of_currency(known, currency), *_of_account(known, currency, rules=rules, now=now)]
    heaviest = sorted(moments, key=lambda moment: (_ORDER[moment.code], -moment.at.toordinal()))
    latest = {moment.code: moment for moment in reversed(heaviest)}
    next_code, next_on = _next(known, currency)
    return Why(
        documents=[one for one in overdue if not _rests(known, one[0])],
        moments=[latest[code] for code in sorted(latest, key=_ORDER.__getitem__)],
        next_code=next_code,
        next_on=next_on,
        rests_until=_rests_until(known, moments),
        untouched_days=_untouched(known, max(late for _, late in overdue)),
    )


def told(reasons: Why, known: Known, currency: str) -> list[dict[str, Any]]:
    """Return the codes with their facts as they are kept and worded."""
    found: list[dict[str, Any]] = []
    for moment in reasons.moments:
        said: dict[str, Any] = {"code": moment.code, "on": moment.at.isoformat()}
        if moment.minor:
            said |= {"minor": moment.minor, "currency": currency}
        if moment.said:
            said["said"] = moment.said
        if moment.code == "promise_broken":
            said["count"] = known.broken[currency]
        found.append(said)
    return found


def _of_currency(known: Known, currency: str) -> list[Moment]:
    return [moment for moment in known.happened if moment.currency in (None, currency)]


def _of_account(known: Known, currency: str, *, rules: WorklistRules, now: datetime) -> list[Moment]:
    """What is said by tasks, calls, pauses, facts and holds."""
    found = []
    for kind, due_at, made_at in known.tasks:
        if kind is TaskKind.CALL_BACK and business_date(due_at, known.zone) <= known.today:
            found.append(Moment("call_back", business_date(due_at, known.zone), said=due_at.isoformat(),
                                known_at=made_at))  # fmt: skip
        elif kind is TaskKind.READ_REPLY:
            found.append(Moment("reply", business_date(made_at, known.zone), known_at=made_at))
    if known.call is not None:
        made_at, talked, outcome = known.call
        code = "spoken_lately" if talked else "tried_lately"
        rests = timedelta(days=rules.spoken_days if talked else rules.tried_days)
        if made_at > now - rests:
            found.append(Moment(code, business_date(made_at, known.zone), said=outcome))
    paid = [held for held in known.pauses if held.reason is PauseReason.SAYS_PAID
            and held.currency in (None, currency)]  # fmt: skip
    if paid:
        found.append(Moment("says_paid", max((held.to_on or known.today) for held in paid)))
    for code, holds in (
        ("bound", known.bound), ("on_hold", known.on_hold), ("bank_behind", known.bank_behind),
    ):  # fmt: skip
        if holds:
            found.append(Moment(code, known.today))
    return found


def _rests(known: Known, document: OpenDocument) -> bool:
    """Whether a document waits for us or for something that is known to come, so that nobody asks for it."""
    stopped = pauses.paused_by(known.pauses, invoice_ref=document.ref, currency=document.currency)
    return any(reason not in _COUNTED for reason in stopped)


def _next(known: Known, currency: str) -> tuple[str | None, date | None]:
    """The earliest of open tasks and of the ladder's next rungs in this currency; a task goes first."""
    coming = [(business_date(due_at, known.zone), 0, f"task:{kind.value}") for kind, due_at, _ in known.tasks]
    coming += [(on, 1, f"rung:{rung}") for rung, on, of in known.rungs if of == currency]
    if not coming:
        return None, None
    on, _, code = min(coming)
    return code, on


def _rests_until(known: Known, moments: Sequence[Moment]) -> date | None:
    if known.skipped is None:
        return None
    until_on, skipped_at = known.skipped
    news = any(
        moment.code in NEWS and moment.known_at is not None and moment.known_at > skipped_at
        for moment in moments
    )
    return None if news or until_on <= known.today else until_on


def _untouched(known: Known, days_late: int) -> int:
    """Days since a person did something about the account, at most those it is late."""
    moments = [known.touched_at, known.call[0] if known.call is not None else None]
    last = max((at for at in moments if at is not None), default=None)
    if last is None:
        return days_late
    return min(days_late, max(0, (known.today - business_date(last, known.zone)).days))
