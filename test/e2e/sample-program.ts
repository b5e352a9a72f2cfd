// A program that shows the sample: what the pty harness drives while nothing else is built.
import { startUi } from '../../src/ui/start.tsx';
import { sample } from '../ui/sample.ts';

await startUi(sample);
