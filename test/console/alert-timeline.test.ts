/** What became of an alert, on the page of its patient: who was told over what, answers, notes, and what people did. docs/dashboard.md */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';
import { alert, openWard, store } from './cardiac-world.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
  await openWard(house);
  const [flag, issue, task] = alert('a1', 'p1') as any[];
  const note = [
    { time: '2026-01-02T03:06:00Z', text: 'Called her', authorReference: { reference: 'Practitioner/nora' } },
  ];
  const about = [{ reference: 'Flag/flag-a1' }];
  const told = (id: string, more: object) => ({
    resourceType: 'Communication',
    id,
    status: 'completed',
    about,
    ...more,
  });
  const medium = (code: string) => [{ coding: [{ code }] }];
  await store(house, [
    flag,
    issue,
    { ...task, note },
    told('c1', { sent: '2026-01-02T03:04:00Z', recipient: [{ reference: 'Patient/p1' }], medium: medium('TYPEWRIT') }),
    told('c2', {
      sent: '2026-01-02T03:05:00Z',
      sender: { reference: 'Patient/p1' },
      inResponseTo: [{ reference: 'Communication/c1' }],
      payload: [{ contentString: 'allow' }],
    }),
    told('c3', { status: 'not-done', recipient: [{ reference: 'Practitioner/nina' }], medium: medium('EMAILWRIT') }),
    { ...told('c4', {}), about: [{ reference: 'Flag/flag-b1' }] },
  ]);
});
afterAll(() => house.stop());

it('tells deliveries by channel, the answer and notes in order, who acknowledged, took back and resolved (0-112)', async () => {
  for (const deed of ['acknowledge', 'acknowledge/undo', 'resolve'])
    expect((await house.ask('POST', `/cardiac/alerts/a1/${deed}`)).status).toBe(200);
  const { body } = await house.ask('GET', '/console/api/patients/p1');
  const [{ said, deeds, is_active, ended }] = body.alerts;
  expect(said.map(({ what, who, channel, text }: any) => [what, who, channel, text])).toEqual([
    ['sent', 'patient', 'sms', null],
    ['answer', 'patient', null, 'allow'],
    ['note', 'Ray, Nora', null, 'Called her'],
    ['failed', 'Lee, Nina', 'email', null],
  ]);
  expect(deeds.map(({ what, by }: any) => [what, by])).toEqual(
    ['acknowledged', 'taken-back', 'resolved'].map((what) => [what, 'Client/admin']),
  );
  expect([is_active, ended]).toEqual([false, deeds[2].at]);
});
