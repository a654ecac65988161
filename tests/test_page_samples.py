"""A sample call listens as a caller does: it thinks aloud over a pause, and hears replies out."""

import json
from typing import Any

import msgspec
import pytest

import page_calls
from page_calls import QUICK, Page, needs_webrtc, page_of, settings
from tonewise.settings import Endpoint, Stt

pytestmark = page_calls.in_a_browser

HESITANT = "#samples li:nth-child(2) button"
"""Its second turn rests for 0.5 and for 0.4 s."""

QUICK_TO_WORK = Endpoint(options={"caution": -10.0, "courtesy": 10.0})
"""Every pause ends a turn, and no reply is heard before a second and more."""

ANSWERED = "[...document.querySelectorAll('.turn:not(.passed)')]"
PASSED = "[...document.querySelectorAll('.turn.passed')]"


@pytest.mark.parametrize("way", ["auto", "socket"])
async def test_who_goes_on_before_a_reply_is_heard_is_answered_as_one(way: str):
    words = Stt(use="scripted", options={"lines": LINES})
    config = msgspec.structs.replace(settings(QUICK), endpoint=QUICK_TO_WORK, stt=words)
    async with page_of(way=way, config=config) as (page, _):
        if way == "auto":
            await needs_webrtc(page)
        await page.click(HESITANT)
        done = f"{ANSWERED}.filter(card => card.querySelector('.cost p, p.cost')).length"
        await page.until(f"{done} === 2", 60)
        first, second = await page.js(f"{ANSWERED}.slice(0, 2).map({CARD})")
        passed = await page.js(f"{PASSED}.map({CARD})")
        assert passed, "the caller has rested in the second turn, and gone on"
        said = f"{first['said']} {second['said']}"
        assert said == " ".join(LINES[: 2 + len(passed)]), "joined, and shown whole"
        for card in (first, second):
            assert "demo responder" in card["reply"]
            assert card["struck"] == 0, "the caller heard it out"
        for card in passed:
            assert card["reply"] == "", "nobody heard it"
            assert "Went on before a reply was heard" in card["notes"]
            assert card["rated"] is False
        await page.click("#stop")
        assert "2 fast" in await page_calls.call_over(page), "what nobody heard is not counted"
        assert page.errors == []


LINES = [f"This is what was said as piece {number}." for number in range(1, 20)]

CARD = """card => ({
    said: card.querySelector('.said').textContent,
    reply: card.querySelector('.reply').textContent,
    struck: card.querySelectorAll('.reply s').length,
    notes: card.querySelector('.notes').textContent,
    rated: !card.querySelector('.rating').hidden })"""


# ---------------------------------------------------------------- the caller, by itself

CALLER = """(async () => {
    globalThis.sampleRate = 16000;
    const port = () => ({ told: [], postMessage(what) { this.told.push(what); } });
    globalThis.AudioWorkletProcessor = class { port = port(); };
    let Caller = null;
    globalThis.registerProcessor = (_, kind) => (Caller = kind);
    await import("/caller-worklet.js");
    /** A caller who says so many samples, each its number, with a rest of so many after each. */
    globalThis.caller = (said, rests) => {
        const sound = [], silences = [];
        let number = 0;
        for (const rest of rests) {
            for (let i = 0; i < said; i++) sound.push(++number);
            silences.push({ from: sound.length, to: sound.length + rest, long: rest >= 16000 });
            for (let i = 0; i < rest; i++) sound.push(0);
        }
        return new Caller({ processorOptions: { sound: Float32Array.from(sound), silences } });
    };
    globalThis.heard = (caller, blocks) => {
        const all = [];
        for (let i = 0; i < blocks; i++) {
            const out = new Float32Array(128);
            caller.process([], [[out]]);
            all.push(...out);
        }
        return all;
    };
    globalThis.tell = (caller, mood) => caller.port.onmessage({ data: mood });
})().then(() => 0)"""


async def with_caller(page: Page, script: str) -> Any:
    await page.js(CALLER)
    return await page.js(f"(() => {{ {script} }})()")


