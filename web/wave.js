// A strip of the last seconds of a call: the caller above the line, the reply below it. What was
// taken for speech is in ink, what was not is faint, and the reply has the colour of its route.

import { power } from "./ears.js";

const BARS_PER_SECOND = 20;
const BAR = 3;
const GAP = 2;
const AXIS = 0.62; // share of the height above the line

export class Wave {
  #canvas;
  #bars = []; // { heard, spoke: 0 to 1, hue } since the call began
  #stretches = []; // [from, to] in seconds; `to` is Infinity while somebody speaks
  #ahead = 0; // seconds by which the server's count of the call's sound is ahead of ours
  #hue = null;
  #bar = null; // the bar in the making
  #drawing = false;

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#later()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#later());
  }

  begin() {
    this.#bars = [];
    this.#stretches = [];
    this.#bar = null;
    this.#ahead = 0;
    this.#canvas.dataset.replied = 0;
    this.#later();
  }

  /** A piece of the caller's sound, and the power of the reply meanwhile. */
  hear(pcm, rate, reply) {
    this.#bar ??= { samples: 0, heard: 0, spoke: 0 };
    const bar = this.#bar;
    bar.heard += power(pcm) * pcm.length;
    bar.samples += pcm.length;
    bar.spoke = Math.max(bar.spoke, reply);
    if (bar.samples < rate / BARS_PER_SECOND) return;
    const spoke = tall(bar.spoke);
    this.#bars.push({ heard: tall(bar.heard / bar.samples), spoke, hue: this.#hue });
    if (spoke > 0) this.#canvas.dataset.replied = Number(this.#canvas.dataset.replied) + 1;
    this.#bar = { samples: bar.samples - rate / BARS_PER_SECOND, heard: 0, spoke: 0 };
    this.#later();
  }

  /** `hue` is that of the route that speaks. */
  tell(event, hue) {
    // Over WebRTC sound flows before the call begins; the quickest event tells best how much.
    this.#ahead = Math.max(this.#ahead, event.at - this.#bars.length / BARS_PER_SECOND);
    if (event.event === "turn_routed") this.#hue = hue;
    if (event.event === "speech_started") this.#stretches.push([event.start_s, Infinity]);
    const last = this.#stretches.at(-1);
    if (event.event === "turn_ended" && last) last[1] = event.end_s;
    if (event.event === "call_ended" && last) last[1] = Math.min(last[1], event.at);
  }

  #later() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  /** Blank, and as large as it is shown: a new one for every bar would cost more than the bars. */
  #paper(width, height) {
    const canvas = this.#canvas;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const paint = canvas.getContext("2d");
    paint.setTransform(1, 0, 0, 1, 0, 0);
    paint.clearRect(0, 0, width, height);
    return paint;
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = devicePixelRatio || 1;
    const paint = this.#paper(Math.round(width * scale), Math.round(height * scale));
    paint.setTransform(scale, 0, 0, scale, 0, 0);
    const style = getComputedStyle(this.#canvas);
    const colour = (name) => style.getPropertyValue(name);
    const [ink, faint] = [colour("--ink"), colour("--faint")];
    const room = Math.floor(width / (BAR + GAP));
    const first = Math.max(0, this.#bars.length - room);
    const axis = Math.round(height * AXIS);
    const shown = this.#stretches.filter(([, to]) => to > first / BARS_PER_SECOND + this.#ahead);
    for (let i = 0; i < room; i++) {
      const at = (first + i) / BARS_PER_SECOND + this.#ahead;
      const bar = this.#bars[first + i];
      const spoken = bar && shown.some(([from, to]) => at >= from - 0.025 && at < to);
      const up = Math.max(2, (bar?.heard ?? 0) * (axis - 1));
      paint.fillStyle = spoken ? ink : faint;
      paint.fillRect(i * (BAR + GAP), axis - up, BAR, up);
      if (!bar?.spoke) continue;
      paint.fillStyle = bar.hue === null ? faint : colour(`--hue-${bar.hue}`);
      paint.fillRect(i * (BAR + GAP), axis + 1, BAR, Math.max(2, bar.spoke * (height - axis - 1)));
    }
  }
}

/** From -60 to -10 dBFS. */
function tall(meanSquare) {
  return Math.max(0, Math.min(1, (10 * Math.log10(meanSquare + 1e-9) + 60) / 50));
}
