/** What people do about an alert, as it is written: the mitigation, the Task, one Provenance; the Flag where it is resolved, and only then. https://hl7.org/fhir/R4/provenance.html */
import { writeExact } from '../../fhir/json.ts';
import type { Entry } from '../../interactions/interaction.ts';
import { actionSystem } from './state.ts';

/** A resource with exact numbers as it stands, and the version that the commit expects. */
export interface Standing {
  readonly resource: any;
  readonly versionId: number;
}

export type Author = { readonly reference: string } | { readonly display: string };

export interface Acknowledging {
  readonly issue: Standing;
  /** Where it ends with this. */
  readonly flag?: Standing;
  /** None of an alert that nobody was asked to look at. */
  readonly task: Standing | undefined;
  readonly author: Author;
  /** Whose the Task becomes; left out: whose it is. */
  readonly owner?: object | 'nobody';
  /** In milliseconds. */
  readonly now: number;
  readonly canonical: string;
}

const waiting = ['draft', 'requested', 'received', 'ready', 'on-hold'];
const declined = ['rejected', 'failed', 'cancelled'];

function entryOf(resource: any, versionId?: number): Entry {
  const text = writeExact(resource);
  const url = versionId === undefined ? resource.resourceType : `${resource.resourceType}/${resource.id}`;
  return {
    fullUrl: url,
    method: versionId === undefined ? 'POST' : 'PUT',
    url,
    body: { text, resource: JSON.parse(text) },
    conditions: versionId === undefined ? {} : { ifMatch: versionId },
  };
}

const deeds = {
  acknowledged: { display: 'Acknowledged', from: new Set([...waiting, ...declined]), to: 'accepted' },
  'taken-back': { display: 'Taken back', from: new Set(['accepted']), to: 'requested' },
  resolved: {
    display: 'Resolved',
    from: new Set([...waiting, 'accepted', 'in-progress']),
    to: 'completed',
  },
} as const;

/** Whoever acknowledges has it from then on. */
export const acknowledgementEntries = (asked: Acknowledging): readonly Entry[] =>
  entriesOf('acknowledged', { ...asked, owner: asked.author });

/** The acknowledgement stays where it is; this stands behind it, and the Task waits again. */
export const takenBackEntries = (asked: Acknowledging): readonly Entry[] => entriesOf('taken-back', asked);

/** Over: the Flag is no longer active, and the Task is done. */
export const resolvedEntries = (asked: Acknowledging & { readonly flag: Standing }): readonly Entry[] =>
  entriesOf('resolved', asked);

export type DeedCode = keyof typeof deeds;

interface Deed {
  readonly author: Author;
  /** FHIR dateTime. */
  readonly date: string;
  readonly canonical: string;
}

const actionOf = (code: DeedCode, canonical: string) => ({
  coding: [{ system: actionSystem(canonical), code, display: deeds[code].display }],
});

/** The DetectedIssue with one deed more: those of before stay. */
export const withDeed = (issue: any, code: DeedCode, { author, date, canonical }: Deed): any => ({
  ...issue,
  mitigation: [...(issue.mitigation ?? []), { action: actionOf(code, canonical), date, author }],
});

export const deedProvenance = (code: DeedCode, targets: readonly string[], { author, date, canonical }: Deed) => ({
  resourceType: 'Provenance',
  target: targets.map((reference) => ({ reference })),
  occurredDateTime: date,
  recorded: date,
  activity: actionOf(code, canonical),
  agent: [
    {
      type: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'performer' }],
      },
      who: author,
    },
  ],
});

function entriesOf(code: DeedCode, asked: Acknowledging): readonly Entry[] {
  const { issue, flag, task, author, owner, now, canonical } = asked;
  const { from, to } = deeds[code];
  const date = new Date(now).toISOString();
  const deed = { author, date, canonical };
  const targets = [`DetectedIssue/${issue.resource.id}`];
  const entries = [entryOf(withDeed(issue.resource, code, deed), issue.versionId)];
  if (flag) {
    const { resource, versionId } = flag;
    entries.push(entryOf({ ...resource, status: 'inactive', period: { ...resource.period, end: date } }, versionId));
    targets.push(`Flag/${resource.id}`);
  }
  if (task && from.has(task.resource.status)) {
    const { owner: before, ...rest } = task.resource;
    const whose = owner ?? before;
    const isOwned = whose !== undefined && whose !== 'nobody';
    const next = { ...rest, status: to, lastModified: date, ...(isOwned && { owner: whose }) };
    entries.push(entryOf(next, task.versionId));
    targets.push(`Task/${task.resource.id}`);
  }
  return [...entries, entryOf(deedProvenance(code, targets, deed))];
}
