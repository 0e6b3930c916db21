/** What a feed may write, as capability/feeds/ says: no feed concludes, orders or recommends. */
import { readdirSync, readFileSync } from 'node:fs';
import { resourceTypes } from '../../fhir/definitions.ts';
import type { Access, InteractionCode } from '../../interactions/interaction.ts';
import { none } from '../../search/query.ts';

/** One file of capability/feeds/. */
interface FeedRights {
  /** The feed that it is of; `devices` is of every feed without a file of its own. */
  readonly feed: string;
  readonly description: string;
  readonly rules: readonly { readonly types: readonly string[]; readonly rights: 'c' | 'u' | 'cu' }[];
}

const folder = new URL('../../../capability/feeds/', import.meta.url);

function accessBy({ feed, rules }: FeedRights): Access {
  const unknown = rules.flatMap(({ types }) => types).find((type) => !resourceTypes.has(type));
  if (unknown !== undefined) throw new Error(`capability/feeds/${feed}.json names the type ${unknown}, which is none`);
  const has = (type: string, right: 'c' | 'u') =>
    rules.some(({ types, rights }) => types.includes(type) && rights.includes(right));
  const permitted: Partial<Record<InteractionCode, (type: string) => boolean>> = {
    transaction: () => true,
    create: (type) => has(type, 'c'),
    // A feed chooses ids, so that the same thing gets the same id: that is an update that creates.
    update: (type) => has(type, 'c') || has(type, 'u'),
    'search-type': (type) => has(type, 'u'),
  };
  return {
    unrestricted: false,
    permits: (interaction, type) => permitted[interaction]?.(type) === true,
    finds: (type) => (has(type, 'u') || has(type, 'c') ? undefined : none),
    // It knows them by ids of its own choosing; and who was faster is told by 412, not as if nothing were there.
    sees: ({ resourceType }) => has(resourceType, 'u') || has(resourceType, 'c'),
    shows: (text) => text,
    mayWrite: (before, written) => written !== undefined && has(written.resourceType, before === undefined ? 'c' : 'u'),
  };
}

const accesses: ReadonlyMap<string, Access> = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as FeedRights)
    .map((rights) => [rights.feed, accessBy(rights)]),
);

/** Of a feed by its name: `boston-scientific`, `hl7v2`, `iot-files`, `mqtt`. */
export const feedAccess = (feed: string): Access => accesses.get(feed) ?? accesses.get('devices')!;
