/** The worker: one picture in, one fingerprint or trace out. It opens no connection and keeps nothing. */

import { isCut, readHeader } from "./signal/header";
import type { Kind, Reply, Request, Results } from "./signal/messages";
import { fingerprintOfBands } from "./signal/pdq";
import { Refusal } from "./signal/refusal";
import { greyOf } from "./trace/grey";
import { traceOfBands } from "./trace/register";

declare const self: DedicatedWorkerGlobalScope;

const MAX_BYTES = 50_000_000;
const MAX_PIXELS = 120_000_000;
/** Browsers' own limit for a canvas side is 16,384 or more; a band is as wide as the picture. */
const MAX_SIDE = 16_384;
/** A frame header may stand behind long EXIF and ICC segments. */
const HEADER_BYTES = 512 * 1024;
const BAND_PIXELS = 1_000_000;

self.addEventListener("message", (event: MessageEvent<Request>) => {
  void answer(event.data).then((reply) => {
    self.postMessage(reply);
  });
});

async function answer({ number, kind, file }: Request): Promise<Reply> {
  try {
    return { number, result: await resultOf(kind, file) };
  } catch (error) {
    return { number, code: error instanceof Refusal ? error.code : "picture_unreadable" };
  }
}

async function resultOf(kind: Kind, file: Blob): Promise<Results[Kind]> {
  if (typeof OffscreenCanvas === "undefined" || typeof createImageBitmap === "undefined") {
    throw new Refusal("browser_too_old");
  }
  await checkBeforeDecoding(file);
  const bitmap = await decode(file);
  try {
    checkSize(bitmap.width, bitmap.height);
    const { width, height } = bitmap;
    return kind === "pdq"
      ? fingerprintOfBands(width, height, 4, bandsOf(bitmap))
      : traceOfBands(width, height, greyBandsOf(bitmap));
  } finally {
    bitmap.close();
  }
}

async function checkBeforeDecoding(file: Blob): Promise<void> {
  if (file.size === 0) {
    throw new Refusal("picture_empty");
  }
  if (file.size > MAX_BYTES) {
    throw new Refusal("picture_too_many_bytes");
  }
  const { size } = await headerOf(file);
  if (size) {
    checkSize(size.width, size.height);
  }
}

async function headerOf(file: Blob): Promise<ReturnType<typeof readHeader>> {
  return readHeader(new Uint8Array(await file.slice(0, HEADER_BYTES).arrayBuffer()));
}

function checkSize(width: number, height: number): void {
  if (width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS) {
    throw new Refusal("picture_too_large");
  }
}

async function decode(file: Blob): Promise<ImageBitmap> {
  try {
    // Colour profiles are left out, as in Python; the EXIF orientation is not.
    return await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    const { kind } = await headerOf(file);
    if (kind === "heif") {
      throw new Refusal("picture_unsupported");
    }
    const tail = new Uint8Array(await file.slice(-12).arrayBuffer());
    throw new Refusal(isCut(kind, tail) ? "picture_truncated" : "picture_unreadable");
  }
}

/** The picture on white, a band of rows at a time: one band of bytes exists at any moment. */
function* bandsOf(bitmap: ImageBitmap): Generator<Uint8ClampedArray> {
  const { width, height } = bitmap;
  const tallest = Math.max(1, Math.min(height, Math.floor(BAND_PIXELS / width)));
  const context = new OffscreenCanvas(width, tallest).getContext("2d", { alpha: false, willReadFrequently: true });
  if (!context) {
    throw new Refusal("browser_too_old");
  }
  context.imageSmoothingEnabled = false;
  for (let top = 0; top < height; top += tallest) {
    const rows = Math.min(tallest, height - top);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    yield context.getImageData(0, 0, width, rows).data;
  }
}

function* greyBandsOf(bitmap: ImageBitmap): Generator<Uint8Array> {
  for (const band of bandsOf(bitmap)) {
    yield greyOf(band);
  }
}
