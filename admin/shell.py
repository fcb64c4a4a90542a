"""The frame of every desk page: rail, counts, status line, and the one way to render.

The blueprint "backoffice" lives here; the pages hang themselves on it (Flask-Admin holds the
name `admin`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, g, redirect, request, session, url_for
from markupsafe import Markup

import web
from admin.words import N_, word
from models.money import Money
from receivables.desk import reads as desk_reads
from receivables.desk.keyboard import Keyboard, keyboard
from receivables.errors import NotFound
from receivables.permissions import Permission

F = TypeVar("F", bound=Callable[..., Any])
P = Permission

blueprint = Blueprint("backoffice", __name__, url_prefix=web.DESK)

_REF = re.compile(r"[A-Za-z0-9_-]{1,24}")


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the rail; `permission` None is for everybody who is signed in."""

    name: str
    endpoint: str
    permission: Permission | None = None
    key: str | None = None
    count: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the rail, with what the reader may open of it.

    Attributes:
        is_open: shown without a press: the day's work, the group of the present page, and
            every group where all of them together are few.
    """

    name: str
    places: tuple[Place, ...]
    is_open: bool


#: The rail by what a person is after; the first group is the day's work and never folds.
PLACES: Mapping[str, tuple[Place, ...]] = {
    N_("Work"): (
        Place(N_("Today"), "backoffice.today", key="t"),
        Place(N_("Tasks"), "backoffice.tasks", P.ALERT_READ, "k", "tasks"),
        Place(N_("Approvals"), "backoffice.approvals_list", P.APPROVAL_READ, "a"),
        Place(N_("Requests"), "backoffice.requests_list", P.REQUEST_ANSWER, "r"),
        Place(N_("Disputes"), "backoffice.disputes", P.DISPUTE_READ, "d"),
        Place(N_("Promises"), "backoffice.promises_desk", P.ARRANGEMENT_READ, "p"),
        Place(N_("Plans"), "backoffice.plans_desk", P.ARRANGEMENT_READ),
        Place(N_("Ladder"), "backoffice.ladder", P.LADDER_READ, "l"),
        Place(N_("Credit holds"), "backoffice.holds", P.CREDIT_HOLD_READ, "h"),
        Place(N_("Alerts"), "backoffice.alerts", P.ALERT_READ, "e", "alerts"),
    ),
    N_("Customers"): (
        Place(N_("Accounts"), "books_accounts.index_view", P.ACCOUNT_READ),
        Place(N_("Kinds of debtor"), "backoffice.segments", P.SEGMENT_READ),
        Place(N_("In difficulty"), "backoffice.hardship_list", P.HARDSHIP_READ),
        Place(N_("Sales"), "backoffice.sales_list", P.SALES_READ),
        Place(N_("Hand-overs"), "backoffice.handovers", P.HANDOVER_READ),
    ),
    N_("Correspondence"): (
        Place(N_("Messages"), "books_messages.index_view", P.MESSAGE_READ),
        Place(N_("Inbound"), "backoffice.inbound", P.MESSAGE_READ),
        Place(N_("Not sent"), "backoffice.suppressed", P.MESSAGE_READ),
        Place(N_("Post"), "backoffice.post_list", P.LETTER_PRINT),
        Place(N_("Snippets"), "backoffice.snippets_list", P.MESSAGE_WRITE),
    ),
    N_("Money"): (
        Place(N_("Invoices"), "books_invoices.index_view", P.INVOICE_READ),
        Place(N_("Payments"), "books_payments.index_view", P.PAYMENT_READ),
        Place(N_("Payment attempts"), "books_attempts.index_view", P.PAYMENT_READ),
        Place(N_("Bank lines"), "backoffice.bank_lines_list", P.BANK_LINES_READ),
        Place(N_("Refunds"), "backoffice.refunds_list", P.REFUND_READ),
        Place(N_("Chargebacks"), "backoffice.chargebacks_list", P.CHARGEBACK_READ),
        Place(N_("Interest and fees"), "backoffice.charges", P.CHARGE_READ),
        Place(N_("Journal"), "books_journal.index_view", P.POSTING_READ, "j"),
        Place(N_("Reconciliation"), "backoffice.reconciliation", P.RECONCILIATION_READ),
        Place(N_("Line to the gateway"), "backoffice.gateway", P.RECONCILIATION_READ),
        Place(N_("Gateway notices"), "books_notices.index_view", P.POSTING_READ),
    ),
    N_("Figures"): (
        Place(N_("Dashboard"), "backoffice.dashboard", P.FIGURES_READ_OWN, "b"),
        Place(N_("Sales statement"), "backoffice.sales_statement", P.STATEMENT_READ),
        Place(N_("Settlements out"), "backoffice.settlements", P.SETTLEMENTS_READ),
        Place(N_("Recurring problems"), "backoffice.problems", P.REPORT_READ),
        Place(N_("Lessons"), "backoffice.lessons", P.REPORT_READ),
    ),
    N_("Rules"): (
        Place(N_("Rules of the house"), "backoffice.policy", P.RULES_READ, "y"),
        Place(N_("Texts of messages"), "backoffice.texts", P.RULES_READ),
        Place(N_("Ladders"), "backoffice.ladder_versions", P.RULES_READ),
        Place(N_("Rules of contact"), "backoffice.contact_rules", P.RULES_READ),
    ),
    N_("House"): (
        Place(N_("People of the desk"), "backoffice.staff_list", P.STAFF_READ),
        Place(N_("Agencies and lawyers"), "backoffice.handlers_list", P.HANDLER_EDIT),
        Place(N_("Calendars"), "backoffice.calendars"),
        Place(N_("Audit"), "books_audit.index_view", P.AUDIT_READ),
    ),
}
#: So many entries need no folding: a salesperson's or an administrator's.
FEW = 12


def rail(here: str | None) -> list[Group]:
    """Return the groups of the rail with the places that whoever is signed in may open.

    Args:
        here: endpoint of the current entry; its group is open.
    """
    may_open = {
        name: tuple(p for p in places if p.permission is None or web.staff_may(p.permission))
        for name, places in PLACES.items()
    }
    few = sum(map(len, may_open.values())) <= FEW
    return [
        Group(name, places, few or at == 0 or here in {p.endpoint for p in places})
        for at, (name, places) in enumerate(may_open.items())
        if places
    ]


def signed_in(view: F) -> F:
    """Let in whoever is signed in; for pages whose parts ask for their own permissions."""

    @wraps(view)
    def inside(*args: Any, **kwargs: Any) -> Any:
        web.staff_actor()
        return view(*args, **kwargs)

    inside.owner_check = "staff"  # type: ignore[attr-defined]
    return cast(F, inside)


@blueprint.url_value_preprocessor
def only_refs(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Say "not found" to what can't be a name of ours, before a database has to read it."""
    named = {name: value for name, value in (values or {}).items() if name != "token"}
    if not all(_REF.fullmatch(str(value)) for value in named.values()):
        raise NotFound("not_found")


