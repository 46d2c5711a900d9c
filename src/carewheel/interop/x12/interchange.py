"""The tokeniser: an X12 file as blocks of segments, interchange by interchange, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, TextIO

from carewheel.interop.files import FileRefused, refused

CHUNK = 1 << 19
# X12 has no limit of its own; a segment of a claim is under 1 kB. Beyond 1 MB it is not X12.
MAX_SEGMENT = 1 << 20
ISA_LENGTH = 106
_ISA_WIDTHS = (3, 2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1)
_BLANK = " \t\r\n\x00\x1a"
# Not \s: to Python the separators FS, GS, RS and US of ASCII are white space, and X12 recommends them.
_MARK = r"[^A-Za-z0-9 \t\r\n\v\f]"
_START = re.compile(f"ISA(?={_MARK})")
_FRAGMENT = re.compile(f"(?:GS|ST)(?={_MARK})")
_SET = re.compile(rf"ST{_MARK}\d{{3}}{_MARK}")


class Separators(NamedTuple):
    """What separates elements, components and repetitions of one interchange, and ends its segments."""

    element: str
    component: str
    segment: str
    repetition: str = ""


class Block(NamedTuple):
    """Consecutive segments of one interchange.

    ``first`` is the number in the file of the first segment (counted from 1 over the whole file); ``starts`` says
    that an interchange begins here; ``fault`` is the code of what is wrong with its header ("" = nothing).
    """

    first: int
    segments: list[str]
    separators: Separators
    starts: bool
    fault: str


def separators_of(text: str) -> tuple[Separators | None, str]:
    """The separators that an ISA at the start of ``text`` declares, and what is wrong with it ("" = nothing).

    None where not even the separators can be told.

    >>> isa = "ISA*00*          *00*          *ZZ*A              *ZZ*B              *240101*0000*^*00501*000000001*0*P*:~"
    >>> separators_of(isa)
    (Separators(element='*', component=':', segment='~', repetition='^'), '')
    >>> separators_of(isa.replace("*00*          *00", "*00*   *00", 1))[1]
    'x12.bad-interchange-header'
    """
    element = text[3]
    parts = text[: 2 * ISA_LENGTH].split(element, 16)
    if len(parts) < 17 or len(parts[16]) < 2:
        return None, "x12.bad-interchange-header"
    repetition = parts[11] if not parts[11].isalnum() else ""
    found = Separators(element, parts[16][0], parts[16][1], repetition)
    widths = tuple(len(part) for part in parts[:16])
    marks = {found.element, found.component, found.segment}
    if widths != _ISA_WIDTHS or len(marks) < 3 or any(mark.isalnum() or mark == " " for mark in marks):
        return found, "x12.bad-interchange-header"
    return found, ""


def is_x12(head: str) -> str:
    """``interchange`` or ``fragment`` (its ISA is missing) if the beginning of a file is X12, else "".

    >>> is_x12("ST*835*0001~BPR*I*10*C*CHK~"), is_x12("name,amount")
    ('fragment', '')
    """
    text = head.lstrip("\ufeff \t\r\n")
    for match in _START.finditer(text[:16384]):
        parts = text[match.start() : match.start() + 300].split(text[match.end()], 17)
        # A header cut short is still X12 (then a finding says so); prose with "ISA*" in it is not.
        if len(parts) > 12 or (match.start() == 0 and len(text) < ISA_LENGTH):
            return "interchange"
    if _FRAGMENT.match(text) and _SET.search(text[:4096]):
        return "fragment"
    return ""


def blocks(stream: TextIO, progress: Callable[[int], None] = lambda _: None) -> Iterator[Block]:
    """The segments of a file, block by block; line ends after terminators are dropped. Empty where nothing is X12.

    Raises `FileRefused` (``x12.segment-too-long``) rather than hold a segment over 1 MB.
    """
    text = stream.read(CHUNK).lstrip("\ufeff")
    read, number = len(text), 1

    def more() -> str:
        nonlocal read
        chunk = stream.read(CHUNK)
        read += len(chunk)
        progress(read)
        return chunk

    while True:
        text, separators, fault = _find_header(text, more)
        if separators is None:
            if fault:
                yield Block(number, [], Separators("*", ":", "~"), True, fault)
            return
        starts = True
        while True:
            segments, rest, closed = _split(text, separators, starts)
            if segments:
                yield Block(number, segments, separators, starts, fault if starts else "")
                number += len(segments)
                starts = False
            text = rest
            if closed:
                break
            if len(text) > MAX_SEGMENT:
                raise FileRefused(
                    refused(
                        "x12.segment-too-long",
                        "A segment is over 1 MB long.",
                        line=number,
                        why="A segment of a claim is under 1 kB: the terminator that the ISA names does not come.",
                        remedy="Ask the sender for the file again.",
                    )
                )
            chunk = more()
            if not chunk:
                if text.strip(_BLANK):
                    # No terminator follows: the file is cut off in the middle of a segment.
                    yield Block(number, [text.strip(_BLANK)], separators, starts, fault if starts else "")
                return
            text += chunk


def _split(text: str, separators: Separators, starts: bool) -> tuple[list[str], str, bool]:
    """The complete segments of this interchange in ``text``, the rest, and whether the interchange ends here."""
    terminator, element = separators.segment, separators.element
    segments = text.split(terminator)
    rest = segments.pop()
    closed = False
    if f"IEA{element}" in text or f"ISA{element}" in text[3:]:
        for index, segment in enumerate(segments):
            start = segment.lstrip("\r\n")[:4]
            if start == f"IEA{element}" or (start == f"ISA{element}" and (index or not starts)):
                keep = index + (start[:3] == "IEA")
                rest = terminator.join([*segments[keep:], rest])
                del segments[keep:]
                closed = True
                break
    if segments and ("\n" in text or "\r" in text):
        # Line ends after terminators, or files wrapped at 80 columns: never part of the content.
        whole = terminator.join(segments)
        for line_end in "\r\n".replace(terminator, ""):
            whole = whole.replace(line_end, "")
        segments = whole.split(terminator)
    return segments, rest, closed


def _find_header(text: str, more: Callable[[], str]) -> tuple[str, Separators | None, str]:
    """The text from the next ISA on, its separators and its fault; None as separators at the end of the file."""
    before = False
    while True:
        match = _START.search(text)
        if match:
            before = before or bool(text[: match.start()].strip(_BLANK))
            text = text[match.start() :]
            while len(text) < 2 * ISA_LENGTH and (chunk := more()):
                text += chunk
            separators, fault = separators_of(text)
            if fault:
                # Files wrapped at 80 columns have a line end inside the ISA.
                unwrapped = text[: 2 * ISA_LENGTH].replace("\r", "").replace("\n", "")
                if not separators_of(unwrapped)[1]:
                    text = unwrapped + text[2 * ISA_LENGTH :]
                    separators, fault = separators_of(text)
            if separators is None:
                return "", None, fault
            return text, separators, "x12.text-before-interchange" if before and not fault else fault
        fragment = _FRAGMENT.match(text.lstrip())
        if fragment and not before:
            text = text.lstrip()
            element = text[fragment.end()]
            segment = "~" if "~" in text else "\n" if "\n" in text else "\r"
            return text, Separators(element, ":", segment), "x12.no-interchange-header"
        before = before or bool(text[:-3].strip(_BLANK))
        chunk = more()
        if not chunk:
            return "", None, "x12.text-after-interchange" if text.strip(_BLANK) or before else ""
        text = text[-3:] + chunk
