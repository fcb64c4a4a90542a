"""Hosted pages of the gateway, for payments and for cards to keep: opened once, found again later.

The row that asks for the page is committed before the first call, with the exact request (decision 13).
Whoever owns the row says how its end is written down.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.orm import Session

from models import fault_points
from models.states import AttemptStatus
from models.store import Store
from receivables.errors import GatewayDown, Refused
from receivables.ports import (
    GatewayRefused,
    GatewayUnreachable,
    OpenedCheckout,
    OutcomeUnknown,
    PaymentGateway,
    PreparedRequest,
    RemotePayment,
)

#: How long the gateway surely keeps the answer to an idempotency key (P-03: 24 h, less a margin).
KEY_LIFE = timedelta(hours=23)
#: After this the gateway is searched when the stored call gives no answer: a 500 saved under its key
#: would come back until the key is forgotten, and nobody may wait that long for the truth (P-22).
SEARCH_AFTER = timedelta(minutes=10)
#: How long before our own start the search begins: the two clocks may differ.
SEARCH_FROM = timedelta(minutes=5)

Found = TypeVar("Found")
Opened = Callable[[Session, OpenedCheckout], object]


def open_page(
    store: Store,
    gateway: PaymentGateway,
    call: PreparedRequest,
    *,
    opened: Opened,
    ended: Callable[[Session, AttemptStatus, str], object],
) -> str | None:
    """Make the stored call and write down how it ended: four outcomes, never three (0.3).

    Args:
        opened: `opened(session, page)` keeps the page.
        ended: `ended(session, to, code)` writes that there is none, or that nobody knows.
    Returns: address of the page; None while its outcome is unknown.
    Raises:
        GatewayDown: the gateway can't be reached; nothing was made.
        Refused: gateway_refused (facts: gateway_code).
    """
    try:
        page = gateway.send(call)
    except OutcomeUnknown as error:
        why = str(error)
        store.run(lambda s: ended(s, AttemptStatus.UNKNOWN, why))
        return None
    except GatewayUnreachable:
        store.run(lambda s: ended(s, AttemptStatus.CANCELLED, "unreachable"))
        raise GatewayDown("gateway_down") from None
    except GatewayRefused as error:
        code = error.code
        store.run(lambda s: ended(s, AttemptStatus.FAILED, code))
        raise Refused("gateway_refused", gateway_code=code) from None
    fault_points.reach("attempt.after_call")
    store.run(lambda s: opened(s, page))
    return page.url


def truth_of_page(
    store: Store,
    gateway: PaymentGateway,
    call: PreparedRequest,
    *,
    ref: str,
    remote_id: str | None,
    started_at: datetime,
    opened: Opened,
    now: datetime,
) -> RemotePayment | None:
    """Ask what became of a page: by its name, by its stored call again, or by a search.

    The stored key creates nothing twice; once it may be forgotten the gateway is searched.

    Returns: the truth, or None when the gateway has no such page.
    Raises: GatewayUnreachable, OutcomeUnknown, GatewayRefused.
    """
    if remote_id is not None:
        return gateway.retrieve(remote_id)
    age = now - started_at
    if age < KEY_LIFE:
        try:
            page = gateway.send(call)
        except OutcomeUnknown as fresh:
            return search_after(fresh, age, lambda: gateway.find(ref, started_at - SEARCH_FROM))
        else:
            store.run(lambda s: opened(s, page))
            return gateway.retrieve(page.session_id)
    return gateway.find(ref, started_at - SEARCH_FROM)


def search_after(fresh: OutcomeUnknown, age: timedelta, search: Callable[[], Found | None]) -> Found | None:
    """Search for what a call made that just gave no answer, once it has been asked about for long.

    Somebody may still execute a call of this second, or of another process under the same key: finding
    nothing proves nothing then. Only what is saved under the key is over (stripe.md 3).

    Args:
        fresh: the outcome of the stored call, made again just now.
        age: since the call was first made.
    Returns: what was found; None where it was surely never made.
    Raises: OutcomeUnknown: the same again, ask later. GatewayUnreachable.
    """
    if age < SEARCH_AFTER:
        raise fresh
    found = search()
    if found is None and not fresh.is_over:
        raise fresh
    return found
