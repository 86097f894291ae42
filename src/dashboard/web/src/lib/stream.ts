/**
 * The client of the stream: one socket, topics that are counted, a connection that comes back by
 * itself, and a state that says at all times how fresh what is shown can be.
 */

export type StreamState =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting" }
  | { readonly kind: "live"; readonly since: number }
  /** Cut off: what is shown is as old as `staleSince`; null before anything was heard. */
  | { readonly kind: "reconnecting"; readonly staleSince: number | null; readonly retryAt: number }
  /** Not tried again: the session ended, or the server takes our messages for faults. */
  | { readonly kind: "stopped"; readonly staleSince: number | null; readonly reason: string };

export interface StreamMessage {
  readonly type: string;
  readonly topic?: string;
  readonly closed?: boolean;
  readonly data?: unknown;
  /** The event that was acknowledged. */
  readonly event?: string;
}

type Listener = (message: StreamMessage) => void;

/** What the client takes from its surroundings; tests give their own. */
export interface Surroundings {
  open(): Pick<WebSocket, "send" | "close"> & {
    onmessage: ((event: { data: unknown }) => void) | null;
    onclose: ((event: { code: number; reason: string }) => void) | null;
  };
  now(): number;
  random(): number;
  setTimer(call: () => void, milliseconds: number): unknown;
  clearTimer(timer: unknown): void;
}

const FIRST_RETRY = 500;
const LAST_RETRY = 30_000;
/** Topics in one message: far below its most bytes. */
const TOPICS_A_MESSAGE = 50;
/** Until `welcome` says how often the server is heard. */
const PATIENCE = 15_000;
/** Closes after which trying again changes nothing. */
const FINAL: Record<number, string> = {
  1009: "a message was too long",
  4002: "the server could not read our messages",
  4003: "your session has ended",
};

export class Stream {
  #state: StreamState = { kind: "idle" };
  #socket: ReturnType<Surroundings["open"]> | null = null;
  #isWelcome = false;
  #heard: number | null = null;
  #patience = PATIENCE;
  #attempts = 0;
  #retry: unknown = null;
  #watch: unknown = null;
  #request = 0;
  readonly #asked = new Map<number, readonly string[]>();
  readonly #topics = new Map<string, Set<Listener>>();
  /** The place in a topic after which it goes on, for topics that have places. */
  readonly #cursors = new Map<string, string>();
  readonly #watchers = new Set<() => void>();
  readonly #resumed = new Set<() => void>();

