/** The matrix of the cosine transform: spec/pdq.md, section 5. */

/** `round(2^22 sqrt(2 / 64) cos(m pi / 128))` for m = 0..64: numbers, because no two engines promise the same cosine. */
export const COSINES: readonly number[] = [
  741455, 741232, 740562, 739446, 737885, 735879, 733430, 730539, 727208, 723439, 719235, 714597, 709528,
  704033, 698113, 691772, 685015, 677846, 670268, 662286, 653905, 645131, 635967, 626421, 616497, 606203,
  595542, 584524, 573153, 561436, 549382, 536997, 524288, 511263, 497931, 484298, 470374, 456167, 441684,
  426936, 411930, 396677, 381184, 365462, 349520, 333367, 317013, 300468, 283743, 266846, 249789, 232581,
  215233, 197756, 180159, 162454, 144651, 126761, 108794, 90762, 72675, 54545, 36381, 18196, 0,
];

function cosine(m: number): number {
  const turn = m % 256;
  const half = turn > 128 ? 256 - turn : turn;
  return half <= 64 ? COSINES[half]! : -COSINES[128 - half]!;
}

/** 16 x 64, row by row. */
export const MATRIX: Float64Array = Float64Array.from({ length: 16 * 64 }, (_, at) =>
  cosine((Math.floor(at / 64) + 1) * (2 * (at % 64) + 1)),
);
