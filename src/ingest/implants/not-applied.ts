/** Says that something an implant told was not applied, because somebody else's version or a deletion stands. docs/implants.md */
import type { Entry } from '../../interactions/interaction.ts';
import type { Version } from '../../store/store.ts';
import { asNew, put, stableId } from '../intake/entries.ts';
import { readingNotApplied } from '../intake/reading-not-applied.ts';
import type { Setting } from './observation.ts';

const say = {
  deleted: 'The device sent this again after it was deleted here. The deletion was left standing.',
  edited: 'The device sent something new for this after somebody else changed it here. That version was left standing.',
};

export function notApplied(sent: any, newest: Version, { canonical, patient, device, issued }: Setting): Entry {
  const { meta: _meta, ...refused } = sent;
  const { type, id } = newest.key;
  const own = stableId(issued, 'not-applied', type, id, newest.versionId, JSON.stringify(refused));
  const identifier = refused.identifier?.[0];
  const issue = readingNotApplied({ id: own, newest, refused, identifier, patient, device, issued, canonical, say });
  return put(issue, asNew);
}
