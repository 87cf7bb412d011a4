/** Draws what a trace says and nothing else: the bytes that would be sent are read back, the photo is not at hand. */

import { CELL, RECORD_TURNS, SIDE, SIGNS, type Tiles } from "./format";
import { decode, type RecordPoint } from "./record";

/** Pixels of the plane: the radius of a point of the finest half octave. */
const FINEST = 4;

export interface Drawn {
  readonly points: number;
  readonly bytes: number;
}

/** Fills `canvas`, in the colours that its style sheet gives it. Throws RangeError for bytes that are no trace. */
export function draw(canvas: HTMLCanvasElement, trace: Uint8Array): Drawn {
  const { width, height, tiles, points } = decode(trace);
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context) {
    const style = getComputedStyle(canvas);
    context.lineCap = "round";
    context.strokeStyle = style.getPropertyValue("--soft");
    drawTiles(context, tiles, width / SIDE, height / SIDE);
    context.strokeStyle = style.getPropertyValue("--main");
    context.lineWidth = 1.5;
    for (const point of points) {
      drawPoint(context, point);
    }
  }
  return { points: points.length, bytes: trace.length };
}

/** In each quarter of a tile a stroke along its edge, with a foot on the lighter side; thicker where there is more to see. */
function drawTiles(context: CanvasRenderingContext2D, tiles: Tiles, wide: number, high: number): void {
  const reach = Math.min(wide, high) / 6;
  tiles.energies.forEach((energy, tile) => {
    context.lineWidth = 0.5 + energy / 20;
    context.beginPath();
    for (let quarter = 0; quarter < 4; quarter++) {
      const along = tiles.signs[tile * SIGNS + 2 * quarter]!;
      const down = tiles.signs[tile * SIGNS + 2 * quarter + 1]!;
      if (along !== 0 || down !== 0) {
        const x = ((tile % SIDE) + 0.25 + (quarter & 1) / 2) * wide;
        const y = (Math.floor(tile / SIDE) + 0.25 + (quarter >> 1) / 2) * high;
        const share = reach / Math.hypot(along, down);
        context.moveTo(x - down * share, y + along * share);
        context.lineTo(x + down * share, y - along * share);
        context.moveTo(x, y);
        context.lineTo(x + along * share, y + down * share);
      }
    }
    context.stroke();
  });
}

/** A circle as large as the point's scale, and a hand in its direction, in the middle of the cell it is known to lie in. */
function drawPoint(context: CanvasRenderingContext2D, { column, row, turn, halfOctave }: RecordPoint): void {
  const [x, y] = [(column + 0.5) * CELL, (row + 0.5) * CELL];
  const radius = FINEST * 2 ** (halfOctave / 2);
  const angle = ((turn + 0.5) * 2 * Math.PI) / RECORD_TURNS;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.moveTo(x, y);
  context.lineTo(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
  context.stroke();
}

/** Every byte of a trace, in hexadecimal digits. */
export function digits(trace: Uint8Array): string {
  return Array.from(trace, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
