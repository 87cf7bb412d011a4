/** Colours -> grey, a byte a pixel: BT.601 as Pillow rounds it, so that a lossless picture has one grey everywhere. */

/** pixels: red, green, blue and a last byte that is left out, as a canvas gives them. */
export function greyOf(pixels: Uint8Array | Uint8ClampedArray): Uint8Array {
  const grey = new Uint8Array(pixels.length >> 2);
  for (let at = 0, from = 0; at < grey.length; at++, from += 4) {
    grey[at] = (19_595 * pixels[from]! + 38_470 * pixels[from + 1]! + 7_471 * pixels[from + 2]! + 32_768) >> 16;
  }
  return grey;
}
