import { type Frame, type Place, type PresenceFrame, parseFrame, type TicketFrame } from "./frames.ts";

/** What the connection needs of a browser; a test brings its own. */
export interface LiveEnvironment {
  open: (since: number | null) => WebSocket;
  /** Whether a session still exists, before dialling again: a browser does not tell why a handshake was refused. */
  mayConnect: () => Promise<boolean>;
  onFrame: (callback: () => void) => void;
  after: (milliseconds: number, callback: () => void) => () => void;
  random: () => number;
}

export interface LiveListener {
  onEvents: (events: TicketFrame[]) => void;
  /** Everything shown may be stale: ask again. */
  onResync: () => void;
  /** Something is new, or read, among the notifications of who is signed in. */
  onNotification: () => void;
  onPresence: (frame: PresenceFrame) => void;
  /** A reply is about to leave a ticket, or was taken back. */
  onLeaving: (ticketId: string) => void;
  onStatus: (status: LiveStatus) => void;
}

export type LiveStatus = "connecting" | "live" | "reconnecting" | "stopped";

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20_000;
// Often enough for where one is, too: who has not said so for 30 seconds is not there.
const PING_EVERY_MS = 20_000;
const SILENCE_LIMIT_MS = 45_000;
/** For a socket to be opened and greeted: a browser would wait for minutes, a silent proxy for ever. */
const GREETING_LIMIT_MS = 10_000;
/** For an answer when there is reason to doubt that the socket still lives. */
const ANSWER_LIMIT_MS = 5_000;

/**
 * The one socket of a window: hands events over once per animation frame, resumes by sequence after a loss.
 *
 * A socket can die without a close (sleep, a changed network), so silence longer than two pings ends it, and so does one
 * that is not greeted.
 */
export class LiveConnection {
  readonly #environment: LiveEnvironment;
  readonly #listener: LiveListener;
  #socket: WebSocket | null = null;
  #seq: number | null = null;
  #failures = 0;
  #pending: TicketFrame[] = [];
  /** The position of what was told last of each ticket's clocks. */
  readonly #clocks = new Map<string, number>();
  #scheduled = false;
  #stopped = true;
  #cancelTimer: () => void = () => undefined;
  #heardSincePing = true;
  #quietPings = 0;
  #isGreeted = false;
  #place: Place | null = null;

  constructor(environment: LiveEnvironment, listener: LiveListener) {
    this.#environment = environment;
    this.#listener = listener;
  }

  start(): void {
    this.#stopped = false;
    this.#listener.onStatus("connecting");
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
    this.#drop();
    this.#listener.onStatus("stopped");
  }

  /** Dials now, whatever is being waited for, unless the connection stands: the user asked. */
  retryNow(): void {
    if (!this.#stopped && !this.#isGreeted) {
      this.#cancelTimer();
      this.#drop();
      void this.#dialAgain();
    }
  }

