/**
 * Frames built layer by layer, one or more for each protocol, with the line and the layers that they owe. The tests that
 * cut and change frames take them all, so a protocol that has a row here is tried in that way too.
 */

import type { BuiltFrame } from './build.ts';
import { ipFrames } from './ip-frames.ts';
import { linkFrames } from './link-frames.ts';
import { tunnelFrames } from './tunnel-frames.ts';

/** The frames of all the files beside this one. */
export const builtFrames: readonly BuiltFrame[] = [...linkFrames, ...ipFrames, ...tunnelFrames];
