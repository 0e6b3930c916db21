/** The expansion that is stored with a ValueSet: used where it is the whole. https://hl7.org/fhir/R4/valueset.html#expansion */
import type { Resource } from '../fhir/references.ts';
import { type Code, NotExpandable } from './codes.ts';

/** What an expansion was asked with that may have left out codes. */
const narrowing = new Set(['filter', 'activeOnly', 'limitedExpansion']);
const paging = new Set(['offset', 'count']);

/** Codes of the stored expansion, without entries that are there for navigation alone. Throws NotExpandable unless it is whole. */
export function storedExpansion({ expansion }: Resource): readonly Code[] {
  if (expansion === undefined) throw new NotExpandable('has neither a compose nor an expansion');
  const parameters: readonly any[] = expansion.parameter ?? [];
  const isNarrowed = parameters.some((one) => narrowing.has(one.name) && one.valueBoolean !== false);
  const entries = [...entriesOf(expansion.contains ?? [])].filter(({ code }) => code !== undefined);
  const isPage = expansion.offset > 0 || parameters.some(({ name }) => paging.has(name));
  const isShort = expansion.total === undefined ? isPage : expansion.total > entries.length;
  // Extensions say that an expansion is too costly or never closed.
  if (isNarrowed || isShort || expansion.extension || expansion.modifierExtension) {
    throw new NotExpandable('has an expansion that may not be the whole');
  }
  return entries
    .filter(({ abstract }) => abstract !== true)
    .map(({ system, code }) => {
      if (system === undefined) throw new NotExpandable('has a code without a system in ValueSet.expansion');
      return { system, code };
    });
}

function* entriesOf(contains: readonly any[]): Iterable<any> {
  const open = [...contains].reverse();
  for (let entry = open.pop(); entry; entry = open.pop()) {
    yield entry;
    for (const inner of [...(entry.contains ?? [])].reverse()) open.push(inner);
  }
}
