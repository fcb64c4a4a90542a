"""A debtor who pays over HTTP: follows the pages by their forms and says what he was told.

No browser: the pages work without JavaScript, and what is struck here is behind them.
"""

from __future__ import annotations

import html
import http.client
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from tests.faults.operations import ClientLog
from tests.faults.waiting import await_
from tests.standins import debit_on_page, pay_on_page

CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
HIDDEN = re.compile(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">')
GOOD, DECLINED, CONFIRMED = "4242424242424242", "4000000000000002", "4000002500003155"
#: Longest that an answer may take, seconds.
ANSWER_WITHIN = 300.0
#: What a payment's page says -> what the debtor was told.
TRUTHS = {"truth good": "ok", "truth wait": "info"}
LOST = (OSError, http.client.HTTPException)


def answers(port: int) -> bool:
    """Whether the pages answer at a port."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", "/left")
        return line.getresponse().status < 500
    except LOST:
        return False
    finally:
        line.close()


@dataclass
class Page:
    """An answer: its status, where it leads, what it says."""

    status: int
    location: str
    text: str

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Its own form's hidden fields, without the CSRF token."""
        return [(n, html.unescape(v)) for n, v in HIDDEN.findall(self.text) if n != "csrf_token"]


class LineBroke(Exception):
    """No answer came, or one that says nothing (5xx): the debtor does not know what became of it."""


@dataclass
class Debtor:
    """One browser with its cookies.

    Attributes:
        token: of the link that he was sent.
        log: where he says what he was told.
    """

    port: int
    token: str
    log: ClientLog
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""
    is_in: bool = False

    # ------------------------------------------------------------------ pages

    def get(self, path: str) -> Page:
        return self._ask("GET", path, None)

    def post(self, path: str, fields: list[tuple[str, str]] | None = None) -> Page:
        return self._ask("POST", path, urlencode([("csrf_token", self.csrf), *(fields or [])]))

    def _ask(self, method: str, path: str, body: str | None) -> Page:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_WITHIN)
        head = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            head["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            line.request(method, path, body, head)
            answer = line.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except LOST as error:
            raise LineBroke(f"{method} {urlsplit(path).path[:20]}: {type(error).__name__}") from error
        finally:
            line.close()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        found = CSRF.search(text)
        self.csrf = found[1] if found else self.csrf
        if answer.status >= 500:
            raise LineBroke(f"{method} {urlsplit(path).path[:20]}: {answer.status}")
        return Page(answer.status, answer.headers.get("Location") or "", text)

    # ------------------------------------------------------------------ paying

    def enter(self) -> None:
        """Open the link and press Continue, unless he is in already.

        Raises: LineBroke.
        """
        if self.is_in:
            return
        self.get(f"/l/{self.token}")
        page = self.post(f"/l/{self.token}")
        if page.status != 303:
            raise AssertionError(f"the link answered {page.status}: {page.text[:300]}")
        self.is_in = True

    def review(self, currency: str = "GBP", amount: str | None = None) -> list[tuple[str, str]]:
        """Come to the last page before paying; its fields, or none where there is nothing to pay.

        Args:
            amount: plain decimal; None for everything that is open.
        Raises: LineBroke.
        """
        self.enter()
        what = {"what": "amount", "amount": amount} if amount else {"what": "all"}
        page = self.get("/account/pay/review?" + urlencode({"currency": currency, **what}))
        return page.fields if page.status == 200 and "nonce" in dict(page.fields) else []

    def begin(self, fields: list[tuple[str, str]], *, at: str = "/account/pay/start") -> str | None:
        """Send the last page's form; address of the hosted page, or None where he was told no, or nothing.

        Raises: LineBroke: he does not know.
        """
        page = self.post(at, fields)
        if page.status == 303 and "/c/pay/" in page.location:
            self.log.write("begin", page.location.rpartition("/")[2], "ok")
            return page.location
        # A page in the way, a refusal, or an outcome that nobody knows yet.
        self.log.write("begin", f"form:{dict(fields)['nonce']}", "info")
        return None

    def pay(self, *, card: str = GOOD, amount: str | None = None, currency: str = "GBP") -> str:
        """Pay from the link to the answer, once.

        Returns: what he was told: `ok`, `fail`, `info` (being checked, or on its way), or `nothing` where
            there was nothing to pay, or `refused` where the start was.
        Raises: LineBroke: he does not know.
        """
        fields = self.review(currency, amount)
        if not fields:
            return "nothing"
        page = self.begin(fields)
        return self.finish(page, card) if page else "refused"

    def finish(self, hosted: str, card: str = GOOD) -> str:
        """Pay on the hosted page and look at the page that it leads to.

        Raises: LineBroke; RuntimeError: the hosted page takes nothing any more.
        """
        path = urlsplit(self.pay_hosted(hosted, card)).path
        return self.told(path.removeprefix("/r/")) if path.startswith("/r/") else "fail"

    def pay_hosted(self, hosted: str, card: str = GOOD) -> str:
        """Pay on the hosted page only; where it leads.

        Raises: LineBroke; RuntimeError: it takes nothing any more.
        """
        try:
            return debit_on_page(hosted) if card == "debit" else pay_on_page(hosted, card)
        except LOST as error:
            raise LineBroke(f"hosted page: {type(error).__name__}") from error

    def told(self, ref: str) -> str:
        """Press *Check now* and read what the page says of a payment.

        Raises: LineBroke.
        """
        self.log.write("pay", ref, "invoke")
        try:
            self.get(f"/r/{ref}")
            self.post(f"/r/{ref}/check")
            said = self.truth(ref)
        except LineBroke:
            self.log.write("pay", ref, "info")
            raise
        self.log.write("pay", ref, said)
        return said

    def truth(self, ref: str) -> str:
        """What the page says now."""
        text = self.get(f"/r/{ref}").text
        return next((word for mark, word in TRUTHS.items() if f'class="{mark}"' in text), "fail")


def pays_until_paid(debtor: Debtor) -> list[str]:
    """Somebody who tries again until he is told that it is paid, or that there is nothing to pay."""
    told: list[str] = []

    def is_told() -> bool:
        try:
            told.append(debtor.pay())
        except (LineBroke, RuntimeError) as error:  # no answer, or a page that another window has paid
            told.append(str(error)[:60])
        return told[-1] in ("ok", "nothing")

    await_("the debtor is told that it is paid", is_told)
    return told