def frame() -> desk_reads.Frame:
    """Counts of the rail and the zone of the house, read once a request."""
    if "frame" not in g:
        with web.house().store.read() as database:
            g.frame = desk_reads.frame(database, web.staff_actor())
    return cast(desk_reads.Frame, g.frame)


def own_keys() -> Keyboard:
    """The keys of whoever is signed in, read once a request."""
    if "keyboard" not in g:
        with web.house().store.read() as database:
            g.keyboard = keyboard(database, web.staff_actor().id or 0)
    return cast(Keyboard, g.keyboard)


def _keyed(act: str, *, press: bool = False) -> Markup:
    """Mark what a key presses or points at; `press` for a button that may be pressed by one key."""
    return Markup(' data-act="{}"{}').format(act, Markup(" data-press") if press else "")


def _kbd(act: str) -> Markup:
    """The key of an act as it is shown; nothing where keys are off."""
    key = own_keys().key(act)
    return Markup('<kbd aria-hidden="true">{}</kbd>').format(key) if key else Markup("")


def page(template: str, status: int = 200, *, here: str | None = None, **context: Any) -> Response:
    """Render a page of the desk in the reader's language.

    Args:
        here: endpoint of the rail's entry that is current; the request's own when None.
        context: may bring `zone`; the house's else.
    """
    staff = web.staff_actor()
    zone = context.pop("zone", None) or frame().zone
    here = here or request.endpoint
    return web.render(
        template,
        status,
        zone=zone,
        hour=lambda moment: f"{moment.astimezone(ZoneInfo(zone)):%H:%M}",
        frame=frame(),
        rail=rail(here),
        here=here,
        staff=staff,
        may=web.staff_may,
        P=Permission,
        word=word,
        now=web.now(),
        done=session.pop("done", None),
        money_of=Money,
        keys=own_keys(),
        keyed=_keyed,
        kbd=_kbd,
        **context,
    )


def done(code: str, endpoint: str, *, values: dict[str, Any] | None = None, **facts: Any) -> Response:
    """Go to a page after a change and say there what was done.

    Args:
        code: which sentence of templates/backoffice/done.html.
        facts: what the sentence needs; plain strings and numbers.
    """
    session["done"] = {"code": code, **facts}
    return cast(Response, redirect(url_for(endpoint, **(values or {})), 303))


def note_read(account_id: int | None) -> None:
    """Remember that this request reads about an account, for the access log (decision 16)."""
    g.setdefault("reads", []).append((request.endpoint or "", account_id))
