"""Does a turn thank for what was replied, or take its leave? By words, in the commoner languages.

Thanks at the end of a request ("where is my order, thank you") are manners and tell nothing of the
reply before it, so at most one word that says something may stand before them. That loses some real
ones ("that answers my question, thanks"): as a sign that a reply was good, a wrong one costs more.
"""

from tonewise.routing.complexity import UNSPACED, tokens
from tonewise.routing.patience_words import AGREES, LEAD_INS, PLEASED
from tonewise.routing.phrases import holds, index_of, walk
from tonewise.routing.said_again import said
from tonewise.routing.small_talk import COURTESIES

THANKS = """
thanks, thank you, thankyou, thanx, much appreciated, i appreciate it, i appreciate that, cheers,
danke, vielen dank, besten dank, herzlichen dank, dankeschön, danke schön, dank dir, dank ihnen,
gracias, muchas gracias, mil gracias, te lo agradezco, se lo agradezco,
merci, merci beaucoup, merci bien, je vous remercie, je te remercie,
grazie, grazie mille, molte grazie, la ringrazio, obrigado, obrigada, muito obrigado,
muito obrigada, bedankt, dank je, dank je wel, dank u, dank u wel, tack, tack så mycket, takk,
kiitos, dziękuję, dzięki, děkuji, díky, köszönöm, mulțumesc, teşekkürler, teşekkür ederim,
efharisto, spasibo, спасибо, дякую, благодарю, ευχαριστώ, shukran, شكرا, shukriya, dhanyavaad,
धन्यवाद, terima kasih, cảm ơn, arigato, arigatō, xie xie
"""

NO_THANKS = """
thanks for nothing, thank you for nothing, thanks but, thank you but, no thanks, no thank you, nope
thanks, thanks but no thanks, thanks to you, thanks a bunch, thank god, thank goodness,
thank heaven, thank heavens, thankful, thanksgiving, nein danke, danke nein, danke für
nichts, danke aber, no gracias, gracias pero, gracias por nada, non merci, merci mais, merci
pour rien, no grazie, grazie ma, não obrigado, não obrigada, nee bedankt, nee dank je, nej tack,
nie dziękuję
"""
"""Phrases that look like thanks and are none; they use their words up."""

THANKS_UNSPACED = ("ありがと", "谢谢", "謝謝", "感谢", "多谢", "ขอบคุณ", "감사합니다", "고맙습니다")
"""Where words are not set apart by spaces, or endings hang on them."""

FAREWELLS = """
bye, bye bye, byebye, goodbye, good bye, see you, see ya, take care, have a good one, have a nice
day, have a good day, have a great day, have a good night, have a good evening, good night, so long,
thats all, that is all, that will be all, that was all, thats it, thats everything, nothing else,
im all set, i am all set, tschüss, tschüs, auf wiedersehen, auf wiederhören, wiedersehen,
wiederhören, schönen tag, schönen tag noch, das war alles, das wars, das wärs, ciao, adiós, adios,
hasta luego, hasta la vista, chao, eso es todo, nada más, au revoir, bonne journée, bonne soirée,
à bientôt, cest tout, arrivederci, buona giornata, è tutto, tchau, até logo, adeus, é tudo, doei,
tot ziens, dag, hej då, do widzenia, до свидания, пока, sayonara, さようなら, 再见, 再見
"""

MOST_BEFORE = 1
"""Words that say something, at most, before thanks that are meant for the reply."""

_THANKS, _NONE = 0, 1
_INDEX = index_of((NO_THANKS, _NONE), (THANKS, _THANKS))
_BYES = index_of((FAREWELLS, None))
_MANNERS = index_of((COURTESIES, None), (PLEASED, None), (AGREES, None), (LEAD_INS, None))


def thanks(text: str) -> bool:
    """Does a turn thank for the reply before it? Not where it takes that back in the same breath.

    Args:
        text: what was said; case and punctuation do not matter.
    """
    words = tokens(text)
    found = list(walk(words, _INDEX))
    if any(meaning == _NONE for _, _, meaning in found):
        return False
    at = next((at for at, _, _ in found), None)
    if at is None:
        unspaced = (text.find(phrase) for phrase in THANKS_UNSPACED)
        before = min((start for start in unspaced if start >= 0), default=-1)
        return before >= 0 and _says(tokens(text[:before])) <= MOST_BEFORE
    return _says(words[:at]) <= MOST_BEFORE


def takes_leave(text: str) -> bool:
    """Does a turn say goodbye, or that it was all?"""
    return holds(tokens(text), _BYES)


def _says(words: list[str]) -> int:
    """How many words say something beyond manners; of unspaced scripts, pairs of characters."""
    mannered = {place for at, long, _ in walk(words, _MANNERS) for place in range(at, at + long)}
    rest = [word for at, word in enumerate(words) if at not in mannered]
    unspaced = sum(len(word) // 2 for word in rest if word[0] >= UNSPACED)
    spaced = [word for word in rest if word[0] < UNSPACED]
    return len(said(" ".join(spaced)).stems) + unspaced
