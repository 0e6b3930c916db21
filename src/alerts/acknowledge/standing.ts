/** Flag, DetectedIssue and Task of an alert as they stand, found by the alert's name. docs/alerts.md */
import { parseExact } from '../../fhir/json.ts';
import { plainQuery } from '../../search/query.ts';
import type { Store } from '../../store/store.ts';
import type { Standing } from './entries.ts';

const sids = { Flag: 'alert', DetectedIssue: 'alert', Task: 'alert-task' } as const;

/**
 * `named` is what stands for the alert: its Flag, or its DetectedIssue where it has none. Looks for what is of the same patient: anybody may have given
 * something of another patient this identifier.
 */
export function standingBeside(store: Pick<Store, 'search'>, canonical: string, named: any) {
  const value = named.identifier?.find(({ system }: any) => system === `${canonical}/sid/alert`)?.value ?? named.id;
  const isSame = ({ resourceType, id }: any): boolean => resourceType === named.resourceType && id === named.id;
  const isOfPatient = (resource: any): boolean =>
    (resource.patient ?? resource.for)?.reference === named.subject?.reference;
  const about = [named.patient, named.author, ...(named.implicated ?? [])].map((one) => one?.reference);
  const isFor = ({ reasonReference, for: of }: any): boolean =>
    reasonReference?.reference === `DetectedIssue/${named.id}` && (of === undefined || about.includes(of.reference));
  const isMeant: Readonly<Record<keyof typeof sids, (resource: any) => boolean>> =
    named.resourceType === 'Flag'
      ? { Flag: isSame, DetectedIssue: isOfPatient, Task: isOfPatient }
      : { Flag: isSame, DetectedIssue: isSame, Task: isFor };
  return async (type: keyof typeof sids): Promise<Standing | undefined> => {
    const first = `${canonical}/sid/${sids[type]}|`;
    const where = { is: 'key', name: `${type}.identifier`, first, second: value } as const;
    const { matches } = await store.search(plainQuery(type, where, 10), undefined);
    return matches
      .map(({ text, versionId }) => ({ resource: parseExact(text) as any, versionId }))
      .find(({ resource }) => isMeant[type](resource));
  };
}
