/** The page on which pictures are chosen: the worker turns them into fingerprints, and only these are sent. */

import { fingerprintFiles, MINIMUM_QUALITY, type Fingerprint, type Outcome } from "./client";
import { element } from "./page/elements";
import { isStopped } from "./page/stopped";
import { saidIn } from "./page/said";
import { save } from "./page/save";
import { wordsOf } from "./page/words";

const MOST_AT_ONCE = 200;

const root = element("protect", HTMLElement);
const input = element("pictures", HTMLInputElement);
const choose = input.closest("label");
const progress = element("progress", HTMLElement);
const progressText = element("progress-text", HTMLElement);
const bar = element("progress-bar", HTMLProgressElement);
const problems = element("problems", HTMLElement);
const failure = element("failure", HTMLElement);
const again = element("again", HTMLButtonElement);
const cancel = element("cancel", HTMLButtonElement);
const open = element("open", HTMLFormElement);
const message = wordsOf(element("messages", HTMLElement));

let running: AbortController | null = null;
let found: Fingerprint[] = [];

root.hidden = false;
input.addEventListener("change", () => void choosePictures([...(input.files ?? [])]));
again.addEventListener("click", () => void send());
cancel.addEventListener("click", () => {
  running?.abort();
});

async function choosePictures(files: readonly File[]): Promise<void> {
  if (files.length === 0) {
    return;
  }
  reset();
  if (files.length > MOST_AT_ONCE) {
    fail("many");
    return;
  }
  working(true);
  running = new AbortController();
  tell(0, files.length);
  try {
    const outcomes = await fingerprintFiles(files, ({ done, total }) => { tell(done, total); }, { signal: running.signal });
    found = outcomes.flatMap((outcome, number) => usable(outcome, files[number]?.name ?? ""));
  } catch (error) {
    // Nothing was sent, and the choice is open again.
    working(false);
    if (!isStopped(error)) {
      fail("refused");
      throw error;
    }
    return;
  } finally {
    running = null;
    input.value = "";
  }
  if (found.length === 0) {
    working(false);
  } else if (found.length < files.length) {
    // She decides whether the readable ones go without the others.
    working(false);
    open.hidden = false;
    element("continue", HTMLButtonElement).onclick = (event): void => {
      event.preventDefault();
      open.hidden = true;
      void send();
    };
  } else {
    await send();
  }
}

function usable(outcome: Outcome, name: string): Fingerprint[] {
  if (outcome.fingerprint && outcome.fingerprint.quality >= MINIMUM_QUALITY) {
    return [outcome.fingerprint];
  }
  const line = document.createElement("li");
  line.textContent = message(outcome.code ?? "picture_too_plain", { name });
  problems.append(line);
  return [];
}

async function send(): Promise<void> {
  working(true);
  failure.hidden = true;
  again.hidden = true;
  bar.removeAttribute("value");
  cancel.hidden = true;
  progressText.textContent = message("saving");
  const { request = "", language = "", code = "" } = root.dataset;
  const saved = await save({ request, language, code, said: saidIn(open), fingerprints: found }, () => {
    progressText.textContent = message("retrying");
  });
  working(false);
  if ("code" in saved) {
    const field = open.elements.namedItem("code");
    if (field instanceof HTMLInputElement) {
      field.value = saved.code;
    }
    open.submit();
    return;
  }
  fail(saved.problem);
  again.hidden = saved.problem !== "offline";
}

function reset(): void {
  found = [];
  problems.replaceChildren();
  failure.hidden = true;
  again.hidden = true;
  open.hidden = true;
  cancel.hidden = false;
}

function working(yes: boolean): void {
  progress.hidden = !yes;
  choose?.toggleAttribute("hidden", yes);
}

function tell(done: number, total: number): void {
  bar.value = done / total;
  progressText.textContent = message("working", { n: String(Math.min(done + 1, total)), all: String(total) });
}

function fail(name: string): void {
  failure.textContent = message(name);
  failure.hidden = false;
}
