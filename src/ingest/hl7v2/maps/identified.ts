/** What has an identifier: what it is called before it is stored, and what the store has of it. https://hl7.org/fhir/R4/search.html#token */
import { parseExact } from '../../../fhir/json.ts';
import { keyOf, type ResourceKey } from '../../../fhir/references.ts';
import { type Criterion, plainQuery } from '../../../search/query.ts';
import { isDeleted, type Version } from '../../../store/store.ts';
import { stableId } from '../../intake/entries.ts';
import type { Looking } from './whose.ts';

export interface Identifier {
  readonly system: string;
  readonly value: string;
}

/** Something of ours with numbers exact, and the version that it was read from. */
export interface Found {
  readonly key: ResourceKey;
  readonly resource: any;
  readonly versionId: number;
}

/** Its resource, numbers exact. */
export const resourceIn = (version: Version): any => parseExact(version.text);

const foundIn = (version: Version): Found => ({
  key: version.key,
  versionId: version.versionId,
  resource: resourceIn(version),
});

/** The fullUrl of what is made under it: the same every time. */
export const nameOf = (type: string, { system, value }: Identifier): string =>
  `urn:uuid:${stableId(0, 'hl7v2', type, system, value)}`;

/** What the store is asked with. */
export const whereIs = (type: string, { system, value }: Identifier) =>
  ({ is: 'key', name: `${type}.identifier`, first: `${system}|`, second: value }) as const;

/** What the store finds by `where`, at most so many, and that does have the identifier. */
export async function withIdentifier(
  store: Pick<Looking, 'search'>,
  type: string,
  where: Criterion,
  most: number,
  { system, value }: Identifier,
): Promise<readonly Found[]> {
  const { matches } = await store.search(plainQuery(type, where, most), undefined);
  return (
    matches
      .map(foundIn)
      // A hash found them; what they say counts.
      .filter(({ resource }) =>
        [resource.identifier].flat().some((i: any) => i?.system === system && i?.value === value),
      )
  );
}

/** What a reference leads to; undefined where it is deleted or nothing is there. */
export async function storedAt(store: Pick<Looking, 'read'>, reference: string): Promise<Found | undefined> {
  const key = keyOf(reference);
  const [version] = key ? await store.read([key]) : [];
  return version && !isDeleted(version) ? foundIn(version) : undefined;
}
