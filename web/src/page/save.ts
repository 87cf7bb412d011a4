/** Sends fingerprints and traces and nothing else. Repeating is harmless: the request names itself, and one request opens one case. */

import type { Fingerprint } from "../signal/fingerprint";

const PAUSES_MILLISECONDS = [1000, 2000, 4000, 8000, 15_000];

export type Saved = { readonly code: string } | { readonly problem: "offline" | "refused"; readonly reason: string };

export interface Order {
  readonly request: string;
  readonly language: string;
  /** The code of a case to add to; empty for a new one. */
  readonly code: string;
  /** What was said before on this way in: which door, of what age, for whom. */
  readonly said?: Readonly<Record<string, string>>;
  readonly fingerprints?: readonly Fingerprint[];
  /** Records of ordinary photos, base64url. */
  readonly traces?: readonly string[];
}

/** Tries again on a bad line; gives up on an answer that trying again would not change. */
export async function save(order: Order, onRetry: () => void): Promise<Saved> {
  for (const pause of [...PAUSES_MILLISECONDS, null]) {
    const answer = await post(order);
    if (answer !== null) {
      return answer;
    }
    if (pause !== null) {
      onRetry();
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return { problem: "offline", reason: "" };
}

async function post(order: Order): Promise<Saved | null> {
  const body = new URLSearchParams({ ...order.said, request: order.request, lang: order.language, code: order.code });
  for (const { value, quality } of order.fingerprints ?? []) {
    body.append("fingerprint", `${value}:${String(quality)}`);
  }
  for (const trace of order.traces ?? []) {
    body.append("trace", trace);
  }
  try {
    const response = await fetch("/save", { method: "POST", body });
    if (response.status >= 500 || response.status === 429) {
      return null;
    }
    const answer = (await response.json()) as { code?: unknown };
    const code = typeof answer.code === "string" ? answer.code : "";
    return response.ok && code ? { code } : { problem: "refused", reason: code };
  } catch {
    // No line, or an answer cut short: whether it was kept is unknown, and asking again finds out.
    return null;
  }
}
