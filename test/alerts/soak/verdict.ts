/** What stands on the server after the soak, beside what the oracle says must. */
import type { ServerProcess } from '../../support/process.ts';
import type { Device } from './fleet.ts';
import type { Inbox } from './inbox.ts';
import { type Episode, episodesOf } from './oracle.ts';

/** Hands over resource after resource of a search, page by page. */
export async function each(server: ServerProcess, query: string, take: (resource: any) => void): Promise<void> {
  for (let next: string | undefined = `/fhir/${query}&_count=500`; next; ) {
    const page = await server.ask('GET', next);
    if (page.status !== 200) throw new Error(`${query} answered ${page.status}: ${page.text}`);
    for (const { resource } of page.body.entry ?? []) take(resource);
    next = page.body.link.find((link: any) => link.relation === 'next')?.url;
  }
}

interface StandingFlag {
  readonly id: string;
  readonly code: string;
  readonly patient: string;
  readonly begin: number;
  readonly end: number | undefined;
  readonly isActive: boolean;
  readonly priority: string;
}

export interface Verdict {
  /** Sentences about what is missed, invented or wrong. */
  readonly faults: readonly string[];
  readonly figures: {
    episodes: number;
    active: number;
    critical: number;
    raised: number;
    evidence: number;
  };
  /** Messages that are due whatever happened: Flags that were critical. */
  readonly mustTell: ReadonlySet<string>;
  /** Flags of these vitals; what is derived from several readings is judged elsewhere. */
  readonly own: ReadonlySet<string>;
}

const codes: Readonly<Record<string, string>> = {
  heart_rate: 'vital-heart-rate',
  oxygen_saturation: 'vital-oxygen-saturation',
};
const iso = (at: number | undefined) => (at === undefined ? 'open' : new Date(at).toISOString());

/** One line says all of an episode; what is expected and what stands are compared by it. */
const line = (
  patient: string,
  code: string,
  begin: number,
  end: number | undefined,
  isCritical: boolean,
  evidence: readonly string[],
) => [patient, code, iso(begin), iso(end), isCritical ? 'PH' : 'PM', [...evidence].sort().join(' ')].join(' | ');

