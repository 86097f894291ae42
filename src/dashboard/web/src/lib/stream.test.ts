import { beforeEach, describe, expect, it } from "vitest";
import { Stream, type StreamMessage, type Surroundings } from "./stream";

class Socket {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: Record<string, unknown>[] = [];
  isClosed = false;
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.isClosed = true;
  }
  says(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  ends(code: number): void {
    this.onclose?.({ code, reason: "" });
  }
  welcome(): void {
    this.says({ type: "welcome", protocol: 1, heartbeat_seconds: 15 });
  }
}

/** A clock that only moves when a test says so. */
class World implements Surroundings {
  readonly sockets: Socket[] = [];
  #time = 1_000;
  #timers: { call: () => void; at: number }[] = [];
  open(): Socket {
    const socket = new Socket();
    this.sockets.push(socket);
    return socket;
  }
  now(): number {
    return this.#time;
  }
  random(): number {
    return 1;
  }
  setTimer(call: () => void, milliseconds: number): unknown {
    const timer = { call, at: this.#time + milliseconds };
    this.#timers.push(timer);
    return timer;
  }
  clearTimer(timer: unknown): void {
    this.#timers = this.#timers.filter((one) => one !== timer);
  }
  passes(milliseconds: number): void {
    const end = this.#time + milliseconds;
    for (;;) {
      const due = this.#timers.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.clearTimer(due);
      this.#time = due.at;
      due.call();
    }
    this.#time = end;
  }
  get socket(): Socket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("nothing was opened");
    return socket;
  }
}

