import { describe, expect, it } from 'vitest';
import { DiagnosisPlan } from '../../src/live/diagnosis-plan.ts';

const second = 1_000_000_000;

/** The seconds at which one is taken that is found failed twice a second, for twenty seconds. */
function takenAt(final: boolean): number[] {
  const plan = new DiagnosisPlan(0.4 * second);
  return Array.from({ length: 40 }, (_, at) => at / 2).filter((now) => {
    plan.failed(1, now * second, 7, final);
    return plan.take(now * second, 8).length > 0;
  });
}

describe('which connections are explained next', () => {
  it('gives the kernel a moment, then takes failed ones in their order, so many at a time', () => {
    const plan = new DiagnosisPlan(0.4 * second);
    for (const id of [3, 1, 2]) plan.failed(id, 0, 7, true);
    expect(plan.take(0.3 * second, 2)).toEqual([]);
    expect(plan.take(0.4 * second, 2)).toEqual([3, 1]);
    expect(plan.take(0.4 * second, 2)).toEqual([2]);
    expect(plan.take(0.4 * second, 2)).toEqual([]);
  });

  it('takes one that goes on failing again after a pause, a longer one each time', () => {
    expect(takenAt(false)).toEqual([0.5, 2.5, 6.5, 14.5]);
  });

  it('takes a flood that is refused as one that goes on failing, though no more can be learnt of it', () => {
    expect(takenAt(true)).toEqual([0.5, 2.5, 6.5, 14.5]);
  });

  it('takes its end at once, whatever the pause', () => {
    const plan = new DiagnosisPlan(0.4 * second);
    plan.failed(1, 0, 7, false);
    expect(plan.take(second, 8)).toEqual([1]);
    plan.failed(1, second, 8, true);
    expect(plan.take(1.4 * second, 8)).toEqual([1]);
  });

  it('takes those that work when none has failed, the latest 256 of them', () => {
    const plan = new DiagnosisPlan(0.4 * second);
    for (let id = 0; id < 300; id += 1) plan.over(id);
    plan.failed(1000, 0, 7, true);
    expect(plan.take(second, 3)).toEqual([1000]);
    expect(plan.take(second, 3)).toEqual([44, 45, 46]);
    expect(plan.take(second, 1000)).toHaveLength(253);
  });

  it('takes the one that is looked at first, and once', () => {
    const plan = new DiagnosisPlan(0.4 * second);
    plan.failed(1, 0, 7, true);
    plan.want(1);
    expect(plan.take(second, 8)).toEqual([1]);
    plan.want(5);
    expect(plan.take(0, 8)).toEqual([5]);
    expect(plan.take(second, 8)).toEqual([]);
  });
});
