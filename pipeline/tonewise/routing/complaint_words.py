"""The words by which callers show that they are not content: one table, with reasons.

Written like `cue_words.py`, for English speech as STT gives it: case, punctuation and apostrophes
do not matter. Phrases are whole words, separated by commas; the longest one that fits wins and uses
its words up, so that "no problem" is no problem.

Amounts are in the units of x5 and x6 (`frustration.py`), set by hand. A caller who says outright
that it is enough is believed; what is milder needs something beside it.
"""

from dataclasses import dataclass
from typing import Literal

Sort = Literal["complains", "insists"]
"""x5, what is wrong; or x6, what has to be said again, or to somebody else."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Phrases that show the same thing.

    Attributes:
        name: of the term in the score.
        says: for a person: what a caller with these words does.
        sort: the sum that it counts in.
        amount: units of that sum per phrase found.
        most: phrases beyond this many add nothing.
        why: the reason for the sign.
        phrases: separated by commas.
        answers: counts by half at a call's beginning, where there is nothing to object to.
        denied: "not" before it takes it back.
    """

    name: str
    says: str
    sort: Sort
    amount: float
    most: int
    why: str
    phrases: str
    answers: bool = False
    denied: bool = False


COMPLAINTS = (
    Sign(
        name="outburst",
        says="says outright that it is enough",
        sort="complains",
        amount=3.0,
        most=1,
        denied=True,
        why="Nobody says this calmly: words alone are proof enough.",
        phrases="""
        ridiculous, unacceptable, outrageous, disgusting, disgraceful, appalling, pathetic, absurd,
        furious, livid, fuming, frustrated, pissed, pissed off, fed up, sick of, sick and tired,
        tired of this, tired of you, tired of your, tired of being, tired of waiting, tired of
        calling, tired of repeating, had it with, had it up to, had enough of, ive had enough, i
        have had enough, enough is enough, so mad, really mad, very mad, getting mad, im mad,
        useless, worthless, incompetent, you idiot, an idiot, idiots, idiotic, moron, morons, worst
        service, worst customer service, worst company, worst experience, worst bank, worst support,
        worst ever, terrible service, horrible service, awful service, poor service, bad service,
        terrible customer service, horrible customer service, awful customer service, this is a
        joke, is this a joke, what a joke, complete joke, absolute joke, a total joke, are you
        kidding, are you kidding me, you kidding me, you must be joking, you must be kidding, you
        have got to be kidding, youve got to be kidding, gotta be kidding, waste of time, waste of
        my time, wasting my time, wasted my time, wasted hours, losing my patience, lost my
        patience, losing patience, out of patience, run out of patience, lose my patience, driving
        me crazy, driving me mad, driving me nuts, driving me insane, rip off, ripped off, ripping
        me off, scam, scammers, what the hell, what the heck, the hell is, go to hell, bullshit,
        bull crap, goddamn, god damn, damn it, dammit, damn, shit, fuck, fucking, fucked, screw you,
        screwed up, screwed me, crap, wtf, shut up, how dare you, for gods sake, for christs sake,
        for heavens sake, for crying out loud, lying to me, lied to me, liar, liars, slap in the
        face, never been so, never been treated, how hard can it be, are you deaf, are you even
        listening, dont you understand, dont you get it, do you even, whats wrong with you, what is
        wrong with you, leave me alone, hate you, shame on you, ashamed of yourselves, robbery,
        daylight robbery, i hate your, i hate this, youre the worst, you are the worst, this is the
        worst, the worst service, are you stupid, youre stupid, you are stupid, you stupid, stupid
        machine, stupid bot, stupid robot, stupid system, stupid thing, this is stupid, thats
        stupid, so stupid, im angry, i am angry, am so angry, so angry, really angry, very angry,
        makes me angry, getting angry, pretty angry
        """,
    ),
    Sign(
        name="displeased",
        says="is displeased",
        sort="complains",
        amount=2.0,
        most=2,
        denied=True,
        why="A feeling that is named; politer, or about the matter and not about us.",
        phrases="""
        frustrating, frustration, annoyed, annoying, irritated, irritating, infuriating, upset,
        upsetting, unhappy, disappointed, disappointing, disappointment, dissatisfied, dismayed,
        fuss, a complaint, complain, complaining, complaints, formal complaint, make a complaint,
        file a complaint, terrible, horrible, awful, dreadful, atrocious, rude, disrespectful,
        unprofessional, nightmare, shocking, insulting, insulted, insult, embarrassing,
        embarrassment, unbelievable, i cant believe, cannot believe, hard to believe, not happy, not
        at all happy, not very happy, not pleased, not satisfied, not impressed, not acceptable, not
        good enough, isnt good enough, not fair, unfair, isnt fair, its not right, not okay, not ok,
        let down, let me down, made a mess, such a mess, total mess, complete mess, fiasco,
        disaster, hopeless, no excuse, makes no sense, doesnt make any sense, come on, seriously,
        are you serious, this is insane, this is crazy, are you joking, you are not helping, youre
        not helping, not helping, no help, no help at all, unhelpful, not helpful, isnt helpful,
        isnt helping, thats no use, no use to me, too much to ask, is that too much, not listening,
        you are not listening, youre not listening, arent listening, arent you listening, listen to
        me, please listen, would you listen, will you listen, you didnt listen, you never listen,
        answer my question, answer the question, just answer, i am done, done with you, done with
        this
        """,
    ),
    Sign(
        name="unresolved",
        says="says that nobody has put it right",
        sort="complains",
        amount=1.5,
        most=2,
        why="Something was owed and is overdue: the matter has a past.",
        phrases="""
        nobody has, nobody is, nobody ever, nobody can, nobody will, nobody seems, nobody knows,
        nobody called, nobody came, nobody showed, nobody fixed, nobody helped, nobody cares,
        nobodys, no one has, no one is, no one ever, no one can, no one will, no one seems, no one
        knows, no one called, no one came, no one showed, no one fixed, no one helped, no one cares,
        still hasnt, still havent, still not, still isnt, still doesnt, still dont, still cant,
        still no, still nothing, still waiting, still broken, still down, still wrong, still on
        hold, has still not, have still not, never arrived, never came, never showed, never called,
        never got, never received, never heard back, never works, never worked, been waiting,
        waiting for hours, waiting for weeks, waiting for days, waited for, waited over, on hold
        for, hold for an hour, for hours, for weeks now, for months now, for days now, all day
        waiting, what is the point of this, whats the point of this, how much longer do, how much
        longer must, taking forever, takes forever, took forever, this long, hung up on me, hung up,
        cut off, cut me off, disconnected again, keeps disconnecting, keeps dropping, keeps failing,
        keeps happening, keeps crashing, keeps freezing, keeps going, keep getting, keeps saying,
        keeps telling, keeps asking, keep charging, keeps charging, overcharged, double charged,
        charged twice, charged me twice, charged again, passed around, bounced around, been
        transferred, keep transferring, keeps transferring, another transfer, ignored, ignoring me,
        the runaround, run around, you promised, was promised, were promised, promised me, supposed
        to be here, should have been here, should have arrived, was supposed to, were supposed to,
        not getting anywhere, getting nowhere, going nowhere, going in circles, going around in
        circles, going round in circles, same problem, same issue, same thing over, wrong again,
        broken again, down again, went wrong again, failed again, late again, yet again, not again,
        again and again, over and over
        """,
    ),
    Sign(
        name="leaving",
        says="threatens to leave or to go public",
        sort="complains",
        amount=2.0,
        most=1,
        why="Whoever says so has given us up already.",
        phrases="""
        never again, never use you, never using, never shopping, never buying, never coming back,
        take my business, taking my business, my business elsewhere, go elsewhere, going elsewhere,
        switch providers, switching providers, switch to another, switch to your competitor, your
        competitors, switching to, lose me as a, losing a customer, lost a customer, close my
        account right, cancel everything, cancel the whole thing, cancel all of it, report you,
        reporting you, better business bureau, the ombudsman, trading standards, hear from my
        lawyer, call my lawyer, calling my lawyer, see you in court, take you to court, bad review,
        one star review, leave a review, post this online, all over twitter, want my money back,
        give me my money back
        """,
    ),
    Sign(
        name="sarcasm",
        says="praises what went wrong",
        sort="complains",
        amount=1.5,
        most=1,
        why="Praise beside a nuisance means the nuisance.",
        phrases="""
        great another, great so now, great just great, oh great another, oh great now, wonderful
        another, wonderful now, fantastic another, fantastic now, brilliant another, perfect
        another, lovely another, awesome another, nice another, just great, just perfect, just
        wonderful, just brilliant, just lovely, just fantastic, just what i needed, thanks for
        nothing, thank you for nothing, thanks a lot for nothing, big surprise, what a surprise,
        surprise surprise, how convenient, lucky me, real helpful, thats real helpful, so helpful of
        you, slow clap
        """,
    ),
    Sign(
        name="person",
        says="asks for a person",
        sort="insists",
        amount=1.5,
        most=1,
        why="Who asks for somebody else has found us wanting.",
        phrases="""
        real person, real human, actual person, actual human, live person, live agent, live human,
        real agent, human being, human please, agent please, representative please, operator please,
        manager please, supervisor please, person please, not a robot, not a machine, not a
        computer, not a bot, talking to a robot, talking to a machine, talking to a bot, talking to
        a computer, talk to a machine, talk to a robot, somebody who can, someone who can, someone
        who knows, somebody who knows, someone in charge, somebody in charge, someone else to talk,
        your manager, your supervisor, your boss, a supervisor, higher up, escalate, escalate this,
        escalated, somebody human, someone human, someone real, anyone there, is anybody there, is
        anyone there, pick up the phone
        """,
    ),
    Sign(
        name="corrects",
        says="has to say what was said before",
        sort="insists",
        amount=1.2,
        most=2,
        why="We misheard, or did not listen.",
        phrases="""
        i said, i just said, what i said, ive said, i have said, i did say, i asked, i did ask, i
        just asked, i already asked, i told you, i just told, i already told, ive told, i have told,
        ive already told, as i told, as i said, like i said, like i told, i already said, ive
        already said, i already gave, i already did, i just did, i just gave, ive already given, i
        have already, i already answered, already tried that, i tried that, ive tried that, thats
        not what, that is not what, thats not my, not what i, thats not it, thats wrong, that is
        wrong, thats not right, that is not right, thats incorrect, that is incorrect, thats not
        correct, thats not the, isnt what i, didnt ask, did not ask, i never said, i never asked, i
        didnt say, i did not say, you misunderstood, you misheard, can you hear me, do you hear me,
        did you hear, didnt you hear, you didnt hear, you dont understand, you do not understand,
        youre not understanding, you are not understanding, not understanding me, you got it wrong,
        youve got it wrong, wrong one, wrong person, wrong order, wrong account, how many times,
        every time i call, every time i ask, keep repeating, keep telling, keep asking, keep saying,
        repeat myself, repeating myself, say it again, to say it again, saying the same, told me the
        same, for the last time, you said, you told me, you just said, you already
        """,
    ),
    Sign(
        name="trouble",
        says="has something that went wrong",
        sort="complains",
        amount=0.3,
        most=2,
        why="What most support calls are about, calm ones too.",
        phrases="""
        wrong, problem, problems, issue, issues, trouble, broken, doesnt work, does not work, dont
        work, isnt working, not working, stopped working, wont work, didnt work, mistake, mistakes,
        error, failed, fails, failing, damaged, missing, late, delayed, stuck, confusing, confused,
        bad, worse, hate, sadly, pricey, too expensive, too high, too far, too late, too long, too
        much, too early, too slow, unfortunately, unfortunate, oh no, oh dear, wow really, ugh,
        argh, sigh, whatever, dude
        """,
    ),
)
"""What nobody says who is content."""
