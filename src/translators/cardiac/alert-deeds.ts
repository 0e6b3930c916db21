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
import { askedIn } from './asked.ts';
import { escaped, originOf, type Search } from './asker.ts';
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

  /** The Flag of an alert, and what came along. */
  async function alertNamed(id: string, search: Search) {
    const also = [['_include', 'Flag:author'] as const, ['_count', '2'] as const];
    const system = `${escaped(canonical)}/sid/alert`;
    const named = await search('Flag', [['identifier', `${system}|${escaped(id)}`], ...also]);
    const [flag] = named.matches;
    if (!flag) throw problem('not-found', 'no alert of this id was found');
    return { flag, device: named.all.get(flag.author?.reference) };
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
    const { flag, device } = await alertNamed(request.params.alert_id as string, search);
    const patient = flag.subject?.reference ?? '';
    const row = () =>
      visit.row({ interaction, action: 'U', status: 200, target: `Flag/${flag.id}`, patients: patient });
    return {
      flag,
      device,
      search,
      visit,
      row,
      by: { flag, caller: visit.caller, origin: originOf(request, response, base) },
      issue: async () => (await issuesOf([flag], search, canonical)).get(alertIdOf(flag, canonical)),
      patientId: () => patientIdOf(patient, search),
    };
  }

  /** Whom to tell besides: the maker, where the alert is one of its own. */
  function makersOf(flag: any, device: any) {
    const [maker, ...own] = alertIdOf(flag, canonical).split(':') as [string, ...string[]];
    if (!feeds.makers().includes(maker) || own.length === 0) return undefined;
    const name = [maker, own.join(':'), makersNameOf(device, canonical)?.id] as const;
    return { inLine: () => feeds.acknowledgement(...name), tell: () => feeds.acknowledge(...name) };
  }

  const acknowledgeAlert: RequestHandler = async (request, response) => {
    const { flag, device, by: of, row, issue, patientId } = await asked(request, response, 'cardiac-acknowledge');
    const maker = makersOf(flag, device);
    const also = () => [appended(row()), ...(maker ? [maker.inLine()] : [])];
    const { by, at, isNew } = await acknowledge(door, { ...of, also });
    if (isNew) await maker?.tell();
    answer(request, response, 200, {
      ...rows.alert(flag, await issue(), device, await patientId()),
      acknowledged: true,
      acknowledged_by: by,
      acknowledged_at: at,
    });
  };

  /** The maker may have been told already, and has no word for taking it back: it is told anew when somebody acknowledges again. */
  const undoAcknowledge: RequestHandler = async (request, response) => {
    const { flag, device, by, row, visit, patientId } = await asked(request, response, 'cardiac-acknowledge-undo');
    const isNew = await undo(door, { ...by, also: () => [appended(row())] });
    if (!isNew) await visit.record(row());
    answer(request, response, 200, { ...rows.alert(flag, undefined, device, await patientId()), acknowledged: false });
  };

  const resolveAlert: RequestHandler = async (request, response) => {
    const { flag, device, by: of, row, issue, patientId } = await asked(request, response, 'cardiac-resolve');
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
      ...rows.alert(flag, found, device, await patientId()),
      acknowledged_by: seen?.by ?? null,
      acknowledged_at: seen?.at ?? null,
      resolved: true,
      resolved_by: by,
      resolved_at: at,
    });
  };

  return { acknowledgeAlert, undoAcknowledge, resolveAlert };
}
