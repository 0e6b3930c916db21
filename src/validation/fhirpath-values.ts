/** Values in FHIRPath over plain JSON: truth, identity and order. http://hl7.org/fhirpath/#operations */

/** A collection. */
export type Picked = readonly any[];

/** What surrounds an evaluation. */
export interface Around {
  readonly resource: any;
  readonly top: any;
}

export type Select = (focus: any, around: Around) => Picked;
export type Test = (focus: any, around: Around) => boolean | undefined;

/** An expression beyond what constraints of R4 use. */
export class Unsupported extends Error {}

export const single = (values: Picked): unknown => (values.length === 1 ? values[0] : undefined);

/** A collection as a condition: one value that is no boolean counts as true. */
export function truth(values: Picked): boolean | undefined {
  if (values.length !== 1) return undefined;
  return typeof values[0] === 'boolean' ? values[0] : true;
}

/** Equal for equal values, whatever the order of their members. */
export function keyOfValue(value: any): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return JSON.stringify(value, (_key, part) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** Without those that are equal to an earlier one. */
export function distinct(values: Picked): Picked {
  if (values.length < 2) return values;
  const seen = new Set<unknown>();
  return values.filter((value) => {
    const key = keyOfValue(value);
    return !seen.has(key) && seen.add(key);
  });
}

/** Below, at or above zero as the first is before, with or after the second; undefined when that cannot be told. */
export function compared(a: any, b: any): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return comparedTexts(a, b);
  if (typeof a?.value === 'number' && typeof b?.value === 'number') {
    const isSameUnit = a.code === b.code && a.system === b.system && (a.code !== undefined || a.unit === b.unit);
    return isSameUnit ? a.value - b.value : undefined;
  }
  return undefined;
}

const isDated = (text: string): boolean => /^\d{4}(-\d\d(-\d\d(T|$)|$)|$)/.test(text.slice(0, 11));

/** Dates of different precision compare as far as both go; nothing is told where they are equal that far. */
function comparedTexts(a: string, b: string): number | undefined {
  if (!isDated(a) || !isDated(b)) return a < b ? -1 : a > b ? 1 : 0;
  if (a.length > 10 && b.length > 10) {
    const difference = Date.parse(a) - Date.parse(b);
    return Number.isNaN(difference) ? undefined : difference;
  }
  const common = Math.min(a.length, b.length, 10);
  const [x, y] = [a.slice(0, common), b.slice(0, common)];
  if (x !== y) return x < y ? -1 : 1;
  return a.length === b.length ? 0 : undefined;
}
