"""The command line: `amicable …` (decision 30).

Exit codes: 0 done, 1 refused or found wrong, 2 wrong use. `--json` where a program may read it.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

import logs
from assembly import House, assemble, make_folder
from config import Settings, SettingsError
from jobs import (
    credit_statuses,
    daily,
    demo,
    exporting,
    figures,
    imports,
    ladder_run,
    ladders,
    nightly_integrity,
    reconcile,
    worker,
)
from models import migrate, search
from models.accounts import Account
from models.staff import Role
from models.store import Store
from receivables import invoices
from receivables.calendar_days import business_date
from receivables.calendars import days
from receivables.contact import reminders
from receivables.desk.passwords import hash_password, new_code_secret
from receivables.desk.staff import CODE_ROLES, add_staff
from receivables.errors import ReceivablesError, Refused
from receivables.ladder.rungs import BadLadder
from receivables.permissions import SYSTEM

EXAMPLES = """examples:
  amicable demo                                   everything on this machine, with stand-ins
  amicable db upgrade                             bring the database to this version
  amicable import invoices FILE.csv --creditor northgate --currency GBP --terms 30 --as-of 2026-11-21
  amicable remind --overdue                       one reminder for each account with something overdue
  amicable remind --account 10482                 for one account, by its number
  amicable worker                                 send, settle, sweep; run as many as you like
  amicable daily                                  the day's work of each account, and the proof of the books
  amicable daily --on 2026-12-04                  for another day: one that was missed, or a trial's future
  amicable credit-status 10482 --json             may this customer order on credit
  amicable credit-status --all --out status.csv   the same of everybody, for the order system
  amicable ladder compare gentle strict           the steps of two ladders side by side
  amicable ladder run --dry-run --account 10482   where a customer stands, what comes next and when
  amicable export settlements --from 2026-10-01 --to 2026-10-31 --format xlsx --out october.xlsx
  amicable reconcile --from 2026-10-01 --to 2026-10-31   the gateway against the books; 0 agree, 1 differ
  amicable rebuild figures                        the dashboard’s days, worked out anew from the books
  amicable user add priya@northgate.example --name "Priya Shah" --role collector
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.run is None:
        parser.print_help()
        return 2
    try:
        return int(args.run(args))
    except SettingsError as error:
        for line in error.lines:
            print(f"amicable: {line}", file=sys.stderr)
        return 2
    except ReceivablesError as error:
        print(f"amicable: {error.code} {error.facts or ''}".rstrip(), file=sys.stderr)
        return 1
    except SQLAlchemyError as error:
        first = logs.mask(str(getattr(error, "orig", None) or error).partition("\n")[0])
        print(f"amicable: DATABASE_URL: {first} (after an update: amicable db upgrade)", file=sys.stderr)
        return 1
    except worker.SecondHost as error:
        print(f"amicable: {error}", file=sys.stderr)
        return 1


