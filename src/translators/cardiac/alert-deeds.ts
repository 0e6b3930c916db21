/** What people do about one alert, by its name: acknowledge it, take that back, resolve it. docs/cardiac.md */
import type { Request, RequestHandler, Response } from 'express';
import { type AcknowledgeParts, acknowledge } from '../../alerts/acknowledge/acknowledge.ts';
import { resolve } from '../../alerts/acknowledge/resolve.ts';
import { acknowledgementIn } from '../../alerts/acknowledge/state.ts';
import { undo } from '../../alerts/acknowledge/undo.ts';
import { appended } from '../../audit/trail.ts';
import { problem } from '../../fhir/outcome.ts';
import { keyOf } from '../../fhir/references.ts';
import { visitOf } from '../../http/app.ts';
import type { Feeds } from '../../ingest/feeds/feeds.ts';
import { escaped } from '../../search/escapes.ts';
import { askedIn } from './asked.ts';
import { originOf, type Search } from './asker.ts';
import { issuesOf } from './beside.ts';
import { alertIdOf, makersNameOf, type Rows } from './rows.ts';

interface DeedParts extends AcknowledgeParts {
  /** FHIR base. */
  readonly base: string;
  readonly feeds: Feeds;
}

interface DeedTools {
  readonly rows: Rows;
  readonly searchOf: (request: Request, response: Response) => Search;
  readonly answer: (request: Request, response: Response, status: number, value: object) => void;
}

export function alertDeeds(door: DeedParts, { rows, searchOf, answer }: DeedTools) {
  const { canonical, base, feeds } = door;

  const absent = () => problem('not-found', 'no alert of this id was found');

  /** What is named so, with the Device that wrote it or asks for it. */
  async function called(type: string, sid: string, id: string, by: string, search: Search): Promise<any> {
    const identifier = `${escaped(canonical)}/sid/${sid}|${escaped(id)}`;
    const { matches, all } = await search(type, [
      ['identifier', identifier],
      ['_include', `${type}:${by}`],
      ['_count', '2'],
    ]);
    return matches[0] && { resource: matches[0], all };
  }

  /** The Flag of an alert, or where it has none its DetectedIssue and Task, as the caller sees them. */
  async function alertNamed(id: string, search: Search) {
    const found = await called('Flag', 'alert', id, 'author', search);
    if (found) {
      const { resource: flag, all } = found;
      return { flag, named: flag, changed: flag, device: all.get(flag.author?.reference) };
    }
    const [issue, task] = await Promise.all([
      called('DetectedIssue', 'alert', id, 'author', search),
      called('Task', 'alert-task', id, 'requester', search),
    ]).catch((error) => {
      throw error?.status === 403 ? absent() : error;
    });
    // Whose Flag is hidden has one all the same.
    const isOwn =
      task?.resource.reasonReference?.reference === `DetectedIssue/${issue?.resource.id}` &&
      !task.resource.focus?.reference?.startsWith('Flag/');
    if (!isOwn) throw absent();
    const named = issue.resource;
    return { flag: undefined, named, changed: task.resource, device: issue.all.get(named.author?.reference) };
  }

  async function patientIdOf(reference: string, search: Search): Promise<string> {
    const id = keyOf(reference)?.id ?? '';
    const [patient] = (await search('Patient', [['_id', id]])).matches;
    return patient?.identifier?.[0]?.value ?? id;
  }

  /** The alert as the caller sees it, and what each deed needs. */
  async function asked(request: Request, response: Response, interaction: string) {
    askedIn(request, []);
    const search = searchOf(request, response);
    const visit = visitOf(response);
    const { flag, named, changed, device } = await alertNamed(request.params.alert_id as string, search);
    const patient = (named.subject ?? named.patient)?.reference ?? '';
    const target = `${named.resourceType}/${named.id}`;
    const patientId = () => (patient === '' ? null : patientIdOf(patient, search));
    return {
      flag,
      device,
      visit,
      row: () => visit.row({ interaction, action: 'U', status: 200, target, patients: patient }),
      by: { named, changed, caller: visit.caller, origin: originOf(request, response, base) },
      issue: async () =>
        flag === undefined
          ? (await search('DetectedIssue', [['_id', named.id]])).matches[0]
          : (await issuesOf([flag], search, canonical)).get(alertIdOf(flag, canonical)),
      words: async (issue: any) =>
        flag === undefined
          ? rows.unflagged(issue ?? named, device, await patientId())
          : rows.alert(flag, issue, device, (await patientId()) ?? ''),
    };
  }

  /** Whom to tell besides: the maker, where the alert is one of its own. */
  function makersOf(flag: any, device: any) {
    if (flag === undefined) return undefined;
    const [maker, ...own] = alertIdOf(flag, canonical).split(':') as [string, ...string[]];
    if (!feeds.makers().includes(maker) || own.length === 0) return undefined;
    const name = [maker, own.join(':'), makersNameOf(device, canonical)?.id] as const;
    return { inLine: () => feeds.acknowledgement(...name), tell: () => feeds.acknowledge(...name) };
  }

  const acknowledgeAlert: RequestHandler = async (request, response) => {
    const { flag, device, by: of, row, issue, words } = await asked(request, response, 'cardiac-acknowledge');
    const maker = makersOf(flag, device);
    const also = () => [appended(row()), ...(maker ? [maker.inLine()] : [])];
    const { by, at, isNew } = await acknowledge(door, { ...of, also });
    if (isNew) await maker?.tell();
    answer(request, response, 200, {
      ...(await words(await issue())),
      acknowledged: true,
      acknowledged_by: by,
      acknowledged_at: at,
    });
  };

  /** The maker may have been told already, and has no word for taking it back: it is told anew when somebody acknowledges again. */
  const undoAcknowledge: RequestHandler = async (request, response) => {
    const { by, row, visit, words } = await asked(request, response, 'cardiac-acknowledge-undo');
    const isNew = await undo(door, { ...by, also: () => [appended(row())] });
    if (!isNew) await visit.record(row());
    answer(request, response, 200, { ...(await words(undefined)), acknowledged: false });
  };

  const resolveAlert: RequestHandler = async (request, response) => {
    const { flag, device, by: of, row, issue, words } = await asked(request, response, 'cardiac-resolve');
    const maker = makersOf(flag, device);
    let isMakersToo = false;
    const also = (isAcknowledged: boolean) => {
      isMakersToo = maker !== undefined && !isAcknowledged;
      return [appended(row()), ...(isMakersToo ? [maker!.inLine()] : [])];
    };
    const { by, at, isNew } = await resolve(door, { ...of, also });
    if (isNew && isMakersToo) await maker!.tell();
    const found = await issue();
    const seen = acknowledgementIn(found, canonical);
    answer(request, response, 200, {
      ...(await words(found)),
      acknowledged_by: seen?.by ?? null,
      acknowledged_at: seen?.at ?? null,
      resolved: true,
      resolved_by: by,
      resolved_at: at,
    });
  };

  return { acknowledgeAlert, undoAcknowledge, resolveAlert };
}
