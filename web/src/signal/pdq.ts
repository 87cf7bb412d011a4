/** PDQ, bit for bit as in Python: spec/pdq.md. */

import type { Fingerprint } from "./fingerprint";
import { BlockBuilder, type Channels } from "./plane";
import { bits, cosineTransform, quality } from "./transform";

const MINIMUM_SIDE = 5;
const NOTHING: Fingerprint = { value: "0".repeat(64), quality: 0 };

/** The fingerprint of a picture of which `bands` gives the rows from the top, in pieces of any height. */
export function fingerprintOfBands(
  width: number,
  height: number,
  channels: Channels,
  bands: Iterable<Uint8Array | Uint8ClampedArray>,
): Fingerprint {
  if (width < MINIMUM_SIDE || height < MINIMUM_SIDE) {
    return NOTHING;
  }
  const builder = new BlockBuilder(width, height, channels);
  for (const band of bands) {
    builder.add(band);
  }
  return fingerprintOfBlock(builder.finish());
}

/** The fingerprint of a block that `BlockBuilder` made. */
export function fingerprintOfBlock(block: Float64Array): Fingerprint {
  return { value: bits(cosineTransform(block)), quality: quality(block) };
}
