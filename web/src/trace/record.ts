/** What is sent of a photo, as a value and as bytes: spec/trace.md. The Python twins are amparo/signal/trace/record.py
 * and codec.py. */

import type { Fingerprint } from "../signal/fingerprint";
import { COUNT, DESCRIPTOR_BYTES, SIGNS, type Tiles } from "./format";

const MAGIC = [0x41, 0x4d, 0x54, 0x52] as const; // AMTR
const VERSION = 1;
const HEAD_BYTES = 44;
const TILE_WIDTHS = [13, 5] as const;
const POINT_WIDTHS = [6, 6, 5, 3] as const;

/** column, row: cells of 8 pixels of the plane; turn: 32nds; halfOctave: 0..5; bits: 16 bytes. */
export interface RecordPoint {
  readonly column: number;
  readonly row: number;
  readonly turn: number;
  readonly halfOctave: number;
  readonly bits: Uint8Array;
}

/** height, width: of the plane. points: in ascending order of their bits. */
export interface TraceRecord {
  readonly pdq: Fingerprint;
  readonly height: number;
  readonly width: number;
  readonly tiles: Tiles;
  readonly points: readonly RecordPoint[];
}

/** The bytes of a record, at most 5,356. */
export function encode({ pdq, height, width, tiles, points }: TraceRecord): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  head.set(MAGIC);
  view.setUint8(4, VERSION);
  view.setUint16(5, height);
  view.setUint16(7, width);
  view.setUint8(9, pdq.quality);
  for (let at = 0; at < 32; at++) {
    view.setUint8(10 + at, Number.parseInt(pdq.value.slice(2 * at, 2 * at + 2), 16));
  }
  view.setUint16(42, points.length);
  const tileFields: number[] = [];
  for (let tile = 0; tile < COUNT; tile++) {
    let code = 0;
    for (let sign = SIGNS - 1; sign >= 0; sign--) {
      code = 3 * code + tiles.signs[tile * SIGNS + sign]! + 1;
    }
    tileFields.push(code, tiles.energies[tile]!);
  }
  const pointFields = points.flatMap(({ column, row, turn, halfOctave }) => [column, row, turn, halfOctave]);
  const parts = [
    head,
    packed(tileFields, TILE_WIDTHS),
    packed(pointFields, POINT_WIDTHS),
    ...points.map(({ bits }) => bits),
  ];
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Reads what `encode` wrote, for the drawing; throws RangeError for another kind, version or length. */
export function decode(bytes: Uint8Array): TraceRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (MAGIC.some((byte, at) => view.getUint8(at) !== byte) || view.getUint8(4) !== VERSION) {
    throw new RangeError("This is no trace, or one of another version.");
  }
  const count = view.getUint16(42);
  const tilesEnd = HEAD_BYTES + (COUNT * 18) / 8;
  const pointsEnd = tilesEnd + Math.ceil((count * 20) / 8);
  if (bytes.length !== pointsEnd + count * DESCRIPTOR_BYTES) {
    throw new RangeError("The length of the trace is not what its count of keypoints says.");
  }
  const signs = new Int8Array(COUNT * SIGNS);
  const energies = new Uint8Array(COUNT);
  unpacked(bytes.subarray(HEAD_BYTES, tilesEnd), COUNT, TILE_WIDTHS).forEach(([code = 0, energy = 0], tile) => {
    for (let sign = 0; sign < SIGNS; sign++) {
      signs[tile * SIGNS + sign] = (Math.floor(code / 3 ** sign) % 3) - 1;
    }
    energies[tile] = energy;
  });
  const points = unpacked(bytes.subarray(tilesEnd, pointsEnd), count, POINT_WIDTHS).map(
    ([column = 0, row = 0, turn = 0, halfOctave = 0], at) => {
      const from = pointsEnd + at * DESCRIPTOR_BYTES;
      return { column, row, turn, halfOctave, bits: bytes.slice(from, from + DESCRIPTOR_BYTES) };
    },
  );
  const value = Array.from(bytes.subarray(10, 42), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    pdq: { value, quality: view.getUint8(9) },
    height: view.getUint16(5),
    width: view.getUint16(7),
    tiles: { signs, energies },
    points,
  };
}

/** Fields of repeating widths as one bit string, highest bit first, zero bits to the byte's end. */
function packed(fields: readonly number[], widths: readonly number[]): Uint8Array {
  const row = widths.reduce((sum, width) => sum + width, 0);
  const bytes = new Uint8Array(Math.ceil(((fields.length / widths.length) * row) / 8));
  let at = 0;
  fields.forEach((value, number) => {
    for (let bit = widths[number % widths.length]! - 1; bit >= 0; bit--) {
      bytes[at >> 3]! |= ((value >> bit) & 1) << (7 - (at & 7));
      at++;
    }
  });
  return bytes;
}

function unpacked(bytes: Uint8Array, count: number, widths: readonly number[]): number[][] {
  let at = 0;
  const field = (width: number): number => {
    let value = 0;
    for (const end = at + width; at < end; at++) {
      value = 2 * value + ((bytes[at >> 3]! >> (7 - (at & 7))) & 1);
    }
    return value;
  };
  return Array.from({ length: count }, () => widths.map(field));
}
