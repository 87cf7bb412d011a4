/** From a photo's rows to its trace: spec/trace.md. The Python twin is `register` in amparo/signal/trace/extract.py. */

import { fingerprintOfBlock } from "../signal/pdq";
import { BlockBuilder } from "../signal/plane";
import { Refusal } from "../signal/refusal";
import { describe } from "./descriptor";
import { detect, pyramid, UNITS } from "./detector";
import { CELL, FEWEST_KEYPOINTS, RECORD_TURNS } from "./format";
import { TURNS } from "./pattern";
import { PlaneBuilder } from "./plane";
import { encode, type RecordPoint } from "./record";
import { tilesOf } from "./tiles";

const QUOTAS = [80, 110, 66] as const;
/** Bits by which any two descriptors of a record differ at least, and bits set and unset in each at least. */
const CLOSEST = 4;
const LIGHTEST = 20;

/**
 * The bytes of the trace of a photo of which `bands` gives the grey rows from the top, in pieces of any height.
 *
 * Throws Refusal `picture_too_small`, and `picture_too_plain` where fewer than 32 distinct keypoints are found.
 */
export function traceOfBands(width: number, height: number, bands: Iterable<Uint8Array>): Uint8Array {
  const planes = new PlaneBuilder(height, width);
  const blocks = new BlockBuilder(width, height, 1);
  for (const band of bands) {
    planes.add(band);
    blocks.add(band);
  }
  const plane = planes.finish();
  const levels = pyramid(plane);
  const keypoints = detect(levels, QUOTAS);
  const descriptions = describe(levels, keypoints);
  const points: RecordPoint[] = [];
  keypoints.forEach(({ x, y, level }, at) => {
    const { turn, bits } = descriptions[at]!;
    if (distinct(bits, points)) {
      const [column, row] = [Math.floor(x / (CELL * UNITS)), Math.floor(y / (CELL * UNITS))];
      points.push({ column, row, turn: Math.floor((turn * RECORD_TURNS) / TURNS), halfOctave: level >> 1, bits });
    }
  });
  if (points.length < FEWEST_KEYPOINTS) {
    throw new Refusal("picture_too_plain");
  }
  points.sort((one, two) => ascending(one.bits, two.bits));
  return encode({
    pdq: fingerprintOfBlock(blocks.finish()),
    height: plane.height,
    width: plane.width,
    tiles: tilesOf(plane),
    points,
  });
}

/** Whether a descriptor says enough, and something else than those kept before it. */
function distinct(bits: Uint8Array, kept: readonly RecordPoint[]): boolean {
  const weight = bitsSet(bits);
  if (weight < LIGHTEST || weight > 8 * bits.length - LIGHTEST) {
    return false;
  }
  return kept.every((other) => bitsSet(bits, other.bits) >= CLOSEST);
}

/** Bits set in `one`, or in which it differs from `two`. */
function bitsSet(one: Uint8Array, two?: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < one.length; at++) {
    for (let rest = one[at]! ^ (two?.[at] ?? 0); rest; rest &= rest - 1) {
      count++;
    }
  }
  return count;
}

function ascending(one: Uint8Array, two: Uint8Array): number {
  const at = one.findIndex((byte, place) => byte !== two[place]);
  return at < 0 ? 0 : one[at]! - two[at]!;
}
