// A strip of the last seconds of a call: loudness, with what was taken for speech in colour.

const BARS_PER_SECOND = 20;
const BAR = 3;
const GAP = 2;

export class Wave {
  #canvas;
  #levels = []; // one per bar since the call began, 0 to 1
  #stretches = []; // [from, to] in seconds; `to` is Infinity while somebody speaks
  #rate = 16000;
  #energy = 0;
  #counted = 0;
  #drawing = false;

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#later()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#later());
  }

  begin(rate) {
    this.#rate = rate;
    this.#levels = [];
    this.#stretches = [];
    this.#energy = this.#counted = 0;
    this.#later();
  }

  hear(pcm) {
    const perBar = this.#rate / BARS_PER_SECOND;
    for (const sample of pcm) {
      this.#energy += sample * sample;
      if (++this.#counted < perBar) continue;
      const dbfs = 10 * Math.log10(this.#energy / this.#counted / 32768 ** 2 + 1e-9);
      this.#levels.push(Math.max(0, Math.min(1, (dbfs + 60) / 50)));
      this.#energy = this.#counted = 0;
    }
    this.#later();
  }

  tell(event) {
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

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = devicePixelRatio || 1;
    this.#canvas.width = width * scale;
    this.#canvas.height = height * scale;
    const paint = this.#canvas.getContext("2d");
    paint.scale(scale, scale);
    const style = getComputedStyle(this.#canvas);
    const [speech, quiet] = [style.getPropertyValue("--accent"), style.getPropertyValue("--faint")];
    const room = Math.floor(width / (BAR + GAP));
    const first = Math.max(0, this.#levels.length - room);
    for (let i = 0; i < room; i++) {
      const level = this.#levels[first + i] ?? 0;
      const at = (first + i) / BARS_PER_SECOND;
      const known = first + i < this.#levels.length;
      const spoken = known && this.#stretches.some(([from, to]) => at >= from - 0.025 && at < to);
      const tall = Math.max(2, level * height);
      paint.fillStyle = spoken ? speech : quiet;
      paint.fillRect(i * (BAR + GAP), (height - tall) / 2, BAR, tall);
    }
  }
}
