/** `nettrace path`: the journey that the model predicts, on this host or on one of which there is a snapshot. */

import { predict, type Question } from '../diagnose/predict.ts';
import { parseSnapshot } from '../host/parse/parse-snapshot.ts';
import type { Snapshot } from '../host/snapshot.ts';
import { parseAddress } from '../inet/address.ts';
import type { ModelPacket } from '../model/step.ts';
import { formatJson } from '../report/json.ts';
import { formatPath } from '../report/path.ts';
import { lessonsOf } from '../report/teach.ts';
import type { ColourChoice } from '../ui/colour.ts';
import { readDestination } from './destination.ts';
import { WrongUsage } from './errors.ts';
import { namespacesInSight } from './namespace-choice.ts';
import { paintFor } from './paint.ts';
import { type Asked, settle, startOf, stateOf } from './path-question.ts';
import { openSnapshot } from './saved/open-snapshot.ts';
import { failureStatus, hasFailed } from './status.ts';

/** The command line's options. */
export interface PathOptions {
  readonly netns?: string;
  readonly from?: string;
  readonly snapshot?: string;
  readonly ignoreNetns?: readonly string[];
  readonly json?: true;
  readonly fail?: true;
  readonly teach?: true;
  readonly color: ColourChoice;
}

async function questionOfFile(path: string, asked: Asked): Promise<Question> {
  const whole = await openSnapshot(path);
  const start = startOf(whole.namespaces, asked.netns);
  const snapshot: Snapshot = {
    ...whole,
    namespaces: namespacesInSight(whole.namespaces, start, asked.ignoreNetns),
  };
  const host = parseSnapshot(snapshot);
  const { packet, name } = settle(asked, stateOf(host, start.name));
  return { snapshot, host, netns: start.name, packet, name, kernelRoute: null };
}

async function questionHere(asked: Asked): Promise<Question> {
  const here = await import('./path-here.ts');
  return await here.questionHere(asked);
}

/** Writes the prediction. Throws WrongUsage or a UserError when it cannot be made. */
export async function path(
  protocol: ModelPacket['protocol'],
  destination: string,
  options: PathOptions,
): Promise<void> {
  const { netns, from, snapshot, ignoreNetns = [], json, fail, teach, color } = options;
  if (from !== undefined && parseAddress(from) === null) {
    throw new WrongUsage([`error: --from ${from} is no address`]);
  }
  const asked: Asked = {
    protocol,
    destination: readDestination(protocol, destination),
    ignoreNetns,
    ...(netns === undefined ? {} : { netns }),
    ...(from === undefined ? {} : { from }),
  };
  const diagnosis = predict(await (snapshot === undefined ? questionHere(asked) : questionOfFile(snapshot, asked)));
  const lessons = teach ? lessonsOf(diagnosis.connections) : [];
  const document = teach ? { ...diagnosis, teach: lessons } : diagnosis;
  process.stdout.write(json ? formatJson(document) : formatPath(diagnosis, paintFor(color, process.stdout), lessons));
  if (fail && hasFailed(diagnosis)) process.exitCode = failureStatus;
}
