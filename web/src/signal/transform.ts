/** Block of luma -> bits and quality: spec/pdq.md, sections 5 to 7. The Python twin is amparo/signal/pdq_transform.py. */

import { MATRIX } from "./cosines";

const MATRIX_SCALE = 2 ** 22;
const QUALITY_UNIT = 255 * 65_536;

/** The 16 x 16 low frequencies of a 64 x 64 block, as integers: every sum stays below 2^53. */
export function cosineTransform(block: Float64Array): Float64Array {
  const half = new Float64Array(16 * 64);
  for (let i = 0; i < 16; i++) {
    for (let x = 0; x < 64; x++) {
      let sum = 0;
      for (let y = 0; y < 64; y++) {
        sum += MATRIX[i * 64 + y]! * block[y * 64 + x]!;
      }
      half[i * 64 + x] = Math.floor(sum / MATRIX_SCALE + 0.5);
    }
  }
  const transform = new Float64Array(16 * 16);
  for (let i = 0; i < 16; i++) {
    for (let j = 0; j < 16; j++) {
      let sum = 0;
      for (let x = 0; x < 64; x++) {
        sum += half[i * 64 + x]! * MATRIX[j * 64 + x]!;
      }
      transform[i * 16 + j] = sum;
    }
  }
  return transform;
}

/** 64 hexadecimal digits: a bit for each coefficient above the lower median, the last coefficient first. */
export function bits(transform: Float64Array): string {
  const median = Float64Array.from(transform).sort()[127]!;
  let text = "";
  for (let at = 252; at >= 0; at -= 4) {
    let digit = 0;
    for (let bit = 3; bit >= 0; bit--) {
      digit = 2 * digit + (transform[at + bit]! > median ? 1 : 0);
    }
    text += digit.toString(16);
  }
  return text;
}

/** 0..100: how much the block changes from sample to sample; small steps do not count. */
export function quality(block: Float64Array): number {
  const step = (a: number, b: number): number => Math.floor((Math.abs(a - b) * 100) / QUALITY_UNIT);
  let sum = 0;
  for (let y = 0; y < 64; y++) {
    for (let x = 0; x < 64; x++) {
      const here = block[y * 64 + x]!;
      sum += y < 63 ? step(here, block[y * 64 + x + 64]!) : 0;
      sum += x < 63 ? step(here, block[y * 64 + x + 1]!) : 0;
    }
  }
  return Math.min(100, Math.floor(sum / 90));
}
