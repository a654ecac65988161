"""The words around a complaint: small signs, people asked for, tries, thanks, replies that failed.

Written like `complaint_words.py`: phrases as STT gives them, separated by commas.
"""

from tonewise.routing.complaint_words import Sign

SMALL_SIGNS = (
    Sign(
        name="denies",
        says="says what is not so or not wanted",
        sort="complains",
        amount=0.5,
        most=2,
        answers=True,
        why="Most answers that miss are met by a plain denial.",
        phrases="""
        dont, do not, didnt, did not, not, isnt, cant, cannot, wont, wasnt, arent, doesnt, does not,
        havent, hasnt, never, wouldnt, couldnt, shouldnt, aint, neither, none of, nothing
        """,
    ),
    Sign(
        name="looks elsewhere",
        says="asks for something else",
        sort="insists",
        amount=0.5,
        most=2,
        answers=True,
        why="What was offered does not do.",
        phrases="""
        something else, anything else, anyone else, someone else, somewhere else, someplace else,
        who else, any other, other options, other ones, other places, others, other, another,
        instead, different, next option, the next one, skip, go on, keep looking, what else, more
        options, alternatives, alternative, one more, not that one, change it, change that, change
        the, rather, search again, can you try, could you try, you try, please try, lets try, try
        to, try for, try a, try the, try another, look for something, look for a, look for one, can
        you look, could you look, look again, you look again, check again
        """,
    ),
    Sign(
        name="takes back",
        says="puts something right",
        sort="insists",
        amount=0.4,
        most=2,
        answers=True,
        why="Small words of somebody who has to steer against us.",
        phrases="""
        actually, wait, hold on, i meant, i mean, i wanted, i would prefer, id prefer, i prefer, id
        rather, i need it, still, already, again, once again, once more, supposed to, sorry, im
        sorry, i am sorry, excuse me, correct it, correct the, one more time, try again, try it
        again, are you sure, why, make it, make sure, are you certain, just, please confirm, first,
        only
        """,
    ),
    Sign(
        name="declines",
        says="does not take up what was offered",
        sort="insists",
        amount=0.5,
        most=1,
        answers=True,
        why="A polite way not to say what is missing.",
        phrases="""
        not yet, not just yet, not now, not right now, not at the moment, not at this time, not
        today, maybe later, perhaps later, later maybe, some other time, another time, ill pass, i
        will pass, not interested, think about it, think it over, hold off, no need, changed my
        mind, on second thought, im not ready, not quite, not exactly, not really, not so good, not
        ideal, id rather not, rather not
        """,
    ),
    Sign(
        name="shrugs",
        says="does not care to be asked",
        sort="insists",
        amount=0.6,
        most=1,
        answers=True,
        why="A question that did not need to be asked.",
        phrases="""
        doesnt matter, does not matter, dont care, do not care, dont really care, no preference, any
        is fine, either is fine, either one, dont have a preference, do not have a preference, not
        important, isnt important, i dont mind, forget it, just forget it, forget about it, as long
        as, whatever you
        """,
    ),
)
"""What callers say who have to steer; worth a fraction, and never a threshold alone."""

INERT = """
no problem, no problems, no problem at all, no worries, no worry, not bad, not too bad, not bad at
all, no thanks, no thank you, no thanks thats, no rush, no hurry, no pressure, not at all, why not,
dont worry, dont you worry, do you mind, if you dont mind, i dont mind waiting, cant wait, cannot
wait, cant complain, no complaints, not a problem, not an issue, no issue, no issues, no trouble,
not any trouble, never mind, nevermind, if not, or not, whether or not, not only, not sure, im not
sure, dont know, i dont know, no idea, no doubt, not to worry, nothing else, nothing more, nothing
at all thanks, thats not all, not long, wont be long, not much, wrong number, my mistake, my bad,
nothing wrong, whats wrong, too much trouble, if its not too much trouble, upset stomach, worst
case, the worst case, the worst that, excuse me please, good issue, issue date, date of issue,
without a problem, without problems, without any problems, without any issues, dont forget, do not
forget, dont need anything else, dont need anything, didnt know, missing person, late lunch, late
dinner, late night, latest, later, bad credit, bad weather, too bad, bloody mary, great another
question, great another thing, one more thing, one more question, another question, another thing,
just one more, anything else i, is there anything else i, cut off date, cut off time, insult to
injury, stupid question, sorry if this is a stupid question, a silly question, terrible weather,
awful weather, horrible weather, scam alert, angry birds, i said yes, forget it thanks, not angry,
doesnt need, escalate privileges, would be just great, would be just perfect, that is just perfect,
thats just perfect, thats just great, thats just what i needed, just in case, just the, just a, just
one, just two, just me, first class, at first, the first, first of all, first name, but thanks, but
thank you, really appreciate, really good, really great, really nice, really like, really love,
really helpful, thats really, oh really nice, other than that, each other, the other two, the other
three, the other day, every other, but thats fine, but thats okay, make it a, trouble free, horrible
mistake, terrible mistake, stupid mistake, awful mistake, sorry for the trouble, sorry for the
confusion, sorry for being so annoying, sorry for being annoying, sorry for the mess, sorry for the
inconvenience, thank you once again, thanks once again, thanks again, thank you again, hate to be a
bother, hate to bother, hate to ask, stupid me
"""
"""Phrases that look like a sign and are none; they use their words up."""

