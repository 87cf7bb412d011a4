import { describe, expect, test } from "vitest";
import { isCut, readHeader } from "../src/signal/header";

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...part].map((c) => c.charCodeAt(0)) : part)));

const png = bytes("\x89PNG\r\n\x1a\n", [0, 0, 0, 13], "IHDR", [0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50]);
const exif = [0xff, 0xe1, 0x00, 0x0a, 0xff, 0xc0, 0, 17, 8, 0, 9, 0];
const jpeg = bytes([0xff, 0xd8], exif, [0xff, 0xff, 0xc2, 0, 17, 8, 0x0b, 0xd0, 0x0f, 0xc0, 3]);

describe("the header of", () => {
  test("a PNG of 50,000 x 50,000", () => {
    expect(readHeader(png)).toEqual({ kind: "png", size: { width: 50_000, height: 50_000 } });
  });
  test("a progressive JPEG behind a segment that looks like a frame", () => {
    expect(readHeader(jpeg)).toEqual({ kind: "jpeg", size: { width: 4032, height: 3024 } });
  });
  test("a GIF", () => {
    expect(readHeader(bytes("GIF89a", [0x40, 1, 0xf0, 0]))).toEqual({ kind: "gif", size: { width: 320, height: 240 } });
  });
  test("a lossy WebP", () => {
    const file = bytes("RIFF", [0, 0, 0, 0], "WEBPVP8 ", [0, 0, 0, 0, 0, 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0]);
    expect(readHeader(file)).toEqual({ kind: "webp", size: { width: 320, height: 240 } });
  });
  test("a lossless WebP", () => {
    const packed = 319 + 239 * 2 ** 14;
    const le = [0, 8, 16, 24].map((shift) => (packed >>> shift) & 255);
    const file = bytes("RIFF", [0, 0, 0, 0], "WEBPVP8L", [0, 0, 0, 0, 0x2f], le);
    expect(readHeader(file)).toEqual({ kind: "webp", size: { width: 320, height: 240 } });
  });
  test("an extended WebP", () => {
    const file = bytes("RIFF", [0, 0, 0, 0], "WEBPVP8X", [0, 0, 0, 0, 0, 0, 0, 0], [0x3f, 1, 0, 0xef, 0, 0]);
    expect(readHeader(file)).toEqual({ kind: "webp", size: { width: 320, height: 240 } });
  });
  test("a HEIC, whose size stays unread", () => {
    expect(readHeader(bytes([0, 0, 0, 24], "ftypheic"))).toEqual({ kind: "heif", size: null });
  });
  test("an AVIF, which browsers read themselves", () => {
    expect(readHeader(bytes([0, 0, 0, 24], "ftypavif")).kind).toBe("unknown");
  });
});

test.each([png, jpeg, bytes("GIF89a"), bytes("RIFF1234WEBPVP8X"), bytes("no picture"), bytes()])(
  "a header that is cut short anywhere has no size and throws nothing",
  (whole) => {
    for (let length = 0; length < Math.min(whole.length, 20); length++) {
      expect(readHeader(whole.subarray(0, length)).size).toBeNull();
    }
  },
);

test("a file that lacks its end is told from one that is broken", () => {
  expect(isCut("jpeg", bytes([1, 2, 0xff, 0xd9]))).toBe(false);
  expect(isCut("jpeg", bytes([0xff, 0xd9, 7]))).toBe(true);
  expect(isCut("png", bytes([0, 0, 0, 0], "IEND", [0xae, 0x42, 0x60, 0x82]))).toBe(false);
  expect(isCut("png", bytes("IDAT and on"))).toBe(true);
  expect(isCut("unknown", bytes("whatever"))).toBe(false);
});
