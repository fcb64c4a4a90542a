"""The presenter: turns a Letter into a mail or an SMS (decisions 19, 20, 31)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from models.money import Money, total
from presentation.colours import readable_brand
from presentation.editing import placeholders, samples
from presentation.filling import BIDI_CONTROLS, Filler, fill, fill_html, is_address, one_line, quiet_link
from presentation.sms import MAX_SEGMENTS, TYPEWRITER, sms_segments
from presentation.sources import (
    BLOCKS,
    FRAME_BLOCKS,
    KINDS,
    LONE_BLOCK,
    PLACEHOLDERS,
    SLOT,
    Form,
    SourceWrong,
    check_source,
    read_sources,
)
from presentation.staff_mails import staff_mail
from presentation.writing import LANGUAGES, anchor, bdi, direction, initials, set_apart
from receivables.ports import InvoiceRow, Letter, MessageIncomplete, Rendered

#: Blocks that come in two kinds, and the amount that decides: something is open, or nothing.
_BY_AMOUNT = {"rest": "rest_amount", "remains": "balance"}
#: Blocks that come in several kinds; the value of the same name says which.
_BY_WORD = frozenset(
    {"evidence", "next_step", "prepaid", "purpose", "refusal", "release", "remedy", "returned"}
)


def _asks(filler: Filler) -> bool:
    """Whether documents are asked for; not where money went back and leaves none of them open."""
    return bool(filler.values.get("returned", "open") == "open")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of a source, its blocks put in; `origin` names the block it came from."""

    source: str
    origin: str | None = None

    @property
    def rows_of(self) -> str | None:
        """The placeholder of the table that this paragraph is, if it is one."""
        slot = SLOT.fullmatch(self.source)
        return slot[1] if slot and PLACEHOLDERS[slot[1]] is Form.ROWS else None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of documents, written for one medium."""

    number: str
    notes: tuple[str, ...]
    amount: str
    is_sum: bool = False


class Presenter:
    """Render messages from the sources in a folder of templates.

    All sources are read and checked when it is made, so a wrong one stops the start and no letter.

    Args:
        templates_dir: the folder that holds `messages/`.
    Raises:
        SourceWrong: a source is absent or more than text with known placeholders.
    """

    def __init__(self, templates_dir: Path | str) -> None:
        folder = Path(templates_dir)
        self._sources = read_sources(folder / "messages")
        environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
        self._frame = environment.get_template("messages/frame.html")
        self._frame_source = (folder / "messages" / "frame.html").read_text(encoding="utf-8")
        #: Sources used -> their digest; sources of a mail and of an SMS never meet in one set.
        self._versions: dict[frozenset[str], str] = {}
        self._inliner = css_inline.CSSInliner(load_remote_stylesheets=False)

    def render_message(self, letter: Letter) -> Rendered:
        """Render one message; texts that the letter brings stand in place of the shipped ones.

        Raises:
            MessageIncomplete: a part or a value is missing, or an SMS is too long; names which.
        """
        if letter.kind not in KINDS or letter.language not in LANGUAGES:
            raise MessageIncomplete(letter.kind, letter.language, letter.channel, "no such text")
        if letter.channel == "sms" and not KINDS[letter.kind].by_sms:
            raise MessageIncomplete(letter.kind, letter.language, "sms", "no text for this channel")
        if letter.texts:
            return self._with(letter)._render(letter)
        return self._render(letter)

    def _with(self, letter: Letter) -> Presenter:
        """This presenter with the published texts of a letter, checked as the shipped ones are.

        Raises: MessageIncomplete: a text that was published is none any more, such as of an older house.
        """
        for key, text in letter.texts.items():
            kind, part = key.partition("/")[0], key.rpartition("/")[2]
            try:
                check_source(key, text, placeholders(kind, part))
            except SourceWrong as error:
                raise MessageIncomplete(letter.kind, letter.language, letter.channel, str(error)) from error
        other = copy(self)
        other._sources = {**self._sources, **letter.texts}
        other._versions = {}
        return other

    def _render(self, letter: Letter) -> Rendered:
        if letter.channel == "sms":
            return self._sms(letter)
        if letter.channel == "email":
            return self._mail(letter)
        raise MessageIncomplete(letter.kind, letter.language, letter.channel, "no text for this channel")

    def text_samples(self, kind: str, currency: str, today: date) -> dict[str, Any]:
        """Return an example for each value of a kind, where a real account has no such fact."""
        return samples(kind, currency, today)

    def staff_mail(self, kind: str, language: str, values: Mapping[str, str]) -> tuple[str, str]:
        """Return subject and text of a mail to a person of the house."""
        return staff_mail(kind, language, values)

    # ------------------------------------------------------------------ SMS

    def _sms(self, letter: Letter) -> Rendered:
        neutral = letter.private and KINDS[letter.kind].neutral_sms
        kind = "neutral_notice" if neutral else letter.kind
        key = f"{kind}/{letter.language}/sms"
        clear, kept = (self._plain_sms(key, Filler(letter, kind, masked=masked)) for masked in (False, True))
        segments = sms_segments(clear)
        if segments > MAX_SEGMENTS:
            raise MessageIncomplete(
                kind, letter.language, "sms", f"room: {segments} segments, at most {MAX_SEGMENTS}"
            )
        return Rendered("", clear, None, kept, self._named(letter, self._version([key])), segments)

    def _plain_sms(self, key: str, filler: Filler) -> str:
        text = fill(self._sources[key], filler.sms)
        return text.translate(TYPEWRITER) if filler.language == "en" else text

    # ------------------------------------------------------------------ mail

    def _mail(self, letter: Letter) -> Rendered:
        filler = Filler(letter, letter.kind)
        subject_key = "blocks/{}/subject_private" if letter.private else f"{letter.kind}/{{}}/subject"
        subject_key = subject_key.format(letter.language)
        subject = anchor(_one_space(fill(self._sources[subject_key], filler.text)), letter.language)
        paragraphs = self._paragraphs(letter, filler)
        used = [subject_key, f"{letter.kind}/{letter.language}/body"]
        used += [self._block(p.origin, letter.language) for p in paragraphs if p.origin]
        used += [self._block(b, letter.language) for b in (*FRAME_BLOCKS, KINDS[letter.kind].button)]
        return Rendered(
            subject=subject,
            text=self._text(paragraphs, filler),
            html=self._html(subject, paragraphs, filler),
            kept_text=self._text(paragraphs, Filler(letter, letter.kind, masked=True)),
            template_version=self._named(
                letter,
                self._version([*used, *self._inline_blocks(letter, filler)], self._frame_source),
            ),
            segments=0,
        )

    @staticmethod
    def _block(name: str, language: str) -> str:
        return f"blocks/{language}/{name}"

    def _version(self, keys: Sequence[str], more: str = "") -> str:
        """Return a short digest of the sources a message was made of (decision 19)."""
        used = frozenset(keys)
        if used not in self._versions:
            digest = sha256(more.encode())
            for key in sorted(used):
                digest.update(f"\0{key}\0{self._sources[key]}".encode())
            self._versions[used] = digest.hexdigest()[:12]
        return self._versions[used]

    @staticmethod
    def _named(letter: Letter, digest: str) -> str:
        """Put the published version before the digest of what a message was made of: "v17-0c9fe21a"."""
        return digest if letter.texts_version is None else f"v{letter.texts_version}-{digest[:8]}"

    def _chosen(self, name: str, filler: Filler) -> str | None:
        """Which block a call means; None if its facts are absent and the text closes up."""
        if name == "balance":
            balance = filler.value("balance")
            return "balance_open" if isinstance(balance, Money) and balance.minor > 0 else "balance_none"
        if name == "again":
            return f"again_{filler.values[name]}" if filler.values.get(name) else None
        if name == "ways_out" and not _asks(filler):
            return None
        if name in _BY_WORD:
            return f"{name}_{filler.value(name)}"
        if name in _BY_AMOUNT:
            amount = filler.value(_BY_AMOUNT[name])
            return f"{name}_open" if isinstance(amount, Money) and amount.minor > 0 else f"{name}_none"
        if name == "late_terms" and not any(filler.values.get(n) for n in BLOCKS["late_terms"]):
            return None
        if name == "enclosed" and not filler.letter.encloses:
            return None
        return name

    def _inline_blocks(self, letter: Letter, filler: Filler) -> list[str]:
        calls = LONE_BLOCK.findall(self._sources[f"{letter.kind}/{letter.language}/body"])
        chosen = (self._chosen(name, filler) for name in calls)
        return [self._block(name, letter.language) for name in chosen if name]

    def _paragraphs(self, letter: Letter, filler: Filler) -> list[Paragraph]:
        """Cut a body into paragraphs and put the blocks in their places."""
        body = self._sources[f"{letter.kind}/{letter.language}/body"]
        if letter.private:
            body = f"{{block_opening_private}}\n\n{body}"

        def block(name: str) -> str:
            chosen = self._chosen(name, filler)
            return self._sources[self._block(chosen, letter.language)] if chosen else ""

        paragraphs = []
        for source in re.split(r"\n{2,}", body):
            lone = LONE_BLOCK.fullmatch(source)
            put_in = LONE_BLOCK.sub(lambda call: block(call[1]), source)
            paragraphs.append(Paragraph(put_in, self._chosen(lone[1], filler) if lone else None))
        return [p for p in paragraphs if p.source and not (p.rows_of and self._no_rows(p.rows_of, filler))]

    @staticmethod
    def _no_rows(name: str, filler: Filler) -> bool:
        """Whether a table is left out: a payment may be allocated to nothing, a request never."""
        rows = filler.value(name)
        if not isinstance(rows, list | tuple) or not all(isinstance(row, InvoiceRow) for row in rows):
            raise filler.incomplete(f"{name} as rows")
        if not rows and name == "invoice_list" and _asks(filler):
            raise filler.incomplete(name)
        return not rows

    def _text(self, paragraphs: Sequence[Paragraph], filler: Filler) -> str:
        parts = []
        for paragraph in paragraphs:
            if paragraph.rows_of:
                lines = _aligned(self._rows(paragraph.rows_of, filler))
            else:
                lines = fill(paragraph.source, filler.text).split("\n")
            parts.append("\n".join(anchor(line, filler.language) for line in lines))
        legal = one_line(filler.letter.sender.legal_line)
        if legal:
            parts.append(anchor(set_apart(legal, filler.language), filler.language))
        return "\n\n".join(parts) + "\n"

    def _rows(self, name: str, filler: Filler, *, html: bool = False) -> list[Row]:
        """Write the rows of a table, and the sum where several documents of one currency are asked for.

        What is on its way by a delayed method is left out of the amounts and named in a note.
        """
        rows: Sequence[InvoiceRow] = filler.value(name)
        write = filler.html if html else filler.text
        mixed = len({row.currency for row in rows}) > 1

        def block(key: str, slot: str, value: object) -> str:
            source = self._sources[self._block(key, filler.language)]
            if html:
                return fill_html(source, lambda _: filler.html(slot, value))
            return fill(source, lambda _: filler.text(slot, value))

        def sum_of(amount: Money) -> str:
            written = filler.money(amount, code=mixed)
            return bdi(written) if html else set_apart(written, filler.language)

        lines = []
        for row in rows:
            notes = []
            if name in ("invoice_list", "instalment_list") and row.due_on:
                notes.append(block("row_due", "due_date", row.due_on))
            if row.processing:
                notes.append(block("row_processing", "processing", row.processing))
            # What was ordered is named in words, a document by its number.
            number = write("order_line" if name == "order_list" else "number", one_line(row.number))
            lines.append(Row(number, tuple(notes), sum_of(row.asked)))
        if name == "invoice_list" and len(rows) > 1 and not mixed:
            asked = total([row.asked for row in rows], rows[0].currency)
            label_of_sum = self._sources[self._block("list_total", filler.language)]
            lines.append(Row(label_of_sum, (), sum_of(asked), is_sum=True))
        return lines

    # ------------------------------------------------------------------ HTML

    def _html(self, subject: str, paragraphs: Sequence[Paragraph], filler: Filler) -> str:
        """Render the HTML part from the paragraphs of the text: the same words in the same order."""
        language, sender = filler.language, filler.letter.sender
        card: list[dict[str, Any]] = []
        foot: list[Markup] = []
        for paragraph in paragraphs:
            if paragraph.rows_of:
                card.append({"is": "table", "rows": self._rows(paragraph.rows_of, filler, html=True)})
                continue
            lines = paragraph.source.split("\n")
            if lines[0].startswith("{person}"):
                written = [fill_html(line, filler.html) for line in lines if not _is_foot(line)]
                card.append({"is": "person", "lines": written[:2], "more": written[2:]})
                foot += [self._foot_line(line, filler) for line in lines if _is_foot(line)]
            elif paragraph.source.endswith("{link}"):
                lead = fill_html(paragraph.source.removesuffix("{link}").rstrip(), filler.html)
                card.append({"is": "action", "lines": [lead]})
            else:
                role = "greeting" if paragraph.origin == "salutation" else "text"
                card.append({"is": role, "lines": [fill_html(line, filler.html) for line in lines]})
        has_button = any(piece["is"] == "action" for piece in card)
        if has_button:
            if not is_address(filler.value("link")):
                raise filler.incomplete("link as an address")
            fallback = self._sources[self._block("link_fallback", language)]
            foot.insert(1, fill_html(fallback, filler.html))
        way = direction(language)
        page = self._frame.render(
            language=language,
            way=way,
            start="left" if way == "ltr" else "right",
            end="right" if way == "ltr" else "left",
            subject=BIDI_CONTROLS.sub("", subject),
            creditor=one_line(sender.name),
            legal_line=one_line(sender.legal_line),
            brand=readable_brand(sender.brand_colour),
            initials=initials(sender.person),
            card=card,
            foot=foot,
            button=self._sources[self._block(KINDS[filler.kind].button, language)],
            link=filler.plain("link") if has_button else None,
        )
        return self._inliner.inline(page)

    @staticmethod
    def _foot_line(line: str, filler: Filler) -> Markup:
        """Write a line of the foot: the opt-out sentence is a link itself, its address says nothing."""
        words, _, rest = line.partition(": {stop}")
        if rest or not line.endswith(": {stop}") or not is_address(filler.plain("stop")):
            return fill_html(line, filler.html)
        return quiet_link(filler.plain("stop"), fill_html(words, filler.html))


def _is_foot(line: str) -> bool:
    return "{verify}" in line or "{stop}" in line


def _one_space(text: str) -> str:
    """Keep a header on one line, whatever was put into it (X-04)."""
    return re.sub(r"[ \r\n\t]+", " ", text).strip()


def _aligned(rows: Sequence[Row]) -> list[str]:
    """Set rows in columns of plain text: number, notes, amount to the end."""
    notes = [", ".join(row.notes) for row in rows]
    number_width = max(_width(row.number) for row in rows)
    note_width = max(_width(note) for note in notes)
    amount_width = max(_width(row.amount) for row in rows)
    lines = []
    for row, note in zip(rows, notes, strict=True):
        cells = [row.number + " " * (number_width - _width(row.number))]
        if note_width:
            cells.append(note + " " * (note_width - _width(note)))
        cells.append(" " * (amount_width - _width(row.amount)) + row.amount)
        lines.append("  ".join(cells))
    return lines


def _width(text: str) -> int:
    """How many places a text takes: controls and combining marks take none."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(unicodedata.category(c) not in ("Cf", "Mn") for c in text)
