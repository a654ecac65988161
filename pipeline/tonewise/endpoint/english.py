"""English word tables for completeness: what cannot end a sentence, and what often ends a turn.

Grammar, not statistics: mostly closed classes of words, as in any grammar of English. Words that a
sentence may well end in ("that", "it", "all", "there", "her") are in none of those that leave it
open.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARTICLES = _words("a an the")
CONJUNCTIONS = _words(
    "and or but nor because cause cuz although though unless until while whereas if whether "
    "since than as like plus"
)
PREPOSITIONS = _words(
    "of to for from with without at by into onto between among during toward towards upon per "
    "via against about regarding concerning than versus within beyond despite"
)
PARTICLES = _words("in on off up out down over back through around under after before along across")
"""Prepositions that also end sentences: "the light is on", "log me in"."""

POSSESSIVES = _words("my your his our their its whose")
SUBJECTS = _words("i we they he she i'd i'll i'm i've we'd we'll we're we've they're")
AUXILIARIES = _words(
    "is are was were am be been being has had having does did do can could will would shall should "
    "may might must it's that's there's what's he's she's you're who's isn't aren't wasn't weren't "
    "don't doesn't didn't can't couldn't won't wouldn't shouldn't haven't hasn't gonna wanna "
    "gotta"
)
DETERMINERS = _words("every each another these those such some any which very really")
ANSWER_TAILS = _words("i we they you he she it that this there those these not what who where")
"""After one of these an auxiliary can be the end: "yes it is", "yes I do", "I could not"."""

FILLERS = _words("um uh er erm hmm hm mm uhm umm uhh ah eh em ehm mmm hmmm like well so")
PURE_FILLERS = FILLERS - {"like", "well", "so"}

OPEN_PHRASES = (
    "i would like",
    "i'd like",
    "i want",
    "i need",
    "i was wondering",
    "i think",
    "i guess",
    "i believe",
    "i mean",
    "you know",
    "let me",
    "let's see",
    "can you",
    "could you",
    "did you",
    "how did you",
    "would you like",
    "can i",
    "could i",
    "may i",
    "do you",
    "would you",
    "how do i",
    "i have",
    "i got",
    "i just",
    "and then",
    "so that",
    "a lot of",
    "kind of",
    "sort of",
    "such as",
    "instead of",
    "because of",
    "as well as",
    "in order",
    "going to",
    "trying to",
    "want to",
    "have to",
    "need to",
    "and i",
    "but i",
    "or maybe",
    "and also",
    "the first",
    "the last",
    "the next",
    "a little",
    "a bit",
)
"""Beginnings of clauses whose rest is still to come."""

ANNOUNCING = (
    "name is",
    "number is",
    "numbers are",
    "address is",
    "email is",
    "e-mail is",
    "mail is",
    "code is",
    "date is",
    "birthday is",
    "id is",
    "pin is",
    "account is",
    "policy is",
    "order is",
    "spelled",
    "spelt",
    "that's spelled",
    "problem is",
    "question is",
    "thing is",
    "issue is",
)
"""What is announced has not been said yet."""

TAGS = (
    "right",
    "okay",
    "ok",
    "isn't it",
    "aren't they",
    "don't you",
    "doesn't it",
    "didn't you",
    "can you",
    "could you",
    "will you",
    "would you",
    "correct",
    "is that right",
    "is that okay",
    "you know what i mean",
)

CLOSERS = (
    "please",
    "thanks",
    "thank you",
    "thank you very much",
    "thanks a lot",
    "that's all",
    "that's it",
    "that is all",
    "that's everything",
    "bye",
    "goodbye",
    "good bye",
    "bye bye",
    "have a good one",
    "have a nice day",
    "have a good day",
    "that would be great",
    "that'd be great",
    "that works",
    "sounds good",
    "that's right",
    "that's correct",
    "that's fine",
    "i'm not sure",
    "i don't know",
    "not sure",
    "no idea",
    "go ahead",
    "you're welcome",
    "no problem",
)
"""Phrases at which callers hand over."""

ANSWERS = _words(
    "yes no yep yup nope nah correct exactly absolutely none nothing never neither both either "
    "today tomorrow yesterday"
)
"""Whole turns of one word."""

ACKNOWLEDGING = _words(
    "okay ok sure right alright yeah hello hi hey great perfect wonderful terrific good cool oh "
    "actually basically anyway also"
) | frozenset(
    {
        "all right",
        "okay great",
        "okay sure",
        "oh okay",
        "okay so",
        "yeah so",
        "i see",
        "hi there",
        "hello there",
        "oh yeah",
        "yeah okay",
        "okay yeah",
        "good morning",
        "good afternoon",
    }
)
"""What takes the floor more often than it gives it back, when it stands alone."""

TRANSITIVE = _words(
    "make makes made get gets got take takes took bring want wants wanted need needs needed give "
    "gives gave send sent put find found let use used tell told ask asked say said see offer "
    "includes include about just only also even still maybe probably actually basically more "
    "most same other last next first new"
)
"""Verbs that want an object, and words that stand before what they are about."""

DIGITS = _words("zero oh one two three four five six seven eight nine niner nought")
REPEATED = {"double": 2, "triple": 3}
NUMBERED = _words("number numbers phone telephone account card code zip pin policy order reference")
"""What has a number of several digits."""

WHOLE_NUMBERS = frozenset({7, 9, 10, 11, 12, 16})
"""Digits in a telephone, social security, account or card number."""
