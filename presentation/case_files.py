"""The index of a case file as it is printed: what is asked for, and every file with its hash."""

from __future__ import annotations

from typing import Any

from presentation.papers import Pen, Written, letterhead
from receivables.documents.data import CasePaper, Parties


def case_paper(pen: Pen, parties: Parties, paper: CasePaper) -> dict[str, Any]:
    """Write the index: facts, then a row for each file."""
    _ = pen.gettext
    kinds = {
        "agreement": _("Agreement"),
        "consents": _("Consent record"),
        "contact_log": _("Contact log"),
        "disputes": _("Disputes and answers"),
        "invoice": _("Invoice"),
        "promises": _("Promises to pay"),
        "statement": _("Statement of account"),
    }
    return letterhead(pen, parties, _("Case file")) | {
        "notice": _(
            "Kept out of this file: what %(account)s said in confidence about being in difficulty.",
            account=parties.account,
        ),
        "amount_label": _("Asked for"),
        "amount": pen.value(paper.asked),
        "facts": [
            [_("Handed to"), pen.own(paper.handler)],
            [_("As of"), pen.value(paper.made_on)],
            [_("Our number"), pen.own(paper.number)],
        ],
        "files": {
            "caption": _("What is in it"),
            "head": [_("What"), _("File and SHA-256"), _("Bytes")],
            "rows": [
                [
                    kinds[entry.kind],
                    {"value": pen.own(entry.path), "note": Written(entry.digest)},
                    pen.decimal(str(entry.size_bytes), "#,##0"),
                ]
                for entry in paper.entries
            ],
        },
    }
