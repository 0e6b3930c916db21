/** A stored ObservationDefinition, tried on an engine: on two servers where it lets them. https://hl7.org/fhir/R4/observationdefinition.html */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse, together } from '../support/house.ts';
import { testStore } from '../support/test-store.ts';

const canonical = 'https://example.org/fhir';
const UCUM = 'http://unitsofmeasure.org';
const limit = (value: number, code: string) => ({ value, unit: code, system: UCUM, code });

const definition = (
  id: string,
  low: number,
  high: number,
  more: any = {},
  { loinc = '8867-4', unit = '/min' } = {},
) => ({
  resourceType: 'ObservationDefinition',
  id,
  code: { coding: [{ system: 'http://loinc.org', code: loinc }] },
  identifier: [{ system: `${canonical}/sid/vital`, value: 'heart-rate' }],
  preferredReportName: 'Heart rate',
  quantitativeDetails: { unit: { coding: [{ system: UCUM, code: unit }] } },
  qualifiedInterval: [{ category: 'reference', range: { low: limit(low, unit), high: limit(high, unit) } }],
  ...more,
});
const limitsFor = (reference: string) => ({
  extension: [{ url: `${canonical}/StructureDefinition/limits-for`, valueReference: { reference } }],
});

export function storedLimitsOn(engine: 'sqlite' | 'mongodb'): void {
  describe(`A stored ObservationDefinition, on ${engine}`, () => {
    // Two servers of one database, where the engine lets them.
    let house: TestHouse;
    let other: TestHouse;
    let drop: () => Promise<void>;
    beforeAll(async () => {
      const { drop: dropStore, ...settings } = await testStore(engine);
      drop = dropStore;
      house = await openHouse(settings);
      other = engine === 'mongodb' ? await openHouse(settings) : house;
    }, 60_000);
    afterAll(async () => {
      if (other !== house) await other.stop();
      await house.stop();
      await drop();
    });

    let count = 0;
    async function patient(more: object = {}): Promise<string> {
      const id = `l${++count}`;
      await house.update({ resourceType: 'Patient', id, ...more });
      return id;
    }
    const reading = (id: string, value: number) => ({
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
      subject: { reference: `Patient/${id}` },
      effectiveDateTime: new Date().toISOString(),
      valueQuantity: limit(value, '/min'),
    });
    /** How many Flags there are of somebody new, one reading later. */
    async function flagsAfter(value: number, at = other, id?: string): Promise<number> {
      const who = id ?? (await patient());
      const { status, text } = await at.create(reading(who, value));
      if (status !== 201) throw new Error(text);
      return (await house.search(`Flag?patient=${who}`)).length;
    }

    it('goes before the shipped one at the next reading on every server, and no longer when it is deleted', async () => {
      expect(await flagsAfter(110)).toBe(1);
      expect((await house.update(definition('mine', 50, 120))).status).toBe(201);
      expect([await flagsAfter(110), await flagsAfter(55), await flagsAfter(121)]).toEqual([0, 0, 1]);
      await house.update(definition('mine', 50, 100));
      expect(await flagsAfter(110)).toBe(1);
      await other.remove('ObservationDefinition/mine');
      expect([await flagsAfter(110, house), await flagsAfter(55, house)]).toEqual([1, 1]);
    });

    it('of one patient goes before that for everybody, for that patient alone', async () => {
      const athlete = await patient();
      await house.update(definition('everybody', 55, 110));
      await house.update(definition('athlete', 40, 90, limitsFor(`Patient/${athlete}`)));
      expect([await flagsAfter(45, other, athlete), await flagsAfter(45)]).toEqual([0, 1]);
      expect([await flagsAfter(105, other, athlete), await flagsAfter(105)]).toEqual([1, 0]);
      await house.remove('ObservationDefinition/everybody');
      await house.remove('ObservationDefinition/athlete');
    });

    it('says what it says: critical low rates and the limits of children stay, after the very example of the docs', async () => {
      const page = readFileSync(new URL('../../docs/alerts.md', import.meta.url), 'utf8');
      const example = JSON.parse(/ObservationDefinition\/resting-heart-rate[\s\S]*? -d '([^']+)'/.exec(page)![1]!);
      const born = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
      const told = async (value: number, birthDate: string) => {
        const id = await patient({ birthDate });
        await house.create(reading(id, value));
        const [flag] = await house.search(`Flag?patient=${id}`);
        return flag?.extension[0].valueCodeableConcept.coding[0].code ?? 'none';
      };
      const asked: readonly (readonly [value: number, days: number])[] = [
        ...[25, 40, 41, 49, 50, 110, 111, 139, 140].map((value) => [value, 16_000] as const),
        [55, 19],
        [139, 100],
        [55, 1_200],
      ];
      const all = () => Promise.all(asked.map(([value, days]) => told(value, born(days))));

      expect((await house.update(example)).status).toBe(201);
      expect((await all()).join(' ')).toBe('PH PH PM PM none none PM PM PH PH none PH');
      await house.remove(`ObservationDefinition/${example.id}`);
      expect((await all()).join(' ')).toBe('PH PH PM PM PM PM PM PH PH PH none PH');
    });

    it('of one patient holds for that patient at whatever age, and for children of the house where it says so', async () => {
      const child = await patient({ birthDate: new Date(Date.now() - 1_200 * 86_400_000).toISOString().slice(0, 10) });
      await house.update(definition('of-a-child', 40, 200, limitsFor(`Patient/${child}`)));
      expect(await flagsAfter(65, other, child)).toBe(0);
      await house.remove('ObservationDefinition/of-a-child');

      const all = { ...definition('of-all', 40, 200).qualifiedInterval[0], age: { low: limit(0, 'a') } };
      await house.update(definition('of-all', 40, 200, { qualifiedInterval: [all] }));
      expect(await flagsAfter(65, other, child)).toBe(0);
      await house.remove('ObservationDefinition/of-all');
      expect(await flagsAfter(65, other, child)).toBe(1);
    });

    it('of two for the same the one that was written last goes before the other', async () => {
      const write = async (id: string, high: number) => {
        expect((await house.update(definition(id, 50, high))).status).toBeLessThan(300);
        await new Promise((done) => setTimeout(done, 3));
      };
      await write('y', 110);
      await write('z', 150);
      expect(await flagsAfter(125)).toBe(0);
      await write('y', 110);
      expect(await flagsAfter(125)).toBe(1);
      await write('a', 150);
      expect(await flagsAfter(125)).toBe(0);
      for (const id of ['a', 'y', 'z']) await house.remove(`ObservationDefinition/${id}`);
    });

    it('counts for what follows it in the transaction that brings it', async () => {
      const id = await patient();
      const entry = (resource: any, method: string, url: string) => ({ resource, request: { method, url } });
      const { status } = await house.transaction([
        entry(definition('together', 40, 200), 'PUT', 'ObservationDefinition/together'),
        entry({ ...reading(id, 150), id: `o-${id}` }, 'PUT', `Observation/o-${id}`),
      ]);
      expect(status).toBe(200);
      expect(await house.search(`Flag?patient=${id}`)).toEqual([]);
      await house.remove('ObservationDefinition/together');
    });

    it('or none leaves one Flag and one Task for thirty readings at once on both servers', async () => {
      const id = await patient();
      const create = async (i: number): Promise<number> => {
        const { status } = await (i % 2 ? house : other).create(reading(id, i % 3 ? 120 : 150));
        // Whoever was overtaken for five seconds is asked to send it again.
        return status === 503 ? create(i) : status;
      };
      const statuses = await together(30, create);

      expect(statuses.filter((status) => status !== 201)).toEqual([]);
      expect(await house.search(`Flag?patient=${id}`)).toHaveLength(1);
      expect(await house.search(`Task?patient=${id}`)).toMatchObject([{ status: 'requested', priority: 'stat' }]);
    });

    it('that nobody could tell limits from is refused with what is wrong', async () => {
      const refused = async (resource: any) => {
        const { status, body } = await house.update(resource);
        return [status, body.issue[0].diagnostics ?? body.issue[0].details?.text];
      };
      expect(
        await refused(
          definition('mixed', 60, 100, {
            quantitativeDetails: { unit: { coding: [{ system: UCUM, code: '{beats}/min' }] } },
          }),
        ),
      ).toEqual([422, expect.stringContaining('an alert limit in /min stands in a table in {beats}/min')]);
      const bare = definition('bare', 1, 2, { qualifiedInterval: undefined });
      expect(await refused(bare)).toEqual([422, expect.stringContaining('alert limits take a code, a unit')]);
      expect(
        await refused(definition('nobody', 1, 2, limitsFor('https://elsewhere.example.org/fhir/Patient/1'))),
      ).toEqual([422, expect.stringContaining('limits are for a Patient')]);
      const id = await patient();
      const [known] = limitsFor(`Patient/${id}`).extension;
      expect(await refused(definition('two', 50, 100, { extension: [known, known] }))).toEqual([
        422,
        expect.stringContaining('limits are for one Patient'),
      ]);
      expect(await refused(definition('unknown', 50, 100, limitsFor('Patient/nobody')))).toEqual([
        422,
        expect.stringContaining('Patient/nobody, whom limits are for, is not here'),
      ]);
      const critical = (range: object, more: object = {}) => ({
        qualifiedInterval: [...definition('x', 60, 100).qualifiedInterval, { category: 'critical', range, ...more }],
      });
      for (const within of [{ low: limit(70, '/min') }, { high: limit(61, '/min') }])
        expect(await refused(definition('within', 60, 100, critical(within)))).toEqual([
          422,
          expect.stringContaining('what is critical reaches into what is normal'),
        ]);
      for (const [i, right] of [
        critical({ low: limit(100, '/min') }),
        critical({ high: limit(60, '/min') }),
        critical({ low: limit(70, '/min') }, { gender: 'female' }),
      ].entries())
        expect((await house.update(definition(`right-${i}`, 60, 100, right))).status).toBe(201);
      for (const i of [0, 1, 2]) await house.remove(`ObservationDefinition/right-${i}`);
      expect(await flagsAfter(110)).toBe(1);
    });

    it('is taken where it is one that is shipped', async () => {
      const folder = new URL('../../profiles/', import.meta.url);
      const shipped = readdirSync(folder).filter((name) => name.startsWith('ObservationDefinition-'));
      const entry = shipped.map((name) => {
        const resource = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
        return { resource, request: { method: 'PUT', url: `ObservationDefinition/${resource.id}` } };
      });
      const { status, text } = await house.transaction(entry);
      expect([status, status === 200 ? '' : text]).toEqual([200, '']);
      await house.transaction(entry.map(({ request: { url } }) => ({ request: { method: 'DELETE', url } })));
    });

    it('without limits of alerts is a resource like any other', async () => {
      const { identifier: _identifier, qualifiedInterval: _interval, ...plain } = definition('plain', 1, 2);
      expect((await house.update(plain)).status).toBe(201);
      expect(await flagsAfter(70)).toBe(0);
    });
  });
}
