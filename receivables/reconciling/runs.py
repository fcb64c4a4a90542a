"""One comparison of a gateway account with the books, over a span: read, bring in, post, list.

A second run changes nothing. Speaks to the gateway between units of work; memory does not grow with the
number of movements. Source: P-17, M-18, M-19.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.reconciliation import FindingList, GatewayMovement, Payout, ReconciliationFinding
from models.states import FindingStatus
from models.store import Store
from receivables import outbox
from receivables.calendar_days import business_date
from receivables.policy import current_policy
from receivables.ports import MovementKind, PaymentGateway
from receivables.reconciling import ageing, bringing_in, copies, findings, posting, sent_back, ties

#: What the gateway's list may say a little earlier or later than our day: taken in on both sides.
EDGE = timedelta(days=2)
#: Step of a run, and how many rows it has looked at: for whoever watches a long one.
Told = Callable[[str, int], object]


@dataclass(slots=True)
class Result:
    """What one run found and did.

    Attributes:
        movements, unread: how many the gateway listed; of these, whose amount our money cannot say.
        sent_back: how many refunds, chargebacks and inquiries it listed.
        sums: by currency and kind, there and here, after all that was brought in.
        brought_in: payments, refunds, chargebacks and inquiries that the books had missed.
        posted: fees and changes of currency that were posted.
        payouts: payouts that changed.
        changed, ended: findings that are new or other than before; findings that are over.
        open, explained: findings of the gateway account that stand, by list.
    """

    gateway_account: str
    start: datetime
    end: datetime
    movements: int = 0
    unread: int = 0
    sent_back: int = 0
    brought_in: int = 0
    posted: int = 0
    payouts: int = 0
    changed: int = 0
    ended: int = 0
    sums: Sequence[ties.KindSum] = ()
    open: dict[str, int] = field(default_factory=dict)
    explained: int = 0

    @property
    def agrees(self) -> bool:
        """Whether gateway and books say the same, but for what a person explained."""
        return not any(self.open.values())


def reconcile(
    store: Store,
    gateway: PaymentGateway,
    start: datetime,
    end: datetime,
    *,
    now: datetime,
    told: Told = lambda step, rows: None,
) -> Result:
    """Compare a gateway account with the books over a span, `end` not in it.

    Charges of ours that were missed are brought in late, with an alert; fees and changes of currency are
    posted; payouts go on their way; what differs then is written down as findings.

    Raises:
        GatewayUnreachable, GatewayRefused: the gateway's list could not be read to its end; what was done
            so far stands, and another run goes on from there.
    """
    with store.read() as session:
        policy = current_policy(session, now).reconciling
    result = Result(gateway.name, start, end)
    copied = copies.copy_movements(
        store, gateway, start - EDGE, end, now=now, told=lambda rows: told("movements", rows)
    )
    result.movements, result.unread, result.changed = copied.listed, copied.unread, copied.changed
    result.payouts = copies.copy_payouts(
        store, gateway, start, end, again=timedelta(days=policy.payout_days), now=now,
        told=lambda rows: told("payouts", rows),
    )  # fmt: skip
    _mend(store, gateway, ties.within(gateway.name, start, end), result, now=now, told=told)
    result.sent_back, brought_in = sent_back.look(
        store, gateway, start, end, now=now, told=lambda rows: told("refunds and disputes", rows)
    )
    result.brought_in += brought_in
    _list(store, gateway.name, result, wait=timedelta(hours=policy.wait_hours), now=now, told=told)
    with store.read() as session:
        result.sums = ties.sums(session, ties.within(gateway.name, start, end))
        result.open, result.explained = standing(session, gateway.name)
    store.run(lambda s: _alarm(s, result, now=now))
    return result


def _mend(
    store: Store,
    gateway: PaymentGateway,
    span: ColumnElement[bool],
    result: Result,
    *,
    now: datetime,
    told: Told,
) -> None:
    """Bring in what was missed, and post the fees and changes of currency of what is in the books.

    What was on its way when it was last looked at is asked about again, of whatever day it is.
    """
    everything = GatewayMovement.gateway_account == gateway.name
    for read, where in ((ties.on_its_way, everything), (ties.untied, span), (ties.unchanged, span)):
        after = 0
        while True:
            with store.read() as session:
                found = read(session, where, after=after)
            if not found:
                break
            after = found[-1].movement.id
            for tie in found:
                # Of a failed debit the amount is explained by itself; that ours knows of it is not.
                if tie.here_minor is None or tie.movement.kind == MovementKind.CHARGE_FAILURE:
                    result.brought_in += bringing_in.bring_in(store, gateway, tie.movement, now=now)
                    told("brought in", result.brought_in)
            for part in copies.parts(found, 100):

                def unit(session: Session, part: Sequence[ties.Tie] = part) -> int:
                    return sum(posting.post_of_movement(session, tie.movement, now=now) for tie in part)

                result.posted += store.run(unit)
                told("posted", result.posted)


def _list(
    store: Store, gateway_account: str, result: Result, *, wait: timedelta, now: datetime, told: Told
) -> None:
    """Write down what differs now, and end what differs no more."""
    span = ties.within(gateway_account, result.start, result.end)
    with store.read() as session:
        zone = findings.zone_of(session, gateway_account)
    first, last = business_date(result.start, zone), business_date(result.end - timedelta(seconds=1), zone)
    posted = ties.posted_within(first, last, before=now - wait)
    for read, meant in ((ties.untied, findings.of_tie), (ties.unchanged, findings.of_unchanged)):
        after = 0
        while True:
            with store.read() as session:
                found = read(session, span, after=after)
            if not found:
                break
            after = found[-1].movement.id
            differences = [meant(tie, zone) for tie in found]
            result.changed += store.run(
                lambda s, d=differences: findings.keep(s, gateway_account, d, now=now)  # type: ignore[misc]
            )
            told("differences", result.changed)
    after = 0
    while True:
        with store.read() as session:
            lone = ties.lone_entries(session, gateway_account, posted, after=after)
        if not lone:
            break
        after = lone[-1][0]
        differences = [findings.of_lone(one) for _, one in lone]
        result.changed += store.run(
            lambda s, d=differences: findings.keep(s, gateway_account, d, now=now)  # type: ignore[misc]
        )
        told("differences", result.changed)
    with store.read() as session:
        wrong = session.scalars(
            select(Payout).where(Payout.gateway_account == gateway_account, findings.wrong_sum())
        ).all()
    result.changed += store.run(
        lambda s: findings.keep(s, gateway_account, [findings.of_payout(one) for one in wrong], now=now)
    )
    after = 0
    while True:
        after, ended = store.run(
            lambda s, after=after: findings.let_go(s, gateway_account, after=after, now=now)  # type: ignore[misc]
        )
        result.ended += ended
        if not after:
            break


def standing(session: Session, gateway_account: str) -> tuple[dict[str, int], int]:
    """Return how many findings of an account are open, by list, and how many a person explained."""
    counted = session.execute(
        select(ReconciliationFinding.listed, ReconciliationFinding.status, func.count().label("number"))
        .where(
            ReconciliationFinding.gateway_account == gateway_account,
            ReconciliationFinding.status != FindingStatus.GONE,
        )
        .group_by(ReconciliationFinding.listed, ReconciliationFinding.status)
    ).all()
    open_ = {one.value: 0 for one in FindingList}
    open_ |= {r.listed.value: r.number for r in counted if r.status is FindingStatus.OPEN}
    return open_, sum(r.number for r in counted if r.status is FindingStatus.EXPLAINED)


def _alarm(session: Session, result: Result, *, now: datetime) -> None:
    """Tell people of what differs, of money on its way for too long, and of what nothing explains."""
    if not result.agrees:
        outbox.raise_alert(
            session, "reconciliation_differs", f"gateway:{result.gateway_account}", now=now,
            facts={"object": result.gateway_account, **result.open},
        )  # fmt: skip
    for item in ageing.late(session, result.gateway_account, now=now):
        outbox.raise_alert(
            session, "clearing_aged", ":".join([result.gateway_account, item.code, item.currency, item.what]),
            now=now,
            facts={
                "object": result.gateway_account, "place": item.code, "amount_minor": item.minor,
                "currency": item.currency, "since": item.since_on.isoformat(),
            },
        )  # fmt: skip
    unexplained = {
        (code, currency): minor
        for code, currency, minor in ageing.unexplained(session, result.gateway_account, now=now)
    }
    for key in outbox.open_keys(session, "clearing_unexplained", f"gateway:{result.gateway_account}:"):
        if key not in {_place(result, *one) for one in unexplained}:
            outbox.end_alert(session, "clearing_unexplained", key, now=now)
    for one, minor in unexplained.items():
        code, currency = one
        outbox.raise_alert(
            session, "clearing_unexplained", _place(result, *one), now=now,
            facts={
                "object": result.gateway_account, "place": code, "amount_minor": minor, "currency": currency,
            },
        )  # fmt: skip


def _place(result: Result, code: str, currency: str) -> str:
    return f"gateway:{result.gateway_account}:{code}:{currency}"
