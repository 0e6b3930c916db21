/** What one more reading means for an alarm and for the alert that tells of it. The decision is episode.ts; here it becomes changes. */
import { type ResourceKey, referenceTo } from '../fhir/references.ts';
import type { Pending } from '../interactions/interaction.ts';
import { keptNow, laidOver } from '../interactions/pending.ts';
import type { Look } from '../store/store.ts';
import { type Alert, type AlertSeen, type AlertSetting, type AlertSeverity, alertKind } from './alert.ts';
import { isMakerDone, ownRow, toldByMaker } from './beside-maker.ts';
import { type Alarm, after, endedBySomebody, type Reading, type Step } from './episode.ts';
import { type FloodCap, floodOver, openedUnderCap } from './flood.ts';
import type { Verdict } from './interpret.ts';
import { kindOf } from './kinds.ts';
import { ended, MOST_EVIDENCE, raised } from './raise.ts';
import type { LimitsOf } from './thresholds.ts';
import { wearerOf } from './wearer.ts';
import { detailOf } from './words.ts';

/** The kept alarm, with the ids of its newest episode. */
export interface KeptAlarm extends Alarm {
  readonly flag: string;
  readonly issue: string;
  /** References that the DetectedIssue holds as evidence. */
  readonly evidence: number;
  /** It stands under the alert of a flood: `flag` and `issue` are that one's. */
  readonly capped?: true;
  /** A maker had told of it: `flag` is the maker's. */
  readonly told?: true;
}

export interface Sight extends AlertSetting {
  readonly observation: ResourceKey;
  /** `Patient/1`; none of a device about itself. */
  readonly patient: string | undefined;
  readonly device: string | undefined;
  readonly verdict: Verdict;
  readonly of: LimitsOf;
  /** Of the alarm. */
  readonly key: string;
  readonly at: number;
  readonly cap: FloodCap;
}

const severityOf = (severity: Alarm['severity']): AlertSeverity => (severity === 'critical' ? 'critical' : 'warning');

const typeOf = ({ alert, vital }: Verdict): string => alert ?? `vital-${vital}`;

/** What implants and devices say goes by the name of its kind; of vital signs it is said which way they went. */
function words({ verdict, of }: Sight, severity: Alarm['severity']): Pick<AlertSeen, 'type' | 'text'> {
  const type = typeOf(verdict);
  if (of === 'vital') return { type, text: detailOf(verdict, severity) };
  const { display } = kindOf(type);
  const isSaid = verdict.name.split(' ').every((word) => display.includes(word.replace(/s$/, '')));
  return { type, text: isSaid ? display : `${display}: ${verdict.name}` };
}

/** Told of by the device, or derived of what it told about itself. */
const isOfImplant = (of: LimitsOf, type: string): boolean =>
  of === 'cardiac-limit' || (of === 'derived-limit' && kindOf(type).category === 'safety');

function seenOf(sight: Sight, { severity, episode }: Pick<Alarm, 'severity' | 'episode'>): AlertSeen {
  const { patient, device, key, at, of, observation } = sight;
  return {
    ...words(sight, severity),
    severity: severityOf(severity),
    patient,
    device,
    evidence: [referenceTo(observation)],
    at,
    episodeKey: `${key}|${episode}`,
    alarm: key,
    ...(isOfImplant(of, words(sight, severity).type) && device?.startsWith('Device/') && { isOfDevice: true }),
  };
}

/** An alarm that opened when alerts had no Task: what would be kept of it now. */
const olderOf = ({ flag, issue, severity }: KeptAlarm, { patient, device, verdict, key, at }: Sight): Alert => ({
  id: flag,
  flag,
  issue,
  task: flag,
  type: typeOf(verdict),
  severity: severityOf(severity),
  patient,
  device,
  queue: 'alert-review',
  at,
  alarm: key,
  open: true,
});

export interface Followed {
  readonly saves: Pending;
  readonly kept: KeptAlarm | undefined;
}