async def test_nothing_that_a_sample_says_is_lost_or_said_twice():
    """However often it is told to wait, and whenever."""
    async with page_of() as (page, _):
        lost = await with_caller(
            page,
            """
            let seed = 7;
            const chance = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
            for (let round = 0; round < 60; round++) {
                const about = [8000, 16000, 3200, 40000];
                const rests = about.map((rest) => Math.round(rest * (0.5 + chance())));
                const one = caller(3000, rests), all = [];
                tell(one, "go");
                while (!one.port.told.length) {
                    tell(one, ["listen", "expect", "go", "go"][Math.floor(chance() * 4)]);
                    all.push(...heard(one, Math.ceil(chance() * 120)).filter(Boolean));
                    if (all.length > 100000) break;
                }
                const whole = all.length === 12000 && all.every((value, at) => value === at + 1);
                if (!whole) return [round, all.length];
            }
            return null;
            """,
        )
        assert lost is None


async def test_a_sample_waits_for_as_long_as_a_reply_is_heard_and_takes_a_breath():
    async with page_of() as (page, _):
        told = await with_caller(
            page,
            """
            const one = caller(1280, [16000, 4800]);
            const before = heard(one, 10).filter(Boolean).length; // not begun
            tell(one, "go");
            heard(one, 10); // the first word
            heard(one, 100); // 0.8 of a second of silence
            tell(one, "listen");
            const meanwhile = heard(one, 5000).filter(Boolean).length;
            tell(one, "go");
            const breath = heard(one, 80).findIndex(Boolean);
            return { before, meanwhile, breath };
            """,
        )
        assert told["before"] == 0
        assert told["meanwhile"] == 0
        assert 4800 <= told["breath"] <= 8000, "a breath of 0.3 to 0.5 s"


async def test_a_sample_thinks_aloud_over_a_pause_but_leaves_a_long_silence_to_the_reply():
    async with page_of() as (page, _):
        told = await with_caller(
            page,
            """
            const one = caller(1280, [8000, 16000, 8000]);
            tell(one, "go");
            heard(one, 11);
            tell(one, "expect"); // a turn was ended in the first pause
            const aloud = heard(one, 75).filter(Boolean).length;
            const waits = heard(one, 5000).filter(Boolean).length;
            tell(one, "go");
            const on = heard(one, 75).filter(Boolean).length;
            return { aloud, waits, on };
            """,
        )
        assert told == {"aloud": 1280, "waits": 0, "on": 1280}


SETTLED = {"seconds": 0.2, "settled": 0.2}
LATER = {"seconds": 0.2, "settled": 2.0}

FOLLOWED: tuple[tuple[bool, list[str], str, bool], ...] = (
    (True, ["speech_started 1"], "go", True),
    (True, ["speech_started 1", "turn_ended 1"], "expect", True),
    (True, ["turn_ended 1", "reply_streamed 1"], "expect", True),
    (True, ["turn_ended 1", "reply_streamed 1", "reply_sounded 1"], "listen", True),
    (True, ["turn_ended 1", "reply_sounded 1", "reply_ended 1"], "go", False),
    (True, ["turn_ended 1", "turn_ignored 1"], "go", False),
    (True, ["turn_ended 1", "reply_interrupted 1", "speech_started 2"], "go", True),
    (True, ["turn_ended 1", "speech_started 2", "turn_ended 2", "reply_ended 1"], "expect", True),
    (True, ["turn_ended 1", "aside_spoken hold"], "listen", True),
    (True, ["aside_spoken notice"], "listen", False),
    (True, ["aside_spoken notice", "notice_given"], "go", False),
    (False, ["turn_ended 1", "reply_streamed 1"], "listen", True),
    (False, ["turn_ended later", "reply_streamed 1"], "expect", True),
    (False, ["turn_ended 1", "reply_streamed 1", "reply_ended 1"], "go", False),
)
"""Are replies spoken; what happened; what a caller does in a silence; is a turn open or owed?"""


async def test_who_has_the_word_is_followed_along_the_events():
    async with page_of() as (page, _):
        for speaks, happened, mood, busy in FOLLOWED:
            told = [_event(each) for each in happened]
            got = await page.js(
                "import('/listening.js').then(({ Listening }) => {"
                f" const one = new Listening({json.dumps(speaks)});"
                f" for (const event of {json.dumps(told)}) one.tell(event);"
                " return [one.mood, one.busy]; })"
            )
            assert got == [mood, busy], (speaks, happened)


def _event(told: str) -> dict[str, Any]:
    name, _, rest = told.partition(" ")
    if name == "aside_spoken":
        return {"event": name, "turn": 0, "kind": rest}
    patience = LATER if rest == "later" else SETTLED
    return {"event": name, "turn": int(rest) if rest.isdigit() else 1, "patience": patience}
