"""The one box of the desk that finds things."""

from __future__ import annotations

from flask import Response, request

import web
from admin.forms import DECIMAL_MARKS
from admin.invoices import actor_language
from admin.shell import blueprint, note_read, page
from receivables.desk import finding
from receivables.permissions import Permission

#: Longer texts are cut: no name or number that we keep is.
LONGEST = 100


@blueprint.get("/search")
@web.needs(Permission.ACCOUNT_READ)
def search() -> Response:
    """Find accounts, documents, people, payments and amounts."""
    text = request.args.get("q", "").replace("\x00", "").strip()[:LONGEST]
    note_read(None)
    with web.house().store.read() as database:
        found = finding.search(
            database, web.staff_actor(), text, decimal_mark=DECIMAL_MARKS[actor_language()]
        )
    return page("backoffice/search.html", q=text, found=found)
