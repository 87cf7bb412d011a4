/** value: 64 lowercase hexadecimal digits; quality: 0..100. */
export interface Fingerprint {
  readonly value: string;
  readonly quality: number;
}

/** A fingerprint below this says too little to be banked or matched. */
export const MINIMUM_QUALITY = 50;
