/** The server's own AuditEvents that found resources refer to: `_include` brings them out of the log, where no engine looks. https://hl7.org/fhir/R4/search.html#include */
import { keyOf, referenceTo } from '../fhir/references.ts';
import type { Access, Sight } from '../interactions/interaction.ts';
import type { Along } from '../interactions/search.ts';
import { extractorAt } from '../search/extract.ts';
import { mostIncluded, tooManyIncluded } from '../search/includes.ts';
import type { Include } from '../search/query.ts';
import { ofTrail } from '../search/trail-type.ts';
import type { Version } from '../store/store.ts';
import { ownPrefix, sequenceOf } from './audit-event.ts';
import { eventOf, type TrailView } from './own-events.ts';

/** The log is shown as a whole or not at all: to whoever may see AuditEvents without a condition. */
export const seesTrail = (access: Access, right: Sight): boolean =>
  access.unrestricted ||
  (access.permits(right === 'r' ? 'read' : 'search-type', ofTrail) && access.finds(ofTrail, right) === undefined);

/** For those who may see every AuditEvent; for others they do not exist. Costs nothing where no text has the name of such an event in it. */
export const ownAlong =
  (view: TrailView): Along =>
  async ({ includes, matches, included, base }, { store, caller }) => {
    if (includes.length === 0 || !seesTrail(caller.access, 's')) return [];
    const extract = extractorAt(base);
    const onPage = new Set(matches.map(({ key }) => referenceTo(key)));
    const wanted = new Set<number>();
    const gather = (versions: readonly Version[], asked: readonly Include[]): void => {
      for (const { key, text } of versions) {
        if (!text.includes(ownPrefix)) continue;
        for (const { name, target } of extract(text).references) {
          const sequence = onPage.has(target) ? undefined : sequenceIn(target);
          const isAsked = asked.some((one) => leadsAnywhere(one, key.type) && (one.name ?? name) === name);
          if (isAsked && sequence !== undefined) wanted.add(sequence);
        }
      }
    };
    gather(matches, includes);
    gather(
      included,
      includes.filter(({ iterate }) => iterate),
    );
    if (included.length + wanted.size > mostIncluded) throw tooManyIncluded(includes);
    const found: Version[] = [];
    for (const sequence of wanted) {
      const [row] = await store.audit({ sequence, count: 1 });
      if (row) found.push(eventOf(row, view).version);
    }
    return found;
  };

function sequenceIn(target: string): number | undefined {
  const key = keyOf(target);
  return key?.type === ofTrail ? sequenceOf(key.id) : undefined;
}

const leadsAnywhere = ({ way, type, target }: Include, from: string): boolean =>
  way === 'to' && type === from && target === undefined;
