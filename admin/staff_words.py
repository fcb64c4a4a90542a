"""Words about people of the desk, their second factors, and the editors of rules and texts."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:  # the name that pybabel looks for
    """Mark a text for translation where it is defined; `words.word` translates it where it is shown."""
    return text


#: Acts before which password and code are asked for again (web.FRESH_ACTS).
FRESH_ACT_WORDS: Mapping[str, str] = {
    "alone": N_("deciding alone what two usually decide"),
    "bulk": N_("an act on many accounts at once"),
    "bulk_export": N_("an export of many accounts"),
    "factor": N_("a change of a second factor"),
    "publish": N_("putting rules in force"),
    "refund": N_("a refund"),
    "role": N_("a change of people and roles"),
}

#: What was done with people, rules and texts (receivables/audit.py, CODES).
STAFF_AUDIT: Mapping[str, str] = {
    "policy.published": N_("Rules of the house published"),
    "policy_draft.begun": N_("Began a draft of rules or texts"),
    "policy_draft.dropped": N_("Dropped a draft of rules or texts"),
    "staff.confirmed": N_("Gave password and code again"),
    "staff.factor_enrolled": N_("Authenticator app enrolled"),
    "staff.factor_offered": N_("Asked for a picture for an authenticator app"),
    "staff.factor_reset": N_("Second factor of another person taken off"),
    "staff.invited": N_("Person invited to the desk"),
    "staff.joined": N_("Took up the invitation"),
    "staff.left": N_("Person left the desk"),
    "staff.password_changed": N_("Password changed"),
    "staff.recovery_made": N_("New recovery codes made"),
    "staff.recovery_used": N_("Recovery code used"),
    "staff.reset_asked": N_("Asked for another password by mail"),
    "staff.role_changed": N_("Role changed"),
    "staff.session_ended": N_("Sessions ended"),
    "text.published": N_("Text of a message published"),
}

#: Why something about people, rules or texts was not done.
STAFF_REFUSALS: Mapping[str, str] = {
    "code_wrong": N_("This is not the code that the app shows now. Wait for the next one and try again."),
    "email_taken": N_("Somebody of this address is on file already."),
    "email_wrong": N_("This is no address that a mail can go to."),
    "has_left": N_("This person has left the desk."),
    "joined_already": N_("This person has taken up the invitation already."),
    "language_unknown": N_("The desk does not speak this language."),
    "last_admin": N_("This is the last administrator; make another one first."),
    "name_missing": N_("Say the name, in at most 120 characters."),
    "no_factor": N_("There is no authenticator app to take off."),
    "nothing_offered": N_("Ask for the picture first."),
    "password_common": N_("This is guessed early: a common word, or one said over and over. Choose others."),
    "password_long": N_("At most 1,024 characters."),
    "password_own_name": N_("This is made of your own name or address, which everybody knows."),
    "password_short": N_("This is too short."),
    "password_wrong": N_("This is not your password until now."),
    "passwords_differ": N_("The two are not alike."),
    "role_moved": N_("The person has another role by now; ask again."),
    "successor_missing": N_("There are accounts or open tasks: say who takes over."),
    "successor_wrong": N_("Choose somebody who works here."),
}
