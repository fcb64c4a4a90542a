"""Agreements on paper: in the creditor's language, which binds, and in the reader's to be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from presentation.filling import one_line
from presentation.papers import Pen, Written, letterhead
from presentation.writing import LANGUAGE_NAMES, isolate
from receivables.documents.data import OfferPaper, Parties, PlanPaper

#: Statuses of plans and offers: what was never agreed, and what was agreed and is over.
NEVER_AGREED = frozenset({"declined", "withdrawn", "refused", "expired", "voided", "superseded"})
ENDED = frozenset({"cancelled", "lapsed", "reopened"})


def plan_papers(paper: PlanPaper, parties: Parties, language: str) -> list[dict[str, Any]]:
    """The agreement to pay in parts, in one or two languages."""
    return [_plan(paper, parties, pen) | _standing(pen, parties, paper) for pen in _pens(parties, language)]


def offer_papers(paper: OfferPaper, parties: Parties, language: str) -> list[dict[str, Any]]:
    """The settlement agreement, in one or two languages."""
    return [_offer(paper, parties, pen) | _standing(pen, parties, paper) for pen in _pens(parties, language)]


def _pens(parties: Parties, language: str) -> list[Pen]:
    return [Pen(code, parties.zone) for code in dict.fromkeys([parties.creditor_language, language])]


def _plan(paper: PlanPaper, parties: Parties, pen: Pen) -> dict[str, Any]:
    _ = pen.gettext
    heading = pen.ngettext(
        "Agreement to pay in %(num)d part", "Agreement to pay in %(num)d parts", len(paper.parts)
    )
    return letterhead(pen, parties, heading) | {
        "facts": [
            [_("Dated"), pen.short(paper.made_on)],
            [_("Number"), pen.own(paper.number)],
        ],
        "between": _between(pen, parties),
        "invoices": _invoices(pen, paper.invoices, [_("In all"), pen.value(paper.total)]),
        "schedule": {
            "caption": pen.pgettext("agreement", "When"),
            "head": [pen.pgettext("agreement", "No."), pen.pgettext("statement", "Date"), _("Amount")],
            "rows": [[str(part.seq), pen.value(part.on), pen.value(part.amount)] for part in paper.parts],
            "total": [_("In all"), pen.value(paper.total)],
        },
        "agreed_caption": _("What we both agree"),
        "agreed": _plan_sentences(paper, pen),
    }


def _plan_sentences(paper: PlanPaper, pen: Pen) -> list[str]:
    """What holds for this plan: the words that were signed, in their language; else the same rules in
    the pen's."""
    if paper.words and paper.words_language == pen.language:
        return [pen.own(line) for line in paper.words]
    return plan_sentences(pen, paper.rules, paper.pays_by)


def card_sentences(pen: Pen, payee: str) -> list[str]:
    """The agreement to keep a card, sentence by sentence.

    Its wording is `cards.CONSENT_VERSION`; another wording needs another version. The name stands
    isolated, so that it keeps its direction in the stored text too.
    """
    _, name = pen.gettext, Written(isolate(one_line(payee)))
    return [
        _(
            "%(payee)s may keep my card and charge it for the parts of the instalment plans that I agree to,"
            " on the days and with the amounts written there, without asking me each time.",
            payee=name,
        ),
        _("Nothing else is charged to it, and never more than the plan says."),
        _("If my bank wants me to confirm a charge, I get a message and pay that part myself."),
        _(
            "My card number is kept by Stripe, the payment company, and not by %(payee)s. I can remove the"
            " card on this page at any time; what is still open is then paid without it.",
            payee=name,
        ),
    ]


def plan_sentences(pen: Pen, rules: Mapping[str, Any], pays_by: str) -> list[str]:
    """What both sides agree on a plan (C-10), by its frozen rules; those it does not have are left out."""
    _ = pen.gettext
    said = []
    if not rules["fee_percent"]:
        said.append(_("No fee and no interest are added while the parts are paid on their dates."))
    said.append(
        _("The saved card is charged on each date.")
        if pays_by == "card"
        else _("A link to pay comes before each date.")
    )
    said.append(_("You may pay earlier, or all of the rest, at any time."))
    if rules["moves"]:
        said.append(
            pen.ngettext(
                "One date may be moved, by up to %(days)d days.",
                "%(num)d dates may be moved, by up to %(days)d days each.",
                rules["moves"],
                days=rules["move_days"],
            )
        )
    if rules["retry_days"]:
        said.append(
            _(
                "If a part is late, it is asked for again so many days after its date: %(days)s.",
                days=pen.numbers(rules["retry_days"]),
            )
        )
    said.append(
        pen.ngettext(
            "If %(num)d part is missed, you have %(days)d days to put it right."
            " After that the rest is due at once.",
            "If %(num)d parts in a row are missed, you have %(days)d days to put it right."
            " After that the rest is due at once.",
            rules["missed_to_default"],
            days=rules["cure_days"],
        )
    )
    said.append(_("While this agreement runs we send no reminders about these invoices."))
    said.append(
        _(
            "A question about an invoice stays possible: ring us. Where you are right, the parts are worked"
            " out anew."
        )
    )
    return said