export async function follow(
  before: KeptAlarm | undefined,
  reading: Reading,
  sight: Sight,
  held: Pending,
  look: Look,
): Promise<Followed> {
  const { step, alarm } = after(before, reading, sight.now);
  if (alarm === undefined) return { saves: [], kept: undefined };
  if (step === 'opened') return open(alarm, sight, held, look);
  const kept: KeptAlarm = { ...before!, ...alarm };
  if (kept.told) return followTold(step, kept, sight, held, look);
  if (kept.capped) return followCapped(step, kept, sight, held, look);
  const isOfBefore = sight.patient === undefined && kept.open && (await isWornByAnother(kept, sight, held, look));
  if (step === 'nothing') {
    if (!isOfBefore || !reading.trusted || reading.at < kept.last) return { saves: [], kept };
    const over = await ended(kept.flag, sight, held, look, olderOf(kept, sight), sight.at);
    return { saves: over, kept: { ...kept, ...endedBySomebody(kept) } };
  }
  if (step === 'ended')
    return { saves: await ended(kept.flag, sight, held, look, olderOf(kept, sight), kept.until), kept };
  if (isOfBefore) {
    const over = await ended(kept.flag, sight, held, look, olderOf(kept, sight), sight.at);
    const next = await open({ ...kept, episode: kept.episode + 1 }, sight, laidOver(held, over), look);
    return { saves: [...over, ...next.saves], kept: next.kept };
  }
  if (kept.evidence >= MOST_EVIDENCE && step !== 'raised') return { saves: [], kept };
  const evidence = referenceTo(sight.observation);
  const again =
    step === 'raised' ? { ...words(sight, 'critical'), severity: 'critical' as const, evidence } : { evidence };
  const saves = await raised(kept.flag, again, sight, held, look, olderOf(before!, sight));
  return { saves, kept: { ...kept, evidence: saves.length > 0 ? kept.evidence + 1 : kept.evidence } };
}

/** What is of one patient's team does not go on as another's: it ends, and is told anew. */
async function isWornByAnother(
  { flag: id }: KeptAlarm,
  { device }: Sight,
  held: Pending,
  look: Look,
): Promise<boolean> {
  const alert = (await keptNow(alertKind, id, held, look)).value as Alert | undefined;
  return alert !== undefined && alert.wearer !== (await wearerOf(device, held, look));
}

async function open(alarm: Alarm, sight: Sight, held: Pending, look: Look): Promise<Followed> {
  const seen: AlertSeen = {
    ...seenOf(sight, alarm),
    ...(sight.patient === undefined && { wearer: await wearerOf(sight.device, held, look) }),
  };
  const {
    flag: _flag,
    issue: _issue,
    evidence: _evidence,
    capped: _capped,
    told: _told,
    ...plain
  } = alarm as KeptAlarm;
  const maker = await toldByMaker(seen, sight.canonical, held, look);
  if (maker) return { saves: [], kept: { ...plain, flag: maker.id, issue: maker.issue, evidence: 1, told: true } };
  const told = await openedUnderCap(seen, sight.cap, sight, held, look);
  const ids = { flag: told.alert.id, issue: told.alert.issue, evidence: 1 };
  if (told.isCapped) return { saves: told.changes, kept: { ...plain, ...ids, capped: true } };
  const own = await ownRow(seen, told.alert.id, laidOver(held, told.changes), look);
  return { saves: [...told.changes, ...own], kept: { ...plain, ...ids } };
}

/** One that a maker told of is told of here when it turns worse, or still goes on when the maker's is over. */
async function followTold(step: Step, kept: KeptAlarm, sight: Sight, held: Pending, look: Look): Promise<Followed> {
  const isOn = step === 'raised' || (step === 'repeated' && (await isMakerDone(kept.flag, held, look)));
  return isOn ? open(kept, sight, held, look) : { saves: [], kept };
}

/** One without an alert of its own gets one when it turns critical, or still goes on when the flood is over. */
async function followCapped(step: Step, kept: KeptAlarm, sight: Sight, held: Pending, look: Look): Promise<Followed> {
  if (step === 'raised') return open(kept, sight, held, look);
  if (step !== 'repeated' || sight.patient === undefined) return { saves: [], kept };
  const { isOver, changes } = await floodOver(sight.patient, sight.cap, sight, held, look);
  if (!isOver) return { saves: [], kept };
  const own = await open(kept, sight, laidOver(held, changes), look);
  return { saves: [...changes, ...own.saves], kept: own.kept };
}
