// Runs in the audio thread: plays 16 kHz PCM as it comes, and forgets what waits when told to.
//
// in   Int16Array   sound, to be played after what waits
//      "flush"      throw away what waits
// out  "dry"        everything that came has been played

const RATE = 16000;
const CUSHION_S = 0.06; // gathered before the first sound, so that a late packet makes no gap
const FADE = 0.9; // per sample, when it is cut off: a step would click

class Player extends AudioWorkletProcessor {
  #queue = [];
  #waiting = 0; // samples in the queue
  #at = 0; // place in the queue's first piece, with a fraction
  #playing = false;
  #last = 0;
  #idleFor = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data === "flush") {
        this.#queue = [];
        this.#waiting = this.#at = 0;
        this.#playing = false;
      } else {
        this.#queue.push(data);
        this.#waiting += data.length;
        this.#idleFor = 0;
      }
    };
  }

  process(_, [[out]]) {
    // A reply shorter than the cushion is played as well: nothing more has come for as long.
    this.#idleFor += out.length / sampleRate;
    if (this.#waiting >= CUSHION_S * RATE || (this.#waiting && this.#idleFor > CUSHION_S)) {
      this.#playing = true;
    }
    const step = RATE / sampleRate;
    for (let i = 0; i < out.length; i++) {
      this.#last = this.#playing ? this.#next(step) : this.#last * FADE;
      out[i] = this.#last;
    }
    return true;
  }

  #next(step) {
    const piece = this.#queue[0];
    if (piece === undefined) return this.#ranDry();
    const whole = Math.floor(this.#at);
    const after = piece[whole + 1] ?? this.#queue[1]?.[0] ?? piece[whole];
    const value = piece[whole] + (after - piece[whole]) * (this.#at - whole);
    this.#at += step;
    while (this.#queue.length && this.#at >= this.#queue[0].length) {
      this.#at -= this.#queue[0].length;
      this.#waiting -= this.#queue.shift().length;
    }
    return value / 32768;
  }

  #ranDry() {
    this.#playing = false;
    this.#waiting = this.#at = 0;
    this.port.postMessage("dry");
    return this.#last * FADE;
  }
}

registerProcessor("player", Player);