def console() -> None:
    """Entry point of the installed script."""
    raise SystemExit(main())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="amicable",
        description="A self-service payment portal for receivables, with a collectors' back office.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    sub = command("demo", "run everything on this machine, with stand-ins", _demo)
    sub.add_argument("--port", type=int, default=8000, help="first of four ports (default 8000)")
    sub.add_argument("--folder", type=Path, default=Path("var"), help="where the demo keeps its data (var)")
    sub.add_argument("--reset", action="store_true", help="forget the last demo first")

    sub = command("db", "bring the database to this version", _db)
    sub.add_argument("what", choices=["upgrade", "check"], help="upgrade, or check whether it is current")

    sub = command("import", "bring files into the books", _import)
    kinds = sub.add_subparsers(dest="what", required=True, metavar="WHAT")
    imports.add_import_arguments(
        kinds.add_parser("invoices", help="invoices and credit notes, one row a line")
    )

    sub = command("remind", "queue one reminder per account and currency", _remind)
    whom = sub.add_mutually_exclusive_group(required=True)
    whom.add_argument("--account", help="customer number")
    whom.add_argument("--overdue", action="store_true", help="every account with something overdue")
    sub.add_argument("--json", action="store_true", help="counts for a program")

    command("worker", "send, settle and sweep until stopped", _worker)
    sub = command("daily", "do the day's work, prove the books and tidy up; hourly is fine", _daily)
    sub.add_argument("--on", type=date.fromisoformat, metavar="DATE", help="work for this date (YYYY-MM-DD)")
    sub.add_argument("--json", action="store_true", help="findings for a program")

    sub = command("credit-status", "what may be sold on credit: ok, watch or hold", _credit_status)
    sub.add_argument("account", nargs="?", help="customer number")
    sub.add_argument("--all", action="store_true", help="every account, as CSV")
    sub.add_argument("--json", action="store_true", help="one account for a program")
    sub.add_argument("--out", type=Path, metavar="FILE", help="where the CSV goes; else it is printed")

    sub = command("ladder", "the steps of a reminder: compare ladders, or check one", _ladder)
    whats = sub.add_subparsers(dest="what", required=True, metavar="WHAT")
    some = whats.add_parser("compare", help="side by side, a line for each day")
    some.add_argument(
        "names", nargs="*", metavar="NAME", help="a ladder that ships, or a TOML file; all that ship"
    )
    going = whats.add_parser("run", help="let everybody climb whose day it is; safe to run twice")
    going.add_argument("--dry-run", action="store_true", help="say what would happen and why; change nothing")
    going.add_argument("--on", type=date.fromisoformat, metavar="DATE", help="with --dry-run: on this date")
    going.add_argument("--account", help="with --dry-run: only this customer number")
    going.add_argument("--everyone", action="store_true", help="all that is open, not only what is due")
    going.add_argument("--workers", type=int, default=1, metavar="N", help="processes that share the work")
    going.add_argument("--json", action="store_true", help="counts for a program")

    reconcile.add_reconcile_arguments(
        command("reconcile", "compare the gateway with the books; 0 they agree, 1 they differ", _reconcile)
    )
    exporting.add_export_arguments(command("export", "tables for other programs", _export))
    sub = command("rebuild", "work out anew what is kept for speed", _rebuild)
    sub.add_argument("what", choices=["figures", "search"], help="the dashboard’s days, or what search finds")

    sub = command("user", "people at the desk", _user)
    sub.add_argument("what", choices=["add"])
    sub.add_argument("email")
    sub.add_argument("--name", required=True)
    sub.add_argument("--role", required=True, choices=[role.value for role in Role])
    sub.add_argument("--language", default="en")
    return parser


def _house() -> House:
    logs.configure()
    return assemble(Settings.load())


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _demo(args: argparse.Namespace) -> int:
    folder = args.folder.resolve()
    if args.reset:
        demo.forget(folder)

    def built(environment: dict[str, str]) -> House:
        return assemble(Settings.load(**environment))

    return demo.run(demo.Places(args.port, folder), built, lambda house: migrate.upgrade(house.store.writer))


def _db(args: argparse.Namespace) -> int:
    settings = Settings.load()
    url = settings.AMICABLE_OWNER_DATABASE_URL or settings.DATABASE_URL
    make_folder(url)
    store = Store(url)
    if args.what == "upgrade":
        migrate.upgrade(store.writer)
        print("The database is at this version.")
        return 0
    current = migrate.is_current(store.writer)
    print("The database is current." if current else "The database is behind: run `amicable db upgrade`.")
    return 0 if current else 1


def _import(args: argparse.Namespace) -> int:
    house = _house()
    return imports.run_import(
        house.store, house.settings.AMICABLE_DATA_DIR, args, _utc_now(), tables=house.tables
    )


def _remind(args: argparse.Namespace) -> int:
    house = _house()
    now = _utc_now()
    with house.store.read() as session:
        if args.overdue:
            chosen = invoices.accounts_with_overdue(session, now=now)
        else:
            chosen = list(session.scalars(select(Account.id).where(Account.number == args.account)))
    if not chosen and not args.overdue:
        print(f"amicable: no account has the number {args.account}", file=sys.stderr)
        return 1
    queued = 0
    refused: dict[str, int] = {}
    for account_id in chosen:
        try:
            queued += house.store.run(
                lambda s, i=account_id: len(reminders.remind(s, SYSTEM, s.get_one(Account, i), now=now))  # type: ignore[misc]
            )
        except Refused as error:
            refused[error.code] = refused.get(error.code, 0) + 1
    if args.json:
        print(json.dumps({"accounts": len(chosen), "messages": queued, "refused": refused}))
    else:
        print(
            f"{len(chosen)} accounts, {queued} messages queued",
            *(f"{n} {c}" for c, n in refused.items()),
            sep=", ",
        )
    return 0 if not refused or args.overdue else 1


def _worker(args: argparse.Namespace) -> int:
    worker.run(_house())
    return 0


