/** Numbers of the trace format: spec/trace.md. */

/** Pixels: positions are known to a cell of this side only. */
export const CELL = 8;
export const RECORD_TURNS = 32;
export const FEWEST_KEYPOINTS = 32;
export const DESCRIPTOR_BYTES = 16;

/** A frame has 16 x 16 tiles. */
export const SIDE = 16;
export const COUNT = SIDE * SIDE;
export const SIGNS = 8;

/** signs: 256 x 8 of -1, 0, 1, each quarter's (x, y); energies: 256 of half octaves, 0..30. Tiles in reading order. */
export interface Tiles {
  readonly signs: Int8Array;
  readonly energies: Uint8Array;
}
