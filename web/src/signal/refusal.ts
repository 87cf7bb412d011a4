import type { ErrorCode } from "./messages";

/** A picture that cannot be used, and why. */
export class Refusal extends Error {
  constructor(readonly code: ErrorCode) {
    super(code);
  }
}
