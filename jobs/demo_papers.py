"""A small paper of the demo's debtors: one PDF page of a few lines, as a scanner would hand it over."""

from __future__ import annotations

from collections.abc import Sequence


def page(lines: Sequence[str]) -> bytes:
    """Return one PDF page.

    Args:
        lines: ASCII, without brackets or backslashes; the first is the title.
    """
    written = " ".join(
        f"BT /F1 {18 if n == 0 else 12} Tf 60 {760 - 28 * n} Td ({line}) Tj ET"
        for n, line in enumerate(lines)
    )
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R/Resources<</Font<</F1 4 0 R>>>>>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        f"<</Length {len(written)}>>\nstream\n{written}\nendstream",
    )
    body, places = "%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    body += (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
        f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{len(body)}\n"
        "%%EOF\n"
    )
    return body.encode("ascii")
