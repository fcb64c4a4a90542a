"""Words by which people ask not to be written to, in four languages and as thumbs type them.

A word counts when it stands alone, in any case, with or without points, accents and quotation marks;
Latin words count in every language. Words that may as well mean an order (CANCEL, ביטול, ОТКАЗ,
LEMONDOM) stop the channel and give a person a task. Free text that asks to stop does the same for the
channel it names, else for the one it came by. Free text is read clause by clause and from the clause's
beginning, so that "we had to stop calling the courier" asks for nothing.
Source: tone.md, section 8; C-07; policy table rows 4 and 15.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from models.links import Channel


class Asked(StrEnum):
    """What a text asks for, as far as a rule can tell."""

    STOP = "stop"
    #: It stops the channel, and a person looks what was meant.
    STOP_AND_ASK = "stop_and_ask"
    #: Reminders are wanted again.
    START = "start"
    #: Nothing about stopping: a person reads it.
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Heard:
    """What was asked, and the channels it names; none is the one it came by, unless it names calls."""

    asked: Asked
    channels: tuple[Channel, ...] = ()
    calls: bool = False


_ALONE = """
STOP; STOPALL; STOP ALL; UNSUBSCRIBE; END; QUIT; REVOKE; OPT OUT; OPTOUT; REMOVE ME; NO MORE
הסר; הסרה; הסירו; הסירו אותי; תסירו אותי; להסיר; עצור; עצרו; די; מספיק; הפסק; הפסיקו; תפסיקו
אל תשלחו; לא מעוניין; לא מעוניינת
СТОП; ОТПИСКА; ОТПИСАТЬСЯ; ОТПИШИТЕ; ХВАТИТ; ПРЕКРАТИТЕ; НЕ ПИШИТЕ; НЕ БЕСПОКОИТЬ; УДАЛИТЕ МЕНЯ
LEIRATKOZÁS; LEIRATKOZOM; ELÉG; NE KÜLDJENEK; NE ÍRJANAK; TÖRÖLJENEK; NEM KÉREM; ÁLLJ
"""
_MAY_MEAN_AN_ORDER = "CANCEL; ביטול; ОТКАЗ; ОТКАЗЫВАЮСЬ; LEMONDÁS; LEMONDOM"
#: Short enough to stand as a sentence of a longer text and still mean nothing else.
_IN_A_SENTENCE = "STOP; STOPALL; UNSUBSCRIBE; OPT OUT; הסר; הסירו; СТОП; ОТПИСАТЬСЯ; LEIRATKOZOM"
_AGAIN = "START; UNSTOP"
#: May stand beside a word that counts alone.
_POLITE = "PLEASE; PLS; THANKS; THANK YOU; בבקשה; נא; תודה; ПОЖАЛУЙСТА; СПАСИБО; KÉREM; KÖSZÖNÖM"

#: What a key types when the keyboard is set to the other language: the keys of a Latin keyboard in order.
_KEYS = "qwertyuiop[]asdfghjkl;'zxcvbnm,."
_RUSSIAN_KEYS = "йцукенгшщзхъфывапролджэячсмитьбю"
_HEBREW_KEYS = "/'קראטוןםפ][שדגכעיחלךף,זסבהנמצתץ"
#: Letters that look alike, as thumbs mix them.
_LATIN_LOOKS, _CYRILLIC_LOOKS = "abcehkmoptxy", "авсенкмортху"

#: Longest text that is looked through, characters: who asks to stop says so early.
_LOOKED_AT = 2000
_SENTENCE = re.compile(r"[.!?…\n\r]+")
_CLAUSE = re.compile(r"[.!?…\n\r,;:()–—]+")
_QUOTES = re.compile(r"[\"'`´‘’‚‛“”„‟«»‹›׳״]")
_NO_WORD = re.compile(r"[\W_]+")


def hear(text: str) -> Heard:
    """Return what a reply asks for.

    >>> hear("stop.").asked, hear("„Leiratkozas”").asked, hear("CTOП").asked
    (<Asked.STOP: 'stop'>, <Asked.STOP: 'stop'>, <Asked.STOP: 'stop'>)
    >>> hear("please stop texting me").channels
    (<Channel.SMS: 'sms'>,)
    >>> hear("I will stop by on Monday with a cheque").asked
    <Asked.NOTHING: 'nothing'>
    """
    text = text[:_LOOKED_AT]
    asked = _alone(_folded(text))
    if asked is not None:
        return Heard(asked)
    first, *others = (line for line in text.splitlines() if line.strip()) if text.strip() else ("",)
    if others and _alone(_folded(first)) in (Asked.STOP, Asked.STOP_AND_ASK):
        return Heard(Asked.STOP_AND_ASK)  # a name, a signature or more words follow
    for clause in map(_folded, _CLAUSE.split(text)):
        if _FREE.match(clause):
            named = tuple(channel for channel, names in _NAMES.items() if names.search(clause))
            return Heard(Asked.STOP_AND_ASK, named, calls=bool(_CALLS.search(clause)))
    if any(_folded(sentence) in _SENTENCES for sentence in _SENTENCE.split(text)):
        return Heard(Asked.STOP_AND_ASK)
    return Heard(Asked.NOTHING)


def _alone(folded: str) -> Asked | None:
    """What a text means that may be one of the words, said once or more, politely or not."""
    for spelled in _spellings(folded):
        if spelled in _STOPS:
            return Asked.STOP
        if spelled in _ORDERS:
            return Asked.STOP_AND_ASK
        if spelled in _STARTS:
            return Asked.START
    return None


def _spellings(folded: str) -> tuple[str, ...]:
    """A text as it stands, without politeness, and said once; each with look-alikes put right."""
    bare = " ".join(_IMPOLITE.sub(" ", f" {folded} ").split())
    words = bare.split()
    once = words[0] if len(set(words)) == 1 else bare
    return tuple(form for said in (folded, bare, once) for form in (said, *_mixed(said)))


def _mixed(folded: str) -> tuple[str, ...]:
    """The text all in Cyrillic and all in Latin, when it has letters of both or of Cyrillic alone."""
    if not any("а" <= letter <= "я" for letter in folded):
        return ()
    return folded.translate(_TO_CYRILLIC), folded.translate(_TO_LATIN)


def _folded(text: str) -> str:
    """Small letters without accents, points, invisible signs and quotation marks; one space between words."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in plain if unicodedata.category(c) not in ("Mn", "Cf"))
    return " ".join(_NO_WORD.sub(" ", _QUOTES.sub("", plain)).split())