describe("the stream", () => {
  let world: World;
  let stream: Stream;
  beforeEach(() => {
    world = new World();
    stream = new Stream(world);
  });

  it("connects for the first topic and asks for all of them once it is welcome", () => {
    expect(world.sockets).toHaveLength(0);
    stream.subscribe("a", () => {});
    stream.subscribe("b", () => {});
    stream.subscribe("b", () => {});
    expect(stream.state.kind).toBe("connecting");
    expect(world.socket.sent).toEqual([]);
    world.socket.welcome();
    expect(world.socket.sent).toEqual([{ type: "subscribe", topics: ["a", "b"], id: 1 }]);
    expect(stream.state.kind).toBe("live");
    expect(world.sockets).toHaveLength(1);
  });

  it("gives messages to the listeners of their topic, and leaves a topic with its last one", () => {
    const heard: StreamMessage[] = [];
    const leave = stream.subscribe("a", (message) => heard.push(message));
    const other = stream.subscribe("a", () => {});
    world.socket.welcome();
    world.socket.says({ type: "candle", topic: "a", data: 1 });
    world.socket.says({ type: "candle", topic: "b", data: 2 });
    expect(heard.map((message) => message.data)).toEqual([1]);
    other();
    other();
    expect(world.socket.sent).toHaveLength(1);
    leave();
    expect(world.socket.sent.at(-1)).toEqual({ type: "unsubscribe", topics: ["a"] });
  });

  it("comes back by itself, waits longer each time, and says since when it is stale", () => {
    stream.subscribe("a", () => {});
    let resumed = 0;
    stream.onResumed(() => {
      resumed += 1;
    });
    world.socket.welcome();
    expect(resumed).toBe(0);
    world.passes(700);
    world.socket.ends(1006);
    expect(stream.state).toEqual({ kind: "reconnecting", staleSince: 1_000, retryAt: 2_200 });
    for (const wait of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const before = world.sockets.length;
      world.passes(wait - 1);
      expect(world.sockets).toHaveLength(before);
      world.passes(1);
      expect(world.sockets).toHaveLength(before + 1);
      world.socket.ends(1006);
    }
    stream.retryNow();
    // Still stale: nothing has come yet.
    expect(stream.state.kind).toBe("reconnecting");
    world.socket.welcome();
    expect(stream.state.kind).toBe("live");
    expect(world.socket.sent).toEqual([{ type: "subscribe", topics: ["a"], id: 2 }]);
    expect(resumed).toBe(1);
  });

  it("takes two missed heartbeats for the end", () => {
    stream.subscribe("a", () => {});
    world.socket.welcome();
    const silent = world.socket;
    world.passes(29_000);
    silent.says({ type: "ping" });
    world.passes(29_999);
    expect(stream.state.kind).toBe("live");
    world.passes(1);
    expect(stream.state).toMatchObject({ kind: "reconnecting", staleSince: 30_000 });
    expect(silent.isClosed).toBe(true);
    // What a dead socket still says does not count.
    silent.welcome();
    expect(stream.state.kind).toBe("reconnecting");
  });

  it("does not wait for heartbeats when the network is gone", () => {
    stream.lose();
    expect(stream.state.kind).toBe("idle");
    stream.subscribe("a", () => {});
    world.socket.welcome();
    const dead = world.socket;
    stream.lose();
    expect(stream.state.kind).toBe("reconnecting");
    expect(dead.isClosed).toBe(true);
    dead.ends(1006);
    world.passes(500);
    expect(world.sockets).toHaveLength(2);
  });

  it("stops where trying again changes nothing", () => {
    stream.subscribe("a", () => {});
    world.socket.welcome();
    world.socket.ends(4003);
    expect(stream.state).toMatchObject({ kind: "stopped", reason: "your session has ended" });
    world.passes(60_000);
    expect(world.sockets).toHaveLength(1);
    stream.retryNow();
    expect(world.sockets).toHaveLength(2);
  });

  it("asks for topics one by one when one of them is refused, and tells its listeners", () => {
    const refused: StreamMessage[] = [];
    stream.subscribe("good", () => {});
    stream.subscribe("bad", (message) => refused.push(message));
    world.socket.welcome();
    world.socket.says({ type: "error", id: 1, code: "unknown_instrument" });
    expect(world.socket.sent.slice(1).map((message) => message.topics)).toEqual([["good"], ["bad"]]);
    world.socket.says({ type: "error", id: 3, code: "unknown_instrument" });
    expect(refused).toMatchObject([{ type: "error", code: "unknown_instrument" }]);
  });

  it("has what is shown read again when messages were dropped", () => {
    let resumed = 0;
    stream.onResumed(() => {
      resumed += 1;
    });
    stream.subscribe("a", () => {});
    world.socket.welcome();
    world.socket.says({ type: "skipped", topic: "a", skipped: 3 });
    expect(resumed).toBe(1);
  });

  it("goes on after the newest message of a topic that has cursors", () => {
    const heard: StreamMessage[] = [];
    stream.subscribe("a", () => {});
    const leave = stream.subscribe("alerts", (message) => heard.push(message), "40");
    world.socket.welcome();
    expect(world.socket.sent).toEqual([
      { type: "subscribe", topics: ["a"], id: 1 },
      { type: "subscribe", topics: ["alerts"], id: 2, cursor: "40" },
    ]);
    world.socket.says({ type: "alert", topic: "alerts", data: { id: "x", cursor: "42" } });
    expect(stream.acknowledge("x")).toBe(true);
    world.socket.says({ type: "acknowledged", event: "x" });
    expect(heard.map((message) => message.type)).toEqual(["alert", "acknowledged"]);
    world.socket.ends(1006);
    expect(stream.acknowledge("x")).toBe(false);
    world.passes(500);
    world.socket.welcome();
    expect(world.socket.sent.at(-1)).toMatchObject({ topics: ["alerts"], cursor: "42" });
    // Somebody else begins where they are.
    leave();
    stream.subscribe("alerts", () => {});
    expect(world.socket.sent.at(-1)).toEqual({ type: "subscribe", topics: ["alerts"], id: 5 });
  });

  it("opens another stream for another user", () => {
    stream.restart();
    expect(world.sockets).toHaveLength(0);
    stream.subscribe("a", () => {});
    world.socket.welcome();
    const first = world.socket;
    stream.restart();
    expect(first.isClosed).toBe(true);
    world.socket.welcome();
    expect(world.socket.sent).toEqual([{ type: "subscribe", topics: ["a"], id: 2 }]);
  });
});
