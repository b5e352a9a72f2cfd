/** Decode errors in words. */

import type { DecodeError } from './layer.ts';

function bytesText(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`;
}

/** One sentence without a full stop: which layer is malformed, where, what it needs, what is there and why. */
export function describeError(error: DecodeError): string {
  const place = `malformed ${error.protocol} at byte ${error.offset}`;
  if (error.kind === 'too-short') {
    const limit = error.limitedBy === 'frame' ? 'the frame ends there' : `${error.limitedBy} sets the end`;
    const verb = error.have === 1 ? 'is' : 'are';
    return `${place}: ${bytesText(error.need)} needed, ${bytesText(error.have)} ${verb} there (${limit})`;
  }
  if (error.kind === 'too-large') return `${place}: ${error.limitedBy} is ${error.have}, must be at most ${error.need}`;
  // A version is the one value that must be met exactly.
  const wanted = error.limitedBy.endsWith('.version') ? `must be ${error.need}` : `must be at least ${error.need}`;
  return `${place}: ${error.limitedBy} is ${error.have}, ${wanted}`;
}
