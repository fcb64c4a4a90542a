"""The creditor's colour as a stylesheet: one line, its address is its content (look.md)."""

from __future__ import annotations

import re

from flask import Blueprint, Response

import web
from receivables.errors import NotFound

blueprint = Blueprint("portal_brand", __name__)


@blueprint.get("/brand/<digest>.css")
@web.public_page
def stylesheet(digest: str) -> Response:
    """Set the one variable that differs by creditor; `digest` is the colour, six hex digits."""
    if not re.fullmatch(r"[0-9a-f]{6}", digest):
        raise NotFound("not_found")
    answer = Response(f":root{{--am-brand:#{digest}}}\n", mimetype="text/css")
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer
