/** The hostile list of docs/promises.md, posted to a real server: the right answer, nothing stored, all of it audited, none of it said again. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { quickest } from '../support/quickest.ts';
import { type Answer, type Attack, CANARY } from './attack.ts';
import { bodies } from './corpus/bodies.ts';
import { bundles } from './corpus/bundles.ts';
import { devices } from './corpus/devices.ts';
import { subscriptions } from './corpus/endpoints.ts';
import { requests } from './corpus/requests.ts';
import { resources } from './corpus/resources.ts';
import { searches } from './corpus/searches.ts';
import { besiege, type Siege } from './siege.ts';

const attacks = [...bodies, ...resources, ...requests, ...bundles, ...devices, ...subscriptions, ...searches].map(
  (attack, position) => ({
    ...attack,
    id: `hostile-${position}`,
    at: `${attack.method ?? 'POST'} ${attack.path.slice(0, 40)}`,
  }),
);
const watched = [
  'Patient',
  'Observation',
  'Bundle',
  'Basic',
  'Parameters',
  'Subscription',
  'Flag',
  'DetectedIssue',
  'Device',
];
const isAudited = ({ isAudited = true, headers }: Attack): boolean => isAudited && !headers?.['x-request-id'];

let siege: Siege;
let before: readonly number[];
const answers = new Map<string, number>();

const among = <T>(allowed: T | readonly T[]): readonly T[] => (Array.isArray(allowed) ? allowed : [allowed as T]);

async function counts(): Promise<number[]> {
  const found: number[] = [];
  for (const type of watched) {
    const { status, body } = await siege.ask('GET', `/fhir/${type}?_count=1000`);
    if (status !== 200) throw new Error(`search ${type}: ${status}`);
    found.push((body.entry ?? []).length);
  }
  return found;
}

beforeAll(async () => {
  siege = await besiege();
  before = await counts();
});

function expectRefusal(attack: Attack, { text, body, headers }: Answer): void {
  if (attack.path.startsWith('/api/iot/')) {
    expect(body).toMatchObject({ success: false });
    if (!('processed' in body)) expect(body).toEqual({ success: false, error: expect.any(String) });
  } else {
    expect(headers['content-type']).toMatch(/^application\/(fhir\+)?json/);
    expect(body?.resourceType).toBe('OperationOutcome');
    for (const issue of body.issue)
      expect(issue).toMatchObject({ severity: expect.any(String), code: expect.any(String) });
    if (attack.code !== undefined) expect(among(attack.code)).toContain(body.issue[0].code);
  }
  expect(text).not.toContain(CANARY);
  expect(headers['x-powered-by']).toBeUndefined();
}

describe('a hostile request', () => {
  it.each(attacks)('$row: $what at $at is answered rightly', async (attack) => {
    const began = performance.now();
    const answer = await siege.send(attack, isAudited(attack) ? attack.id : undefined);
    const took = performance.now() - began;
    const once = async () => {
      const begun = performance.now();
      await siege.send(attack);
      return performance.now() - begun;
    };
    answers.set(attack.id, answer.status);

    expect({
      status: answer.status,
      ...(among(attack.status).includes(answer.status) ? {} : { text: answer.text.slice(0, 300) }),
    }).toEqual({
      status: answer.status,
    });
    if (answer.status >= 400) expectRefusal(attack, answer);
    attack.check?.(answer);
    if (attack.within)
      expect(await quickest(attack.within, async (again) => (again === 0 ? took : once()))).toBeLessThan(attack.within);
    expect((await siege.ask('GET', '/health/live')).status).toBe(200);
  });
});

describe('after all of them', () => {
  it('nothing was stored but what the table says', async () => {
    expect(Object.fromEntries((await counts()).map((count, i) => [watched[i], count]))).toEqual(
      Object.fromEntries(before.map((count, i) => [watched[i], count])),
    );
  });

  it('each left exactly one row per interaction in the audit trail, with the status and from the address it had', async () => {
    const rows = new Map<string, string[]>();
    for (let next: string | undefined = '/fhir/AuditEvent?_count=1000'; next; ) {
      const { status, body }: Answer = await siege.ask('GET', next);
      if (status !== 200) throw new Error(`search AuditEvent: ${status}`);
      for (const { resource } of body.entry ?? []) {
        expect(resource.agent[0].network.address).toBe('127.0.0.1');
        const id = resource.entity?.find((entity: any) => entity.type?.code === 'XrequestId')?.what.identifier.value;
        rows.set(id, [...(rows.get(id) ?? []), resource.outcomeDesc.split(' ')[0]]);
      }
      const link = body.link?.find(({ relation }: any) => relation === 'next')?.url;
      next = link && new URL(link).pathname + new URL(link).search;
    }
    const wrong = attacks
      .filter((attack) => isAudited(attack) && answers.has(attack.id))
      .map((attack) => ({ attack, rows: rows.get(attack.id) ?? [] }))
      .filter(
        ({ attack, rows }) => rows.length !== (attack.rows ?? 1) || !rows.includes(String(answers.get(attack.id))),
      )
      .map(
        ({ attack, rows }) =>
          `${attack.row} ${attack.what} at ${attack.at}: answered ${answers.get(attack.id)}, rows ${rows}`,
      );

    expect(wrong).toEqual([]);
  });

  it('a device that says the same again is answered with the first id', async () => {
    const reading = { device_id: 'DEV001', timestamp: new Date().toISOString(), heart_rate: 70 };
    const post: Attack = {
      row: 'I48',
      what: 'twice',
      path: '/api/iot/vitals/',
      as: 'device',
      body: reading,
      status: 201,
    };
    const first = await siege.send(post);
    const second = await siege.send(post);

    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body.vital_sign_id).toBe(first.body.vital_sign_id);
  });

  it('the server is the same one, in the memory it was given', () => {
    const peak = siege.peakMemory();

    if (peak !== undefined) expect(peak).toBeLessThan(450);
  });

  it('nothing that was sent is in its output, and no prototype has grown', async () => {
    const { code, output, isClean } = await siege.end();

    expect(code).toBe(0);
    expect(output.split('\n').filter((line) => line.includes(CANARY))).toEqual([]);
    expect(isClean).toBe(true);
  });
});

afterAll(async () => {
  await siege?.end();
});
