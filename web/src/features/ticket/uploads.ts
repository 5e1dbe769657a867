import { statusOf } from "@/lib/api/problem.ts";
import type { KeptFile } from "@/lib/api/types.ts";
import { type Upload, upload } from "@/lib/api/upload.ts";
import { beginUnsaved } from "@/lib/unsaved.ts";
import type { DraftFile, DraftKind } from "./drafts.ts";

/** A file that is on its way to the desk, or did not get there. */
export interface Uploading {
  key: string;
  kind: DraftKind;
  file: File;
  /** From 0 to 1; null while it waits for its turn. */
  part: number | null;
  error: unknown;
}

const AT_ONCE = 3;

type Send = (file: File, onProgress: (part: number) => void) => Upload;

/** The files that are being added to one ticket's messages; they go on while other tickets are open. */
export class Uploads {
  readonly #onDone: (kind: DraftKind, file: DraftFile) => void;
  readonly #send: Send;
  readonly #listeners = new Set<() => void>();
  readonly #running = new Map<string, Upload>();
  #list: readonly Uploading[] = [];
  #kept: (() => void) | null = null;

  constructor(onDone: (kind: DraftKind, file: DraftFile) => void, send: Send = upload) {
    this.#onDone = onDone;
    this.#send = send;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  list = (): readonly Uploading[] => this.#list;

  add(kind: DraftKind, files: Iterable<File>): void {
    const added = Array.from(files, (file) => ({ key: crypto.randomUUID(), kind, file, part: null, error: null }));
    this.#set([...this.#list, ...added]);
    this.#next();
  }

  retry(key: string): void {
    this.#edit(key, { error: null, part: null });
    this.#next();
  }

  /** Gives up on a file, wherever it is by now. */
  remove(key: string): void {
    this.#set(this.#list.filter((each) => each.key !== key));
    this.#running.get(key)?.cancel();
  }

  #next(): void {
    for (const each of this.#list) {
      if (this.#running.size < AT_ONCE && each.part === null && each.error === null) {
        this.#start(each);
      }
    }
  }

  #start({ key, kind, file }: Uploading): void {
    const started = this.#send(file, (part) => this.#edit(key, { part }));
    this.#running.set(key, started);
    this.#edit(key, { part: 0 });
    started.done
      .then(
        (kept: KeptFile) => {
          if (this.#list.some((each) => each.key === key)) {
            this.#set(this.#list.filter((each) => each.key !== key));
            this.#onDone(kind, { id: kept.id, name: kept.name, size: kept.size_bytes });
          }
        },
        (error: unknown) => this.#edit(key, { error, part: null }),
      )
      .finally(() => {
        this.#running.delete(key);
        this.#next();
      });
  }

  #edit(key: string, changed: Partial<Uploading>): void {
    this.#set(this.#list.map((each) => (each.key === key ? { ...each, ...changed } : each)));
  }

  #set(list: readonly Uploading[]): void {
    this.#list = list;
    if (list.length > 0) {
      this.#kept ??= beginUnsaved();
    } else {
      this.#kept?.();
      this.#kept = null;
    }
    for (const listener of this.#listeners) listener();
  }
}

/** Whether sending the same file again could go better. */
export function isWorthRetrying(error: unknown): boolean {
  const status = statusOf(error);
  return status === null || status === 429 || status >= 500;
}
