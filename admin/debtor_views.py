"""The desk's door to a look as the debtor (A-08); the pages themselves are the portal's."""

from __future__ import annotations

from typing import cast

from flask import Response, redirect

import web
from admin.shell import blueprint, note_read
from receivables.desk import accounts as desk_accounts
from receivables.desk import debtor_views
from receivables.permissions import Permission

P = Permission


@blueprint.post("/accounts/<ref>/view-as-debtor")
@web.needs(P.ACCOUNT_VIEW_AS_DEBTOR)
def view_as_debtor(ref: str) -> Response:
    """Write down that somebody looks, and open the debtor's overview for some minutes."""
    actor = web.staff_actor()
    account_id = web.house().store.run(
        lambda s: debtor_views.begin(s, actor, desk_accounts.account_row(s, ref), now=web.now()).id
    )
    note_read(account_id)
    answer = cast(Response, redirect(f"{web.VIEW}/account", 303))
    return web.open_staff_view(answer, ref, minutes=web.policy().account_page.view_minutes)
