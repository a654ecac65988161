// Who has the word in a call, and what does its caller hear? Followed along its events, so that a
// sample listens as a person does: it goes on over a pause that was taken for the end of its turn,
// falls silent when it hears the reply, and goes on when that is over.

export class Listening {
  #reads; // replies are text alone
  #owed = 0; // the turn that is being understood or answered; 0: none
  #heard = false; // a reply is being heard, or read
  #told = false; // the notice is being spoken
  #speaking = false; // the caller has begun a turn that has not ended
  #readAt = 0; // when a reply may be read

  /** `speech`: does this page play replies, where the server speaks them? */
  constructor(speech) {
    this.#reads = !speech;
  }

  /** Is a turn open, or not answered yet? */
  get busy() {
    return this.#speaking || this.#owed > 0;
  }

  /** What a caller does in a silence: "go" on, "expect" a reply where they have said all, "listen". */
  get mood() {
    if (this.#heard || this.#told) return "listen";
    return this.#owed ? "expect" : "go";
  }

  tell({ event, turn, kind, engines, patience }) {
    const about = {
      call_started: () => (this.#reads ||= engines.tts === "none"),
      speech_started: () => this.#open(),
      turn_ended: () => this.#ended(turn, patience),
      reply_streamed: () => (this.#heard ||= this.#reads && performance.now() >= this.#readAt),
      reply_sounded: () => (this.#heard = true),
      aside_spoken: () => this.#aside(kind),
      notice_given: () => (this.#told = false),
      consent_changed: () => (this.#told = false),
      turn_ignored: () => this.#over(turn),
      reply_interrupted: () => this.#over(turn),
      reply_ended: () => this.#over(turn),
    }[event];
    about?.();
  }

  #open() {
    this.#speaking = true;
    this.#over(this.#owed);
  }

  /** Of text, too, nobody takes notice before a reply would be heard. */
  #ended(turn, patience) {
    this.#speaking = false;
    this.#owed = turn;
    this.#readAt = performance.now() + 1000 * Math.max(0, (patience?.settled ?? 0) - (patience?.seconds ?? 0));
  }

  #aside(kind) {
    this.#told = kind === "notice";
    this.#heard ||= kind === "hold";
  }

  #over(turn) {
    if (turn < this.#owed) return; // an earlier reply has let go
    this.#owed = 0;
    this.#heard = false;
  }
}
