/** What an acknowledgement changes: the mitigation, the Task, one Provenance. The Flag stays active until the condition ends. https://hl7.org/fhir/R4/provenance.html */
import { writeExact } from '../../fhir/json.ts';
import type { Entry } from '../../interactions/interaction.ts';
import { actionSystem } from './state.ts';

/** A resource with exact numbers as it stands, and the version that the commit expects. */
export interface Standing {
  readonly resource: any;
  readonly versionId: number;
}

export interface Acknowledging {
  readonly issue: Standing;
  /** None of an alert that nobody was asked to look at. */
  readonly task: Standing | undefined;
  readonly author: { readonly reference: string } | { readonly display: string };
  /** In milliseconds. */
  readonly now: number;
  readonly canonical: string;
}

const waiting = new Set(['draft', 'requested', 'received']);

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

export function acknowledgementEntries({ issue, task, author, now, canonical }: Acknowledging): readonly Entry[] {
  const date = new Date(now).toISOString();
  const action = { coding: [{ system: actionSystem(canonical), code: 'acknowledged', display: 'Acknowledged' }] };
  const mitigation = [...(issue.resource.mitigation ?? []), { action, date, author }];
  const targets = [{ reference: `DetectedIssue/${issue.resource.id}` }];
  const entries = [entryOf({ ...issue.resource, mitigation }, issue.versionId)];
  if (task && waiting.has(task.resource.status)) {
    entries.push(entryOf({ ...task.resource, status: 'accepted', lastModified: date }, task.versionId));
    targets.push({ reference: `Task/${task.resource.id}` });
  }
  const provenance = {
    resourceType: 'Provenance',
    target: targets,
    occurredDateTime: date,
    recorded: date,
    activity: action,
    agent: [
      {
        type: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'performer' }],
        },
        who: author,
      },
    ],
  };
  return [...entries, entryOf(provenance)];
}
