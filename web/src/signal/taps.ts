/** Tap tables of one axis: spec/pdq.md, section 3. The Python twin is amparo/signal/pdq_taps.py. */

export const SAMPLES = 64;
export const UNIT = 65_536;

/** Output sample `o` is the sum of `weights[offsets[o] .. offsets[o + 1] - 1]` times the input from `starts[o]` on. */
export interface Taps {
  readonly starts: Int32Array;
  readonly offsets: Int32Array;
  readonly weights: Int32Array;
}

/** The taps of an axis of `length` samples, an integer of 1 or more. */
export function axisTaps(length: number): Taps {
  const box = Math.ceil(length / (2 * SAMPLES));
  const before = Math.floor((box - 1) / 2);
  const after = Math.floor(box / 2);
  const starts = new Int32Array(SAMPLES);
  const offsets = new Int32Array(SAMPLES + 1);
  const weights: number[] = [];
  const tent = new Float64Array(2 * box);
  for (let sample = 0; sample < SAMPLES; sample++) {
    const centre = Math.floor(((2 * sample + 1) * length) / (2 * SAMPLES));
    const low = Math.max(0, centre - before);
    const high = Math.min(length - 1, centre + after);
    const first = Math.max(0, low - before);
    tent.fill(0);
    for (let middle = low; middle <= high; middle++) {
      const near = Math.max(0, middle - before);
      const far = Math.min(length - 1, middle + after);
      const share = 1 / ((high - low + 1) * (far - near + 1));
      for (let position = near; position <= far; position++) {
        tent[position - first]! += share;
      }
    }
    starts[sample] = first;
    let sum = 0;
    let rounded = 0;
    for (let tap = 0; rounded < UNIT; tap++) {
      sum += tent[tap]!;
      const next = Math.floor(sum * UNIT + 0.5);
      weights.push(next - rounded);
      rounded = next;
    }
    offsets[sample + 1] = weights.length;
  }
  return { starts, offsets, weights: Int32Array.from(weights) };
}
