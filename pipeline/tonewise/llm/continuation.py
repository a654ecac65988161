"""Going on from what another model has said, without a word given twice.

A reply may be begun by one model and ended by another. `going_on` asks the other; `Words` joins
what they say: it gives whole words, and leaves out what the second repeats of the first.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from tonewise.stages import LlmRequest, Message

_GO_ON = (
    "(A fault cut your reply off after its last word. Go on with the word that comes next. Repeat "
    "nothing that you have said, do not begin anew and do not mention the fault.)"
)

# Thai to Myanmar, Khmer, and all of Chinese and Japanese: no spaces between words.
_UNSPACED = (
    "\u0e00-\u109f\u1780-\u17ff\u2e80-\u9fff\ua000-\ua4cf\uf900-\ufaff\uff00-\uffef"
    "\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+(?:['’][^\W_{_UNSPACED}]+)*")
_BEGUN = re.compile(rf"[^\s{_UNSPACED}]+\Z")
"""A word that the next piece may still lengthen."""
_ENDED = re.compile(r"(?:^|\D)[.,;:!?…][\"'”’)]*\Z")
"""What ends a word for certain. Not after a digit: 3. may become 3.14."""
_CLOSING = re.compile(r"[\s.,;:!?…)\]”’]+")


def going_on(request: LlmRequest, said: str, *, prefill: bool) -> LlmRequest:
    """The request to go on from what was said.

    Args:
        request: what was asked first.
        said: what another model has answered, as far as it came.
        prefill: the API goes on from the model's own words; otherwise it is asked to.
    """
    more = [Message("assistant", said)]
    if not prefill:
        more.append(Message("user", _GO_ON))
    return replace(request, messages=(*request.messages, *more))


def overlap(said: Sequence[str], more: Sequence[str], *, begun: bool = False) -> tuple[int, bool]:
    """How many words at the beginning of `more` repeat the end of `said`: as many as can be.

    Args:
        said: words, in one case.
        more: words, in one case.
        begun: the last word of `said` may be the beginning of a longer one.

    Returns:
        The number, and whether words that follow `more` could still raise it.
    """
    last = len(said) - 1

    def repeats(start: int) -> bool:
        return all(
            ours == theirs or (begun and place == last and theirs.startswith(ours))
            for place, (ours, theirs) in enumerate(zip(said[start:], more, strict=False), start)
        )

    lengths = [len(said) - start for start in range(len(said)) if repeats(start)]
    best = max((length for length in lengths if length <= len(more)), default=0)
    return best, any(length > len(more) for length in lengths)


class Words:
    """The words of one reply, whoever says them.

    The first piece is given as it comes: nobody waits for it. After that a word is given when the
    next one begins, so that a model that breaks off leaves no half of a word behind.
    """

    def __init__(self) -> None:
        self._given: list[str] = []
        self._held = ""
        self._left = ""  # by a model that broke off: given only if nobody goes on
        self._whole = True  # does what was given end with a whole word?
        self._seam = False
        self._prefilled = False

    @property
    def said(self) -> str:
        """What was given."""
        return "".join(self._given)

    def take(self, piece: str) -> str:
        """What can be given now that the model has said `piece`; may be empty."""
        if self._given and not self._seam:
            return self._give_whole(piece)
        self._held += piece
        if self._seam:
            return self._joined(_whole_part(self._held), final=False)
        text = self._held.strip()
        self._whole = self._held.rstrip() != self._held or not _begun(text)
        return self._give(text, self._held.lstrip()[len(text) :]) if text else ""

    def broke_off(self) -> str:
        """The model said no more; the end of a word whose beginning was given is given too."""
        if self._seam:
            self._held = ""  # nothing of its own was given: the reply stands where it stood
            return ""
        if self._held[:1].strip() and not self._whole:
            self._whole = self._held[-1:].isspace()
            return self._give(self._held.rstrip(), "")
        self._whole = self._whole or bool(self._held)
        self._left, self._held = self._held, ""
        return ""

    def go_on(self, *, prefilled: bool) -> None:
        """Another model goes on. Prefilled: it may begin in the middle of a word."""
        self._seam, self._prefilled = bool(self._given), prefilled

    def finish(self) -> str:
        """What is left to be given; may be empty."""
        if self._seam and (text := self._joined(self._held.rstrip(), final=True)):
            return text
        rest = self._left if self._seam else self._held or self._left
        self._left = ""
        return self._give(rest.rstrip() if self._given else rest.strip(), "")

    def _give(self, text: str, held: str) -> str:
        if text:
            self._given.append(text)
        self._held = held
        return text

    def _give_whole(self, piece: str) -> str:
        held = self._held
        if piece[:1] == " " and held[-1:].isalnum() and piece[1:].isalnum() and piece.isascii():
            whole, held = held, piece  # one more word: so come most tokens, and it saves time
        else:
            held += piece
            whole = _whole_part(held)
            held = held[len(whole) :]
        self._whole = self._whole or bool(whole)
        return self._give(whole, held)

    def _joined(self, more: str, *, final: bool) -> str:
        """`more` without what it repeats, spaced to follow the reply; empty if it is too soon."""
        said, found = self.said, list(_WORD.finditer(more))
        ours = [word[0].casefold() for word in _WORD.finditer(said)]
        theirs = [word[0].casefold() for word in found]
        count, undecided = overlap(ours, theirs, begun=not self._whole)
        if (undecided or not found) and not final:
            return ""
        rest, glued = more, self._prefilled and not self._whole
        if count:
            last = found[count - 1]
            glued = not self._whole
            rest = more[last.start() + len(ours[-1]) if glued else last.end() :]
        text = _spaced(said, rest, glued=glued)
        if not text:
            return ""
        self._seam, self._left, self._whole = False, "", True
        return self._give(text, self._held[len(more) :])


def _begun(text: str) -> bool:
    return bool(_BEGUN.search(text)) and not _ENDED.search(text)


def _whole_part(text: str) -> str:
    """`text` without the word at its end that may go on, and without white space at its end."""
    begun = _BEGUN.search(text)
    if begun and not _ENDED.search(begun[0]):
        text = text[: begun.start()]
    return text.rstrip()


def _spaced(said: str, rest: str, *, glued: bool) -> str:
    """`rest` as it follows `said`: one space between words, no second full stop or comma."""
    if glued and not rest[:1].isspace():
        return rest.rstrip()
    ends = _CLOSING.search(said[-1:])
    if ends or rest.lstrip().startswith(("…", "...")):
        leading = _CLOSING.match(rest)
        rest = rest[leading.end() :] if leading else rest
    rest = rest.strip()
    if not rest:
        return ""
    unspaced = re.match(rf"[{_UNSPACED}]", rest) or re.search(rf"[{_UNSPACED}]\Z", said)
    return rest if unspaced or _CLOSING.match(rest) else f" {rest}"