def _daily(args: argparse.Namespace) -> int:
    house, now = _house(), _utc_now()
    if args.on and house.settings.is_production and args.on > business_date(now, daily.FARTHEST):
        print("amicable: --on: that day has not begun anywhere; nothing was done", file=sys.stderr)
        return 2
    work = daily.run(house, now=now, on=args.on)
    work["trouble"] += sum(found is None for found in reconcile.daily(house, now=now).values())
    findings = nightly_integrity.prove(house, now=now)
    wrong = any(findings.values()) or work["trouble"] > 0
    if args.json:
        print(json.dumps({**findings, "work": work}))
    else:
        for name, count in work.items():
            if count:
                print(f"{name}: {count} accounts")
        print("The books hold." if not any(findings.values()) else f"Found wrong: {findings}")
    return 1 if wrong else 0


def _credit_status(args: argparse.Namespace) -> int:
    if (args.account is None) != args.all or (args.all and args.json) or (args.out and not args.all):
        print("amicable: credit-status ACCOUNT [--json] or credit-status --all [--out FILE]", file=sys.stderr)
        return 2
    if args.all:
        return credit_statuses.write_all(_house(), args.out, now=_utc_now())
    return credit_statuses.show(_house(), args.account, as_json=args.json, now=_utc_now())


def _ladder(args: argparse.Namespace) -> int:
    return _ladder_run(args) if args.what == "run" else _ladder_compare(args)


def _ladder_run(args: argparse.Namespace) -> int:
    if (args.on or args.account) and not args.dry_run:
        print("amicable: --on and --account go with --dry-run; a run is of today", file=sys.stderr)
        return 2
    house, now = _house(), _utc_now()
    with house.store.read() as session:
        days.refresh(session)
    if args.dry_run:
        looks = ladder_run.dry_run(house, now=now, on=args.on, account_number=args.account)
        counted: dict[str, int] = {}
        for found in looks:
            if args.account or found.due:
                print(*ladder_run.told_in_words(found), sep="\n")
            for due in found.due:
                counted[due.rung.code] = counted.get(due.rung.code, 0) + 1
        if args.json:
            print(json.dumps(counted))
        else:
            print(", ".join(f"{code} {count}" for code, count in counted.items()) or "nothing is due")
        return 0
    ran = ladder_run.run(house, now=now, everyone=args.everyone, workers=args.workers, begin=_house)
    done = ran.climbed
    if args.json:
        print(
            json.dumps(
                {
                    "accounts": done.looked_at, "met": done.met, "proposed": done.proposed,
                    "done": done.done, "withdrawn": done.withdrawn, "trouble": ran.trouble,
                }
            )
        )  # fmt: skip
    else:
        print(
            f"{done.looked_at} accounts, {done.met} rungs met, {done.done} steps done, "
            f"{done.proposed} proposed, {done.withdrawn} withdrawn, {ran.trouble} in trouble"
        )
    return 1 if ran.trouble else 0


def _ladder_compare(args: argparse.Namespace) -> int:
    try:
        print(ladders.table(ladders.known(args.names)))
    except BadLadder as error:
        where = ", ".join(f"{key} {value}" for key, value in error.facts.items())
        print(f"amicable: {error.code}: {where}", file=sys.stderr)
        return 1
    except KeyError as error:
        print(f"amicable: no ladder and no file has the name {error.args[0]}", file=sys.stderr)
        return 2
    return 0


def _export(args: argparse.Namespace) -> int:
    return exporting.run_export(_house(), args)


def _reconcile(args: argparse.Namespace) -> int:
    return reconcile.run_reconcile(_house(), args, now=_utc_now())


def _rebuild(args: argparse.Namespace) -> int:
    house = _house()
    if args.what == "search":
        count = house.store.run(lambda s: search.fill(s.connection()))
        print(f"{count} terms written.")
    else:
        print(f"{figures.rebuild(house, now=_utc_now())} days worked out.")
    return 0


def _user(args: argparse.Namespace) -> int:
    house = _house()
    role = Role(args.role)
    password = (
        getpass.getpass("Password (15 characters or more): ")
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\n")
    )
    secret = new_code_secret() if role in CODE_ROLES else None
    hashed = hash_password(password, with_code=secret is not None)
    house.store.run(
        lambda s: add_staff(
            s, SYSTEM, email=args.email, name=args.name, role=role, password_hash=hashed,
            totp_secret=secret, language=args.language, now=_utc_now(),
        )
    )  # fmt: skip
    print(f"{args.email} may log in as {role.value}.")
    if secret:
        print(f"Time-based code, to be entered in an authenticator app now: {secret}")
    return 0


if __name__ == "__main__":
    console()
