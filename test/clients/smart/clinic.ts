/** A server with a doctor, her patient's heart rates and another patient: what stranger's clients are tried on. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type AuthorizationHouse, openAuthorizationHouse } from '../../smart/authorization/authorization-house.ts';
import type { HouseOptions } from '../../support/house.ts';

export interface Clinic extends AuthorizationHouse {
  /** Values of the heart rates of the doctor's patient. */
  readonly rates: readonly number[];
  /** FHIR base. */
  readonly base: string;
}

export const heartRate = (patient: string, value: number) => ({
  resourceType: 'Observation' as const,
  status: 'final' as const,
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: '2026-11-28T10:00:00Z',
  valueQuantity: { value, unit: 'beats/minute', system: 'http://unitsofmeasure.org', code: '/min' },
});

export async function openClinic(options: HouseOptions = {}): Promise<Clinic> {
  const house = await openAuthorizationHouse(options);
  const rates = [61, 72, 83];
  const stranger = await house.create({ resourceType: 'Patient', name: [{ family: 'Stranger' }] });
  const readings = [
    ...rates.map((value) => heartRate(house.patientId, value)),
    ...[140, 150].map((value) => heartRate(stranger.body.id, value)),
  ];
  for (const reading of readings) {
    const { status, text } = await house.create(reading);
    if (status !== 201) throw new Error(text);
  }
  return { ...house, rates, base: `${house.url}/fhir` };
}

/** A key pair as a client has it, both halves as JWK. */
export function keyPair(alg: 'RS384' | 'ES384') {
  const { publicKey, privateKey } = (
    alg === 'RS384'
      ? generateKeyPairSync('rsa', { modulusLength: 2_048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-384' })
  ) as { publicKey: KeyObject; privateKey: KeyObject };
  const named = { kid: `of-${alg}`, alg };
  return {
    kid: named.kid,
    privateKey,
    privateJwk: { ...privateKey.export({ format: 'jwk' }), ...named },
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), ...named, use: 'sig' }] },
  };
}

/** Metadata of a client that comes by itself with a key. */
export const service = (jwks: object, scope: string) => ({
  client_name: 'A service',
  grant_types: ['client_credentials'],
  redirect_uris: undefined,
  token_endpoint_auth_method: 'private_key_jwt',
  jwks,
  scope,
});

/** Metadata of a client that comes by itself with a secret. */
export const secretService = (scope: string) => ({
  client_name: 'A service',
  grant_types: ['client_credentials'],
  redirect_uris: undefined,
  token_endpoint_auth_method: 'client_secret_basic',
  scope,
});
