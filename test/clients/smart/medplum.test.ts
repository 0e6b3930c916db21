/** MedplumClient, as published: told where things are and given a secret, it logs in by itself. For a user, in a browser: medplum.long.test.ts. https://www.medplum.com/docs/sdk/core.medplumclient */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ClientStorage, MedplumClient, type MedplumClientOptions, MemoryStorage } from '@medplum/core';
import { type Clinic, heartRate, openClinic, secretService } from './clinic.ts';

let clinic: Clinic;
beforeAll(async () => {
  clinic = await openClinic();
});
afterAll(() => clinic.stop());

const opened = (more: MedplumClientOptions) =>
  new MedplumClient({
    baseUrl: clinic.url,
    fhirUrlPath: 'fhir',
    tokenUrl: 'oauth/token',
    fetch,
    storage: new ClientStorage(new MemoryStorage()),
    ...more,
  });

describe('MedplumClient', () => {
  it.each(['body', 'header'] as const)(
    'logs in with its secret (in the %s), searches and creates',
    async (authCredentialsMethod) => {
      const { clientId, secret } = await clinic.register(secretService('system/Patient.rs system/Observation.crs'));
      const client = opened({ authCredentialsMethod });
      await client.startClientLogin(clientId, secret!);

      const patients = await client.searchResources('Patient', 'family=Chalmers');
      expect(patients.map(({ id }) => id)).toEqual([clinic.patientId]);
      const created = await client.createResource(heartRate(clinic.patientId, 65));
      expect((await client.readResource('Observation', created.id!)).valueQuantity?.value).toBe(65);
      await expect(client.searchResources('Practitioner')).rejects.toThrow('not permitted');
    },
  );

  it('whose token was revoked logs in anew by itself', async () => {
    const { clientId, secret } = await clinic.register(secretService('system/Patient.rs'));
    const client = opened({});
    await client.startClientLogin(clientId, secret!);
    const before = client.getAccessToken()!;
    const revoked = await fetch(`${clinic.url}/oauth/revoke`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ token: before }),
    });
    expect(revoked.status).toBe(200);

    expect((await client.readResource('Patient', clinic.patientId)).id).toBe(clinic.patientId);
    expect(client.getAccessToken()).not.toBe(before);
  });

  it('with a wrong secret is refused', async () => {
    const { clientId } = await clinic.register(secretService('system/Patient.rs'));
    await expect(opened({}).startClientLogin(clientId, 'wrong')).rejects.toThrow(/client/i);
  });
});
