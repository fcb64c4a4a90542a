"""What can be refused, by who must act; web.py maps each to an HTTP answer.

Code and facts only: the sentence is in a template, in the reader's language.
"""

from __future__ import annotations

from typing import Any


class ReceivablesError(Exception):
    """Base of every refusal; `code` names the rule, `facts` hold what the sentence needs."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


class NotAllowed(ReceivablesError):
    """The actor has not this permission (403)."""


class NotFound(ReceivablesError):
    """No such subject for this actor; also said of another account's (404, L-15)."""


class Refused(ReceivablesError):
    """A rule says no (409)."""


class LinkGone(ReceivablesError):
    """The link is not live; unknown, expired and revoked look the same (410, L-10)."""


class ProofNeeded(ReceivablesError):
    """A risky act needs a one-time code first (303 to the code page, decision 8); `facts` name the act."""


class FreshNeeded(ReceivablesError):
    """An act of the desk asks for password and code again first (303 to the page that asks, A-05)."""


class SessionEnded(ReceivablesError):
    """The link session or log-in is over; start again (303 or 410)."""


class TooManyTries(ReceivablesError):
    """A counter is full for now (429, L-11)."""


class GatewayDown(ReceivablesError):
    """The payment gateway can't be reached and surely did nothing (503)."""
