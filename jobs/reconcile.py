"""Reconciliation: every day by itself, and by command for any span, with an exit code (P-17)."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo

from jobs.house import House
from receivables import outbox
from receivables.policy import current_policy
from receivables.ports import GatewayError, PaymentGateway
from receivables.reconciling import backfill, findings, runs, watches
from receivables.reconciling.runs import Result

log = logging.getLogger("amicable.reconcile")

WORK = "reconcile"
#: Hour of the creditor's day at which the day before is compared; the gateway has settled it by then.
HOUR = clock_time(5, 0)
#: What is newer is left to its own notification, usually.
FRESH = timedelta(hours=1)
#: A run that failed is tried again after so long.
AGAIN = timedelta(hours=1)
#: Seconds between two lines of progress: to a person who watches, and to the log of the worker.
TOLD_EVERY, LOGGED_EVERY = 2.0, 30.0


def daily(house: House, *, now: datetime, fresh: timedelta = FRESH) -> dict[str, Result | None]:
    """Compare each gateway account whose time has come, once however many workers ask.

    The span goes back so many days as policy says before the end of the last run that came to its end, the
    first time before the first payment: after a month without a worker the month is compared.

    Args:
        fresh: what is newer is left to its own notification.
    Returns:
        Gateway account -> what was found; None where the gateway could not be read, which leaves an alert.
    """
    found: dict[str, Result | None] = {}
    for name, gateway in house.gateways.items():
        claimed = house.store.run(lambda s, n=name: watches.claim(s, n, WORK, now=now))  # type: ignore[misc]
        if claimed is not None:
            found[name] = _run(house, gateway, claimed, now=now, fresh=fresh)
    return found


def _run(
    house: House, gateway: PaymentGateway, claimed: watches.Claim, *, now: datetime, fresh: timedelta
) -> Result | None:
    with house.store.read() as session:
        back = timedelta(days=current_policy(session, now).reconciling.days_back)
        zone = findings.zone_of(session, gateway.name)
        begun = backfill.first_attempt(session, gateway.name)
    # The first time everything is compared: what is older than the span is on no list afterwards.
    start = min(now, claimed.read_to_at or begun or now) - back
    try:
        told = progress(_log, every=LOGGED_EVERY)
        result = runs.reconcile(house.store, gateway, start, now - fresh, now=now, told=told)
    except GatewayError as error:
        why = str(error)
        log.warning("not reconciled", extra={"facts": {"object": gateway.name, "why": why}})

        def failed(session: Any) -> None:
            watches.stumbled(session, claimed, why, next_at=now + AGAIN, now=now)
            facts = {"object": gateway.name, "why": why[:200]}
            outbox.raise_alert(session, "not_reconciled", f"gateway:{gateway.name}", now=now, facts=facts)

        house.store.run(failed)
        return None
    house.store.run(
        lambda s: watches.ended(
            s, claimed, next_at=next_morning(now, zone), now=now, read_to_at=now, facts=figures(result)
        )
    )
    return result


def next_morning(now: datetime, zone: str) -> datetime:
    """Return the next moment at which a day is compared."""
    here = now.astimezone(ZoneInfo(zone))
    due = datetime.combine(here.date(), HOUR, ZoneInfo(zone))
    return (
        due if due > here else datetime.combine(here.date() + timedelta(days=1), HOUR, ZoneInfo(zone))
    ).astimezone(UTC)


def figures(result: Result) -> dict[str, Any]:
    """What a run found, as a program reads it; sums are minor units."""
    return {
        "gateway": result.gateway_account,
        "from": result.start.isoformat(timespec="seconds"),
        "to": result.end.isoformat(timespec="seconds"),
        "agrees": result.agrees,
        "movements": result.movements,
        "unread": result.unread,
        "sent_back": result.sent_back,
        "brought_in": result.brought_in,
        "posted": result.posted,
        "payouts_changed": result.payouts,
        "findings_changed": result.changed,
        "findings_ended": result.ended,
        "open": result.open,
        "explained": result.explained,
        "sums": [
            {
                "currency": one.currency, "kind": one.kind, "number": one.number,
                "there_minor": one.there_minor, "here_minor": one.here_minor,
            }
            for one in result.sums
        ],
    }  # fmt: skip


def add_reconcile_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what `amicable reconcile` takes."""
    parser.add_argument("--from", dest="first", type=date.fromisoformat, metavar="DATE", required=True,
                        help="first day, at the creditor's place (YYYY-MM-DD)")  # fmt: skip
    parser.add_argument("--to", dest="last", type=date.fromisoformat, metavar="DATE", required=True,
                        help="last day")  # fmt: skip
    parser.add_argument("--gateway", metavar="NAME", help="one gateway account; else all of them")
    parser.add_argument("--json", action="store_true", help="findings for a program")


