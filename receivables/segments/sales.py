"""Sales and management beside the ladder: warnings, tasks with their result, 48 hours, a day's notice.

A salesperson touches the accounts that are his, as salesperson or as sponsor; another's is not found
(L-15). Source: domain.md, "The ladder"; policy [segments].
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from models.pauses import Pause, PauseReason
from models.segments import EarlyWarning
from models.work import Task, TaskKind
from receivables import outbox, pauses, task_links
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.own_accounts import is_theirs
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import current_policy
from receivables.segments.evidence import overdue_on
from receivables.texts import clean_words

#: Longest words of a warning or a result, characters.
WORDS_MOST = 1000
#: What came of a talk; each has a word on the timeline, "sales.will_pay".
OUTCOMES = ("will_pay", "needs_time", "problem", "refuses", "not_reached")
#: Answers that say nothing without words.
TOLD = frozenset({"problem", "refuses"})
#: Tasks that sales or management answer.
KINDS = frozenset({TaskKind.SALES, TaskKind.MANAGEMENT})


def early_warning(
    session: Session, actor: Actor, account: Account, words: str, *, now: datetime
) -> EarlyWarning:
    """Note that a customer may stop paying, before anything is late; whoever collects is alerted.

    Args:
        words: what was seen or heard, at most WORDS_MOST characters.
    Raises:
        NotAllowed, NotFound: not this actor's to do, not his account.
        Refused: words_missing, words_too_long.
    """
    _require(actor, account)
    said = _words(words)
    warning = EarlyWarning(account_id=account.id, staff_id=actor.id, words=said, raised_at=now)
    session.add(warning)
    session.flush()
    record(session, actor, "early_warning.raised", warning, account_id=account.id, now=now, reason=said)
    outbox.note(session, account.id, "sales.early_warning", staff_id=actor.id, now=now, facts={"words": said})
    outbox.raise_alert(session, "early_warning", f"account:{account.id}", account_id=account.id, now=now)
    return warning


def report_back(
    session: Session, actor: Actor, task_ref: str, outcome: str, words: str | None, *, now: datetime
) -> Task:
    """Close a task for sales or management with what came of it; the timeline tells it.

    Args:
        outcome: one of OUTCOMES.
        words: what was said, at most WORDS_MOST characters; None where a tap said all there is to say.
    Returns:
        The task, done; one that was done before stays as it was.
    Raises:
        NotAllowed, NotFound: not this actor's to do; no such task for him.
        Refused: outcome_unknown, words_missing, words_too_long.
    """
    require(actor, Permission.SALES_ACT)
    task = session.scalar(select(Task).where(Task.ref == task_ref, Task.kind.in_(KINDS)).with_for_update())
    if task is None:
        raise NotFound("not_found")
    _require(actor, session.get_one(Account, task.account_id))
    if task.done_at is not None:
        return task
    if outcome not in OUTCOMES:
        raise Refused("outcome_unknown")
    said = _words(words) if words is not None else None
    task.done_at, task.done_by_id = now, actor.id
    record(
        session, actor, "task.done", task, account_id=task.account_id, now=now, reason=said,
        facts={"code": task.kind.value, "key": task.key, "outcome": outcome},
    )  # fmt: skip
    outbox.note(
        session, task.account_id, f"sales.{outcome}", staff_id=actor.id, now=now,
        facts={"words": said} if said else {},
    )  # fmt: skip
    return task


def answer_by_link(
    session: Session, token: str, outcome: str, words: str, *, now: datetime, request_id: str | None = None
) -> Task:
    """Close the task of a link with what came of it, as the person it was sent to; the link is spent.

    The person is asked for anew: who has left, may no longer act or no longer looks after the account
    answers nothing. Source: docs/decisions/015.

    Args:
        token: clear, of the mail.
        words: what was said; needed where somebody has to know what (TOLD).
    Raises:
        LinkGone: unknown, over, spent, or its task is done.
        NotAllowed, NotFound, Refused: as of `report_back`.
    """
    link, person, task = task_links.opened(session, token, lock=True, now=now)
    actor = Actor(ActorKind.STAFF, id=person.id, role=person.role, name=person.name, request_id=request_id)
    said = words.strip()
    done = report_back(session, actor, task.ref, outcome, said if said or outcome in TOLD else None, now=now)
    link.used_at = now
    return done


def ask_for_time(session: Session, actor: Actor, account: Account, *, now: datetime) -> Pause:
    """Stand still for two business days while sales talks with the customer; once a case.

    A case is what was overdue at the time: another one begins when nothing of it is open any more.

    Args:
        account: locked here.
    Raises:
        NotAllowed, NotFound: not this actor's to do, not his account.
        Refused: nothing_overdue, talk_used.
    Source: domain.md, "The ladder"; policy segments.talk_business_days.
    """
    _require(actor, account)
    account = session.get_one(Account, account.id, with_for_update=True, populate_existing=True)
    today = business_date(now, account.zone)
    since = case_since(session, account.id, today)
    if since is None:
        raise Refused("nothing_overdue")
    if talk_used(session, account.id, since):
        raise Refused("talk_used")
    rules = current_policy(session, now).segments
    # From a day off the hours begin to count with the next business day.
    first = add_business_days(today, 0, account.country)
    to_on = add_business_days(first, rules.talk_business_days, account.country)
    held = pauses.pause(
        session, actor, account, PauseReason.SALES_TALK, key=f"sales_talk:{account.id}:{today}",
        now=now, to_on=to_on,
    )  # fmt: skip
    outbox.note(
        session, account.id, "sales.asked_for_time", staff_id=actor.id, now=now,
        facts={"on": to_on.isoformat()},
    )  # fmt: skip
    return held


def talk_used(session: Session, account_id: int, since: date) -> bool:
    """Whether sales had its time in the case that began on a day."""
    used = select(Pause.id).where(
        Pause.account_id == account_id, Pause.reason == PauseReason.SALES_TALK, Pause.from_on > since
    )
    return session.scalar(used.limit(1)) is not None


def case_since(session: Session, account_id: int, today: date) -> date | None:
    """Return the due date of the oldest document that is overdue; None where nothing is."""
    return session.scalar(
        select(func.min(Invoice.due_on)).where(Invoice.account_id == account_id, overdue_on(today))
    )


# --------------------------------------------------------------------------- notice before firm rungs


def notice_given(session: Session, account: Account, rung_code: str, *, now: datetime) -> bool:
    """Whether a firm rung may act as far as sales is concerned; changes nothing.

    True where the rung needs no notice, where nobody sells to the account, and from one business day after
    the notice on. Where it is False and no notice was given yet, `give_notice` gives it.

    Source: domain.md, "The ladder"; policy segments.notice_rungs, notice_business_days.
    """
    rules = current_policy(session, now).segments
    if rung_code not in rules.notice_rungs or account.salesperson_id is None:
        return True
    today = business_date(now, account.zone)
    given_at = _noticed_at(session, account, rung_code, today)
    if given_at is None:
        return False
    given_on = business_date(given_at, account.zone)
    return today >= add_business_days(given_on, rules.notice_business_days, account.country)


def give_notice(session: Session, account: Account, rung_code: str, *, now: datetime) -> Task | None:
    """Tell the salesperson that a firm rung is about to act; once a case and rung.

    Returns:
        The task that tells him; None where no notice is due or one stands.
    """
    rules = current_policy(session, now).segments
    if rung_code not in rules.notice_rungs or account.salesperson_id is None:
        return None
    today = business_date(now, account.zone)
    if _noticed_at(session, account, rung_code, today) is not None:
        return None
    acts_on = add_business_days(today, rules.notice_business_days, account.country)
    task = outbox.ask_person(
        session, TaskKind.SALES, f"{_notice(account, rung_code)}{today}", account_id=account.id,
        facts={"rung": rung_code, "on": acts_on.isoformat()}, now=now,
    )  # fmt: skip
    task.assigned_to_id = account.salesperson_id
    task_links.mail_task(session, account, task, now=now)
    outbox.note(session, account.id, "sales.notice_given", now=now, facts={"on": acts_on.isoformat()})
    return task


def _noticed_at(session: Session, account: Account, rung_code: str, today: date) -> datetime | None:
    """Return when notice of a rung was given in the case that runs."""
    since = case_since(session, account.id, today)
    given_at = session.scalar(
        select(func.max(Task.created_at)).where(
            Task.account_id == account.id, Task.key.startswith(_notice(account, rung_code), autoescape=True)
        )
    )
    if given_at is None or since is None or business_date(given_at, account.zone) <= since:
        return None
    return given_at


def _notice(account: Account, rung_code: str) -> str:
    return f"sales_notice:{account.id}:{rung_code}:"


def _require(actor: Actor, account: Account) -> None:
    require(actor, Permission.SALES_ACT)
    if actor.kind is not ActorKind.STAFF:
        raise NotAllowed("not_allowed", permission=Permission.SALES_ACT.value)
    if not is_theirs(actor, account):
        raise NotFound("not_found")


def _words(words: str) -> str:
    said = clean_words(words, most=WORDS_MOST)
    if not said:
        raise Refused("words_missing")
    return said
