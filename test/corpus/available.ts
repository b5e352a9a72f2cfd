/** Where the corpus is: captures made by others, with tshark's reading of each. It is not part of the repository. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { indexFile } from './truth.ts';

/** What becomes of the corpus test here. */
export type CorpusDecision =
  | { readonly run: true; readonly folder: string }
  | { readonly run: false; readonly failing: boolean; readonly reason: string };

/**
 * Decides it from NETTRACE_CORPUS: without it the test is skipped; a folder that it names and that holds no corpus is a
 * failure.
 */
export function decideCorpus(setting: string | undefined): CorpusDecision {
  if (setting === undefined || setting === '') {
    return { run: false, failing: false, reason: 'NETTRACE_CORPUS does not name the folder of captures' };
  }
  try {
    accessSync(path.join(setting, indexFile), constants.R_OK);
    return { run: true, folder: setting };
  } catch (error) {
    const reason = `NETTRACE_CORPUS=${setting} holds no corpus: ${error instanceof Error ? error.message : String(error)}`;
    return { run: false, failing: true, reason };
  }
}