def run_reconcile(house: House, args: argparse.Namespace, *, now: datetime) -> int:
    """Compare a span; returns 0 where gateway and books agree, 1 where they differ, 2 for wrong use."""
    if args.last < args.first:
        print("amicable: --to is before --from; nothing was done", file=sys.stderr)
        return 2
    chosen = _chosen(house.gateways, args.gateway)
    if not chosen:
        print("amicable: no gateway account is set up, or none has this name", file=sys.stderr)
        return 2
    results, failed = [], False
    told = progress(_print if sys.stderr.isatty() else None, every=TOLD_EVERY)
    for name, gateway in chosen.items():
        with house.store.read() as session:
            zone = ZoneInfo(findings.zone_of(session, name))
        start = datetime.combine(args.first, clock_time.min, zone).astimezone(UTC)
        end = datetime.combine(args.last + timedelta(days=1), clock_time.min, zone).astimezone(UTC)
        try:
            results.append(runs.reconcile(house.store, gateway, start, min(end, now), now=now, told=told))
        except GatewayError as error:
            print(f"amicable: {name}: the gateway could not be read to the end: {error}", file=sys.stderr)
            failed = True
    if args.json:
        print(json.dumps([figures(result) for result in results]))
    else:
        for result in results:
            print(*words(result), sep="\n")
    return 1 if failed or not all(result.agrees for result in results) else 0


def _chosen(gateways: Mapping[str, PaymentGateway], name: str | None) -> Mapping[str, PaymentGateway]:
    return gateways if name is None else {n: g for n, g in gateways.items() if n == name}


def progress(say: runs.Told | None, *, every: float) -> runs.Told:
    """Return what says how far a long run has come, at most once in so many seconds; None says nothing."""
    last = time.monotonic()

    def told(step: str, rows: int) -> None:
        nonlocal last
        if say is not None and time.monotonic() - last >= every:
            last = time.monotonic()
            say(step, rows)

    return told


def _print(step: str, rows: int) -> None:
    print(f"  {step}: {rows}", file=sys.stderr)


def _log(step: str, rows: int) -> None:
    log.info("reconciling", extra={"facts": {"step": step, "rows": rows}})


def words(result: Result) -> list[str]:
    """Say in a few lines what a run found."""
    lines = [
        f"{result.gateway_account}: {result.movements} movements, {result.sent_back} refunds and disputes, "
        f"{result.brought_in} brought in, {result.posted} posted, {result.payouts} payouts changed"
    ]
    lines += [
        f"  {one.currency} {one.kind}: {one.number}, there {one.there_minor}, here {one.here_minor}"
        + ("" if one.there_minor == one.here_minor else f", difference {one.there_minor - one.here_minor}")
        for one in result.sums
    ]
    if result.unread:
        lines.append(f"  in a currency or a fraction that we do not know: {result.unread}")
    lines += [f"  {name.replace('_', ' ')}: {number}" for name, number in result.open.items() if number]
    if result.explained:
        lines.append(f"  explained by a person: {result.explained}")
    lines.append("  Gateway and books agree." if result.agrees else "  Gateway and books differ.")
    return lines
