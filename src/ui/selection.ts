/**
 * What is selected, found again in the case by identity: connections, hops and frames may come and go under the cursor.
 */

import type { ConnectionDiagnosis, Endpoint, Hop } from '../diagnose/diagnosis.ts';
import type { CaseView, FilterAnswer, FrameNumbers, FrameView } from './case-view.ts';
import type { LiveInterface } from './live-status.ts';
import type { UiState } from './state.ts';
import type { TreeNode } from './tree.ts';
import { treeNodes } from './tree.ts';

/** A connection with an identity that holds while the case grows. */
export interface NamedConnection {
  readonly id: string;
  readonly connection: ConnectionDiagnosis;
}

/** Frame numbers as a list that need not exist: a case may hold millions. */
export interface FrameList {
  readonly length: number;
  /** The number at an index within the list. */
  at(index: number): number;
  /** Where a number stands, -1 when it does not. */
  indexOf(number: number): number;
}

/** The state's selection in a case. An index is -1 where there is nothing to select. */
export interface Selection {
  readonly connections: readonly NamedConnection[];
  readonly connectionIndex: number;
  readonly connection: ConnectionDiagnosis | null;
  readonly hopIndex: number;
  readonly hop: Hop | null;
  /** Numbers of its frames, whatever the filter. */
  readonly ofConnection: readonly number[];
  readonly frames: FrameList;
  /** The filter has not asked all frames yet. */
  readonly isSearching: boolean;
  readonly frameIndex: number;
  readonly frame: FrameView | null;
  readonly nodes: readonly TreeNode[];
  readonly nodeIndex: number;
  readonly node: TreeNode | null;
  readonly isLive: boolean;
  readonly interfaces: readonly LiveInterface[];
  readonly interfaceIndex: number;
}

const endpointId = (end: Endpoint): string => `${end.address} ${end.port ?? '-'}`;

/** Named once a diagnosis, not once a key: a capture may hold ten thousand connections. */
const namedBefore = new WeakMap<readonly ConnectionDiagnosis[], readonly NamedConnection[]>();

/** Names the connections. The first frame tells connections of one tuple apart, their order those without frames. */
export function nameConnections(connections: readonly ConnectionDiagnosis[]): readonly NamedConnection[] {
  const known = namedBefore.get(connections);
  if (known) return known;
  const seen = new Map<string, number>();
  const named = connections.map((connection) => {
    const { protocol, source, destination, frames } = connection;
    const base = `${protocol} ${endpointId(source)} ${endpointId(destination)} ${frames[0] ?? '-'}`;
    const count = (seen.get(base) ?? 0) + 1;
    seen.set(base, count);
    return { id: `${base} ${count}`, connection };
  });
  namedBefore.set(connections, named);
  return named;
}

/** The text of the filter whose answer is on the screen: what is typed, else what is in force; null without one. */
export function wantedFilter({ prompt, filter }: UiState): string | null {
  const text = prompt?.text.trim() ?? filter;
  return text === '' ? null : text;
}

/** What the open filter line means as far as it can be read, else the filter in force; null without one. */
export function filterAnswer(view: CaseView, { prompt, filter }: UiState): (FilterAnswer & { ok: true }) | null {
  for (const text of [prompt?.text.trim() ?? filter, filter]) {
    if (text === '') return null;
    const answer = view.filter(text);
    if (answer.ok) return answer;
  }
  return null;
}

/** Lists of connections' frames that pass, once an answer and a connection. */
const passingBefore = new WeakMap<FilterAnswer, WeakMap<readonly number[], readonly number[]>>();

function passingOf(frames: readonly number[], answer: FilterAnswer & { ok: true }): readonly number[] {
  const known = passingBefore.get(answer) ?? new WeakMap<readonly number[], readonly number[]>();
  passingBefore.set(answer, known);
  const before = known.get(frames);
  if (before !== undefined) return before;
  // An array would be searched from its beginning for every frame.
  const passing = Array.isArray(answer.frames) ? new Set<number>(answer.frames) : null;
  const list = frames.filter((number) => passing?.has(number) ?? answer.frames.includes(number));
  known.set(frames, list);
  return list;
}

function listOf(frames: FrameNumbers): FrameList {
  return { length: frames.length, at: (index) => frames.at(index) ?? 1, indexOf: (number) => frames.indexOf(number) };
}

function frameList(
  view: CaseView,
  connection: ConnectionDiagnosis | null,
  ofConnection: readonly number[],
  state: UiState,
): FrameList {
  const answer = filterAnswer(view, state);
  const all = state.allFrames;
  if (answer !== null) return listOf(all || connection === null ? answer.frames : passingOf(ofConnection, answer));
  if (all || connection === null) {
    return {
      length: view.frameCount - view.firstFrame + 1,
      at: (index) => view.firstFrame + index,
      indexOf: (number) => (number >= view.firstFrame && number <= view.frameCount ? number - view.firstFrame : -1),
    };
  }
  return listOf(ofConnection);
}

/** The hop that the eye wants first: where it ended, else the first. */
function initialHop(connection: ConnectionDiagnosis | null): number {
  if (!connection || connection.hops.length === 0) return -1;
  const ended = connection.hops.findIndex((hop) => hop.index === connection.where?.hop);
  return Math.max(0, ended);
}

/** Finds the selection; what is gone is replaced by the first of its kind. */
export function select(view: CaseView, state: UiState): Selection {
  const connections = nameConnections(view.diagnosis.connections);
  const connectionIndex =
    connections.length === 0
      ? -1
      : Math.max(0, state.tail ? 0 : connections.findIndex(({ id }) => id === state.connection));
  const connection = connections[connectionIndex]?.connection ?? null;
  const chosenHop = connection?.hops.findIndex((hop) => hop.index === state.hop) ?? -1;
  const hopIndex = chosenHop === -1 ? initialHop(connection) : chosenHop;
  const ofConnection = connection === null ? [] : view.framesOf(connection);
  const frames = frameList(view, connection, ofConnection, state);
  const chosenFrame = state.frame === null ? -1 : frames.indexOf(state.frame);
  const frameIndex = frames.length === 0 ? -1 : state.tail ? frames.length - 1 : Math.max(0, chosenFrame);
  const frame = frameIndex === -1 ? null : view.frame(frames.at(frameIndex));
  const nodes = frame ? treeNodes(frame.dissection, state.open) : [];
  const nodeIndex = nodes.length === 0 ? -1 : nodeOrItsLayer(nodes, state.node);
  const interfaces = view.live?.interfaces ?? [];
  const interfaceIndex = Math.max(
    0,
    interfaces.findIndex(({ place }) => place === state.place),
  );
  return {
    isLive: view.live !== null,
    interfaces,
    interfaceIndex: interfaces.length === 0 ? -1 : interfaceIndex,
    connections,
    connectionIndex,
    connection,
    hopIndex,
    hop: connection?.hops[hopIndex] ?? null,
    ofConnection,
    frames,
    isSearching: filterAnswer(view, state)?.asked !== undefined,
    frameIndex,
    frame,
    nodes,
    nodeIndex,
    node: nodes[nodeIndex] ?? null,
  };
}

/** A field that this frame has not, or whose layer is closed, gives way to its layer, that to the first node. */
function nodeOrItsLayer(nodes: readonly TreeNode[], id: string | null): number {
  const exact = nodes.findIndex((node) => node.id === id);
  if (exact !== -1) return exact;
  const layer = id?.split('/', 1)[0];
  return Math.max(
    0,
    nodes.findIndex((node) => node.id === layer),
  );
}
