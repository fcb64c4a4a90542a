"""Every address of the portal for one debtor's books, made from the application's own list of routes.

A new route that is not named here fails the tests that walk them all, by its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from flask import Flask
from werkzeug.routing import Rule

from portal.stopping import WAYS
from tests.portal.everything import Books

#: Rows whose ref an address carries, by the start of its path and by endpoint where that says too little.
ROWS = {
    "/account/branches/invoices/": "branch invoice",
    "/account/cards/plan/": "plan",
    "/account/cards/": "saved_card",
    "/account/credit/use/": "invoice",
    "/account/disputes/": "dispute",
    "/account/files/": "file",
    "/account/invoices/": "invoice",
    "/account/offers/": "offer",
    "/account/payments/": "payment",
    "/account/people/": "contact",
    "/account/plans/": "plan",
    "/account/promises/": "promise",
    "/account/requests/": "request",
    "/account/ring-me/": "task",
    "/account/survey/": "payment",
    "/r/": "payment_attempt",
    "/s/": "card_setup",
}
#: Addresses that need more than their path: what stands behind the question mark, per case.
QUERIES: dict[str, list[str]] = {
    "portal_pay.choose": ["", "currency=GBP&what=chosen&invoice={invoice}", "currency=EUR"],
    "portal_pay.review": ["currency=GBP&what=overdue", "currency=GBP&what=chosen&invoice={free}"],
    "portal_plans.choose": ["", "currency=GBP&invoice={free}"],
    "portal_plans.review": [
        "currency=GBP&invoice={free}&plan=own&parts=3&first={first}&every=month&start=date&how=link"
    ],
    "portal_plans.check": ["what=next", "what=rest"],
    "portal_plans.move_form": ["seq=1"],
    "portal_promises.review": ["currency=HUF&amount=1000&on={first}"],
    "portal_promises.choose": ["", "currency=HUF"],
    "portal_offers.own": ["", "currency=GBP"],
    "portal_branches.choose": ["", "currency=GBP"],
    "portal_branches.review": ["currency=GBP&branch={branch}"],
    "portal_documents.statement": ["", "currency=GBP&period=year"],
    "portal_ways.cheque": ["currency=ILS"],
    "portal_returns.truth": ["", "left=1"],
    "portal_cards.truth": ["", "left=1"],
    "portal_stopping.ask": ["", "invoice={free}"],
}
#: Endpoints of the portal that are no pages of a debtor's.
NOT_DEBTORS = ("portal_webhooks.", "portal_staff_views.")


def rules(app: Flask, method: str) -> Iterator[Rule]:
    """Every route of the portal that answers to a method."""
    for rule in app.url_map.iter_rules():
        ours = rule.endpoint.startswith("portal_") and not rule.endpoint.startswith(NOT_DEBTORS)
        if ours and method in (rule.methods or ()):
            yield rule


def takes_ref(rule: Rule) -> bool:
    return bool({"ref", "plan_ref"} & rule.arguments)


def with_ref(rule: Rule, ref: str) -> str:
    """The address of a route with one ref in it."""
    return rule.rule.replace("<ref>", ref).replace("<plan_ref>", ref)


def row_of(rule: Rule) -> str:
    """Which kind of row an address carries.

    Raises:
        AssertionError: a new route, for which nobody has said it.
    """
    for start, kind in ROWS.items():
        if rule.rule.startswith(start):
            return kind
    raise AssertionError(f"say in ROWS whose ref {rule.endpoint} carries ({rule.rule})")


def pages(app: Flask, books: Books, *, first: str) -> list[tuple[str, str]]:
    """(endpoint, address) of every page that answers to GET, for every row of the books that fits.

    Args:
        first: a day on which a plan may begin, as date fields send it.
    """
    facts = {"invoice": books.of("invoice")[0], "free": books.free, "first": first,
             "branch": books.branches[0].ref}  # fmt: skip
    found = []
    for rule in rules(app, "GET"):
        for path in _paths(rule, books):
            for query in QUERIES.get(rule.endpoint, [""]):
                found.append((rule.endpoint, path + ("?" + query.format(**facts) if query else "")))
    return found


def _paths(rule: Rule, books: Books) -> list[str]:
    if takes_ref(rule):
        kind = row_of(rule)
        refs = [r for k, r in books.branch_refs if f"branch {k}" == kind] or books.of(kind)
        assert refs, f"the books have no {kind} for {rule.endpoint}"
        return [with_ref(rule, ref) for ref in refs]
    match sorted(rule.arguments):
        case []:
            return [rule.rule]
        case ["token"]:
            token = books.opt_out if rule.rule.startswith("/x/") else books.link
            return [rule.rule.replace("<token>", token)]
        case ["way"]:
            return [rule.rule.replace("<way>", way) for way in WAYS]
        case ["digest"]:
            return []
    raise AssertionError(f"say how {rule.endpoint} is filled ({rule.rule})")


#: What a form asks for, where it is not `chosen`.
WHAT = {"portal_disputes.decide": "whole", "portal_plans.pay": "next"}


def form_of(rule: Rule, ref: str) -> list[tuple[str, str]]:
    """A form that carries a ref wherever one of the portal's forms carries one."""
    names = ("invoice", "branch", "draft", "drop", "session", "to", "card", "seq", "digest")
    fixed = {
        "currency": "GBP", "what": WHAT.get(rule.endpoint, "chosen"), "amount": "12.00", "nonce": "n" * 43,
        "reason": "damaged", "words": "Something", "name": "Somebody", "role": "Owner", "ok": "yes",
        "binds": "1", "number": "1", "bank": "Bank", "channel": "email", "wanted": "no",
        "code": "123456", "language": "en",
    }  # fmt: skip
    return [*((name, ref) for name in names), *fixed.items()]


def asked_with(path: str, ref: str) -> str:
    """An address whose query carries a ref wherever one of the portal's queries carries one."""
    query = {"currency": "GBP", "what": "chosen", "invoice": ref, "branch": ref, "plan": "own", "parts": "3"}
    return f"{path}?{urlencode(query)}"
