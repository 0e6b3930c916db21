import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MedplumClient } from '@medplum/core';
import type { Resource } from '@medplum/fhirtypes';
import { Client } from 'fhir-kit-client';
import { openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

const observation = (subject: string, value: number) => ({
  resourceType: 'Observation' as const,
  status: 'final' as const,
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: subject },
  effectiveDateTime: `2026-01-0${(value % 9) + 1}T10:00:00Z`,
  valueQuantity: { value, unit: 'beats/minute', system: 'http://unitsofmeasure.org', code: '/min' },
});

const bundle = () => ({
  resourceType: 'Bundle' as const,
  type: 'transaction' as const,
  entry: [
    {
      fullUrl: 'urn:uuid:6a0b9f4e-1f0e-4f5a-9a65-0d8a8a0a0001',
      resource: { resourceType: 'Patient' as const, active: true },
      request: { method: 'POST' as const, url: 'Patient' },
    },
    {
      resource: observation('urn:uuid:6a0b9f4e-1f0e-4f5a-9a65-0d8a8a0a0001', 70),
      request: { method: 'POST' as const, url: 'Observation' },
    },
  ],
});

describe('fhir-kit-client', () => {
  it('creates, reads, updates, searches, pages, runs a transaction and deletes', async () => {
    const client = new Client({ baseUrl: `${house.url}/fhir`, bearerToken: house.adminToken });
    const created: any = await client.create({
      resourceType: 'Patient',
      body: { resourceType: 'Patient', birthDate: '1950-01-02' } as any,
    });
    expect((await client.read({ resourceType: 'Patient', id: created.id })).birthDate).toBe('1950-01-02');
    const updated: any = await client.update({
      resourceType: 'Patient',
      id: created.id,
      body: { ...created, birthDate: '1951-01-02' },
    });
    expect(updated.meta.versionId).toBe('2');
    expect((await client.vread({ resourceType: 'Patient', id: created.id, version: '1' })).birthDate).toBe(
      '1950-01-02',
    );
    for (let i = 0; i < 5; i++)
      await client.create({ resourceType: 'Observation', body: observation(`Patient/${created.id}`, i) as any });
    const first: any = await client.search({
      resourceType: 'Observation',
      searchParams: { subject: `Patient/${created.id}`, _count: 2 },
    });
    const second: any = await client.nextPage({ bundle: first });
    const third: any = await client.nextPage({ bundle: second });
    const ids = [first, second, third].flatMap((page: any) => page.entry.map((entry: any) => entry.resource.id));
    expect([ids.length, new Set(ids).size]).toEqual([5, 5]);
    const answered: any = await client.transaction({ body: bundle() as any });
    expect(answered.entry.map((entry: any) => entry.response.status)).toEqual(['201 Created', '201 Created']);
    await client.delete({ resourceType: 'Patient', id: created.id });
    await expect(client.read({ resourceType: 'Patient', id: created.id })).rejects.toMatchObject({
      response: { status: 410 },
    });
    expect((await client.capabilityStatement()).resourceType).toBe('CapabilityStatement');
  });
});

describe('MedplumClient', () => {
  it('creates, reads, updates, searches, pages, runs a transaction and deletes', async () => {
    const client = new MedplumClient({
      baseUrl: house.url,
      fhirUrlPath: 'fhir',
      fetch,
      cacheTime: 0,
      autoBatchTime: 0,
      accessToken: house.adminToken,
    });
    const created = await client.createResource({ resourceType: 'Patient', birthDate: '1950-01-02' });
    expect((await client.readResource('Patient', created.id!)).birthDate).toBe('1950-01-02');
    const updated = await client.updateResource({ ...created, birthDate: '1951-01-02' });
    expect((updated as Resource).meta!.versionId).toBe('2');
    expect((await client.readVersion('Patient', created.id!, '1')).birthDate).toBe('1950-01-02');
    expect((await client.readHistory('Patient', created.id!)).entry).toHaveLength(2);
    for (let i = 0; i < 5; i++) await client.createResource(observation(`Patient/${created.id}`, i));
    const ids: string[] = [];
    for await (const page of client.searchResourcePages('Observation', `subject=Patient/${created.id}&_count=2`))
      ids.push(...page.map(({ id }) => id!));
    expect([ids.length, new Set(ids).size]).toEqual([5, 5]);
    const once = await client.createResourceIfNoneExist(
      { resourceType: 'Patient', identifier: [{ system: 'urn:m', value: '1' }] },
      'identifier=urn:m|1',
    );
    expect(
      (
        await client.createResourceIfNoneExist(
          { resourceType: 'Patient', identifier: [{ system: 'urn:m', value: '1' }] },
          'identifier=urn:m|1',
        )
      ).id,
    ).toBe(once.id);
    const answered = await client.executeBatch(bundle());
    expect(answered.entry!.map((entry) => entry.response!.status)).toEqual(['201 Created', '201 Created']);
    await client.deleteResource('Patient', created.id!);
    await expect(client.readResource('Patient', created.id!)).rejects.toThrow();
  });
});
