import { describe, expect, it } from "vitest";
import { LiveConnection, type LiveStatus } from "./connection.ts";
import type { PresenceFrame, TicketFrame } from "./frames.ts";

class FakeSocket {
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  sent: string[] = [];
  isClosed = false;

  send(text: string) {
    this.sent.push(text);
  }

  close() {
    this.isClosed = true;
    this.onclose?.();
  }

  say(frame: unknown) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

function setUp({ signedIn = true } = {}) {
  const sockets: { socket: FakeSocket; since: number | null }[] = [];
  const frames: (() => void)[] = [];
  const timers: { delay: number; run: () => void }[] = [];
  const batches: TicketFrame[][] = [];
  const statuses: LiveStatus[] = [];
  const present: PresenceFrame[] = [];
  const leaving: string[] = [];
  let resyncs = 0;
  let notifications = 0;
  const connection = new LiveConnection(
    {
      open: (since) => {
        const socket = new FakeSocket();
        sockets.push({ socket, since });
        return socket as unknown as WebSocket;
      },
      mayConnect: () => Promise.resolve(signedIn),
      onFrame: (callback) => frames.push(callback),
      after: (delay, run) => {
        const timer = { delay, run };
        timers.push(timer);
        return () => void timers.splice(0, timers.length, ...timers.filter((other) => other !== timer));
      },
      random: () => 1,
    },
    {
      onEvents: (events) => batches.push(events),
      onResync: () => {
        resyncs += 1;
      },
      onNotification: () => {
        notifications += 1;
      },
      onPresence: (frame) => present.push(frame),
      onLeaving: (ticketId) => leaving.push(ticketId),
      onStatus: (status) => statuses.push(status),
    },
  );
  const last = () => {
    const found = sockets.at(-1);
    if (found === undefined) throw new Error("no socket was opened");
    return found;
  };
  const elapse = async () => {
    const timer = timers.pop();
    timer?.run();
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    return timer?.delay;
  };
  const draw = () => frames.splice(0).forEach((frame) => void frame());
  const counts = { resyncs: () => resyncs, notifications: () => notifications };
  return { connection, last, sockets, batches, present, leaving, statuses, elapse, draw, ...counts };
}

const sla = (seq: number): TicketFrame => ({
  seq,
  type: "ticket.sla",
  ticket_id: "t",
  sla: { next_due_at: null, state: "met", metric: "resolution" },
});

describe("the live connection", () => {
  it("hands over what came between two frames at once", () => {
    const { connection, last, batches, draw } = setUp();
    connection.start();
    last().socket.say({ type: "hello", seq: 10 });
    last().socket.say(sla(11));
    last().socket.say(sla(12));
    expect(batches).toEqual([]);
    draw();
    expect(batches.map((batch) => batch.map((event) => event.seq))).toEqual([[11, 12]]);
  });

  it("drops what is older of a ticket's clocks than what was told, until everything is asked for anew", () => {
    const { connection, last, batches, draw } = setUp();
    connection.start();
    last().socket.say({ type: "hello", seq: 10 });
    for (const frame of [sla(13), { ...sla(12), ticket_id: "other" }, sla(12)]) {
      last().socket.say(frame);
    }
    draw();
    last().socket.say(sla(11));
    draw();
    expect(batches.flat().map((event) => event.seq)).toEqual([13, 12]);
    last().socket.say({ type: "resync" });
    last().socket.say(sla(3));
    draw();
    expect(batches.flat().at(-1)?.seq).toBe(3);
  });

  it("tells of replies that leave, and resumes after them", async () => {
    const { connection, last, leaving, elapse } = setUp();
    connection.start();
    last().socket.say({ type: "hello", seq: 10 });
    const reply = { id: "r", author: "a", release_at: null };
    last().socket.say({ seq: 11, type: "ticket.leaving", ticket_id: "t", reply });
    expect(leaving).toEqual(["t"]);
    last().socket.close();
    await elapse();
    expect(last().since).toBe(11);
  });

  it("asks for everything once after the first greeting: what happened before it was in neither answer", () => {
    const { connection, last, resyncs } = setUp();
    connection.start();
    last().socket.say({ type: "hello", seq: 10 });
    expect(resyncs()).toBe(1);
  });

  it("resumes from the last event it saw, and says so while it is away", async () => {
    const { connection, last, statuses, elapse, resyncs } = setUp();
    connection.start();
    last().socket.say({ type: "hello", seq: 10 });
    last().socket.say(sla(14));
    last().socket.close();
    expect(statuses.at(-1)).toBe("reconnecting");
    await elapse();
    expect(last().since).toBe(14);
    last().socket.say({ type: "hello", seq: 20 });
    expect(statuses.at(-1)).toBe("live");
    expect(resyncs()).toBe(1);
  });

  it("fetches everything again, and drops what waits, when the server no longer has what was missed", () => {
    const { connection, last, batches, draw, resyncs } = setUp();
    connection.start();
    last().socket.say({ type: "hello", seq: 10 });
    last().socket.say(sla(11));
    last().socket.say({ type: "resync" });
    draw();
    expect(batches).toEqual([]);
    expect(resyncs()).toBe(2);
  });

  it("waits longer after every failure, up to a bound, and starts anew after a success", async () => {
    const { connection, last, elapse } = setUp();
    connection.start();
    const delays: (number | undefined)[] = [];
    for (let failure = 0; failure < 8; failure += 1) {
      last().socket.close();
      delays.push(await elapse());
    }
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
    last().socket.say({ type: "hello", seq: 1 });
    last().socket.close();
    expect(await elapse()).toBe(500);
  });

  it("does not dial for somebody who is signed out", async () => {
    const { connection, last, sockets, elapse } = setUp({ signedIn: false });
    connection.start();
    last().socket.close();
    await elapse();
    expect(sockets).toHaveLength(1);
  });

  it("takes a socket for dead that answers no ping", async () => {
    const { connection, last, statuses, elapse } = setUp();
    connection.start();
    last().socket.say({ type: "hello", seq: 1 });
    await elapse();
    expect(last().socket.sent).toEqual(['{"type":"ping"}']);
    last().socket.say({ type: "pong" });
    await elapse();
    expect(statuses.at(-1)).toBe("live");
    await elapse();
    await elapse();
    expect(statuses.at(-1)).toBe("reconnecting");
  });

  it("gives a socket up that is not greeted in time", async () => {
    const { connection, last, sockets, statuses, elapse } = setUp();
    connection.start();
    const { socket } = last();
    expect(await elapse()).toBe(10_000);
    expect([statuses.at(-1), socket.isClosed]).toEqual(["reconnecting", true]);
    socket.say({ type: "hello", seq: 1 });
    expect(statuses.at(-1)).toBe("reconnecting");
    expect(await elapse()).toBe(500);
    expect(sockets).toHaveLength(2);
  });

  it("dials at once when asked to, whatever it waits for, and not when it is connected", async () => {
    const { connection, last, sockets } = setUp();
    const retry = async () => {
      connection.retryNow();
      await new Promise((resolve) => setTimeout(resolve));
    };
    connection.start();
    const { socket } = last();
    await retry();
    expect([sockets.length, socket.isClosed]).toEqual([2, true]);
    last().socket.say({ type: "hello", seq: 1 });
    await retry();
    expect(sockets).toHaveLength(2);
  });

  it("asks at once whether it still stands when the network or the window comes back", async () => {
    const { connection, last, statuses, elapse } = setUp();
    connection.start();
    last().socket.say({ type: "hello", seq: 1 });
    connection.check();
    expect(last().socket.sent).toEqual(['{"type":"ping"}']);
    last().socket.say({ type: "pong" });
    expect(await elapse()).toBe(5_000);
    expect(statuses.at(-1)).toBe("live");
    connection.check();
    await elapse();
    expect(statuses.at(-1)).toBe("reconnecting");
  });

  it("stays closed once stopped", () => {
    const { connection, last, sockets, statuses } = setUp();
    connection.start();
    const { socket } = last();
    connection.stop();
    socket.onclose?.();
    expect(statuses.at(-1)).toBe("stopped");
    expect(sockets).toHaveLength(1);
  });

  it("tells where the window is once it is greeted, when that changes, and again with every ping", async () => {
    const { connection, last, elapse } = setUp();
    const viewing = () =>
      last()
        .socket.sent.map((text) => JSON.parse(text))
        .filter(({ type }) => type === "viewing");
    connection.start();
    connection.view({ ticket_id: "t", doing: "reading" });
    expect(viewing()).toEqual([]);
    last().socket.say({ type: "hello", seq: 1 });
    const reading = { type: "viewing", ticket_id: "t", doing: "reading" };
    expect(viewing()).toEqual([reading]);
    connection.view({ ticket_id: "t", doing: "reading" });
    connection.view({ ticket_id: "t", doing: "reply" });
    const writing = { ...reading, doing: "reply" };
    expect(viewing()).toEqual([reading, writing]);
    await elapse();
    expect(viewing()).toEqual([reading, writing, writing]);
    connection.view(null);
    expect(viewing().at(-1)).toEqual({ type: "viewing", ticket_id: null });
    await elapse();
    expect(viewing()).toHaveLength(4);
  });

  it("says where the window is to the next socket, too", async () => {
    const { connection, last, sockets, elapse } = setUp();
    connection.start();
    last().socket.say({ type: "hello", seq: 1 });
    connection.view({ ticket_id: "t", doing: "note" });
    last().socket.close();
    connection.view({ ticket_id: "u", doing: "note" });
    await elapse();
    last().socket.say({ type: "hello", seq: 1 });
    expect(sockets).toHaveLength(2);
    expect(last().socket.sent.map((text) => JSON.parse(text))).toEqual([
      { type: "viewing", ticket_id: "u", doing: "note" },
    ]);
  });

  it("hands on who is there, and resumes after what was for this account alone", async () => {
    const { connection, last, present, notifications, elapse } = setUp();
    connection.start();
    last().socket.say({ type: "hello", seq: 1 });
    last().socket.say({ type: "presence", ticket_id: "t", people: [] });
    last().socket.say({ type: "notification", seq: 7, account_id: "me" });
    expect(present).toEqual([{ type: "presence", ticket_id: "t", people: [] }]);
    expect(notifications()).toBe(1);
    last().socket.close();
    await elapse();
    expect(last().since).toBe(7);
  });
});
