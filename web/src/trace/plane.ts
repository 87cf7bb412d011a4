/** Grey rows -> the plane that a trace is computed on: spec/trace.md. The Python twin is amparo/signal/trace/plane.py. */

import { Refusal } from "../signal/refusal";

export const LONG_SIDE = 512;
/** Of the picture's long side, and of its plane's short side. */
export const SMALLEST = 48;

/** pixels: `height` rows of `width` bytes. */
export interface Grey {
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8Array;
}

/** Height and width of the plane. Throws Refusal `picture_too_small`. */
export function planeSize(height: number, width: number): readonly [number, number] {
  const longest = Math.max(height, width);
  const shrunk = (side: number): number => Math.floor((2 * side * LONG_SIDE + longest) / (2 * longest));
  const size = [shrunk(height), shrunk(width)] as const;
  if (longest < SMALLEST || Math.min(...size) < SMALLEST) {
    throw new Refusal("picture_too_small");
  }
  return size;
}

/** `source` at another size: area averaging where both sides shrink, bilinear where one grows. */
export function resampled(source: Grey, height: number, width: number): Grey {
  if (source.height === height && source.width === width) {
    return source;
  }
  if (height > source.height || width > source.width) {
    return enlarged(source, height, width);
  }
  const shrinker = new Shrinker(source.height, source.width, height, width);
  shrinker.add(source.pixels);
  return shrinker.finish();
}

/** Takes a picture in bands of rows and keeps one row of sums beside what it has made of them. */
class Shrinker {
  readonly #full: { readonly height: number; readonly width: number };
  readonly #made: Grey;
  readonly #row: Uint16Array;
  readonly #sums: Float64Array;
  /** For each output column: first and last input column, and their weights. Those between weigh `width`. */
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #firstWeight: Int32Array;
  readonly #lastWeight: Int32Array;
  #next = 0;
  #making = 0;

  constructor(fullHeight: number, fullWidth: number, height: number, width: number) {
    this.#full = { height: fullHeight, width: fullWidth };
    this.#made = { height, width, pixels: new Uint8Array(height * width) };
    this.#row = new Uint16Array(width);
    this.#sums = new Float64Array(width);
    this.#first = new Int32Array(width);
    this.#last = new Int32Array(width);
    this.#firstWeight = new Int32Array(width);
    this.#lastWeight = new Int32Array(width);
    for (let x = 0; x < width; x++) {
      const left = x * fullWidth;
      const right = left + fullWidth;
      const first = Math.floor(left / width);
      const last = Math.floor((right - 1) / width);
      this.#first[x] = first;
      this.#last[x] = last;
      this.#firstWeight[x] = Math.min((first + 1) * width, right) - left;
      this.#lastWeight[x] = last > first ? right - last * width : 0;
    }
  }

  /** The next whole rows. */
  add(band: Uint8Array): void {
    const { height, width } = this.#full;
    const rows = this.#made.height;
    for (let from = 0; from < band.length; from += width) {
      this.#shrinkRow(band, from);
      // Row j covers [j rows, (j + 1) rows) of a length of `height` a made row: one of them, or the border of two.
      const top = this.#next * rows;
      const bottom = top + rows;
      const border = (this.#making + 1) * height;
      this.#accumulate(Math.min(bottom, border) - top);
      if (bottom >= border) {
        this.#finishRow();
        if (bottom > border) {
          this.#accumulate(bottom - border);
        }
      }
      this.#next++;
    }
  }

  finish(): Grey {
    if (this.#next !== this.#full.height) {
      throw new RangeError(`${String(this.#full.height - this.#next)} rows are missing.`);
    }
    return this.#made;
  }

  #shrinkRow(band: Uint8Array, from: number): void {
    const row = this.#row;
    const width = row.length;
    const full = this.#full.width;
    const half = full >> 1;
    const firsts = this.#first;
    const lasts = this.#last;
    const firstWeights = this.#firstWeight;
    const lastWeights = this.#lastWeight;
    for (let x = 0; x < width; x++) {
      const first = from + firsts[x]!;
      const last = from + lasts[x]!;
      let inner = 0;
      for (let at = first + 1; at < last; at++) {
        inner += band[at]!;
      }
      const total = firstWeights[x]! * band[first]! + width * inner + lastWeights[x]! * band[last]!;
      row[x] = Math.floor((total * 256 + half) / full);
    }
  }

  #accumulate(weight: number): void {
    const sums = this.#sums;
    const row = this.#row;
    for (let x = 0; x < sums.length; x++) {
      sums[x] = sums[x]! + weight * row[x]!;
    }
  }

  #finishRow(): void {
    const sums = this.#sums;
    const { pixels, width } = this.#made;
    const divisor = this.#full.height * 256;
    const base = this.#making * width;
    for (let x = 0; x < width; x++) {
      pixels[base + x] = Math.floor((sums[x]! + divisor / 2) / divisor);
    }
    sums.fill(0);
    this.#making++;
  }
}

function enlarged(source: Grey, height: number, width: number): Grey {
  const pixels = new Uint8Array(height * width);
  const divisor = 4 * height * width;
  const from = source.pixels;
  for (let y = 0; y < height; y++) {
    const [y0, y1, b] = between(y, height, source.height);
    for (let x = 0; x < width; x++) {
      const [x0, x1, a] = between(x, width, source.width);
      const top = (2 * width - a) * from[y0 * source.width + x0]! + a * from[y0 * source.width + x1]!;
      const low = (2 * width - a) * from[y1 * source.width + x0]! + a * from[y1 * source.width + x1]!;
      pixels[y * width + x] = Math.floor(((2 * height - b) * top + b * low + divisor / 2) / divisor);
    }
  }
  return { height, width, pixels };
}

/** The two input samples that output sample `at` lies between, and the second one's weight of `2 length`. */
function between(at: number, length: number, full: number): readonly [number, number, number] {
  const centre = Math.max((2 * at + 1) * full - length, 0);
  const first = Math.min(Math.floor(centre / (2 * length)), full - 1);
  return [first, Math.min(first + 1, full - 1), centre - 2 * length * first];
}

/** Takes the grey rows of a picture in bands; a picture that is shrunk is never held whole. */
export class PlaneBuilder {
  readonly #rows: number;
  readonly #columns: number;
  readonly #into: Shrinker | Collector;

  /** Throws Refusal `picture_too_small`. */
  constructor(height: number, width: number) {
    [this.#rows, this.#columns] = planeSize(height, width);
    const shrinks = this.#rows <= height && this.#columns <= width;
    this.#into = shrinks ? new Shrinker(height, width, this.#rows, this.#columns) : new Collector(height, width);
  }

  add(band: Uint8Array): void {
    this.#into.add(band);
  }

  /** The plane. Throws RangeError while rows are missing. */
  finish(): Grey {
    return resampled(this.#into.finish(), this.#rows, this.#columns);
  }
}

class Collector {
  readonly #made: Grey;
  #next = 0;

  constructor(height: number, width: number) {
    this.#made = { height, width, pixels: new Uint8Array(height * width) };
  }

  add(band: Uint8Array): void {
    this.#made.pixels.set(band, this.#next);
    this.#next += band.length;
  }

  finish(): Grey {
    if (this.#next !== this.#made.pixels.length) {
      throw new RangeError("Rows are missing.");
    }
    return this.#made;
  }
}
