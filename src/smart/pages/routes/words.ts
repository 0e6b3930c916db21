/** What people are told of a patient, an encounter, an address and a scope on the pages of an app and on those of their account. */
import { mayChange, plain } from '../../scopes/plain.ts';
import { kindOf } from '../../scopes/words.ts';
import type { EncounterRow, PatientRow } from '../choose.ts';
import type { AskedScope } from '../consent.ts';

export const patientWords = ({ name, birthDate }: PatientRow): string =>
  [name === '' ? 'No name' : name, birthDate !== '' && `born ${birthDate}`].filter(Boolean).join(', ');

export const encounterWords = ({ kind, period }: EncounterRow): string =>
  [kind === '' ? 'Encounter' : kind, period].filter((part) => part !== '').join(', ');

/** The scheme of an app on this device, such as `com.example.app:`; undefined for an address of the web. */
export const schemeOf = (redirectUri: string): string | undefined =>
  /^https?:/.test(redirectUri) ? undefined : new URL(redirectUri).protocol;

/** What a person knows an address by. */
export const placeOf = (redirectUri: string): string => schemeOf(redirectUri) ?? new URL(redirectUri).origin;

export function shownScope(scope: string, offlineDays: number): AskedScope {
  if (scope === 'offline_access') {
    return { scope, words: `Keep this access for ${offlineDays} days, also when you are not there.`, kind: 'lasting' };
  }
  const kind =
    scope === 'online_access'
      ? 'lasting'
      : kindOf(scope) === 'identity'
        ? 'identity'
        : mayChange(scope)
          ? 'write'
          : 'read';
  return { scope, words: plain(scope), kind };
}
