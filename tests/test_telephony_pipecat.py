"""Calls whose sound is written and read by pipecat's serialisers: theirs at the phone, ours here.

Needs pipecat-ai (`pip install pipecat-ai`); skipped where it is absent.
"""

import asyncio
import json

import numpy as np
import pytest

from phones import PHONES
from test_telephone import SPEECH
from test_telephony import Caller, exchange, health, rung, token_in, upgrade, webhook
from test_wire_vendors import PIPECAT, serializer

pytest.importorskip("pipecat.serializers", reason="pipecat-ai is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # theirs, not ours

RATE = 16_000


def as_caller(message: str | bytes) -> str | bytes:
    """Plivo alone names the two directions differently."""
    if isinstance(message, str) and '"playAudio"' in message:
        told = json.loads(message)
        return json.dumps({"event": "media", "media": {**told["media"], "track": "inbound"}})
    return message


def as_server(message: str | bytes) -> str | bytes:
    if isinstance(message, str) and '"playAudio"' in message:
        return json.dumps({"event": "media", "media": json.loads(message)["media"]})
    return message


@pytest.mark.parametrize("wire", sorted(PIPECAT))
async def test_a_call_in_pipecats_words_is_routed_and_its_reply_is_heard_by_pipecat(wire):
    theirs, frames = await serializer(wire)
    phone = PHONES[wire]()
    wanted, environ = rung(phone, wire), {}
    async with exchange(wire, environ=environ, insecure=wire == "telnyx") as server:
        query, headers = upgrade(wire)
        if wanted:
            answer = await webhook(server, wire, wanted)
            phone.token = token_in(answer.text)
        if wire == "exotel":
            query = f"?call={phone.call}&token={phone.token}"
        caller = Caller(phone)
        async with caller.at(f"ws{server.url[4:]}telephony/{wire}{query}", headers, None):
            await caller.begin()
            if wire == "genesys":
                await theirs.deserialize(PHONES[wire]().start())
            for at in range(0, len(SPEECH), 1600):
                pcm = (SPEECH[at : at + 1600] * 32767).astype("<i2").tobytes()
                frame = frames.OutputAudioRawFrame(audio=pcm, sample_rate=RATE, num_channels=1)
                if spoken := await theirs.serialize(frame):
                    await caller.say(as_caller(spoken))
                await asyncio.sleep(0.02)

            async with asyncio.timeout(15):
                while (heard := await _loud(theirs, caller)) < RATE * 0.25:
                    await asyncio.sleep(0.2)
        told = (await health(server))["telephony"][wire]
    assert heard >= RATE * 0.25
    assert told["started"] == 1


async def _loud(theirs, caller: Caller) -> int:
    """Samples of a voice, as pipecat reads what our server has sent so far."""
    count = 0
    for message in list(caller.sent):
        frame = await theirs.deserialize(as_server(message))
        audio = getattr(frame, "audio", None)
        if audio:
            count += int((np.abs(np.frombuffer(audio, "<i2")) > 600).sum())
    return count
