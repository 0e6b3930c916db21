/**
 * What the column `refs` of a resource holds, one per line: `Type/id` of the resources that it points to, `>url|version` for a
 * canonical that it points to, `=url|version` for a canonical that it has itself.
 */
import { isPlainReference } from '../../fhir/references.ts';
import type { IndexEntries } from '../../search/query.ts';

const oneLine = /^.+$/;

/** Each once. */
export function tiesOf({ references, canonicals = [] }: IndexEntries): string {
  if (references.length === 0 && canonicals.length === 0) return '';
  const ties = new Set<string>();
  for (const { target, canonical } of references) {
    if (canonical) {
      if (oneLine.test(target)) ties.add(tieTo(target));
    } else if (isPlainReference(target)) ties.add(target);
  }
  for (const one of canonicals) if (oneLine.test(one)) ties.add(`=${one}`);
  return [...ties].join('\n');
}

/** The line of a canonical that a resource points to. */
export const tieTo = (canonical: string): string => `>${canonical}`;

/** Whether a line leads to a resource of the type, or of any, as far as it says so itself. */
export const mayLeadTo = (type: string | undefined, line: string): boolean =>
  line.startsWith('>') || (!line.startsWith('=') && (type === undefined || line.startsWith(`${type}/`)));

const linesOf = (refs: string): readonly string[] => (refs === '' ? [] : refs.split('\n'));

/** `Type/id` of what it points to. */
export const keysIn = (refs: string): readonly string[] =>
  refs.includes('>') || refs.includes('=') ? linesOf(refs).filter((line) => !isMarked(line)) : linesOf(refs);

/** The canonicals that it points to. */
export const canonicalsIn = (refs: string): readonly string[] => after('>', refs);

/** The canonicals that it has itself. */
export const namesIn = (refs: string): readonly string[] => after('=', refs);

const after = (mark: string, refs: string): readonly string[] =>
  refs.includes(mark)
    ? linesOf(refs)
        .filter((line) => line.startsWith(mark))
        .map((line) => line.slice(1))
    : [];

const isMarked = (line: string): boolean => line.startsWith('>') || line.startsWith('=');

/** Canonicals have a bar, and `Type/id` has none. */
export const isCanonical = (link: string): boolean => link.includes('|');