def _words(listed: str) -> frozenset[str]:
    """The words of a list, folded, and long ones also as a keyboard in the other language types them."""
    words = {_folded(word) for line in listed.splitlines() for word in line.split(";")} - {""}
    return frozenset(words | {typed for word in words for typed in _mistyped(word)})


def _mistyped(word: str) -> list[str]:
    """A word of four letters or more, on the wrong keyboard; shorter ones could be words themselves."""
    if len(word) < 4 or " " in word:
        return []
    typed = (word.translate(keys) for keys in (_TO_RUSSIAN, _TO_HEBREW, _FROM_RUSSIAN, _FROM_HEBREW))
    return [_folded(other) for other in typed if other != word and other.isalpha()]


_TO_CYRILLIC = str.maketrans(_LATIN_LOOKS, _CYRILLIC_LOOKS)
_TO_LATIN = str.maketrans(_CYRILLIC_LOOKS, _LATIN_LOOKS)
_TO_RUSSIAN, _FROM_RUSSIAN = str.maketrans(_KEYS, _RUSSIAN_KEYS), str.maketrans(_RUSSIAN_KEYS, _KEYS)
_TO_HEBREW, _FROM_HEBREW = str.maketrans(_KEYS, _HEBREW_KEYS), str.maketrans(_HEBREW_KEYS, _KEYS)
_STOPS = _words(_ALONE)
_ORDERS = _words(_MAY_MEAN_AN_ORDER)
_SENTENCES = _words(_IN_A_SENTENCE)
_STARTS = frozenset(_folded(word) for word in _AGAIN.split(";"))
_IMPOLITE = re.compile(rf"(?<= )(?<!nem )(?:{'|'.join(_folded(word) for word in _POLITE.split(';'))})(?= )")

# ------------------------------------------------------------------ free text, folded: й is и, ё is е

