/** fhir-kit-client, as published, as a backend service: finds the token URL by itself, and reads with a token that a key got. https://github.com/Vermonster/fhir-kit-client */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'fhir-kit-client';
import { SignJWT } from 'jose';
import { type Clinic, heartRate, keyPair, openClinic, service } from './clinic.ts';

let clinic: Clinic;
beforeAll(async () => {
  clinic = await openClinic();
});
afterAll(() => clinic.stop());

describe('fhir-kit-client', () => {
  it('finds where to ask in smart-configuration, and as well in the CapabilityStatement', async () => {
    const wanted = { authorizeUrl: `${clinic.url}/oauth/authorize`, tokenUrl: `${clinic.url}/oauth/token` };
    // It takes whichever answers first: behind each of these doors only one is to be had.
    for (const only of ['/fhir/.well-known/smart-configuration', '/fhir/metadata']) {
      const door = createServer(async ({ url }, response) => {
        const { text } = await clinic.ask('GET', only, undefined, { authorization: '' });
        response.writeHead(url === only ? 200 : 404, { 'content-type': 'application/fhir+json' });
        response.end(url === only ? text : '{}');
      });
      await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
      const baseUrl = `http://127.0.0.1:${(door.address() as AddressInfo).port}/fhir`;
      const found: any = await new Client({ baseUrl }).smartAuthMetadata();
      door.close();
      expect([only, found.authorizeUrl?.href, found.tokenUrl?.href]).toEqual([only, ...Object.values(wanted)]);
    }
  });

  it.each(['RS384', 'ES384'] as const)('reads, pages and writes what its key (%s) opens, and no more', async (alg) => {
    const { privateKey, jwks, kid } = keyPair(alg);
    const scope = 'system/Patient.rs system/Observation.crs';
    const { clientId } = await clinic.register(service(jwks, scope));
    const client = new Client({ baseUrl: clinic.base });
    const { tokenUrl }: any = await client.smartAuthMetadata();
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg, kid, typ: 'JWT' })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(tokenUrl.href)
      .setExpirationTime('4m')
      .sign(privateKey);
    const answered = await fetch(tokenUrl, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        scope,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      }),
    });
    const token: any = await answered.json();
    expect([answered.status, token.scope.split(' ').sort()]).toEqual([200, scope.split(' ').sort()]);
    client.bearerToken = token.access_token;

    const patient: any = await client.read({ resourceType: 'Patient', id: clinic.patientId });
    expect(patient.name[0].family).toBe('Chalmers');
    const searchParams = { subject: `Patient/${clinic.patientId}`, code: '8867-4', _count: 2 };
    const first: any = await client.search({ resourceType: 'Observation', searchParams });
    const second: any = await client.nextPage({ bundle: first });
    expect([first.entry.length, second.entry.length > 0]).toEqual([2, true]);
    const body = heartRate(clinic.patientId, 99);
    const created: any = await client.create({ resourceType: 'Observation', body: body as any });
    const read: any = await client.read({ resourceType: 'Observation', id: created.id });
    expect(read.valueQuantity.value).toBe(99);

    for (const outside of [
      () => client.search({ resourceType: 'Practitioner' }),
      () => client.delete({ resourceType: 'Observation', id: created.id }),
      () => client.update({ resourceType: 'Patient', id: clinic.patientId, body: patient }),
    ])
      await expect(outside()).rejects.toMatchObject({ response: { status: 403 } });
  });
});