  readonly #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  get state(): StreamState {
    return this.#state;
  }

  /** Calls back whenever the state changes. */
  readonly watch = (call: () => void): (() => void) => {
    this.#watchers.add(call);
    return () => this.#watchers.delete(call);
  };

  /** Calls back once messages may have been missed: what is shown has to be read again. */
  onResumed(call: () => void): () => void {
    this.#resumed.add(call);
    return () => this.#resumed.delete(call);
  }

  /** `after` is the cursor of the newest message that is known, of a topic that has cursors. */
  subscribe(topic: string, listener: Listener, after?: string): () => void {
    const known = this.#topics.get(topic);
    if (after !== undefined && !this.#cursors.has(topic)) this.#cursors.set(topic, after);
    if (known === undefined) {
      this.#topics.set(topic, new Set([listener]));
      if (this.#isWelcome) this.#ask([topic]);
      else if (this.#state.kind === "idle") this.#connect();
    } else {
      known.add(listener);
    }
    return () => {
      const listeners = this.#topics.get(topic);
      if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return;
      this.#topics.delete(topic);
      this.#cursors.delete(topic);
      if (this.#isWelcome) this.#send({ type: "unsubscribe", topics: [topic] });
    };
  }

  /** Notes on the server that an event of an alert was seen; false while it cannot. `acknowledged` answers. */
  acknowledge(event: string): boolean {
    if (!this.#isWelcome) return false;
    this.#send({ type: "acknowledge", event });
    return true;
  }

  /** Connects at once instead of after the wait: the user asked, or the network is back. */
  readonly retryNow = (): void => {
    const { kind } = this.#state;
    if (kind !== "reconnecting" && kind !== "stopped") return;
    this.#attempts = 0;
    this.#connect();
  };

  /** The network is gone: nothing more comes by this connection, though it may look open for a while. */
  readonly lose = (): void => {
    if (this.#state.kind !== "live") return;
    const socket = this.#socket;
    this.#lost(0);
    socket?.close();
  };

  /** Another user, or none: the stream of the one before ends. */
  restart(): void {
    if (this.#state.kind === "idle") return;
    this.#drop();
    this.#cursors.clear();
    this.#attempts = 0;
    this.#connect();
  }

  #become(state: StreamState): void {
    this.#state = state;
    for (const call of [...this.#watchers]) call();
  }

  #connect(): void {
    this.#around.clearTimer(this.#retry);
    // What was shown stays as stale as it was until messages come.
    if (this.#state.kind === "idle") this.#become({ kind: "connecting" });
    const socket = this.#around.open();
    this.#socket = socket;
    socket.onmessage = (event) => {
      if (this.#socket === socket) this.#receive(String(event.data));
    };
    socket.onclose = (event) => {
      if (this.#socket === socket) this.#lost(event.code);
    };
    this.#await();
  }

  /** A socket that is open and silent is dead too. */
  #await(): void {
    this.#around.clearTimer(this.#watch);
    this.#watch = this.#around.setTimer(() => {
      const socket = this.#socket;
      this.#lost(0);
      socket?.close();
    }, this.#patience);
  }

  #drop(): void {
    this.#around.clearTimer(this.#watch);
    this.#around.clearTimer(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    this.#isWelcome = false;
    this.#asked.clear();
    socket?.close();
  }

  #lost(code: number): void {
    this.#socket = null;
    this.#drop();
    const reason = FINAL[code];
    if (reason !== undefined) {
      this.#become({ kind: "stopped", staleSince: this.#heard, reason });
      return;
    }
    const longest = Math.min(FIRST_RETRY * 2 ** this.#attempts, LAST_RETRY);
    // Somewhere in its second half: clients of a server that restarts do not come all at once.
    const wait = longest * (0.5 + this.#around.random() / 2);
    this.#attempts += 1;
    const retryAt = this.#around.now() + wait;
    this.#become({ kind: "reconnecting", staleSince: this.#heard, retryAt });
    this.#retry = this.#around.setTimer(() => this.#connect(), wait);
  }

  #receive(text: string): void {
    let message: StreamMessage & Record<string, unknown>;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    const had = this.#heard;
    this.#heard = this.#around.now();
    this.#await();
    switch (message.type) {
      case "welcome": {
        this.#isWelcome = true;
        this.#attempts = 0;
        this.#patience = 2_000 * Number(message.heartbeat_seconds ?? PATIENCE / 2_000);
        this.#await();
        this.#ask([...this.#topics.keys()]);
        this.#become({ kind: "live", since: this.#heard });
        if (had !== null) this.#resume();
        break;
      }
      case "subscribed":
        this.#asked.delete(Number(message.id));
        break;
      case "error": {
        // None of the topics was taken because of one: the others are asked for by themselves.
        const topics = this.#asked.get(Number(message.id)) ?? [];
        this.#asked.delete(Number(message.id));
        if (topics.length > 1) for (const topic of topics) this.#ask([topic]);
        else for (const topic of topics) this.#deliver(topic, message);
        break;
      }
      case "acknowledged":
        this.#deliver("alerts", message);
        break;
      case "skipped":
        this.#resume();
        break;
      default:
        if (message.topic !== undefined) this.#deliver(message.topic, message);
    }
  }

  #resume(): void {
    for (const call of [...this.#resumed]) call();
  }

  #deliver(topic: string, message: StreamMessage): void {
    const cursor = (message.data as { cursor?: unknown } | undefined)?.cursor;
    if (typeof cursor === "string") this.#cursors.set(topic, cursor);
    for (const listener of [...(this.#topics.get(topic) ?? [])]) listener(message);
  }

  #ask(topics: readonly string[]): void {
    const plain = topics.filter((topic) => !this.#cursors.has(topic));
    for (let at = 0; at < plain.length; at += TOPICS_A_MESSAGE) this.#askFor(plain.slice(at, at + TOPICS_A_MESSAGE));
    for (const topic of topics) {
      const cursor = this.#cursors.get(topic);
      if (cursor !== undefined) this.#askFor([topic], cursor);
    }
  }

  #askFor(topics: readonly string[], cursor?: string): void {
    this.#request += 1;
    this.#asked.set(this.#request, topics);
    this.#send({ type: "subscribe", topics, id: this.#request, ...(cursor === undefined ? {} : { cursor }) });
  }

  #send(message: unknown): void {
    this.#socket?.send(JSON.stringify(message));
  }
}