def _offer(paper: OfferPaper, parties: Parties, pen: Pen) -> dict[str, Any]:
    _ = pen.gettext
    agreed = [
        _("You pay %(amount)s so that it reaches us by %(day)s.", amount=paper.amount, day=paper.pay_by_on),
        pen.ngettext(
            "Once it has arrived in full, %(rest)s is written off and nothing more is owed on this invoice.",
            "Once it has arrived in full, %(rest)s is written off and nothing more is owed on these %(num)d"
            " invoices.",
            len(paper.invoices),
            rest=paper.forgiven,
        ),
        _(
            "Until then the whole balance of %(balance)s stays owed. A part of the sum writes nothing off.",
            balance=paper.balance,
        ),
        _(
            "If the sum has not arrived in full by that day, the agreement lapses, and what you paid counts"
            " towards the balance."
        ),
        _("Until then we send no reminders about these invoices, and no fee or interest is added."),
    ]
    return letterhead(pen, parties, _("Settlement agreement")) | {
        "facts": [[_("Dated"), pen.short(paper.made_on)]],
        "between": _between(pen, parties),
        "invoices": _invoices(pen, paper.invoices, [_("Open in all"), pen.value(paper.balance)]),
        "sums": [
            [_("Written off once the sum is in"), pen.value(paper.forgiven)],
            [_("To be paid by %(day)s", day=paper.pay_by_on), pen.value(paper.amount)],
        ],
        "agreed_caption": _("What we both agree"),
        "agreed": agreed,
    }


def _between(pen: Pen, parties: Parties) -> list[str]:
    _ = pen.gettext
    return [
        _("Between"),
        _(
            "%(creditor)s, %(address)s, who supplied the goods or services",
            creditor=parties.creditor,
            address=parties.creditor_address,
        ),
        _(
            "and %(account)s, account %(number)s, who pays",
            account=parties.account,
            number=parties.account_number,
        ),
    ]


def _invoices(pen: Pen, invoices: Any, last: list[str]) -> dict[str, Any]:
    _ = pen.gettext
    return {
        "caption": _("Which invoices"),
        "head": [_("Invoice"), pen.pgettext("statement", "Open")],
        "rows": [[pen.own(number), pen.value(amount)] for number, amount in invoices],
        "total": last,
    }


def _standing(pen: Pen, parties: Parties, paper: PlanPaper | OfferPaper) -> dict[str, Any]:
    """Whether it is agreed; lines to sign while it is not; which of two languages binds."""
    _, accepted = pen.gettext, paper.accepted
    notices = []
    if pen.language != parties.creditor_language:
        notices.append(
            _(
                "Copy for reading in %(language)s. The text in %(binding)s is the one that binds.",
                language=LANGUAGE_NAMES[pen.language],
                binding=LANGUAGE_NAMES[parties.creditor_language],
            )
        )
    if paper.status in NEVER_AGREED:
        notices.append(_("This never became an agreement."))
    elif paper.status in ENDED:
        notices.append(_("This agreement has ended."))
    elif accepted is None:
        notices.append(_("Draft. Nothing is agreed until it has been accepted."))
    elif paper.status == "awaiting_approval":
        notices.append(
            _(
                "Signed request. It becomes an agreement when %(creditor)s approves it.",
                creditor=parties.creditor,
            )
        )
    if accepted is None:
        lines = [
            _("For %(name)s: name, role, date", name=parties.account),
            _("For %(name)s: name, role, date", name=parties.creditor),
        ]
        return {"notice": " ".join(notices), "sign": lines, "accepted": ""}
    who = {"name": accepted.name, "account": parties.account, "at": accepted.at}
    return {
        "notice": " ".join(notices),
        "sign": [],
        "accepted": _(
            "Signed for %(account)s by typed name: %(name)s, %(role)s, on %(at)s.", role=accepted.role, **who
        )
        if accepted.role
        else _("Signed by typed name: %(name)s, on %(at)s.", **who),
    }
