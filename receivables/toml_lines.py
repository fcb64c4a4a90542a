"""Where in a TOML text something stands, so that a refusal can name the line to who wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_AT_LINE = re.compile(r"at line (\d+)")


def line_of_error(message: str) -> int | None:
    """Return the line that the reader of TOML names in its complaint; None at the end of the text.

    >>> line_of_error("Expected '=' after a key (at line 5, column 3)")
    5
    """
    found = _AT_LINE.search(message)
    return int(found[1]) if found else None


def line_of(body: str, table: str, key: str, name: str, said: Iterable[str]) -> int | None:
    """Return the line of one entry of an array of tables, as near to what is wrong as it can be told.

    Args:
        table: of `[[table]]`.
        key: whose value names an entry, such as "code".
        name: of the entry, or its number counted from 1; "" for what stands before the first.
        said: words that stand in the line that is meant, the most telling first.
    Returns:
        The first line of the entry when none of the words is found; None when there is no such entry.

    >>> line_of('a = 1\\n[[rungs]]\\ncode = "x"\\nday = 3', "rungs", "code", "x", ["day"])
    4
    """
    lines = body.split("\n")
    starts = [at for at, line in enumerate(lines) if line.strip().replace(" ", "") == f"[[{table}]]"]
    blocks = [range(0, starts[0] if starts else len(lines))]
    blocks += [range(start, end) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    block = blocks[0] if not name else _named(lines, blocks[1:], key, name)
    if block is None:
        return None
    for word in said:
        for at in block:
            if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", lines[at].partition("#")[0]):
                return at + 1
    return block.start + 1 if name else None


def _named(lines: list[str], blocks: list[range], key: str, name: str) -> range | None:
    says = re.compile(rf'\s*{re.escape(key)}\s*=\s*["\']{re.escape(name)}["\']')
    named = [block for block in blocks if any(says.match(lines[at]) for at in block)]
    if named:
        return named[-1]  # of two of one name, the second is one too many
    return blocks[int(name) - 1] if name.isdigit() and 0 < int(name) <= len(blocks) else None
