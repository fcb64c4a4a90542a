"""Prove that nothing was lost: reads the database, the gateway's log, the mailbox and logs; changes nothing.

Exit codes: 0 everything that was checked holds, 1 something is broken (the first fact of each
invariant is named), 2 wrong use: a part that was named is not there or is something else.

Run it when the queues have drained: money that the gateway took a moment ago and that is still on
its way into the books shows as broken.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from checker import client_log
from checker.ground import BOOKS_TABLES, Ground, judge
from checker.invariants import CHECKS
from checker.report import as_json, table
from checker.sources import Absent, Source, SqliteSource, Unsuitable, moment, open_books

DATABASE = "sqlite:///var/amicable.db"
#: A worker says more often than this that it lives; a demo whose worker was silent for longer has been ended.
ALIVE = timedelta(minutes=2)
#: part -> (file looked for when none is named, tables that must be in it).
PARTS = {
    "stripe": (Path("var/stripe.db"), ("object",)),
    "mailbox": (Path("var/mailbox.db"), ("message",)),
}

EXAMPLES = """\
examples:
  python -m checker
  python -m checker --database postgresql://localhost/amicable --json
  python -m checker --logs var/web.log var/worker.log --client-log var/ops.jsonl
  python -m checker --anchor 3f0c…  (the audit head printed by an earlier run)
"""


def _moment(text: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        value = None
    if value is None or value.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a moment with its zone, as 2026-11-20T12:00+00:00")
    return value.astimezone(UTC)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m checker",
        description=(__doc__ or "").split("\n\n", 1)[0],
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--database", metavar="URL", default=DATABASE, help=f"default {DATABASE}")
    parser.add_argument("--stripe-log", metavar="PATH", type=Path, help="default var/stripe.db, if there")
    parser.add_argument("--mailbox", metavar="PATH", type=Path, help="default var/mailbox.db, if there")
    parser.add_argument(
        "--client-log", metavar="PATH", type=Path, help="JSON lines: op, ref, outcome, amount_minor…"
    )
    parser.add_argument(
        "--logs", metavar="PATH", type=Path, nargs="+", default=[], help="log files to search"
    )
    parser.add_argument("--anchor", metavar="HASH", help="audit head kept elsewhere; must be in the chain")
    parser.add_argument(
        "--now", metavar="ISO", type=_moment, help="moment to judge by, with its zone; default now"
    )
    parser.add_argument("--json", action="store_true", help="answer for programs")
    return parser


def _look(asked: argparse.Namespace, stack: ExitStack) -> Ground:
    """Open everything that is there.

    Raises:
        Absent, Unsuitable: the database, or a part that was named, is not there or is something else.
    """
    books = open_books(asked.database, BOOKS_TABLES)
    stack.callback(books.close)
    ground = Ground(books, asked.now or datetime.now(UTC), client_log=asked.client_log, logs=asked.logs)
    if asked.now is None and asked.database == DATABASE:
        _stand_still(ground, books)
    ground.anchor = asked.anchor.lower() if asked.anchor else None
    for part, (default, tables) in PARTS.items():
        named: Path | None = asked.stripe_log if part == "stripe" else asked.mailbox
        if named is None and not default.is_file():
            ground.left_out[part] = f"{default} is absent"
            continue
        source = SqliteSource(named or default, tables)
        stack.callback(source.close)
        setattr(ground, part, source)
    for path in [asked.client_log, *asked.logs]:
        if path is not None and not path.is_file():
            raise Absent(f"{path} is absent")
    if asked.client_log is not None:
        for _ in client_log.read(asked.client_log):  # every line, before anything is judged by it
            pass
    return ground


def _stand_still(ground: Ground, books: Source) -> None:
    """Judge a demo that was ended by the moment it ended: nothing could be done since.

    Only the demo's own file is met with so much patience: in production a worker that is gone is a finding.
    """
    seen = books.one("SELECT MAX(seen_at) FROM heartbeat")
    if seen is None or seen[0] is None:
        return
    ended = moment(seen[0]) + ALIVE
    if ended < ground.now:
        ground.now = ended
        ground.notes.append(f"nothing has run since {ended.isoformat(timespec='minutes')}: judged as of then")


def main(arguments: list[str] | None = None) -> int:
    """Check and report.

    Args:
        arguments: command line without the program's name; None takes the process's own.
    Returns:
        The exit code, see the module.
    """
    asked = _arguments().parse_args(arguments)
    with ExitStack() as stack:
        try:
            ground = _look(asked, stack)
        except (Absent, Unsuitable) as refused:
            print(f"python -m checker: {refused}", file=sys.stderr)
            return 2
        verdicts = [judge(check, ground) for check in CHECKS]
    left_out = _left_out(ground)
    print((as_json if asked.json else table)(verdicts, ground.notes, left_out))
    return 1 if any(verdict.broken for verdict in verdicts) else 0


def _left_out(ground: Ground) -> list[str]:
    """Halves of checks that could not be made, one line each."""
    lines = []
    if ground.stripe is None:
        lines.append(f"not checked: fees and payouts of the gateway in INV-5 ({ground.left_out['stripe']})")
    if ground.mailbox is None and ground.logs:
        lines.append(f"not checked: tokens of the mailbox in INV-16 ({ground.left_out['mailbox']})")
    if ground.anchor is None:
        lines.append("not checked: whether the end of the audit was cut off (INV-10, no --anchor given)")
    return lines


if __name__ == "__main__":
    sys.exit(main())
