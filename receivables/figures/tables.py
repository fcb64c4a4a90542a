"""A table of figures as it is shown, printed and taken along: the same cells each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from models.money import Money


class Said(NamedTuple):
    """A code that its reader's words stand for."""

    table: str
    code: str


class Month(NamedTuple):
    """A month, by its first day."""

    first: date


FigureCell = Said | Month | str | Money | Decimal | int | date | None


@dataclass(frozen=True, slots=True)
class FigureTable:
    """One table with its heading's code.

    Attributes:
        columns: codes of the columns; the first names the row.
        foot: a last row of sums, or None.
        why: code of what to say in place of rows; None while there are some.
        links: account refs, one a row, where the first cell leads to an account.
    """

    code: str
    columns: Sequence[str]
    rows: Sequence[Sequence[FigureCell]]
    foot: Sequence[FigureCell] | None = None
    why: str | None = None
    links: Sequence[str] = field(default=())
