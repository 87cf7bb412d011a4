/** What the first bytes of a file say, read before a decoder is let near it. */

export type Kind = "jpeg" | "png" | "gif" | "webp" | "heif" | "unknown";

export interface Header {
  readonly kind: Kind;
  /** Pixels as stored; null where this reader does not find them. */
  readonly size: { readonly width: number; readonly height: number } | null;
}

/** Reads the kind and, for PNG, GIF, WebP and JPEG, the size. Never throws: what is cut short has no size. */
export function readHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (from: number, length: number): string => String.fromCharCode(...bytes.subarray(from, from + length));
  try {
    if (text(0, 8) === "\x89PNG\r\n\x1a\n") {
      return { kind: "png", size: { width: view.getUint32(16), height: view.getUint32(20) } };
    }
    if (text(0, 6) === "GIF87a" || text(0, 6) === "GIF89a") {
      return { kind: "gif", size: { width: view.getUint16(6, true), height: view.getUint16(8, true) } };
    }
    if (text(0, 4) === "RIFF" && text(8, 4) === "WEBP") {
      return { kind: "webp", size: webpSize(view, text(12, 4)) };
    }
    if (bytes[0] === 0xff && bytes[1] === 0xd8) {
      return { kind: "jpeg", size: jpegSize(view) };
    }
    // ISO base media files: AVIF is one too, and browsers that cannot read HEIC often read that.
    if (text(4, 4) === "ftyp" && /^(?:hei[cmsx]|hev[cmx]|mif1|msf1)$/.test(text(8, 4))) {
      return { kind: "heif", size: null };
    }
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
  }
  return { kind: "unknown", size: null };
}

function webpSize(view: DataView, chunk: string): Header["size"] {
  if (chunk === "VP8X") {
    const three = (at: number): number => view.getUint16(at, true) + view.getUint8(at + 2) * 65_536 + 1;
    return { width: three(24), height: three(27) };
  }
  if (chunk === "VP8L") {
    const packed = view.getUint32(21, true);
    return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 };
  }
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}

/** Walks JPEG's segments to the frame header (ITU-T T.81, B.2.2). */
function jpegSize(view: DataView): Header["size"] {
  let at = 2;
  while (at + 9 <= view.byteLength) {
    if (view.getUint8(at) !== 0xff) {
      return null;
    }
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1; // a fill byte
    } else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    } else {
      at += 2 + view.getUint16(at + 2);
    }
  }
  return null;
}

/** Whether a file that could not be decoded lacks its end. tail: its last bytes, 12 or more. */
export function isCut(kind: Kind, tail: Uint8Array): boolean {
  const text = String.fromCharCode(...tail.subarray(-12));
  return (kind === "jpeg" && !text.endsWith("\xff\xd9")) || (kind === "png" && !text.includes("IEND"));
}
