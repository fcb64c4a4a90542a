"""Where things stand in a chart: points and heights for `templates/backoffice/charts.html`, no words.

Axes begin at nought, there is one of them, and every value stands on the chart or in the table beneath.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from models.money import Money

#: Room inside the drawing: width and height, and where the axes stand.
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 560, 236, 44, 20, 200
#: Whole units that a tick may stand for; more is said in thousands or millions.
_SCALES = ((1, 10_000), (1_000, 10_000_000), (1_000_000, 0))


@dataclass(frozen=True, slots=True)
class Tick:
    y: str
    value: int


@dataclass(frozen=True, slots=True)
class Axis:
    """The upright axis: what a tick's figure is multiplied by, its ticks, and the value at the top."""

    scale: int
    ticks: Sequence[Tick]
    top: int

    def y(self, minor: int, unit: int) -> Decimal:
        """Return how far up a value stands, from the upper edge."""
        share = Decimal(minor) / (self.top * self.scale * unit)
        return Decimal(BOTTOM) - share * (BOTTOM - TOP)


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a bar: a rectangle, and which shade it has."""

    x: str
    y: str
    width: str
    height: str
    shade: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A stacked bar with its whole and where its label stands."""

    pieces: Sequence[Piece]
    middle: str
    above: str
    whole: Money


@dataclass(frozen=True, slots=True)
class Bars:
    axis: Axis
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its last point and, dashed, the straight way to where it is meant to go."""

    axis: Axis
    path: str
    straight: str | None
    end: tuple[str, str]
    target_end: tuple[str, str] | None


def _axis(most_minor: int, unit: int) -> Axis:
    """Choose four equal steps of a round number, so that the greatest value fits."""
    whole = max(-(-most_minor // unit), 1)
    scale = next(scale for scale, limit in _SCALES if whole < limit or not limit)
    least = -(-whole // scale)
    step, power = 1, 1
    while step * 4 < least:
        step = next((s * power for s in (1, 2, 3, 4, 5, 8, 10) if s * power * 4 >= least), 0)
        power *= 10
        step = step or 1
    ticks = [Tick(_at(BOTTOM - Decimal(n * (BOTTOM - TOP)) / 4), n * step) for n in range(5)]
    return Axis(scale, ticks, step * 4)


def _at(value: Decimal) -> str:
    return f"{value:.1f}"


def _unit(amount: Money) -> int:
    """Minor units in one whole unit."""
    return int(Decimal(amount.minor) / amount.decimal) if amount.minor else 1


def stacked(rows: Sequence[Sequence[Money]], *, mirrored: bool) -> Bars | None:
    """Return bars of parts, one a row, the first part at the bottom; None where nothing is above nought.

    Args:
        mirrored: whether the first stands at the right.
    """
    wholes = [sum(row[1:], row[0]) for row in rows]
    most = max(wholes, key=lambda whole: whole.minor, default=None)
    if most is None or most.minor <= 0:
        return None
    unit = _unit(most)
    axis = _axis(most.minor, unit)
    slot = Decimal(WIDTH - LEFT - 8) / len(rows)
    width = min(slot * Decimal("0.62"), Decimal(64))
    bars = []
    for number, (row, whole) in enumerate(zip(rows, wholes, strict=True)):
        place = len(rows) - 1 - number if mirrored else number
        middle = LEFT + slot * place + slot / 2
        foot, pieces = 0, []
        for shade, part in enumerate(row):
            if part.minor > 0:
                low, high = axis.y(foot, unit), axis.y(foot + part.minor, unit)
                height = max(low - high - Decimal("1.5"), Decimal("0.5"))
                pieces.append(Piece(_at(middle - width / 2), _at(high), _at(width), _at(height), shade))
                foot += part.minor
        bars.append(Bar(pieces, _at(middle), _at(axis.y(foot, unit) - 6), whole))
    return Bars(axis, bars)


def course(sums: Sequence[Money], days: int, target: Money | None) -> Line | None:
    """Return the line of what was collected day by day in a month; None where nothing is to be drawn."""
    most = max([*sums, *([target] if target else [])], key=lambda amount: amount.minor, default=None)
    if most is None or most.minor <= 0:
        return None
    unit = _unit(most)
    axis = _axis(most.minor, unit)
    step = Decimal(WIDTH - LEFT - 24) / max(days - 1, 1)

    def point(day: int, minor: int) -> tuple[str, str]:
        return _at(LEFT + 8 + step * day), _at(axis.y(max(minor, 0), unit))

    points = [point(day, amount.minor) for day, amount in enumerate(sums)]
    path = "M" + " L".join(f"{x} {y}" for x, y in points)
    if target is None:
        return Line(axis, path, None, points[-1], None)
    begin, end = point(0, target.minor // days), point(days - 1, target.minor)
    straight = f"M{begin[0]} {begin[1]} L{end[0]} {end[1]}"
    return Line(axis, path, straight, points[-1], end)


def spark(values: Sequence[Decimal | None]) -> tuple[str, tuple[str, str]] | None:
    """Return the path of a small line and its last point; None with fewer than two values."""
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return None
    low, high = min(v for _, v in known), max(v for _, v in known)
    gap = (high - low) or Decimal(1)
    step = Decimal(100) / (len(values) - 1)
    points = [(_at(step * place), _at(22 - (value - low) / gap * 18)) for place, value in known]
    return "M" + " L".join(f"{x} {y}" for x, y in points), points[-1]
