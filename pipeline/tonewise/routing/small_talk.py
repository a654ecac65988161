"""Words that ask for nothing by themselves, and small words that hold a conversation together.

Beside the table of cues (`cue_words.py`) and written like it: phrases without regard to case,
punctuation and apostrophes, separated by commas.
"""

INERT = """
check if, see if, know if, wondering if, ask if, tell me if, find out if, verify if, if possible,
if you can, if you could, if you dont mind, if thats ok, if thats okay, if so, if not, or not, yes
or no, or so, or something, or anything, as soon as possible, as soon as, or later, or more, or
less, how do you, how are you, youd better, feel better, get better, much better, even better,
thats better, pin code, zip code, promo code, discount code, area code, tracking code, security
code, confirmation code, the code, a code, code word, qr code, attend a function, be better, work
out better, a better, i like better, my server, the server, java bean, customer service, dress
code, post code, dial code, verification code, java chip, in that order, nothing but, that if, a
while, for a while, since yesterday, since monday, better now, insurance card, no problem
"""
"""Phrases that look like a cue and are none; they use their words up."""

COURTESIES = """
hello, hi, hey, hiya, good morning, good afternoon, good evening, please, thanks, thank you,
thanks a lot, thank you so much, thank you very much, bye, bye bye, goodbye, have a good one, have
a nice day, have a good day, yes, yeah, yep, yup, yes please, no, nope, nah, no thanks, no thank
you, okay, ok, sure, right, correct, thats right, thats correct, fine, thats fine, great, perfect,
awesome, cool, nice, alright, all right, sorry, excuse me, of course, absolutely, exactly, sounds
good, thats all, that will be all, that is all, nothing else, got it, i see, never mind, you too,
cheers, welcome, can you, could you, would you, will you, can i, could i, may i, i would like to,
id like to, i would like, id like, i want to, i want, i need to, i need, im looking for, i am
looking for, let me, lets, tell me, give me, get me, help me, show me, would you mind, can you
tell me, could you tell me, i was wondering, just, actually, really, so, well, oh
"""
"""Small talk and polite framing: what is asked for does not grow by it, so it is not counted."""

FILLED_PAUSES = "um, umm, uh, uhh, uhm, er, erm, ah, ahm, eh, hm, hmm, hmmm, mm, mmm, mhm"
"""Taken out before anything is looked up: hesitation is the voice's affair."""

HEDGES = """
you know, i mean, kind of, sort of, i guess, lets see, let me think, let me see, how do i say, whats
it called
"""
"""Words that win time; not counted either."""

FOLLOW_UPS = """
why, why not, how so, how come, and why, what about, how about, and the other, the other one, the
second one, the first one, the latter, the former, and if, what if, and what if, what else, go on,
tell me more, which one, which is better, and then, then what, what does that mean, what do you
mean, say that again, explain that, explain it, are you sure, is that true, really, and for, such
as, like what, for example, in my case, and that
"""
"""How a short turn leans on the one before it."""

DIGIT_WORDS = """
zero, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen,
fifteen, sixteen, seventeen, eighteen, nineteen, twenty, thirty, forty, fifty, sixty, seventy,
eighty, ninety, hundred, thousand, million, billion, dozen
"""
"""Numbers as STT may spell them. "One" is left out: it is mostly a pronoun."""

ORDER_OPENS = "first, firstly"
ORDER_CLOSES = "second, then, next, last"
CHOICE_OPENS = "should, which, whether, rather"
CHOICE_CLOSES = "or"
"""First … then: steps. Should … or: a comparison."""