  /** The network came back, or the window: dials now, or asks whether the connection that stood still does. */
  check(): void {
    if (!this.#isGreeted) {
      this.retryNow();
      return;
    }
    this.#cancelTimer();
    this.#heardSincePing = false;
    this.#sayPing();
    this.#cancelTimer = this.#environment.after(ANSWER_LIMIT_MS, () => {
      if (this.#heardSincePing) {
        this.#ping();
      } else {
        this.#lost();
      }
    });
  }

  /** Tells others where this window is; null: at no ticket. It is said again by itself, as long as it is so. */
  view(place: Place | null): void {
    if (place?.ticket_id === this.#place?.ticket_id && place?.doing === this.#place?.doing) {
      return;
    }
    this.#place = place;
    this.#sayPlace();
  }

  #sayPlace(): void {
    if (this.#isGreeted) {
      this.#socket?.send(JSON.stringify({ type: "viewing", ...(this.#place ?? { ticket_id: null }) }));
    }
  }

  #connect(): void {
    const socket = this.#environment.open(this.#seq);
    this.#socket = socket;
    this.#cancelTimer();
    this.#cancelTimer = this.#environment.after(GREETING_LIMIT_MS, () => this.#lost());
    socket.onmessage = (message) => {
      if (this.#socket === socket) {
        this.#receive(parseFrame(message.data));
      }
    };
    socket.onclose = () => {
      if (this.#socket === socket) {
        this.#lost();
      }
    };
  }

  #receive(frame: Frame | null): void {
    this.#heardSincePing = true;
    switch (frame?.type) {
      case "hello":
        this.#greeted(frame.seq);
        break;
      case "resync":
        // What waits for the next frame is older than what the refetch will bring.
        this.#pending = [];
        this.#seq = null;
        this.#clocks.clear();
        this.#listener.onResync();
        break;
      case "ticket.sla":
        // Clocks have no version: what was told later counts, in whatever order it came.
        if (frame.seq < (this.#clocks.get(frame.ticket_id) ?? 0)) {
          break;
        }
        this.#clocks.set(frame.ticket_id, frame.seq);
        this.#queue(frame);
        break;
      case "ticket.upserted":
        this.#queue(frame);
        break;
      case "ticket.leaving":
        this.#seq = Math.max(this.#seq ?? 0, frame.seq);
        this.#listener.onLeaving(frame.ticket_id);
        break;
      case "notification":
        this.#seq = Math.max(this.#seq ?? 0, frame.seq);
        this.#listener.onNotification();
        break;
      case "presence":
        this.#listener.onPresence(frame);
        break;
      default:
        break;
    }
  }

  #queue(frame: TicketFrame): void {
    this.#seq = Math.max(this.#seq ?? 0, frame.seq);
    this.#pending.push(frame);
    this.#schedule();
  }

  #greeted(seq: number): void {
    this.#failures = 0;
    this.#quietPings = 0;
    this.#isGreeted = true;
    if (this.#seq === null) {
      this.#seq = seq;
      // Whatever happened between the first lists and this greeting was seen by neither.
      this.#listener.onResync();
    }
    this.#listener.onStatus("live");
    this.#cancelTimer();
    if (this.#place !== null) {
      this.#sayPlace();
    }
    this.#ping();
  }

  #ping(): void {
    this.#cancelTimer = this.#environment.after(PING_EVERY_MS, () => {
      this.#quietPings = this.#heardSincePing ? 0 : this.#quietPings + 1;
      if (this.#quietPings * PING_EVERY_MS >= SILENCE_LIMIT_MS - PING_EVERY_MS) {
        this.#lost();
        return;
      }
      this.#heardSincePing = false;
      this.#sayPing();
      this.#ping();
    });
  }

  #sayPing(): void {
    this.#socket?.send(JSON.stringify({ type: "ping" }));
    if (this.#place !== null) {
      this.#sayPlace();
    }
  }

  #schedule(): void {
    if (this.#scheduled) {
      return;
    }
    this.#scheduled = true;
    this.#environment.onFrame(() => {
      this.#scheduled = false;
      const events = this.#pending;
      this.#pending = [];
      if (events.length > 0) {
        this.#listener.onEvents(events);
      }
    });
  }

  /** Closes the socket; what it still says counts no more. */
  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#isGreeted = false;
    socket?.close();
  }

  #lost(): void {
    this.#cancelTimer();
    this.#drop();
    if (this.#stopped) {
      return;
    }
    this.#failures += 1;
    this.#listener.onStatus("reconnecting");
    // Full jitter keeps a thousand browsers from returning in the same second.
    const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - 1));
    const delay = ceiling / 2 + (ceiling / 2) * this.#environment.random();
    this.#cancelTimer = this.#environment.after(delay, () => void this.#dialAgain());
  }

  async #dialAgain(): Promise<void> {
    const may = await this.#environment.mayConnect().catch(() => false);
    if (this.#stopped || this.#socket !== null) {
      return;
    }
    if (may) {
      this.#connect();
    } else {
      this.#lost();
    }
  }
}
