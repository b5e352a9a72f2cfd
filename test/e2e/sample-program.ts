// A program that shows the sample: for what the shipped cases cannot show. With `broken`, frames cannot be read.
import { startUi } from '../../src/ui/start.tsx';
import { sample } from '../ui/sample.ts';

const frame = (): never => {
  throw new Error('this frame cannot be read');
};

try {
  await startUi(process.argv.includes('broken') ? { ...sample, frame } : sample);
} catch (error) {
  console.error(`caught: ${String(error)}`);
  process.exitCode = 1;
}