#: What may stand before a request in its clause.
_ENGLISH_BEFORE = (
    r"(?:(?:please|pls|kindly|just|and|so|now|again|immediately|once more|"
    r"(?:hi|hello|hey|dear|good (?:morning|day|afternoon|evening))(?: \w+){0,3}?|"
    r"(?:can|could|would|will|must|should) you(?: please| kindly)?|you (?:must|should|need to|have to)|"
    r"i (?:(?:have |had )?(?:already )?(?:asked|told)|ask|want|need|would like|d like|demand)"
    r" you(?: all)? to|"
    r"(?:i|we)(?: would|d)? (?:like|want|wish|ask|request|demand) to) ){0,4}"
)
_ENGLISH_THINGS = r"(?:texts?|messages?|sms(?:es)?|e ?mails?|mails?|reminders?|notifications?|spam|calls?)"
_ENGLISH_MORE = (
    r"(?: (?:me|us))?(?: (?:any|all|of|the|these|those|this|that|such|your|more|further|with|to))*"
)
_ENGLISH = (
    rf"{_ENGLISH_BEFORE}(?:"
    r"(?:stop|quit|cease)(?: all)? (?:text|messag|e ?mail|mail|writ|call|ring|phon|contact|remind|bother|"
    r"harass|spamm|pester)\w*"
    rf"|(?:stop|quit|cease)(?: (?:sending|receiving|getting))?{_ENGLISH_MORE} {_ENGLISH_THINGS}"
    r"|(?:stop|quit|cease) sending(?: (?:me|us|this|these|them|it))+$"
    rf"|(?:i |we )?(?:do not|dont|never)(?: (?:want|wish|like|need))?(?: to)? (?:send|receive|get|want)"
    rf"{_ENGLISH_MORE} {_ENGLISH_THINGS}"
    r"|(?:do not|dont|never)(?: ever)? (?:text|message|sms|e ?mail|mail|write|call|ring|phone|contact|remind|"
    r"bother|harass|spam)(?:$| (?:to )?(?:me|us|this number|this address|my number|again|any ?more)"
    r"(?! (?:before|after|until|till|between|on|at|about|if|when)))"
    rf"|no more {_ENGLISH_THINGS}"
    r"|(?:unsubscribe|opt (?:me |us )?out)"
    r"|(?:take|remove|delete) (?:me|us|(?:my|our|this) (?:number|address|e ?mail|name|phone)(?: \w+)?)"
    r"(?: off| from (?:your|the|this|all|any) \w*\s?(?:list|lists|database|records|system|mailing)|$)"
    r")"
)
_HEBREW_ME = r"(?: (?:לי|לנו|אלי|אליי|אלינו|אותי|אותנו))"
_HEBREW_THINGS = r"(?:הודע\w+|ההודע\w+|סמס\w*|מסרו\w+|מייל\w*|אימייל\w*|דואל|תזכור\w+|כלום|יותר|שום)"
_HEBREW = (
    r"(?:(?:נא|בבקשה|אנא|אבקש|מבקש|מבקשת|מבקשים|אני|אנחנו|שלום|היי|פשוט) ){0,4}(?:"
    r"(?:די|תפסיקו|תפסיק|תפסיקי|הפסיקו|הפסיקי|הפסק|להפסיק|אל|לא)(?: כבר)? "
    r"(?:להציק|להטריד|תציק\w*|תטריד\w*|לסמס|תסמס\w*)"
    r"|(?:די|תפסיקו|תפסיק|תפסיקי|הפסיקו|הפסיקי|הפסק|להפסיק) (?:עם )?(?:לשלוח|לכתוב|להתקשר|לפנות|לצלצל|"
    rf"{_HEBREW_THINGS})"
    r"|(?:אל|לא|נא לא) (?:לשלוח|תשלח\w*|לכתוב|תכתב\w*|תכתוב|לפנות|תפנ\w*)"
    rf"{_HEBREW_ME}?(?: (?:עוד|יותר|את))*(?:$| {_HEBREW_THINGS})"
    rf"|(?:אל|לא) (?:להתקשר|תתקשר\w*|לצלצל|תצלצל\w*)(?:$|{_HEBREW_ME}?(?: (?:עוד|יותר))+|{_HEBREW_ME}$)"
    r"|(?:תורידו|תוריד|הורידו|להוריד|תסירו|תסיר|הסירו|להסיר|תמחקו|תמחק|מחקו|למחוק) "
    r"(?:אותי|אותנו|את (?:המספר|הכתובת|המייל|השם|הטלפון) שלי)"
    r"|לא (?:מעוניין|מעוניינת|מעוניינים|רוצה|רוצים) (?:יותר )?(?:לקבל|בהודע\w+|בתזכור\w+|במייל\w*)"
    r")"
)
_RUSSIAN_MORE = r"(?:(?:мне|нам|меня|нас|больше|сюда|уже|никогда|на этот номер|на этот адрес) )*"
_RUSSIAN_THINGS = r"(?:сообщени\w+|смс\w*|sms|писем|письма|напоминани\w+|рассылк\w+|уведомлени\w+|спам\w*)"
_RUSSIAN = (
    r"(?:(?:пожалуйста|прошу|прошу вас|здравствуйте|добрый день|я|мы) ){0,4}(?:"
    rf"(?:{_RUSSIAN_MORE}не|хватит|прекратите|прекратить|перестаньте|прекрати|перестань|довольно) "
    rf"{_RUSSIAN_MORE}"
    r"(?:(?:беспокойте|беспокоить|беспокой|тревожьте|тревожить|донимайте|донимать|доставайте|доставать)"
    r"|(?:пишите|писать|пиши|звоните|звонить|звони)(?! (?:до|после|раньше|позже|в|с|по|об?|без|чтобы) )"
    r"(?! \d)"
    rf"|(?:шлите|слать|присылайте|присылать|отправляйте|отправлять) {_RUSSIAN_MORE}(?:$|{_RUSSIAN_THINGS})"
    rf"|(?:шлите|слать|присылайте|присылать|отправляйте|отправлять)(?: (?:мне|нам|больше|сюда))*$)"
    r"|(?:удалите|уберите|исключите|отпишите) (?:меня|нас|мой (?:номер|адрес|телефон)|наш (?:номер|адрес))"
    rf"|(?:не хочу|не желаю|не хотим|отказываюсь) (?:больше )?(?:получать|от) (?:\w+ )?{_RUSSIAN_THINGS}"
    r")"
).replace("й", "и")
_HUNGARIAN_MORE = r"(?: (?:nekem|nekunk|engem|minket|tobbet|tobb|tobbe|ide|fel|soha|mar|ilyen))"
_HUNGARIAN_THINGS = r"(?:uzenet\w*|sms\w*|e ?mail\w*|level\w*|emlekezteto\w*|ertesites\w*|spam\w*|semmit)"
_HUNGARIAN = (
    r"(?:(?:kerem|legyenek szivesek|kerjuk|tobbet|tobbe|soha|es|udvozlom|jo napot) ){0,4}(?:"
    r"(?:ne|soha ne) (?:tobbet )?(?:zaklassanak|zaklasson|zaklassatok|keressenek|keressen)"
    rf"|(?:ne|soha ne) (?:tobbet )?(?:hivjanak|hivjon|hivogassanak|irjanak|irjon|irjatok)"
    rf"(?:$|{_HUNGARIAN_MORE}+"
    r"(?! (?:\d|elott|utan)))"
    rf"|(?:ne|soha ne) (?:tobbet )?(?:kuldjenek|kuldjon|kuldjetek)"
    rf"(?:{_HUNGARIAN_MORE}*(?:$| {_HUNGARIAN_THINGS}))"
    r"|hagyjanak (?:mar )?beken"
    r"|(?:toroljenek|toroljek|toroljon|vegyenek|vegyek)(?: ki| le)? "
    r"(?:engem|minket|a (?:listarol|szamomat|cimemet|nevemet|listajukrol))"
    rf"|nem (?:kerek|szeretnek|akarok) (?:tobb|tobbet|ilyen)(?: \w+)? ?{_HUNGARIAN_THINGS}"
    r"|leiratkozom|szeretnek leiratkozni|le akarok iratkozni"
    r")"
)
_FREE = re.compile(rf"(?:{_ENGLISH}|{_HEBREW}|{_RUSSIAN}|{_HUNGARIAN})(?!\w)")
_NAMES = {
    Channel.SMS: re.compile(r"\bsms|\btext(?:s|ing)?\b|סמס|אסאמאס|מסרו[ןנ]|הודעות טקסט|\bсмс"),
    Channel.EMAIL: re.compile(r"\be ?mail|מייל|דואל|\bимеил|\bмеил|электронн\w+ (?:почт|пис)"),
}
_CALLS = re.compile(r"\b(?:call|ring|phon)(?:s|e|ing)?\b|להתקשר|תתקשר|לצלצל|תצלצל|\bзвон|\bhiv(?:j|og)")
