/** Signs and energies of 16 x 16 tiles: spec/trace.md. The Python twin is amparo/signal/trace/tiles.py. */

import { COUNT, SIDE, SIGNS, type Tiles } from "./format";
import { resampled, type Grey } from "./plane";

const SAMPLES = 8 * SIDE;
const MOST_ENERGY = 30;
const WEAKEST = 8;

/** The tiles of a photo's own frame. */
export function tilesOf(plane: Grey): Tiles {
  const { pixels } = resampled(plane, SAMPLES, SAMPLES);
  const gradients = new Int32Array(COUNT * SIGNS);
  const energies = new Uint8Array(COUNT);
  for (let tile = 0; tile < COUNT; tile++) {
    const corner = Math.floor(tile / SIDE) * 8 * SAMPLES + (tile % SIDE) * 8;
    for (let quarter = 0; quarter < 4; quarter++) {
      const at = corner + (quarter >> 1) * 4 * SAMPLES + (quarter & 1) * 4;
      const [along, down] = gradient(pixels, at);
      gradients[tile * SIGNS + 2 * quarter] = along;
      gradients[tile * SIGNS + 2 * quarter + 1] = down;
    }
    const energy = energyAt(pixels, corner);
    energies[tile] = Math.min(32 - Math.clz32(Math.imul(energy, energy)), MOST_ENERGY);
  }
  const sizes = gradients.map(Math.abs).sort();
  // Lower median: an integer that every language agrees on.
  const dead = Math.max(WEAKEST, sizes[(sizes.length - 1) >> 1]! >> 2);
  const signs = Int8Array.from(gradients, (value) => (value >= dead ? 1 : value <= -dead ? -1 : 0));
  return { signs, energies };
}

/** Right minus left, and lower minus upper half of 4 x 4 samples. */
function gradient(pixels: Uint8Array, at: number): readonly [number, number] {
  let along = 0;
  let down = 0;
  for (let v = 0; v < 4; v++) {
    for (let u = 0; u < 4; u++) {
      const value = pixels[at + v * SAMPLES + u]!;
      along += u > 1 ? value : -value;
      down += v > 1 ? value : -value;
    }
  }
  return [along, down];
}

/** Sum of all steps between neighbours of a tile. */
function energyAt(pixels: Uint8Array, corner: number): number {
  let total = 0;
  for (let v = 0; v < 8; v++) {
    for (let u = 0; u < 8; u++) {
      const at = corner + v * SAMPLES + u;
      total += u < 7 ? Math.abs(pixels[at + 1]! - pixels[at]!) : 0;
      total += v < 7 ? Math.abs(pixels[at + SAMPLES]! - pixels[at]!) : 0;
    }
  }
  return total;
}
