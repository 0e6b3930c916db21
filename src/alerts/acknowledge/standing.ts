/** Flag, DetectedIssue and Task of an alert as they stand, found by the alert's name. docs/alerts.md */
import { parseExact } from '../../fhir/json.ts';
import { plainQuery } from '../../search/query.ts';
import type { Store } from '../../store/store.ts';
import type { Standing } from './entries.ts';

const sids = { Flag: 'alert', DetectedIssue: 'alert', Task: 'alert-task' } as const;

/** Looks for what is of the same patient as the Flag: anybody may have given something of another patient this identifier. */
export function standingBeside(store: Pick<Store, 'search'>, canonical: string, flag: any) {
  const value = flag.identifier?.find(({ system }: any) => system === `${canonical}/sid/alert`)?.value ?? flag.id;
  return async (type: keyof typeof sids): Promise<Standing | undefined> => {
    const first = `${canonical}/sid/${sids[type]}|`;
    const where = { is: 'key', name: `${type}.identifier`, first, second: value } as const;
    const { matches } = await store.search(plainQuery(type, where, 10), undefined);
    return matches
      .map(({ text, versionId }) => ({ resource: parseExact(text) as any, versionId }))
      .find(({ resource }) =>
        type === 'Flag'
          ? resource.id === flag.id
          : (resource.patient ?? resource.for)?.reference === flag.subject?.reference,
      );
  };
}
