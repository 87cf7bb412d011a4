/** The golden vectors that Python runs too: spec/vectors/trace. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Refusal } from "../src/signal/refusal";
import { pyramid } from "../src/trace/detector";
import { greyOf } from "../src/trace/grey";
import { PlaneBuilder, type Grey } from "../src/trace/plane";
import { decode, encode } from "../src/trace/record";
import { traceOfBands } from "../src/trace/register";

const here = (name: string): URL => new URL(`../../spec/vectors/trace/${name}`, import.meta.url);
const load = <Row>(file: URL | string): Row[] => JSON.parse(readFileSync(file, "utf8")) as Row[];
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** How a picture is drawn: tests/signal/trace/trace_vectors.py. */
interface Drawing {
  width: number;
  height: number;
  seed: number;
  rectangles: number;
  divisor?: number;
}
interface Golden extends Drawing {
  picture_sha256: string;
  levels: { rows: number; columns: number; sha256: string }[];
  record: string;
}
interface Registration extends Drawing {
  plane?: number;
  levels?: number[][];
  record?: string;
  code?: string;
}

const golden = load<Golden>(here("records.json"));
const registrations = load<Registration>(here("registration.json"));
const kept = registrations.filter(({ record }) => record !== undefined);

function drawn({ width, height, seed, rectangles, divisor = 1 }: Drawing): Uint8Array {
  const pixels = new Uint8Array(width * height).fill(Math.floor(128 / divisor));
  let state = seed;
  const next = (): number => (state = (state * 16_807) % 2_147_483_647);
  for (let number = 0; number < rectangles; number++) {
    const size = 1 + Math.floor(width / [5, 15, 40][Math.floor((number * 3) / rectangles)]!);
    const [x, y] = [next() % width, next() % height];
    const [w, h] = [1 + (next() % size), 1 + (next() % size)];
    const tone = Math.floor((next() % 256) / divisor);
    for (let row = y; row < Math.min(y + h, height); row++) {
      pixels.fill(tone, row * width + x, row * width + Math.min(x + w, width));
    }
  }
  return pixels;
}

function planeOf(drawing: Drawing): Grey {
  const builder = new PlaneBuilder(drawing.height, drawing.width);
  builder.add(drawn(drawing));
  return builder.finish();
}

/** The record's digits, or why there is none. */
function outcomeOf(drawing: Drawing): string {
  try {
    return hex(traceOfBands(drawing.width, drawing.height, [drawn(drawing)]));
  } catch (error) {
    return error instanceof Refusal ? error.code : String(error);
  }
}

function* bands(bytes: Uint8Array, stride: number, rows: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += stride * rows) {
    yield bytes.subarray(at, at + stride * rows);
  }
}

test("the vectors are there", () => {
  expect(golden.length).toBe(5);
  expect(kept.length).toBe(16);
  expect(registrations.length).toBe(22);
});

describe("golden pictures", () => {
  test.each(golden)("$width x $height", (vector) => {
    expect(sha256(drawn(vector))).toBe(vector.picture_sha256);
    const levels = pyramid(planeOf(vector)).map(({ height, width, pixels }) => ({
      rows: height,
      columns: width,
      sha256: sha256(pixels),
    }));
    expect(levels).toEqual(vector.levels);
    expect(outcomeOf(vector)).toBe(vector.record);
  });
});

describe("traces", () => {
  test.each(registrations)("$width x $height, seed $seed", (vector) => {
    if (vector.plane !== undefined) {
      const plane = planeOf(vector);
      expect(crc32(plane.pixels)).toBe(vector.plane);
      expect(pyramid(plane).map(({ height, width }) => [height, width])).toEqual(vector.levels);
    }
    expect(outcomeOf(vector)).toBe(vector.code ?? vector.record);
  });

  test.each([1, 2, 7, 64])("do not depend on bands of %i rows", (rows) => {
    for (const wide of [80, 2000]) {
      const vector = kept.find(({ width }) => width === wide)!;
      const pieces = bands(drawn(vector), vector.width, rows);
      expect(hex(traceOfBands(vector.width, vector.height, pieces))).toBe(vector.record);
    }
  });

  test("need the whole picture", () => {
    expect(() => traceOfBands(60, 60, [new Uint8Array(60 * 59)])).toThrow(RangeError);
    expect(() => traceOfBands(600, 600, [new Uint8Array(600 * 599)])).toThrow(RangeError);
    expect(() => traceOfBands(600, 600, [new Uint8Array(600 * 601)])).toThrow(RangeError);
    expect(() => traceOfBands(60, 60, [new Uint8Array(60 * 61)])).toThrow(RangeError);
  });
});

/** For long runs by hand: tests/web/trace_registration.py says how. */
const more = process.env["AMPARO_TRACE_VECTORS"];
test.runIf(more !== undefined).each(more === undefined ? [] : load<Registration>(more))(
  "$width x $height, seed $seed, by hand",
  (vector) => {
    expect(outcomeOf(vector)).toBe(vector.code ?? vector.record);
  },
);

describe("a record's bytes", () => {
  test.each(kept)("of $width x $height are read back as they were written", ({ record = "" }) => {
    const value = decode(new Uint8Array(Buffer.from(record, "hex")));
    expect(hex(encode(value))).toBe(record);
    for (const { column, row } of value.points) {
      expect(8 * column).toBeLessThan(value.width);
      expect(8 * row).toBeLessThan(value.height);
    }
  });

  test("of another kind, version or length are refused", () => {
    const bytes = new Uint8Array(Buffer.from(kept[0]!.record!, "hex"));
    expect(() => decode(bytes.subarray(0, bytes.length - 1))).toThrow(RangeError);
    expect(() => decode(bytes.subarray(0, 20))).toThrow(RangeError);
    expect(() => decode(Uint8Array.from(bytes, (byte, at) => (at === 4 ? 2 : byte)))).toThrow(RangeError);
    expect(() => decode(Uint8Array.from(bytes, (byte, at) => (at === 0 ? 0 : byte)))).toThrow(RangeError);
  });
});

test("grey keeps grey, and weighs colours as ITU-R BT.601 does", () => {
  const greys = Uint8Array.from({ length: 1024 }, (_, at) => (at % 4 === 3 ? 9 : at >> 2));
  expect([...greyOf(greys)]).toEqual(Array.from({ length: 256 }, (_, at) => at));
  expect([...greyOf(Uint8Array.of(255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255))]).toEqual([76, 150, 29]);
});
