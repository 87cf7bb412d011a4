/** What the page and the worker say to each other. No pixels, no bytes of a picture: only the result goes back. */

import type { Fingerprint } from "./fingerprint";

/**
 * Stable codes, those of the Python decoder where it has the same case. `worker_failed`: the browser stopped the worker
 * (memory, usually). `browser_too_old`: no OffscreenCanvas or createImageBitmap in workers. `picture_too_small`,
 * `picture_too_plain`: of traces only.
 */
export type ErrorCode =
  | "picture_empty"
  | "picture_too_many_bytes"
  | "picture_too_large"
  | "picture_unreadable"
  | "picture_unsupported"
  | "picture_truncated"
  | "picture_timeout"
  | "picture_too_small"
  | "picture_too_plain"
  | "browser_too_old"
  | "worker_failed";

/** What a picture is turned into, by the kind that was asked for. trace: the bytes of a record, at most 5,356. */
export interface Results {
  readonly pdq: Fingerprint;
  readonly trace: Uint8Array;
}

export type Kind = keyof Results;

export interface Request {
  readonly number: number;
  readonly kind: Kind;
  readonly file: Blob;
}

export type Reply<K extends Kind = Kind> =
  | { readonly number: number; readonly result: Results[K] }
  | { readonly number: number; readonly code: ErrorCode };
