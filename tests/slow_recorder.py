"""Records a made-up call in real time until somebody kills it; says on stdout what it has given.

Run as a program: the folder to record in.
"""

import sys
import time
from pathlib import Path

import numpy as np

from tonewise.audio import RATE
from tonewise.events import ReplyStreamed
from tonewise.keeping import Recording
from tonewise.recording.folder import About
from tonewise.recording.recorder import Recorder

BLOCK_S = 0.02


def main() -> None:
    about = About(call="slow", channels=("caller", "reply"))
    recorder = Recorder(Path(sys.argv[1]), about, Recording(redact=()))
    voice = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    for number in range(10_000):
        at = number * BLOCK_S
        first = round(at * RATE) % RATE
        recorder.heard(voice[first : first + round(BLOCK_S * RATE)])
        recorder.told(ReplyStreamed(at=round(at, 3), turn=1, text=str(number)))
        print(f"{at + BLOCK_S:.2f}", flush=True)
        time.sleep(BLOCK_S)  # never in haste: what is lost counts in real time


if __name__ == "__main__":
    main()