DENIALS = "not, never, aint, isnt, wasnt, arent"
"""Take back a sign that can be denied, as in "i'm not angry"."""
BETWEEN = "so, really, that, too, very, particularly, even, a, an, the, any, say, all, at, getting"
"""May stand between a denial and what it denies."""

ASKS_FOR = """
speak, talk, speaking, talking, transfer, connect, forward, through, get me, give me, i want, i
need, want to see, put me on, pass me
"""
PEOPLE = """
manager, supervisor, representative, rep, agent, human, operator, advisor, adviser, a person,
somebody, someone, boss, customer service, customer care, support team, a specialist, humans, an
actual, a real, the person in charge, complaints department
"""
"""A person is asked for where one of the first stands at most `NEAR` words before one of the other;
"book for one person" and "my travel agent" ask for none."""
ROLES = """
agent, representative, operator, manager, supervisor, human, person, customer, service, rep
"""
"""A turn of nothing else asks for a person."""
NO_PEOPLE = """
per person, for a person, travel agent, estate agent, real estate, insurance agent, property
manager, user agent, password manager, task manager, window manager, file manager, case manager,
store manager position, human resources, human rights, sales rep position, tour operator, i need
someone, i want someone, i need somebody, i want somebody, give me someone, give me somebody, a real
estate, a real good, a real nice
"""
NEAR = 6

TRIED = """
called, calling, phoned, rang, asked, told, tried, explained, contacted, emailed, written, spoken,
transferred, complained, repeated, happened, messaged, restarted, explaining, asking, trying,
telling, repeating, fix, fixed
"""
"""What somebody has done "three times", or does "for the third time"."""
MANY = """
three times, four times, five times, six times, seven times, eight times, nine times, ten times, 3
times, 4 times, 5 times, 6 times, 7 times, 8 times, 10 times, dozen times, hundred times, thousand
times, million times, many times, several times, multiple times, countless times, few times,
numerous times, times already, times now, times today, times this week, third time, fourth time,
fifth time, sixth time, tenth time, hundredth time, 3rd time, 4th time, 5th time, umpteenth time
"""
MANY_ALONE = "this is the, its the, this is my, this is now the, thats the, that is the, for the"
"""Before "third time": no verb is needed."""
OFTEN_BY_HABIT = "a, an, per, as, every, the, in"
"""After "three times": no trouble, but a rhythm or a measure."""
TWICE = "twice, two times, 2 times, second time, 2nd time, couple of times, couple times"

PLEASED = """
great, perfect, good, fine, nice, awesome, wonderful, excellent, lovely, cool, love, suits, works,
sounds, amazing, fantastic, brilliant, happy, ideal, helpful, like it, like that, like this,
pleased, glad, that will work, thatll work, that works, that will do, thatll do, suffice
"""
"""Words of somebody who is served well; thanks are not among them, as they are said to
failures too. Beside a complaint they are mere manners, or irony."""
AGREES = """
yes, yeah, yep, yup, sure, ok, okay, alright, right, correct, exactly, absolutely, definitely,
indeed, of course, thats right, thats correct, all right, please do, confirmed
"""
"""How a turn begins that takes what it is offered."""

SAYS_NO = "no, nope, nah, negative"
NO_HARM = """
thanks, thank, thats all, thats it, thats okay, thats ok, thats fine, thats alright, thats
everything, thats perfect, thats great, that is all, that is it, that will, thatll, that was, im
good, im fine, im okay, im all, im done, im set, i am good, i am fine, i am all, i am done, i think
thats, i think that, nothing, its all, its okay, its ok, its fine, it is fine, goodbye, bye,
worries, problem, problems, rush, hurry, all good, idea, doubt, wonder, need to
"""
"""After a "no" at the beginning: an answer that closes the matter, where nothing else objects."""
LEAD_INS = "oh, well, okay, ok, hey, hi, hello, please, but, and, so, look, listen, a, the"
"""May stand before the first word that counts."""

FAILED = """
sorry, apologize, apologise, apologies, unfortunately, afraid, unable, regret, sadly, didnt get,
didnt catch, didnt understand, dont understand, did not understand, could not understand, couldnt,
could not, cannot, cant, no results, nothing, not available, not find, dont have, do not have, there
are no, there is no, no such, not possible, went wrong, try again, repeat that, say that again,
rephrase, an error, a problem, is down, isnt available, arent any, failed, unavailable, none
"""
"""What a reply says that did not do what was asked."""
REFUSED = """
no, sorry, im sorry, i am sorry, unfortunately, im afraid, i am afraid, im unable, i cannot, i cant
"""
"""How a reply begins that does not even try to hide it."""
OFFERS_MORE = """
anything else, something else, any other, help you with, assist you, else i can, further, more
questions, else can i, else may i, any more, all you need, everything
"""
"""What a reply asks that a "no" answers without any harm."""
