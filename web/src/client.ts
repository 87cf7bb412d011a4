/** The page's side: hand over files, get fingerprints or traces and, for what could not be read, a code a file. */

import type { ErrorCode, Kind, Reply, Request } from "./signal/messages";
import type { Fingerprint } from "./signal/fingerprint";

export { MINIMUM_QUALITY } from "./signal/fingerprint";
export type { ErrorCode, Fingerprint };

export type Outcome =
  | { readonly file: Blob; readonly fingerprint: Fingerprint; readonly code?: never }
  | { readonly file: Blob; readonly code: ErrorCode; readonly fingerprint?: never };

/** trace: the bytes of the record (spec/trace.md). */
export type TraceOutcome =
  | { readonly file: Blob; readonly trace: Uint8Array; readonly code?: never }
  | { readonly file: Blob; readonly code: ErrorCode; readonly trace?: never };

export interface Progress<O = Outcome> {
  readonly done: number;
  readonly total: number;
  /** The outcome that was just reached. */
  readonly last: O;
}

export interface Options {
  /** Aborting stops the worker at once and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Address of the built worker; beside this script unless told. */
  readonly worker?: URL | string;
  /** For one picture. */
  readonly milliseconds?: number;
}

/**
 * The fingerprints of `files`, in their order, one worker, one picture at a time.
 *
 * One bad picture is an outcome, not an exception: the others are still done. A picture that takes too long or brings
 * the worker down costs that worker, and the next picture gets a new one.
 */
export async function fingerprintFiles(
  files: readonly Blob[],
  onProgress: (progress: Progress) => void = () => undefined,
  options: Options = {},
): Promise<Outcome[]> {
  const outcome = (file: Blob, reply: Reply<"pdq">): Outcome =>
    "code" in reply ? { file, code: reply.code } : { file, fingerprint: reply.result };
  return await each("pdq", files, outcome, onProgress, options);
}

/** The traces of `files`, as `fingerprintFiles` gives their fingerprints. */
export async function traceFiles(
  files: readonly Blob[],
  onProgress: (progress: Progress<TraceOutcome>) => void = () => undefined,
  options: Options = {},
): Promise<TraceOutcome[]> {
  const outcome = (file: Blob, reply: Reply<"trace">): TraceOutcome =>
    "code" in reply ? { file, code: reply.code } : { file, trace: reply.result };
  return await each("trace", files, outcome, onProgress, options);
}

async function each<K extends Kind, O>(
  kind: K,
  files: readonly Blob[],
  outcome: (file: Blob, reply: Reply<K>) => O,
  onProgress: (progress: Progress<O>) => void,
  options: Options,
): Promise<O[]> {
  const desk = new Desk(options);
  const outcomes: O[] = [];
  try {
    for (const [number, file] of files.entries()) {
      // The worker answers in the kind it was asked for.
      const last = outcome(file, (await desk.ask({ number, kind, file })) as Reply<K>);
      outcomes.push(last);
      onProgress({ done: outcomes.length, total: files.length, last });
    }
  } finally {
    desk.close();
  }
  return outcomes;
}

class Desk {
  readonly #options: Options;
  #worker: Worker | null = null;

  constructor(options: Options) {
    this.#options = options;
  }

  async ask(request: Request): Promise<Reply> {
    const { signal, milliseconds = 60_000 } = this.#options;
    signal?.throwIfAborted();
    this.#worker ??= this.#hire();
    const worker = this.#worker;
    const ended = new AbortController();
    try {
      return await new Promise<Reply>((resolve, reject) => {
        const listen = { signal: ended.signal };
        const lose = (code: ErrorCode): void => {
          this.close();
          resolve({ number: request.number, code });
        };
        const timer = setTimeout(lose, milliseconds, "picture_timeout");
        ended.signal.addEventListener("abort", () => {
          clearTimeout(timer);
        });
        worker.addEventListener(
          "message",
          (event: MessageEvent<Reply>) => {
            if (event.data.number === request.number) {
              resolve(event.data);
            }
          },
          listen,
        );
        for (const failure of ["error", "messageerror"]) {
          worker.addEventListener(failure, () => { lose("worker_failed"); }, listen);
        }
        signal?.addEventListener("abort", () => { reject(signal.reason as Error); }, listen);
        worker.postMessage(request);
      });
    } finally {
      ended.abort();
    }
  }

  close(): void {
    this.#worker?.terminate();
    this.#worker = null;
  }

  #hire(): Worker {
    const address = this.#options.worker ?? new URL(/* @vite-ignore */ "worker.js", import.meta.url);
    return new Worker(address, { type: "module" });
  }
}
