/** Rows of pixels -> 64 x 64 block of luma: spec/pdq.md, section 4. The Python twin is amparo/signal/pdq_plane.py. */

import { SAMPLES, UNIT, axisTaps, type Taps } from "./taps";

const RED = 19_595;
const GREEN = 38_470;
const BLUE = 7_471;
const HALF = UNIT / 2;

/** Bytes a pixel: 1 grey, 3 red-green-blue, 4 with a last byte that is left out (a canvas's opaque alpha). */
export type Channels = 1 | 3 | 4;

/**
 * Takes a picture in bands of rows, so that a phone never holds a large one as bytes.
 *
 * Memory: 64 rows of sums, not the picture.
 */
export class BlockBuilder {
  readonly #width: number;
  readonly #height: number;
  readonly #channels: Channels;
  readonly #rows: Taps;
  readonly #sums: Int32Array;
  #next = 0;

  constructor(width: number, height: number, channels: Channels) {
    this.#width = width;
    this.#height = height;
    this.#channels = channels;
    this.#rows = axisTaps(height);
    this.#sums = new Int32Array(SAMPLES * width * channels);
  }

  /** The next rows from the top. Throws RangeError for half a row or more rows than the picture has. */
  add(band: Uint8Array | Uint8ClampedArray): void {
    const stride = this.#width * this.#channels;
    const count = band.length / stride;
    if (!Number.isInteger(count) || this.#next + count > this.#height) {
      throw new RangeError(`A band of ${band.length} bytes does not fit the picture.`);
    }
    const { starts, offsets, weights } = this.#rows;
    for (let sample = 0; sample < SAMPLES; sample++) {
      const lead = this.#next - starts[sample]!;
      const run = offsets[sample + 1]! - offsets[sample]!;
      const to = Math.min(count, run - lead);
      for (let row = Math.max(0, -lead); row < to; row++) {
        this.#accumulate(sample, band, row * stride, weights[offsets[sample]! + lead + row]!);
      }
    }
    this.#next += count;
  }

  #accumulate(sample: number, band: Uint8Array | Uint8ClampedArray, from: number, weight: number): void {
    const sums = this.#sums;
    const stride = this.#width * this.#channels;
    const base = sample * stride;
    // Under 2^24 at the end, so neither the product nor the sum can leave 32 bits.
    for (let x = 0; x < stride; x++) {
      sums[base + x] = sums[base + x]! + band[from + x]! * weight;
    }
  }

  /** The block, 64 rows of 64, in 1/65,536 of a grey level. Throws RangeError while rows are missing. */
  finish(): Float64Array {
    if (this.#next !== this.#height) {
      throw new RangeError(`${this.#height - this.#next} rows are missing.`);
    }
    const { starts, offsets, weights } = axisTaps(this.#width);
    const block = new Float64Array(SAMPLES * SAMPLES);
    const luma = new Float64Array(this.#width);
    for (let y = 0; y < SAMPLES; y++) {
      this.#lumaRow(y, luma);
      for (let sample = 0; sample < SAMPLES; sample++) {
        const lead = starts[sample]! - offsets[sample]!;
        let sum = HALF;
        for (let tap = offsets[sample]!; tap < offsets[sample + 1]!; tap++) {
          sum += luma[lead + tap]! * weights[tap]!;
        }
        block[y * SAMPLES + sample] = Math.floor(sum / UNIT);
      }
    }
    return block;
  }

  #lumaRow(y: number, luma: Float64Array): void {
    const channels = this.#channels;
    const sums = this.#sums;
    const base = y * this.#width * channels;
    for (let x = 0; x < this.#width; x++) {
      const at = base + x * channels;
      luma[x] =
        channels === 1
          ? sums[at]!
          : Math.floor((RED * sums[at]! + GREEN * sums[at + 1]! + BLUE * sums[at + 2]! + HALF) / UNIT);
    }
  }
}
