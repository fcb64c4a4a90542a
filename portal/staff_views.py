"""What the debtor sees, for staff who look: his overview and his documents, read only (A-08).

The same pages by the same code; nothing on them can be pressed, no link or session of the debtor is made
or touched, and who looked at what is in the log. See docs/decisions/014-view-as-debtor.md.
"""

from __future__ import annotations

import re

from flask import Blueprint, Response

import web
from portal import invoices, overview
from portal.inert import inert

blueprint = Blueprint("portal_staff_views", __name__, url_prefix=web.VIEW)

#: The pages that a look opens, as the debtor's own addresses name them.
_OPEN = re.compile(r"/account(?:/invoices/[A-Za-z0-9_-]{1,24})?(?:\?[^#]*)?")
#: Forms lead nowhere and nothing runs, whatever a page brings.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@blueprint.get("/account")
@web.staff_view
def account() -> Response:
    """The debtor's overview."""
    return _looked_at(overview.page())


@blueprint.get("/account/invoices/<ref>")
@web.staff_view
def document(ref: str) -> Response:
    """One of his documents."""
    return _looked_at(invoices.page(ref))


def _address(old: str) -> str | None:
    """Where a link of the page leads in the look: to the other pages of it, or nowhere."""
    if old.startswith("#"):
        return old
    if _OPEN.fullmatch(old):
        return web.VIEW + old
    return old if old.startswith(web.VIEW + "/") else None


def _looked_at(page: Response) -> Response:
    """The page with nothing to press and a banner in the language of who looks."""
    head, tag, body = inert(page.get_data(as_text=True), _address).partition("<body")
    opening, end, rest = body.partition(">")
    page.set_data(f"{head}{tag}{opening}{end}{web.banner_of_look()}{rest}")
    page.headers["Content-Security-Policy"] = _POLICY
    return page
