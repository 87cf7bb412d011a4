/** Direction and 128 box comparisons of a keypoint: spec/trace.md. The Python twin is amparo/signal/trace/descriptor.py. */

import type { Keypoint } from "./detector";
import { DESCRIPTOR_BYTES } from "./format";
import { BOXES, DIRECTIONS, TURNS } from "./pattern";
import type { Grey } from "./plane";

const RADIUS = 15;

const HALF_WIDTHS = Int32Array.from({ length: RADIUS + 1 }, (_, v) =>
  Math.floor(Math.sqrt(RADIUS * RADIUS + RADIUS - v * v)),
);

/** turn: 64ths. bits: 16 bytes, first bit highest. */
export interface Description {
  readonly turn: number;
  readonly bits: Uint8Array;
}

/** The descriptions of `keypoints`, in their order. */
export function describe(levels: readonly Grey[], keypoints: readonly Keypoint[]): Description[] {
  const sums = levels.map(integral);
  return keypoints.map(({ level, row, column }) => {
    const turn = direction(levels[level]!, row, column);
    return { turn, bits: descriptor(sums[level]!, levels[level]!.width + 1, row, column, turn) };
  });
}

/** The direction of the centroid of the disc around a pixel. */
export function direction({ width, pixels }: Grey, row: number, column: number): number {
  let along = 0;
  let across = 0;
  for (let v = -RADIUS; v <= RADIUS; v++) {
    const reach = HALF_WIDTHS[Math.abs(v)]!;
    const at = (row + v) * width + column;
    let line = 0;
    for (let u = -reach; u <= reach; u++) {
      along += u * pixels[at + u]!;
      line += pixels[at + u]!;
    }
    across += v * line;
  }
  let best = 0;
  let top = -Infinity;
  for (let turn = 0; turn < TURNS; turn++) {
    const reached = along * DIRECTIONS[2 * turn]! + across * DIRECTIONS[2 * turn + 1]!;
    if (reached > top) {
      top = reached;
      best = turn;
    }
  }
  return best;
}

/** Sums of all pixels above and to the left, with a row and a column of zeros before them. */
function integral({ height, width, pixels }: Grey): Int32Array {
  const stride = width + 1;
  const sums = new Int32Array((height + 1) * stride);
  for (let y = 0; y < height; y++) {
    let line = 0;
    for (let x = 0; x < width; x++) {
      line += pixels[y * width + x]!;
      sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1]! + line;
    }
  }
  return sums;
}

function descriptor(sums: Int32Array, stride: number, row: number, column: number, turn: number): Uint8Array {
  const bits = new Uint8Array(DESCRIPTOR_BYTES);
  const cosine = DIRECTIONS[2 * turn]!;
  const sine = DIRECTIONS[2 * turn + 1]!;
  // Centres are turned in Q14 and rounded half up.
  const boxSum = (x: number, y: number, half: number): number => {
    const u = column + ((x * cosine - y * sine + 8192) >> 14);
    const v = row + ((x * sine + y * cosine + 8192) >> 14);
    const top = (v - half) * stride;
    const bottom = (v + half + 1) * stride;
    return sums[bottom + u + half + 1]! - sums[top + u + half + 1]! - sums[bottom + u - half]! + sums[top + u - half]!;
  };
  for (let bit = 0; bit < 8 * DESCRIPTOR_BYTES; bit++) {
    const at = 6 * bit;
    const one = 2 * BOXES[at + 2]! + 1;
    const two = 2 * BOXES[at + 5]! + 1;
    const here = boxSum(BOXES[at]!, BOXES[at + 1]!, BOXES[at + 2]!);
    const there = boxSum(BOXES[at + 3]!, BOXES[at + 4]!, BOXES[at + 5]!);
    // Means compared without dividing.
    if (here * two * two < there * one * one) {
      bits[bit >> 3]! |= 128 >> (bit & 7);
    }
  }
  return bits;
}
