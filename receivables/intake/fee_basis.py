"""How a fee or interest was worked out, as a table says it: a sum, its rate, its days, the law for it.

Written down as one text between the table and the books, since nearly every line has none.
Source: domain.md, "Arrangements": each fee shows rate, days, base and legal basis to the debtor.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from receivables.intake.cells import CellUnreadable, amount_minor, plain_date, plain_number

#: Most days of one line, most digits of a rate before its mark, longest legal basis in characters.
MOST_DAYS, RATE_DIGITS, LONGEST = 36_525, 3, 500


class StagedBasis(NamedTuple):
    """The basis of one line; names and order are those of the columns of `invoice_line`."""

    basis_minor: int | None = None
    basis_rate: str | None = None
    basis_days: int | None = None
    basis_from_on: date | None = None
    basis_to_on: date | None = None
    legal_basis: str | None = None


NO_BASIS = StagedBasis()


def read_basis(said: Mapping[str, str], *, mark: str, order: str, currency: str) -> str:
    """Return what the cells of one line say of a fee, as text for the staging file.

    Args:
        said: field -> cell, those that are not empty (rows.BASIS_FIELDS).
        mark, order: decimal mark and order of dates of the file.
    Raises:
        CellUnreadable: a cell does not read; `basis_unusable`: a sum without a rate or the other way
            round, days or a period without them, a period with one end or backwards.
    """
    minor = amount_minor(said["basis_amount"], mark, currency) if "basis_amount" in said else None
    rate = plain_number(said["basis_rate"].rstrip("% "), mark) if "basis_rate" in said else None
    days = said.get("basis_days")
    first, last = (
        plain_date(said[name], order) if name in said else None for name in ("basis_from", "basis_to")
    )
    sound = (
        (minor is None) == (rate is None)
        and (first is None) == (last is None)
        and (minor is not None or (days is None and first is None))
        and (minor is None or minor > 0)
        and (rate is None or (rate[0] != "-" and len(rate.partition(".")[0]) <= RATE_DIGITS))
        and (days is None or (days.isdecimal() and len(days) < 6 and int(days) <= MOST_DAYS))
        and (first is None or last is None or first <= last)
    )
    if not sound:
        raise CellUnreadable("basis_unusable")
    law = said.get("legal_basis")
    if law is not None and len(law) > LONGEST:
        raise CellUnreadable("text_too_long")
    return json.dumps([minor, rate, int(days) if days else None, first, last, law], ensure_ascii=False)


def staged_basis(written: str | None) -> StagedBasis:
    """Return a basis from the text of the staging file."""
    if written is None:
        return NO_BASIS
    minor, rate, days, first, last, law = json.loads(written)
    return StagedBasis(
        minor, rate, days,
        date.fromisoformat(first) if first else None, date.fromisoformat(last) if last else None, law,
    )  # fmt: skip