export async function judge(server: ServerProcess, devices: readonly Device[]): Promise<Verdict> {
  const faults: string[] = [];
  const figures = { episodes: 0, active: 0, critical: 0, raised: 0, evidence: 0 };
  const mustTell = new Set<string>();

  const expected = new Map<string, Episode>();
  for (const { patient, batches } of devices)
    for (const episode of episodesOf(batches.flatMap(({ told }) => told))) {
      const { vital, begin, end, isCritical, evidence } = episode;
      expected.set(line(patient, codes[vital]!, begin, end, isCritical, evidence.map(iso)), episode);
      figures.episodes++;
      if (end === undefined) figures.active++;
      if (isCritical) figures.critical++;
      if (episode.wasRaised) figures.raised++;
      figures.evidence += evidence.length;
    }

  /** Times of the Observations that anything was seen in. */
  const times = new Map<string, string>();
  const outside = ['8867-4&value-quantity=gt100', '8867-4&value-quantity=lt60', '2708-6&value-quantity=lt95'];
  for (const what of outside)
    await each(server, `Observation?code=http://loinc.org|${what}`, ({ id, effectiveDateTime, subject, code }) => {
      times.set(
        `Observation/${id}`,
        `${subject.reference} ${code.coding[0].code} ${iso(Date.parse(effectiveDateTime))}`,
      );
    });

  const flags = new Map<string, StandingFlag>();
  await each(server, 'Flag?status=active,inactive', ({ id, status, code, subject, period, extension }) => {
    if (!Object.values(codes).includes(code.coding[0].code)) return;
    const priority = extension?.find(({ url }: any) => url.endsWith('flag-priority'))?.valueCodeableConcept.coding[0]
      .code;
    flags.set(id, {
      id,
      code: code.coding[0].code,
      patient: subject.reference,
      begin: Date.parse(period.start),
      end: period.end === undefined ? undefined : Date.parse(period.end),
      isActive: status === 'active',
      priority,
    });
  });

  /** The DetectedIssue of each Flag, by its Task. */
  const issueOf = new Map<string, string>();
  await each(server, 'Task?code=alert-review', ({ focus, reasonReference }) => {
    const flag = focus.reference.replace('Flag/', '');
    if (!flags.has(flag)) return;
    if (issueOf.has(flag)) faults.push(`Flag ${flag} has two Tasks`);
    issueOf.set(flag, reasonReference.reference);
  });
  const evidenceOf = new Map<string, readonly string[]>();
  const perObservation = new Map<string, number>();
  await each(server, 'DetectedIssue?status=final,preliminary,registered', ({ id, evidence = [] }) => {
    const references: string[] = evidence.flatMap(({ detail }: any) => detail.map(({ reference }: any) => reference));
    evidenceOf.set(`DetectedIssue/${id}`, references);
    for (const one of references) perObservation.set(one, (perObservation.get(one) ?? 0) + 1);
  });
  for (const [observation, count] of perObservation)
    if (count > 1) faults.push(`${observation} is evidence of ${count} alerts`);

  for (const flag of flags.values()) {
    const evidence = evidenceOf.get(issueOf.get(flag.id) ?? '');
    if (!evidence) {
      faults.push(`Flag ${flag.id} has no Task or no DetectedIssue`);
      continue;
    }
    const seen = evidence.map((one) => times.get(one));
    if (seen.some((one) => !one?.startsWith(`${flag.patient} `)))
      faults.push(`Flag ${flag.id} has evidence that is not outside the limits, or of another patient`);
    if (flag.isActive !== (flag.end === undefined))
      faults.push(`Flag ${flag.id} is active with an end, or the other way`);
    const isCritical = flag.priority === 'PH';
    const what = line(
      flag.patient,
      flag.code,
      flag.begin,
      flag.end,
      isCritical,
      seen.map((one) => one?.split(' ')[2] ?? '?'),
    );
    if (!expected.delete(what)) faults.push(`invented: ${what}`);
    else if (isCritical) mustTell.add(`Flag/${flag.id}`);
  }
  for (const what of expected.keys()) faults.push(`missed: ${what}`);
  const own = new Set([...flags.keys()].map((id) => `Flag/${id}`));
  return { faults, figures, mustTell, own };
}

/** Each Flag that was critical is told of; no Flag twice without having become worse; nothing that is none. */
export async function messageFaults(
  server: ServerProcess,
  { messages, faults }: Inbox,
  { mustTell, own }: Verdict,
): Promise<string[]> {
  const found = [...faults];
  const told = new Map<string, string[]>();
  for (const { about, priority } of messages.values()) told.set(about, [...(told.get(about) ?? []), priority]);
  for (const flag of mustTell) {
    const urgent = told.get(flag)?.filter((priority) => priority === 'stat').length ?? 0;
    if (urgent !== 1) found.push(`${flag} was critical and told of as critical ${urgent} times`);
  }
  for (const [about, priorities] of told) {
    if (!own.has(about)) continue;
    const routine = priorities.filter((priority) => priority !== 'stat').length;
    if (routine > 1) found.push(`${about} was told of ${routine} times as a warning`);
    if (routine < priorities.length && !mustTell.has(about)) found.push(`${about} was told of as critical and is not`);
  }
  const unexplained = new Set(messages.keys());
  await each(server, 'Communication?category=alert', ({ id, status, statusReason }) => {
    // Over before it could be sent; or it was sent, and the server killed before it could say so.
    const isWithdrawn = status === 'not-done' && statusReason?.text?.startsWith('Withdrawn');
    if (!isWithdrawn && (status !== 'completed' || !messages.has(id)))
      found.push(`Communication ${id} is ${status} and was${messages.has(id) ? '' : ' not'} heard`);
    unexplained.delete(id);
  });
  for (const id of unexplained) found.push(`message ${id} has no Communication`);
  return found;
}
