/** The scopes that are single words: who the user is, the launch, how long it lasts; and those of the seed's device clients. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
import { parseScope, type Scope } from './scope.ts';

/** Who signed in, and for how long the app may come back. */
export const identityScopes: readonly string[] = ['openid', 'fhirUser', 'profile', 'offline_access', 'online_access'];

/** Which patient and encounter an app was started with, or wants chosen. */
export const launchScopes: readonly string[] = ['launch', 'launch/patient', 'launch/encounter'];

/** What device clients ask for in the words of the cardiac integration: reading, and only for a client by itself. */
export const seedScopes: Readonly<Record<string, readonly string[]>> = {
  device_data: ['system/Device.rs', 'system/DeviceMetric.rs', 'system/DeviceUseStatement.rs', 'system/Observation.rs'],
  patient_data: ['system/Patient.rs', 'system/Observation.rs'],
  alerts: ['system/DetectedIssue.rs', 'system/Flag.rs'],
};

export const isSeedScope = (word: string): boolean => Object.hasOwn(seedScopes, word);

export const wordsOf = (text: string): readonly string[] => [...new Set(text.split(' ').filter((word) => word !== ''))];

/** What kind of scope a word is; `fhir` is one by its form, whether or not it can be granted. */
export function kindOf(word: string): 'identity' | 'launch' | 'fhir' | 'seed' | 'unknown' {
  if (identityScopes.includes(word)) return 'identity';
  if (launchScopes.includes(word)) return 'launch';
  if (isSeedScope(word)) return 'seed';
  return /^(?:patient|user|system)\//.test(word) ? 'fhir' : 'unknown';
}

/** Whether a client that is registered for these is a device client of the seed, whose tokens live as long as it expects. */
export function isSeedClient(allowed: string): boolean {
  const words = wordsOf(allowed);
  return words.length > 0 && words.every(isSeedScope);
}

/** The resources that one word opens; none for one that opens no resources. */
export const meantBy = (word: string): readonly Scope[] =>
  isSeedScope(word)
    ? seedScopes[word]!.map((text) => ({ ...parseScope(text)!, text: word }))
    : [parseScope(word)].filter((scope) => scope !== undefined);

/** The resources that a token's `scope` opens, parsed: what a Grant holds. */
export const scopesOf = (text: string): readonly Scope[] => wordsOf(text).flatMap(meantBy);
