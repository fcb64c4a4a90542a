"""What the shipped rules of contact say of themselves, for readers of other languages.

A house may write rows of its own; what it says there stands as it is.
"""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


_SAID = (
    N_("Reg F: hours"),
    N_("Reg F: calls"),
    N_("Reg F: how many texts and e-mails"),
    N_("Reg F: a way out in each electronic message"),
    N_("every e-mail and SMS carries an opt-out link (decision 20); an opt-out follows the address"),
    N_("Reg F: how an address may be used"),
    N_("The sections were not read. No basis is kept for an address, no number is checked anew."),
    N_("Validation notice"),
    N_("nothing yet"),
    N_("No validation notice is among the texts: whoever collects for others must not start without one."),
    N_("A dispute through the portal is in writing"),
    N_("the dispute pauses its part in the same transaction until it is answered"),
    N_("Limited-content voicemail, mini-Miranda, nothing to third parties"),
    N_("no debt words in a subject or the first 40 characters (decision 20)"),
    N_("1006.18(e) was not read: no fixed wording of a voicemail or of the mini-Miranda is shipped."),
    N_("Electronic delivery of required notices"),
    N_("No E-SIGN consent is taken: notices that the law requires go by post."),
    N_("Several debts: as the debtor directs"),
    N_("the payer chooses the invoices; what is left over never goes to a disputed part (M-12)"),
    N_("Fees and time-barred debt"),
    N_("no fee for a way of paying exists"),
    N_("The sections were not read, and there is no table of limitation periods."),
    N_("Keeping records for three years after the last act"),
    N_("Nothing about an account is erased by time yet, so nothing is erased too early (C-09)."),
    N_("New York City: three contacts a week on all channels, electronic ones by consent"),
    N_("Massachusetts: two calls a week"),
    N_("TCPA: a no counts at once, on its channel"),
    N_("TCPA: a no on one channel counts on all"),
    N_("Bankruptcy: every act of collection stops"),
    N_("flag bankruptcy in the suppression matrix"),
    N_("CONC 7: forbearance, no pressure, disputes stop the chase"),
    N_("hardship answer, vulnerability flag and dispute pause in the suppression matrix"),
    N_("Breathing space and mental-health crisis"),
    N_("flags breathing_space and mental_health_crisis with their last day, in the suppression matrix"),
    N_("EU late payment between businesses"),
    N_("the rate table of the costs"),
    N_("No rate stands here: rates have their own table, each with its source, and their own switch."),
    N_("UK late payment between businesses"),
)

#: Titles, what obeys a row, why one is off; each text is its own code.
RULES: Mapping[str, str] = {text: text for text in _SAID}
