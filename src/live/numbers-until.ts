/** Ascending numbers up to one, as an earlier moment had them; the same array where none is beyond. */
export function numbersUntil(numbers: readonly number[], last: number): readonly number[] {
  if ((numbers.at(-1) ?? last) <= last) return numbers;
  return numbers.slice(0, numbers.findLastIndex((number) => number <= last) + 1);
}
