/** Every lab of a cause. */
import type { CauseLab } from './cause-lab.ts';
import { firewallLabs } from './firewall.ts';
import { healthyLabs } from './healthy.ts';
import { linkLabs } from './link.ts';
import { nameLabs } from './names.ts';
import { natLabs } from './nat.ts';
import { remoteLabs } from './remote.ts';
import { routingLabs } from './routing.ts';
import { socketLabs } from './socket.ts';
import { trackingLabs } from './tracking.ts';

/** See the file's head. */
export const causeLabs: readonly CauseLab[] = [
  ...socketLabs,
  ...firewallLabs,
  ...routingLabs,
  ...natLabs,
  ...trackingLabs,
  ...linkLabs,
  ...remoteLabs,
  ...nameLabs,
  ...healthyLabs,
];
