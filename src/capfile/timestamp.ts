/** Time stamps of pcapng: 64-bit numbers in a unit that each interface names (if_tsresol). */

/** What a stamp means; written anew by each call. */
export interface Instant {
  /** Seconds since 1970, UTC. */
  seconds: number;
  /** Nanoseconds of that second. */
  nanoseconds: number;
}

const binaryResolution = 0x80;
const nanosecondDigits = 9;
const microsecondDigits = 6;
const nanosecondsPerSecond = 1_000_000_000n;
const halfBits = 16;
const halfRange = 2 ** halfBits;
const halfMask = halfRange - 1;

/** How the stamps of one interface become seconds. */
export class StampReader {
  readonly #unitsPerSecond: bigint;
  /** The same where the quick way is exact (microseconds, nanoseconds); 0 elsewhere. */
  readonly #quickUnits: number;
  readonly #nanosecondsPerUnit: number;
  readonly #offsetSeconds: number;

  /**
   * @param resolution The byte of if_tsresol: a negative power of ten, or of two with its top bit set.
   * @param offsetSeconds if_tsoffset.
   */
  constructor(resolution: number, offsetSeconds: bigint) {
    const exponent = BigInt(resolution & ~binaryResolution);
    this.#unitsPerSecond = (resolution & binaryResolution) === 0 ? 10n ** exponent : 2n ** exponent;
    const isQuick = resolution === microsecondDigits || resolution === nanosecondDigits;
    this.#quickUnits = isQuick ? 10 ** resolution : 0;
    this.#nanosecondsPerUnit = isQuick ? 10 ** (nanosecondDigits - resolution) : 0;
    this.#offsetSeconds = Number(offsetSeconds);
  }

  /** Writes what the stamp of these two 32-bit halves means; a unit below a nanosecond is cut. */
  read(high: number, low: number, into: Instant): void {
    const units = this.#quickUnits;
    if (units === 0) {
      const stamp = (BigInt(high) << 32n) | BigInt(low);
      into.seconds = Number(stamp / this.#unitsPerSecond) + this.#offsetSeconds;
      const rest = stamp % this.#unitsPerSecond;
      into.nanoseconds = Number((rest * nanosecondsPerSecond) / this.#unitsPerSecond);
      return;
    }
    // Long division by 16 bits at a time: each step stays below 2^53, so it is exact without a BigInt for each frame.
    let rest = high % units;
    let seconds = Math.floor(high / units);
    for (let half = 0; half < 2; half += 1) {
      const digits = rest * halfRange + (half === 0 ? low >>> halfBits : low & halfMask);
      const quotient = Math.floor(digits / units);
      seconds = seconds * halfRange + quotient;
      rest = digits - quotient * units;
    }
    into.seconds = seconds + this.#offsetSeconds;
    into.nanoseconds = rest * this.#nanosecondsPerUnit;
  }
}
