"""Say what was found: a short table for people, or JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from checker.ground import Verdict


def table(verdicts: Iterable[Verdict], notes: Iterable[str], left_out: Iterable[str]) -> str:
    """One line an invariant; under a broken one, its first broken fact."""
    lines = [f"{'':7} {'what it proves':63} {'rows':>9}  verdict"]
    for verdict in verdicts:
        check = verdict.check
        reason = f": {verdict.left_out}" if verdict.left_out else ""
        lines.append(
            f"{check.name:7} {check.proves:63} {verdict.rows:>9}  "
            f"{verdict.word.upper() if verdict.broken else verdict.word}{reason}"
        )
        if verdict.broken:
            lines.append(f"{'':7} -> {verdict.broken}")
    return "\n".join([*lines, "", *left_out, *notes])


def as_json(verdicts: Sequence[Verdict], notes: Sequence[str], left_out: Sequence[str]) -> str:
    """The same as one JSON object; `holds` is what the exit code says."""
    return json.dumps(
        {
            "holds": not any(verdict.broken for verdict in verdicts),
            "checks": [
                {
                    "invariant": verdict.check.name,
                    "proves": verdict.check.proves,
                    "rows": verdict.rows,
                    "verdict": verdict.word,
                    "broken": verdict.broken,
                    "not_checked": verdict.left_out,
                }
                for verdict in verdicts
            ],
            "notes": list(notes),
            "not_checked": list(left_out),
        },
        ensure_ascii=False,
        indent=2,
    )
