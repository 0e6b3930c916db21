/** The entries of one alert of a maker: three new resources, or what its news changes of them, or of those that this house has of the same already. https://hl7.org/fhir/R4/flag.html */
import type { Alert } from '../../alerts/alert.ts';
import { toldByUs } from '../../alerts/beside-maker.ts';
import { parseExact } from '../../fhir/json.ts';
import type { Entry } from '../../interactions/interaction.ts';
import { isDeleted, type Store } from '../../store/store.ts';
import { after, asNew, put } from '../intake/entries.ts';
import { type AlertPlace, aboutOf, joined, resourcesOf, revised, worseOf } from './alert.ts';
import type { KeptAlert } from './kept.ts';
import { digest } from './occasion.ts';
import type { AlertTold } from './told.ts';

/** The alert of this house that says the same, unless the maker has told of it by another name: those are two. */
async function oursOf(
  alert: AlertTold,
  at: AlertPlace,
  store: Pick<Store, 'read' | 'get'>,
  joinedNow: Set<string>,
): Promise<Alert | undefined> {
  const ours = await toldByUs(aboutOf(alert, at), store);
  if (!ours || joinedNow.has(ours.id)) return undefined;
  const [flag] = await store.read([{ type: 'Flag', id: ours.flag! }]);
  if (!flag || isDeleted(flag) || JSON.parse(flag.text).identifier?.length !== 1) return undefined;
  joinedNow.add(ours.id);
  return ours;
}

/** Undefined where nothing of it is new. `joinedNow`: alerts of this house that others of the same telling were joined with. */
export async function writeAlert(
  alert: AlertTold,
  kept: KeptAlert | undefined,
  at: AlertPlace,
  store: Pick<Store, 'read' | 'get'>,
  joinedNow: Set<string>,
): Promise<{ readonly entries: readonly Entry[]; readonly kept: KeptAlert; readonly isNew: boolean } | undefined> {
  const told = digest(alert);
  if (kept?.told === told) return undefined;
  const ours = kept ? undefined : await oursOf(alert, at, store, joinedNow);
  if (!kept && !ours) {
    const resources = resourcesOf(alert, at);
    const [flag, issue, task] = resources.map(({ id }) => id) as [string, string, string];
    const entries = resources.map((one) => put(one, asNew));
    return { entries, kept: { patient: at.patient, told, flag, issue, task }, isNew: true };
  }
  const ids = kept ?? { patient: at.patient, flag: ours!.flag!, issue: ours!.issue, task: ours!.task };
  const newest = await store.read([
    { type: 'Flag', id: ids.flag },
    { type: 'DetectedIssue', id: ids.issue },
    { type: 'Task', id: ids.task },
  ]);
  const least = kept?.least ?? ours?.severity;
  const severity = least === undefined ? alert.severity : worseOf(alert.severity, least);
  const entries = newest.flatMap((version) => {
    if (!version || isDeleted(version)) return []; // somebody meant that
    const was = parseExact(version.text);
    const next = ours ? joined(was, alert, ours.severity, at) : revised(was, { ...alert, severity }, at);
    return next === was ? [] : [put(next, after(version.versionId))];
  });
  return { entries, kept: { ...ids, told, ...(least !== undefined && { least }) }, isNew: ours !== undefined };
}
