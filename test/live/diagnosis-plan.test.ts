import { describe, expect, it } from 'vitest';
import { DiagnosisPlan } from '../../src/live/diagnosis-plan.ts';

const second = 1_000_000_000;

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
    const plan = new DiagnosisPlan(0.4 * second);
    const takenAt: number[] = [];
    for (let now = 0; now < 20 * second; now += second / 2) {
      plan.failed(1, now, 7, false);
      if (plan.take(now, 8).length > 0) takenAt.push(now / second);
    }
    expect(takenAt).toEqual([0.5, 2.5, 6.5, 14.5]);
  });

  it('takes a flood that is refused as one that goes on failing, though no more can be learnt of it', () => {
    const plan = new DiagnosisPlan(0.4 * second);
    const takenAt: number[] = [];
    for (let now = 0; now < 10 * second; now += second / 10) {
      plan.failed(1, now, 7, true);
      if (plan.take(now, 8).length > 0) takenAt.push(now / second);
    }
    expect(takenAt).toEqual([0.4, 2.4, 6.4]);
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
