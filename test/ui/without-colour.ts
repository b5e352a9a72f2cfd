/** Screens of ink-testing-library as plain text: no colours, and gone when their test is over. */
import chalk from 'chalk';
import { cleanup } from 'ink-testing-library';
import { afterAll, afterEach, beforeAll } from 'vitest';

/** For the tests of the file that calls it. */
export function renderWithoutColour(): void {
  const detected = chalk.level;
  beforeAll(() => {
    chalk.level = 0;
  });
  afterAll(() => {
    chalk.level = detected;
  });
  afterEach(cleanup);
}
