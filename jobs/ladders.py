"""`amicable ladder …`: ladders side by side, and what is wrong with one that is to be published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from receivables.ladder.rungs import Act, BadLadder, Gate, Ladder, Rung, preset, preset_names, read_ladder

#: What stands for each act in a table.
_WORDS = {
    Act.MESSAGE: "message",
    Act.CALL: "call",
    Act.LETTER: "letter",
    Act.FEE: "fee",
    Act.INTEREST: "interest",
    Act.HOLD: "credit hold",
    Act.SALES: "sales",
    Act.MANAGEMENT: "management",
    Act.OFFER: "offer",
    Act.EXPIRE: "expiry",
    Act.HAND_OVER: "hand-over",
}


def known(names: Sequence[str]) -> list[Ladder]:
    """Return ladders by the names of presets or of TOML files; the presets when nothing is named.

    Raises:
        BadLadder: a file holds none; its facts name the file.
        KeyError: neither a preset nor a file has the name.
    """
    return [_one(name) for name in names or preset_names()]


def _one(name: str) -> Ladder:
    path = Path(name)
    if not path.is_file():
        return preset(name)
    try:
        return read_ladder(path.read_text(encoding="utf-8"))
    except BadLadder as error:
        raise BadLadder(error.code, file=name, **error.facts) from error


def table(ladders: Sequence[Ladder]) -> str:
    """Return the ladders side by side, a line for each day on which one of them has a rung.

    >>> print(table([preset("prepayment")]).splitlines()[1])
     -3  courtesy: message
    """
    days = sorted({rung.day for ladder in ladders for rung in ladder.rungs})
    rows = [["day", *(ladder.name for ladder in ladders)]]
    for day in days:
        at = [next((rung for rung in ladder.rungs if rung.day == day), None) for ladder in ladders]
        rows.append([f"{day:+d}" if day else "0", *(_told(rung) for rung in at)])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].rjust(3), *cells]).rstrip())
    return "\n".join(lines)


def _told(rung: Rung | None) -> str:
    if rung is None:
        return ""
    acts = list(dict.fromkeys(_WORDS[effect.act] for effect in rung.effects))
    gate = "" if rung.gate is Gate.NONE else f" ({rung.gate.value} agrees)"
    clock = f" at {rung.at:%H:%M}" if rung.at else ""
    return f"{rung.code}: {', '.join(acts)}{clock}{gate}"
