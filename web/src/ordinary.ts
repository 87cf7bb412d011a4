/** The page on which ordinary photos are chosen: it shows what would leave the device, and sends it when told to. */

import { traceFiles, type TraceOutcome } from "./client";
import { base64url } from "./page/base64";
import { element } from "./page/elements";
import { saidIn } from "./page/said";
import { save } from "./page/save";
import { isStopped } from "./page/stopped";
import { wordsOf } from "./page/words";
import { digits, draw } from "./trace/drawing";

const MOST_AT_ONCE = 50;
/** A request holds 128,000 bytes, ten records of at most 5,356 take 72,000. */
const MOST_A_REQUEST = 10;

interface Photo {
  readonly trace: string;
  readonly card: HTMLElement;
}

const root = element("ordinary", HTMLElement);
const input = element("pictures", HTMLInputElement);
const choose = input.closest("label");
const progress = element("progress", HTMLElement);
const progressText = element("progress-text", HTMLElement);
const bar = element("progress-bar", HTMLProgressElement);
const cancel = element("cancel", HTMLButtonElement);
const problems = element("problems", HTMLElement);
const failure = element("failure", HTMLElement);
const review = element("review", HTMLElement);
const reviewTitle = element("review-title", HTMLElement);
const cards = element("traces", HTMLElement);
const count = element("count", HTMLElement);
const keep = element("keep", HTMLButtonElement);
const again = element("again", HTMLButtonElement);
const open = element("open", HTMLFormElement);
const say = wordsOf(element("messages", HTMLElement));

let running: AbortController | null = null;
let photos: Photo[] = [];
let { request = "", code = "" } = root.dataset;

root.hidden = false;
input.addEventListener("change", () => void choosePhotos([...(input.files ?? [])]));
cancel.addEventListener("click", () => running?.abort());
keep.addEventListener("click", () => void send());
again.addEventListener("click", () => void send());

async function choosePhotos(files: readonly File[]): Promise<void> {
  if (files.length === 0) {
    return;
  }
  problems.replaceChildren();
  failure.hidden = true;
  if (photos.length + files.length > MOST_AT_ONCE) {
    fail("many");
    return;
  }
  working(true);
  running = new AbortController();
  tell(0, files.length);
  try {
    const { signal } = running;
    await traceFiles(
      files,
      ({ done, total, last }) => {
        take(last, files[done - 1]?.name ?? "");
        tell(done, total);
      },
      { signal },
    );
  } catch (error) {
    // What was read so far stays to be looked at, nothing was sent.
    if (!isStopped(error)) {
      fail("refused");
      throw error;
    }
  } finally {
    running = null;
    input.value = "";
    working(false);
  }
  if (photos.length > 0) {
    reviewTitle.focus();
  }
}

function take(outcome: TraceOutcome, name: string): void {
  if (outcome.code !== undefined) {
    const line = document.createElement("li");
    line.textContent = say(outcome.code, { name });
    problems.append(line);
    return;
  }
  const trace = base64url(outcome.trace);
  if (photos.some((photo) => photo.trace === trace)) {
    return;
  }
  const empty = element("trace", HTMLTemplateElement).content.firstElementChild as HTMLElement;
  const photo: Photo = { trace, card: empty.cloneNode(true) as HTMLElement };
  fill(photo, outcome.trace, name);
  photos.push(photo);
  cards.append(photo.card);
  counted();
}

function fill(photo: Photo, trace: Uint8Array, name: string): void {
  const part = <T extends HTMLElement>(selector: string): T => photo.card.querySelector<T>(selector)!;
  part(".trace-name").textContent = name;
  const canvas = part<HTMLCanvasElement>("canvas");
  // Colours come from the style sheet, which applies only to what stands in the page.
  cards.append(photo.card);
  const { points, bytes } = draw(canvas, trace);
  canvas.setAttribute("aria-label", say("drawing", { points: String(points) }));
  part(".trace-size").textContent = say("size", { points: String(points), bytes: String(bytes) });
  const all = part<HTMLDetailsElement>("details");
  all.addEventListener("toggle", () => {
    part("pre").textContent = all.open ? digits(trace) : "";
  });
  const remove = part<HTMLButtonElement>("button");
  remove.textContent = say("remove", { name });
  remove.addEventListener("click", () => {
    photos = photos.filter((other) => other !== photo);
    photo.card.remove();
    counted();
    (photos.length > 0 ? reviewTitle : input).focus();
  });
}

function counted(): void {
  review.hidden = photos.length === 0;
  count.textContent = say("count", { n: String(photos.length) });
}

async function send(): Promise<void> {
  // From here on it may be unknown whether a photo was kept, so none can be taken out of the choice any more.
  root.classList.add("sending");
  review.hidden = true;
  failure.hidden = true;
  again.hidden = true;
  cancel.hidden = true;
  working(true);
  const all = photos.length;
  const { language = "" } = root.dataset;
  while (photos.length > 0) {
    const batch = photos.slice(0, MOST_A_REQUEST);
    bar.value = (all - photos.length) / all;
    progressText.textContent = say("saving");
    const traces = batch.map(({ trace }) => trace);
    const saved = await save({ request, language, code, said: saidIn(open), traces }, () => {
      progressText.textContent = say("retrying");
    });
    if (!("code" in saved)) {
      progress.hidden = true;
      fail(saved.problem);
      again.hidden = saved.problem !== "offline";
      // Some were kept before: the way to them stays open.
      openCase(code, saved.problem === "offline");
      return;
    }
    code = saved.code;
    photos = photos.slice(batch.length);
    request = digits(crypto.getRandomValues(new Uint8Array(16)));
  }
  openCase(code, false);
  open.submit();
}

/** Fills in the form that leads to the case, and shows it where there is a case and nothing more to wait for. */
function openCase(known: string, waiting: boolean): void {
  const field = open.elements.namedItem("code");
  if (field instanceof HTMLInputElement) {
    field.value = known;
  }
  open.hidden = waiting || known === "" || photos.length === 0;
}

function working(yes: boolean): void {
  progress.hidden = !yes;
  choose?.toggleAttribute("hidden", yes);
  keep.disabled = yes;
}

function tell(done: number, total: number): void {
  bar.value = done / total;
  progressText.textContent = say("working", { n: String(Math.min(done + 1, total)), all: String(total) });
}

function fail(name: string): void {
  failure.textContent = say(name);
  failure.hidden = false;
}
