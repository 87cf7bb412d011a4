/** What the parts of a trace do, on pictures of which one can see it. */

import { describe, expect, test } from "vitest";
import { base64url } from "../src/page/base64";
import { direction } from "../src/trace/descriptor";
import { cornerScores, detect, harris, pyramid } from "../src/trace/detector";
import { digits } from "../src/trace/drawing";
import { PlaneBuilder, planeSize, resampled, type Grey } from "../src/trace/plane";
import { tilesOf } from "../src/trace/tiles";

function picture(height: number, width: number, tone: (x: number, y: number) => number): Grey {
  const pixels = Uint8Array.from({ length: height * width }, (_, at) => tone(at % width, Math.floor(at / width)));
  return { height, width, pixels };
}

/** Lattice of squares, `step` pixels wide, of tones that no two neighbours share. */
const lattice = (height: number, width: number, step: number): Grey =>
  picture(height, width, (x, y) => (Math.floor(x / step) * 73 + Math.floor(y / step) * 151) % 256);

describe("the plane", () => {
  test("has a long side of 512, the other rounded half up", () => {
    expect(planeSize(3000, 4000)).toEqual([384, 512]);
    expect(planeSize(100, 64)).toEqual([512, 328]);
    expect(planeSize(1024, 1023)).toEqual([512, 512]);
  });
  test("keeps the tone of a flat picture, shrunk or enlarged", () => {
    for (const [height, width] of [[1201, 977], [77, 60], [512, 300]] as const) {
      const builder = new PlaneBuilder(height, width);
      builder.add(picture(height, width, () => 201).pixels);
      expect(new Set(builder.finish().pixels)).toEqual(new Set([201]));
    }
  });
  test("averages areas, and lets a pixel on a border count on both sides", () => {
    const shrunk = resampled(picture(3, 3, (x) => [0, 90, 255][x]!), 2, 2);
    expect([...shrunk.pixels]).toEqual([30, 200, 30, 200]);
  });
});

describe("the pyramid", () => {
  test("halves every four levels and ends where no patch fits", () => {
    const levels = pyramid(picture(384, 512, () => 0));
    expect(levels[4]).toMatchObject({ height: 192, width: 256 });
    expect(levels[8]).toMatchObject({ height: 96, width: 128 });
    expect(pyramid(picture(48, 512, () => 0)).at(-1)!.height).toBe(40);
  });
});

describe("corners", () => {
  test("are not found in flat pictures, ramps or straight edges", () => {
    for (const tone of [() => 77, (x: number) => x, (x: number) => (x < 60 ? 20 : 220)]) {
      expect(new Set(cornerScores(picture(100, 120, tone)))).toEqual(new Set([0]));
    }
  });
  test("are found where a square ends", () => {
    const square = picture(100, 100, (x, y) => (x >= 50 && y >= 50 ? 200 : 40));
    expect(cornerScores(square)[50 * 100 + 50]).toBeGreaterThan(1000);
    expect(harris(square.pixels, 100, 50 * 100 + 50)).toBeGreaterThan(0);
    expect(harris(square.pixels, 100, 70 * 100 + 50)).toBeLessThan(0);
  });
  test("are never more than the quotas, and what coarse octaves lack goes to finer ones", () => {
    const levels = pyramid(lattice(384, 512, 24));
    const found = detect(levels, [30, 20, 10]);
    expect(found.length).toBe(60);
    expect(found.filter(({ level }) => level >= 8).length).toBeLessThanOrEqual(10);
    // A plane without a coarse octave: its quota is the next one's.
    const flat = pyramid(lattice(60, 512, 24));
    expect(flat.length).toBeLessThanOrEqual(4);
    expect(detect(flat, [30, 20, 10]).every(({ level }) => level < 4)).toBe(true);
    expect(detect(flat, [30, 20, 10]).length).toBeGreaterThan(30);
  });
  test("are spread: no cell of the grid is served twice before each was served once", () => {
    const found = detect(pyramid(lattice(512, 512, 24)), [64]);
    const cells = found.map(({ x, y }) => Math.floor(y / 1024) * 8 + Math.floor(x / 1024));
    expect(new Set(cells).size).toBeGreaterThan(60);
  });
});

test("a point looks to where it is lighter, in 64ths of a turn, clockwise from the right", () => {
  const ramps = [
    (x: number) => 3 * x,
    (_: number, y: number) => 3 * y,
    (x: number) => 240 - 3 * x,
    (_: number, y: number) => 240 - 3 * y,
  ];
  expect(ramps.map((ramp) => direction(picture(61, 61, ramp), 30, 30))).toEqual([0, 16, 32, 48]);
});

describe("tiles", () => {
  test("say which way it gets lighter", () => {
    const { signs } = tilesOf(picture(256, 256, (x) => x));
    expect([...signs.subarray(0, 8)]).toEqual([1, 0, 1, 0, 1, 0, 1, 0]);
    expect(new Set(tilesOf(picture(256, 256, (_, y) => 255 - y)).signs)).toEqual(new Set([0, -1]));
  });
  test("of a flat picture say nothing", () => {
    const { signs, energies } = tilesOf(picture(300, 200, () => 130));
    expect(new Set([...signs, ...energies])).toEqual(new Set([0]));
  });
});

test("bytes are spelt in hexadecimal digits, and in base64 that needs no escaping", () => {
  expect(digits(Uint8Array.of(0, 15, 255))).toBe("000fff");
  expect(base64url(Uint8Array.of(0xfb, 0xff, 0xfe, 0))).toBe("-__-AA");
});
