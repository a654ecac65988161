"""English abbreviations: where a full stop ends no sentence, and how they are read aloud."""

_TITLES = """
    dr. mr. mrs. ms. mx. prof. st. gen. col. lt. sgt. capt. rev. hon. gov. sen. rep. pres. messrs.
    mt. e.g. i.e. vs. cf. approx. incl. resp. z.b. d.h. bzw. ca. mme. mlle. sra. srta. dra.
"""
_COUNTED = "no. nos. nr. fig. figs. p. pp. vol. ch. art. ext."
_OTHERS = """
    etc. inc. ltd. corp. co. llc. jr. sr. dept. est. a.m. p.m. u.s. u.k. u.n. e.u. d.c. ph.d. b.a.
    m.a. m.d. jan. feb. mar. apr. jun. jul. aug. sep. sept. oct. nov. dec. mon. tue. tues. wed. thu.
    thurs. fri. sat. sun. ave. blvd. rd. apt. hr. hrs. min. mins. sec. secs. lb. lbs. oz. in. ft.
    max. tel. usw.
"""

BEFORE_A_NAME = dict.fromkeys(_TITLES.split(), True) | dict.fromkeys(_COUNTED.split(), False)
"""Never the end of a sentence (True), or not before a number (False): "No." is a word, too."""

INSIDE_A_SENTENCE = frozenset(_OTHERS.split())
"""The end of a sentence only where a capital follows."""

READ_AS = {
    "dr.": "Doctor", "mr.": "Mister", "mrs.": "Missus", "ms.": "Miz", "prof.": "Professor",
    "rev.": "Reverend", "gen.": "General", "capt.": "Captain", "lt.": "Lieutenant",
    "sgt.": "Sergeant", "sen.": "Senator", "gov.": "Governor", "hon.": "Honorable",
    "jr.": "Junior", "sr.": "Senior", "e.g.": "for example", "i.e.": "that is",
    "etc.": "et cetera", "vs.": "versus", "approx.": "approximately", "incl.": "including",
    "dept.": "department", "apt.": "apartment", "ave.": "Avenue", "blvd.": "Boulevard",
    "rd.": "Road", "ext.": "extension", "est.": "established",
    "mins.": "minutes", "hrs.": "hours", "hr.": "hour", "inc.": "Incorporated",
    "ltd.": "Limited", "corp.": "Corporation", "tel.": "telephone", "fig.": "figure",
    "vol.": "volume", "pp.": "pages", "mt.": "Mount", "no.": "number", "max.": "maximum",
    "jan.": "January", "feb.": "February", "apr.": "April", "aug.": "August",
    "sept.": "September", "sep.": "September", "oct.": "October", "nov.": "November",
    "dec.": "December", "tue.": "Tuesday", "tues.": "Tuesday", "wed.": "Wednesday",
    "thu.": "Thursday", "thurs.": "Thursday", "fri.": "Friday",
}  # fmt: skip
"""How they are read aloud."""

BEFORE_A_NUMBER = frozenset(("no.", "fig.", "vol.", "pp.", "max.", "ext.", "apt."))
"""Those that are read so only before a number."""
