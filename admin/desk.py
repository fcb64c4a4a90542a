"""The desk, put together: our pages, the books behind Flask-Admin, the access log."""

from __future__ import annotations

import warnings

from flask import Flask
from flask_admin import Admin
from sqlalchemy.orm import scoped_session, sessionmaker

import web
from admin import (
    access,
    account_credit,
    account_notes,
    accounts,
    approval_cases,
    approvals,
    bank_lines,
    bulk,
    calendars,
    calls,
    chargebacks,
    charges,
    contact_rules,
    contacts,
    dashboard,
    debtor_views,
    disputes,
    flags,
    handovers,
    holds,
    inbound,
    invoices,
    keys,
    ladder,
    lessons,
    login,
    messages,
    own_ladders,
    pauses,
    plans,
    policy,
    post,
    problems,
    profile,
    promises,
    reconciliation,
    refunds,
    requests,
    rules,
    sales,
    search,
    segments,
    settlements,
    shell,
    staff,
    texts,
    ways_in,
    work,
    worklist,
)
from admin.books import BOOKS
from admin.views import Books, guard
from models.store import Store

#: Modules whose views hang on the blueprint; named, so that they are surely loaded.
PAGES = (
    login, work, worklist, bulk, keys, accounts, account_notes, account_credit, messages, debtor_views,
    calls, problems, lessons, contacts, inbound, invoices, handovers, holds, approvals, approval_cases,
    refunds, post, requests, flags, disputes, ladder, bank_lines, calendars, charges, sales, segments,
    reconciliation, chargebacks,
    promises, plans, search, settlements, dashboard, rules, contact_rules, own_ladders, policy, texts,
    profile, ways_in, staff, pauses,
)  # fmt: skip


def install(app: Flask, store: Store) -> None:
    """Put the desk under /desk.

    Args:
        store: its reading engine serves the lists, so that they can't change anything.
    """
    app.register_blueprint(shell.blueprint)
    reader = scoped_session(sessionmaker(bind=store.reader, autoflush=False, expire_on_commit=False))

    @app.teardown_appcontext
    def close(_error: BaseException | None) -> None:
        reader.remove()

    books = Admin(app, name="Amicable", index_view=Books(), url=f"{web.DESK}/books")
    app.view_functions["books.index"] = shell.signed_in(app.view_functions["books.index"])
    for model, kind, name in BOOKS:
        with warnings.catch_warnings():
            # Until Flask-Admin 3 a scoped session is right where Flask-SQLAlchemy isn't used.
            warnings.filterwarnings("ignore", "Passing a session object directly", DeprecationWarning)
            view = kind(model, reader, name=name, endpoint=f"books_{name}", url=f"{web.DESK}/books/{name}")
        books.add_view(view)
        guard(app, view)
    access.install(app, store)
