/** The entries of one alert of a maker: three new resources, or what its news changes of them. https://hl7.org/fhir/R4/flag.html */
import { parseExact } from '../../fhir/json.ts';
import type { Entry } from '../../interactions/interaction.ts';
import { isDeleted, type Store } from '../../store/store.ts';
import { after, asNew, put } from '../intake/entries.ts';
import { type AlertPlace, resourcesOf, revised } from './alert.ts';
import type { KeptAlert } from './kept.ts';
import { digest } from './occasion.ts';
import type { AlertTold } from './told.ts';

/** Undefined where nothing of it is new. */
export async function writeAlert(
  alert: AlertTold,
  kept: KeptAlert | undefined,
  at: AlertPlace,
  store: Pick<Store, 'read'>,
): Promise<{ readonly entries: readonly Entry[]; readonly kept: KeptAlert; readonly isNew: boolean } | undefined> {
  const told = digest(alert);
  if (kept?.told === told) return undefined;
  if (!kept) {
    const resources = resourcesOf(alert, at);
    const [flag, issue, task] = resources.map(({ id }) => id) as [string, string, string];
    const entries = resources.map((one) => put(one, asNew));
    return { entries, kept: { patient: at.patient, told, flag, issue, task }, isNew: true };
  }
  const newest = await store.read([
    { type: 'Flag', id: kept.flag },
    { type: 'DetectedIssue', id: kept.issue },
    { type: 'Task', id: kept.task },
  ]);
  const entries = newest.flatMap((version) => {
    if (!version || isDeleted(version)) return []; // somebody meant that
    const was = parseExact(version.text);
    const next = revised(was, alert, at);
    return next === was ? [] : [put(next, after(version.versionId))];
  });
  return { entries, kept: { ...kept, told }, isNew: false };
}
