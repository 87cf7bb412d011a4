/** The golden vectors that Python runs too: spec/vectors/pdq. */

import { readFileSync } from "node:fs";
import { crc32, inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { COSINES } from "../src/signal/cosines";
import { fingerprintOfBands } from "../src/signal/pdq";
import { BlockBuilder, type Channels } from "../src/signal/plane";
import { axisTaps } from "../src/signal/taps";

const here = (name: string): URL => new URL(`../../spec/vectors/pdq/${name}`, import.meta.url);

function load<Row>(file: URL | string, key: string): Row[] {
  const text = readFileSync(file, "utf8");
  const content = JSON.parse(text) as Record<string, Row[]>;
  return content[key] ?? [];
}

interface Picture {
  name: string;
  height: number;
  width: number;
  channels: Channels;
  pixels: string;
  value: string;
  quality: number;
}
interface Axis {
  length: number;
  scale: number;
  lead: number;
  starts: number[];
  counts: number[];
  first: number[];
  last: number[];
  crc32: number;
}

const pictures = load<Picture>(here("pictures.json"), "vectors");
const axes = load<Axis>(here("taps.json"), "axes").filter((axis) => axis.scale === 1);

const bytesOf = (picture: Picture): Uint8Array => new Uint8Array(inflateSync(Buffer.from(picture.pixels, "base64")));

function* bands(bytes: Uint8Array, stride: number, rows: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += stride * rows) {
    yield bytes.subarray(at, at + stride * rows);
  }
}

test("the vectors are there", () => {
  expect(pictures.length).toBeGreaterThan(40);
  expect(axes.length).toBeGreaterThan(10);
});

describe("fingerprints", () => {
  test.each(pictures)("$name", (picture) => {
    const { width, height, channels, value, quality } = picture;
    const found = fingerprintOfBands(width, height, channels, [bytesOf(picture)]);
    expect(found).toEqual({ value, quality });
  });

  test.each([1, 2, 7, 64])("do not depend on bands of %i rows", (rows) => {
    const picture = pictures.find((one) => one.name === "patches-rgb-255x257")!;
    const { width, height, channels, value, quality } = picture;
    const pieces = bands(bytesOf(picture), width * channels, rows);
    expect(fingerprintOfBands(width, height, channels, pieces)).toEqual({ value, quality });
  });

  test("leave a fourth channel out", () => {
    const picture = pictures.find((one) => one.name === "patches-rgb-320x240")!;
    const colours = bytesOf(picture);
    const four = new Uint8Array((colours.length / 3) * 4);
    for (let pixel = 0; pixel * 3 < colours.length; pixel++) {
      four.set(colours.subarray(pixel * 3, pixel * 3 + 3), pixel * 4);
      four[pixel * 4 + 3] = pixel % 256;
    }
    expect(fingerprintOfBands(picture.width, picture.height, 4, [four]).value).toBe(picture.value);
  });
});

/** For long runs by hand: spec/vectors/pdq/generate.py says how. */
const more = process.env["AMPARO_PDQ_VECTORS"];
test.runIf(more !== undefined).each(more === undefined ? [] : load<Picture>(more, "vectors"))("$name", (picture) => {
  const { width, height, channels, value, quality } = picture;
  expect(fingerprintOfBands(width, height, channels, [bytesOf(picture)])).toEqual({ value, quality });
});

describe("taps", () => {
  test.each(axes)("of $length", (axis) => {
    const { starts, offsets, weights } = axisTaps(axis.length);
    expect([...starts]).toEqual(axis.starts);
    expect([...offsets.subarray(1)].map((end, sample) => end - offsets[sample]!)).toEqual(axis.counts);
    expect([...weights.subarray(0, offsets[1])]).toEqual(axis.first);
    expect([...weights.subarray(offsets[63])]).toEqual(axis.last);
    expect(checksum(weights)).toBe(axis.crc32);
  });
});

/** CRC-32 of little-endian 32-bit words. */
function checksum(words: Int32Array): number {
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, at) => bytes.writeInt32LE(word, at * 4));
  return crc32(bytes);
}

test("cosines", () => {
  expect(load<{ cosines: number[] }>(here("cosines.json"), "tables")[0]?.cosines).toEqual(COSINES);
});

describe("a picture given in pieces", () => {
  test("must be whole", () => {
    expect(() => new BlockBuilder(10, 10, 1).finish()).toThrow(RangeError);
  });
  test("must not be longer than it said", () => {
    expect(() => { new BlockBuilder(10, 10, 1).add(new Uint8Array(110)); }).toThrow(RangeError);
  });
  test("comes in whole rows", () => {
    expect(() => { new BlockBuilder(10, 10, 1).add(new Uint8Array(15)); }).toThrow(RangeError);
  });
});
