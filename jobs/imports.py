"""`amicable import invoices`: read a file whole, then bring it into the books chunk by chunk.

Killed at any moment, the same command goes on where the books are; given a file that is in the
books already it says so and changes nothing. Source: decisions 28 and 30.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from jobs.import_arguments import add_import_arguments, intake_options
from jobs.import_words import REASONS, WRONG_USES, Bar, Outcome, summary
from models.audit import canonical
from models.creditors import Creditor
from models.intake import ImportBatch
from models.invoices import Invoice, InvoiceKind
from models.states import ImportStatus
from models.store import Store
from receivables.errors import Refused
from receivables.intake import applying
from receivables.intake import reading as intake_reading
from receivables.intake.rows import Grade, IntakeOptions, Tables, WrongUse
from receivables.intake.staging import Staging
from receivables.permissions import SYSTEM, Actor, Permission, require

__all__ = ["add_import_arguments", "import_file", "run_import"]

#: Documents of one unit of work: long enough to be fast, short enough that nobody waits.
CHUNK = 500
DONE, REFUSED, WRONG_USE = 0, 1, 2

Progress = Callable[[str, int, int], object]
"""Told (what is done, how far, of how much)."""


def run_import(
    store: Store, data_dir: Path, args: argparse.Namespace, now: datetime, *, tables: Tables
) -> int:
    """Run the command and say what came of it.

    Args:
        data_dir: the staging file and the report stand in its folder `staging`.
        args: of add_import_arguments.
        tables: reads and writes tables (gateways/spreadsheets.py).
    Returns:
        0 done, 1 refused or errors found, 2 wrong use.
    """
    bar = Bar(quiet=args.json or not sys.stderr.isatty())
    try:
        options = intake_options(args)
        outcome = import_file(
            store, tables, data_dir, args.file, args.creditor, options, SYSTEM, now=now, progress=bar
        )
    except WrongUse as wrong:
        bar.end()
        print("amicable:", WRONG_USES[wrong.code].format(", ".join(wrong.names)), file=sys.stderr)
        return WRONG_USE
    except Refused as refused:
        bar.end()
        print(f"amicable: {refused.facts.get('number', '')}: {REASONS[refused.code]}", file=sys.stderr)
        return REFUSED
    bar.end()
    if args.json:
        print(json.dumps(asdict(outcome), ensure_ascii=False, indent=2))
    else:
        print(summary(outcome))
    return REFUSED if outcome.status == "refused" else DONE


def import_file(
    store: Store,
    tables: Tables,
    data_dir: Path,
    path: Path,
    creditor_code: str,
    options: IntakeOptions,
    actor: Actor,
    *,
    now: datetime,
    progress: Progress,
    chunk: int = CHUNK,
) -> Outcome:
    """Import one file, or go on with it, or find that it is in the books.

    Takes the store, not a session: each chunk is a unit of work of its own.

    Args:
        progress: told how far it is; what it raises stops the import, which the next run resumes.
        chunk: documents of one unit of work.
    Returns:
        What came of it; refused when the file has findings of grade error.
    Raises:
        WrongUse: creditor, options and file do not fit together.
        NotAllowed: the actor may not import.
        Refused: `number_taken`, when others brought the same number while this ran.
    """
    require(actor, Permission.INVOICE_IMPORT)
    with store.read() as session:
        creditor = session.scalar(select(Creditor).where(Creditor.code == creditor_code))
        if creditor is None:
            raise WrongUse("creditor_unknown", creditor_code)
        if options.language and options.language not in creditor.languages:
            raise WrongUse("language_not_offered", options.language)
        content_digest = _digest(path, creditor_code, options)
        batch = session.scalar(select(ImportBatch).where(ImportBatch.content_digest == content_digest))
    outcome = Outcome(file=path.name, creditor=creditor_code)
    if batch is not None and batch.status is ImportStatus.APPLIED:
        outcome.status, outcome.batch = "nothing_new", batch.ref
        outcome.already_known, outcome.rejected = batch.invoices_total, batch.rejected
        return outcome
    folder = data_dir / "staging"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder / f"import-{content_digest[:20]}.sqlite"
    staging = Staging.reopen(place) if batch is not None else None
    if staging is None:
        staging = _read(store, tables, path, options, creditor, place, progress)
    try:
        _describe(staging, tables, outcome)
        if outcome.status == "refused":
            staging.remove()
            return outcome
        with_options = json.loads(canonical(asdict(options)))
        opened = store.run(
            lambda session: applying.open_batch(
                session, actor, creditor, content_digest=content_digest, file_name=path.name,
                options=with_options, staging=staging, now=now,
            )
        )  # fmt: skip
        done = False
        while not done:
            applied = store.run(
                lambda session: applying.apply_next(
                    session, actor, opened.id, staging=staging, options=options, size=chunk, now=now
                )
            )
            done = applied.done
            outcome.accounts_added += applied.accounts
            outcome.contacts_added += applied.contacts
            progress("applying", applied.position, opened.invoices_total)
    except BaseException:
        staging.close()
        raise
    staging.remove()
    _count(store, opened, outcome)
    return outcome


def _digest(path: Path, creditor_code: str, options: IntakeOptions) -> str:
    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WrongUse("file_unreadable", f"{path}: {error.strerror}") from None
    return hashlib.sha256(canonical([content, creditor_code, asdict(options)]).encode()).hexdigest()


def _read(
    store: Store,
    tables: Tables,
    path: Path,
    options: IntakeOptions,
    creditor: Creditor,
    place: Path,
    progress: Progress,
) -> Staging:
    """Pass one: the staging file, grouped and compared with the books."""
    try:
        table = tables.open_table(path, encoding=options.encoding, delimiter=options.delimiter)
    except ValueError as error:
        raise WrongUse("option_unusable", str(error)) from None
    staging = Staging.begin(place)
    try:
        staged = intake_reading.stage(
            table,
            options,
            staging,
            watch=lambda _rows: progress("reading", table.bytes_read, table.size_bytes),
        )
        if not staging.count(Grade.ERROR):
            accepted, _ = staging.totals()
            with store.read() as session:
                applying.compare_with_books(
                    session,
                    creditor,
                    staging,
                    watch=lambda position: progress("comparing", position, accepted),
                )
        staging.note(json.dumps(asdict(staged)))
        staging.keep()
    except BaseException:
        staging.remove()
        raise
    return staging


def _describe(staging: Staging, tables: Tables, outcome: Outcome) -> None:
    """Fill in what pass one found, and write the report if there is anything to report."""
    staged: dict[str, Any] = json.loads(staging.noted())
    outcome.rows, outcome.dropped_lines = staged["rows"], staged["dropped"]
    outcome.unused_columns = staged["unused"]
    outcome.errors = staging.count(Grade.ERROR)
    outcome.rejected = staging.totals()[1]
    outcome.details_left_out = staging.count(Grade.LEFT_OUT)
    outcome.reasons = staging.reasons(Grade.ERROR) | staging.reasons(Grade.REJECTED)
    if outcome.errors:
        outcome.status = "refused"
    if outcome.reasons or outcome.details_left_out:
        report = staging.path.with_suffix(".report.csv")
        tables.write_table(
            report,
            ("line", "column", "value", "reason", "grade"),
            _report_rows(staging, staged["columns"]),
        )
        outcome.report = str(report)


def _report_rows(staging: Staging, columns: dict[str, str]) -> Iterator[tuple[str | int, ...]]:
    for finding in staging.findings():
        column = columns.get(finding.column, finding.column)
        yield finding.line, column, finding.value, REASONS[finding.reason], finding.grade.value


def _count(store: Store, batch: ImportBatch, outcome: Outcome) -> None:
    """Count what the books have from this batch: true also when several runs brought it in."""
    with store.read() as session:
        rows = session.execute(
            select(Invoice.kind, Invoice.currency, func.count(), func.sum(Invoice.total_minor))
            .where(Invoice.import_batch_id == batch.id)
            .group_by(Invoice.kind, Invoice.currency)
            .order_by(Invoice.currency, Invoice.kind)
        ).all()
    for kind, currency, count, minor in rows:
        if kind is InvoiceKind.CREDIT_NOTE:
            outcome.credit_notes += count
        else:
            outcome.invoices += count
        outcome.totals.setdefault(currency, {})[kind.value] = int(minor)
    outcome.batch = batch.ref
    outcome.already_known = batch.invoices_total - outcome.invoices - outcome.credit_notes
    if not outcome.invoices + outcome.credit_notes:
        outcome.status = "nothing_new"
