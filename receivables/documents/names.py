"""Names of files that a reader keeps."""

from __future__ import annotations

import re
import unicodedata

#: Longest name before its ending, characters.
LONGEST = 100


def file_name(*words: str, ending: str) -> str:
    """Return a name for a file that every system takes, in any script.

    Args:
        words: parts of the name; what no file name may hold becomes a dash, marks of direction go.
        ending: with its dot.

    >>> file_name("Northgate Paper", "invoice 2026/7", ending=".pdf")
    'Northgate Paper invoice 2026-7.pdf'
    """
    seen = "".join(c for c in " ".join(words) if unicodedata.category(c) != "Cf")
    return re.sub(r"[^\w .,()-]+", "-", seen).strip(" .-")[:LONGEST] + ending
