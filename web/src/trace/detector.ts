/** Corners on a quarter-octave pyramid: spec/trace.md. The Python twin is amparo/signal/trace/detector.py. */

import { resampled, type Grey } from "./plane";

const LEVELS = 12;
const SHRINK = [65_536, 55_109, 46_341, 38_968] as const;
const MARGIN = 17;
const CORNER_STEP = 5;
const SPREAD = 8;
/** Positions are kept in 1/16 pixel of the plane. */
export const UNITS = 16;

const CIRCLE_X = [0, 1, 2, 3, 3, 3, 2, 1, 0, -1, -2, -3, -3, -3, -2, -1] as const;
const CIRCLE_Y = [-3, -3, -2, -1, 0, 1, 2, 3, 3, 3, 2, 1, 0, -1, -2, -3] as const;

/** x, y: 1/16 pixel of the plane. column, row: pixels of the level. */
export interface Keypoint {
  readonly x: number;
  readonly y: number;
  readonly level: number;
  readonly column: number;
  readonly row: number;
  readonly response: number;
}

/** The levels with room for at least one keypoint, finest first; each is made from the one before it. */
export function pyramid(plane: Grey): Grey[] {
  const levels = [plane];
  let last = plane;
  for (let number = 1; number < LEVELS; number++) {
    const octave = number >> 2;
    const shrunk = (side: number): number =>
      Math.floor((side * SHRINK[number & 3]! + 2 ** (15 + octave)) / 2 ** (16 + octave));
    const rows = shrunk(plane.height);
    const columns = shrunk(plane.width);
    if (Math.min(rows, columns) < 2 * MARGIN + 1) {
      break;
    }
    last = resampled(last, rows, columns);
    levels.push(last);
  }
  return levels;
}

/** FAST-9: 0, or by how much the circle's pixels of the stronger sign differ beyond the step, one number a pixel. */
export function cornerScores({ height, width, pixels }: Grey): Int32Array {
  const scores = new Int32Array(height * width);
  const ring = Int32Array.from(CIRCLE_X, (x, at) => CIRCLE_Y[at]! * width + x);
  const [north, east, south, west] = [ring[0]!, ring[4]!, ring[8]!, ring[12]!];
  for (let y = MARGIN; y < height - MARGIN; y++) {
    const end = y * width + width - MARGIN;
    for (let at = y * width + MARGIN; at < end; at++) {
      const high = pixels[at]! + CORNER_STEP;
      const low = pixels[at]! - CORNER_STEP;
      // Nine of sixteen in a row always hold one of each opposite pair.
      let a = pixels[at + north]!;
      let b = pixels[at + south]!;
      let up = a > high || b > high;
      let down = a < low || b < low;
      if (!up && !down) {
        continue;
      }
      a = pixels[at + east]!;
      b = pixels[at + west]!;
      up &&= a > high || b > high;
      down &&= a < low || b < low;
      if (!up && !down) {
        continue;
      }
      let bright = 0;
      let dark = 0;
      let above = 0;
      let below = 0;
      for (let i = 0; i < 16; i++) {
        const value = pixels[at + ring[i]!]!;
        if (value > high) {
          bright |= 1 << i;
          above += value - high;
        } else if (value < low) {
          dark |= 1 << i;
          below += low - value;
        }
      }
      scores[at] = nineInARow(bright) ? above : nineInARow(dark) ? below : 0;
    }
  }
  return scores;
}

/** Whether nine neighbours of a ring of sixteen bits are set; two such runs cannot stand on one ring. */
function nineInARow(mask: number): boolean {
  const run = mask | (mask << 16);
  let eight = run & (run >>> 1);
  eight &= eight >>> 2;
  eight &= eight >>> 4;
  return (eight & (run >>> 8)) !== 0;
}

/** 25 (ac - b^2) - (a + c)^2 of the structure tensor over 7 x 7 pixels: below 2^53 on the way. */
export function harris(pixels: Uint8Array, width: number, at: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  for (let v = -3; v <= 3; v++) {
    for (let here = at + v * width - 3; here <= at + v * width + 3; here++) {
      const nw = pixels[here - width - 1]!;
      const ne = pixels[here - width + 1]!;
      const sw = pixels[here + width - 1]!;
      const se = pixels[here + width + 1]!;
      const dx = 2 * (pixels[here + 1]! - pixels[here - 1]!) + ne + se - nw - sw;
      const dy = 2 * (pixels[here + width]! - pixels[here - width]!) + sw + se - nw - ne;
      a += dx * dx;
      b += dx * dy;
      c += dy * dy;
    }
  }
  a >>= 4;
  b >>= 4;
  c >>= 4;
  return 25 * (a * c - b * b) - (a + c) * (a + c);
}

/** The corners of one level that none of their eight neighbours beats; ties go to the first in reading order. */
function* strongest(levels: readonly Grey[], number: number): Generator<Keypoint> {
  const { height, width, pixels } = levels[number]!;
  const plane = levels[0]!;
  const scores = cornerScores(levels[number]!);
  for (let row = MARGIN; row < height - MARGIN; row++) {
    for (let column = MARGIN; column < width - MARGIN; column++) {
      const at = row * width + column;
      const score = scores[at]!;
      if (
        score === 0 ||
        scores[at - width - 1]! >= score ||
        scores[at - width]! >= score ||
        scores[at - width + 1]! >= score ||
        scores[at - 1]! >= score ||
        scores[at + 1]! > score ||
        scores[at + width - 1]! > score ||
        scores[at + width]! > score ||
        scores[at + width + 1]! > score
      ) {
        continue;
      }
      const response = harris(pixels, width, at);
      if (response > 0) {
        const x = Math.floor(((2 * column + 1) * plane.width * (UNITS / 2)) / width) - UNITS / 2;
        const y = Math.floor(((2 * row + 1) * plane.height * (UNITS / 2)) / height) - UNITS / 2;
        yield { x, y, level: number, column, row, response };
      }
    }
  }
}

/**
 * At most the sum of `quotas` keypoints, one quota an octave, finest first; what a coarse octave cannot fill goes to the
 * next finer. In each octave the strongest of every cell of the grid, then the second of every cell, and so on.
 */
export function detect(levels: readonly Grey[], quotas: readonly number[]): Keypoint[] {
  const { height, width } = levels[0]!;
  const octaves: Keypoint[][] = [];
  let spare = 0;
  for (let octave = quotas.length - 1; octave >= 0; octave--) {
    const every: Keypoint[] = [];
    for (let number = 4 * octave; number < Math.min(4 * octave + 4, levels.length); number++) {
      for (const keypoint of strongest(levels, number)) {
        every.push(keypoint);
      }
    }
    every.sort(
      (one, two) =>
        two.response - one.response || one.level - two.level || one.row - two.row || one.column - two.column,
    );
    const seen = new Int32Array(SPREAD * SPREAD);
    const ranked = every.map((keypoint) => {
      const down = Math.floor((keypoint.y * SPREAD) / (height * UNITS));
      const along = Math.floor((keypoint.x * SPREAD) / (width * UNITS));
      const cell = down * SPREAD + along;
      const rank = seen[cell]!;
      seen[cell] = rank + 1;
      return { keypoint, rank };
    });
    ranked.sort((one, two) => one.rank - two.rank); // stable: equal ranks stay in order of strength
    const best = ranked.slice(0, quotas[octave]! + spare);
    spare += quotas[octave]! - best.length;
    octaves.unshift(best.map(({ keypoint }) => keypoint));
  }
  return octaves.flat();
}
