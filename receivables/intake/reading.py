"""Pass one of an import: a whole table into the staging file. Nothing in the books is touched.

Source: decision 28.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from receivables.intake.cells import Marks, find_marks
from receivables.intake.rows import (
    DATE_FIELDS,
    NUMBER_FIELDS,
    Finding,
    Grade,
    HeadRow,
    IntakeOptions,
    LineRow,
    RowReader,
    Table,
    recognise,
    require_options,
)
from receivables.intake.staging import Staging

#: Rows handed to the staging file at once.
_ROWS = 4000

Watch = Callable[[int], object]
"""Told from time to time how far a pass has come; what it raises ends the pass."""


@dataclass(frozen=True, slots=True)
class Staged:
    """What reading a table gave.

    Attributes:
        rows: rows behind the header.
        dropped: lines left out because their price is zero.
        columns: field -> name of its column in the file.
        unused: columns that nobody recognised.
    """

    rows: int
    dropped: int
    columns: Mapping[str, str]
    unused: Sequence[str]


def stage(table: Table, options: IntakeOptions, staging: Staging, *, watch: Watch) -> Staged:
    """Read a whole table into the staging file and group it into documents.

    Nothing is raised for what the file says: findings are in the staging file, and one of grade
    error means that nothing may be imported.

    Args:
        watch: told the number of rows.
    Raises:
        WrongUse: the options do not fit the columns.
    """
    header = next(iter(table), (1, []))[1] if table.trouble is None else []
    if table.trouble is not None or not header:
        _find_trouble(table, staging, "empty_file")
        return Staged(0, 0, {}, ())
    names = [name.strip() for name in header]
    places, findings = recognise(names, options.columns)
    unused = [name for index, name in enumerate(names) if name and index not in places.values()]
    columns = {known: names[index] for known, index in places.items()}
    if not findings:
        require_options(places, options)
    marks = None if findings else _marks(table, places, options, findings)
    if marks is None:
        for finding in findings:
            staging.find(finding)
        return Staged(0, 0, columns, unused)
    reader = RowReader(
        places, len(names), options, mark=marks.decimal_mark or ".", order=marks.date_order or "ymd"
    )
    rows = _fill(table, reader, staging, watch)
    if table.trouble is not None or not rows:
        _find_trouble(table, staging, "no_rows")
    staging.group(terms_days=options.terms_days, has_lines="quantity" in places)
    return Staged(rows, reader.dropped, columns, unused)


def _fill(table: Table, reader: RowReader, staging: Staging, watch: Watch) -> int:
    heads: list[HeadRow] = []
    lines: list[LineRow] = []
    number = -1
    for number, (line, cells) in enumerate(table):
        if not number:
            continue  # the header
        head, row = reader(line, cells)
        if head is not None:
            heads.append(head)
        if row is not None:
            lines.append(row)
        if not number % _ROWS:
            staging.add(heads, lines, reader.findings)
            watch(number)
    staging.add(heads, lines, reader.findings)
    watch(max(number, 0))
    return max(number, 0)


def _find_trouble(table: Table, staging: Staging, otherwise: str) -> None:
    trouble = table.trouble
    if trouble is None:
        staging.find(Finding(1, "", "", otherwise, Grade.ERROR))
    else:
        staging.find(Finding(trouble.line, "", trouble.value, trouble.reason, Grade.ERROR))


def _marks(
    table: Table, places: Mapping[str, int], options: IntakeOptions, findings: list[Finding]
) -> Marks | None:
    """Find decimal mark and date order where they were not said; None when they stay open."""
    marks = Marks(options.decimal_mark, options.date_order)
    if marks.decimal_mark and marks.date_order:
        return marks
    rows = iter(table)
    next(rows, None)
    numbers = [places[name] for name in NUMBER_FIELDS if name in places]
    dates = [places[name] for name in DATE_FIELDS if name in places]
    find_marks(rows, numbers, dates, marks)
    if marks.decimal_mark is None and marks.open_number is not None:
        findings.append(Finding(*_open(marks.open_number, "number_ambiguous")))
    if marks.date_order is None and marks.open_date is not None:
        findings.append(Finding(*_open(marks.open_date, "date_ambiguous")))
    return None if findings else marks


def _open(cell: tuple[int, str], reason: str) -> tuple[int, str, str, str, Grade]:
    return cell[0], "", cell[1], reason, Grade.ERROR
