/** Role x interaction x resource type: what each policy says, read here by other words than the server's, and what is answered. */
import { readdirSync, readFileSync } from 'node:fs';
import { compartmentParameters } from '../../../src/fhir/compartments.ts';
import { declared } from '../../../src/publish/capability.ts';
import { parametersOf } from '../../../src/search/parameters.ts';
import type { AccessHouse } from '../../support/access-house.ts';

const folder = new URL('../../../capability/access/', import.meta.url);

/** The rules as they are written, by role. */
export const written: ReadonlyMap<string, readonly any[]> = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')))
    .map(({ role, rules }) => [role, rules]),
);

/** The request that tells whether an interaction is permitted at all, whatever there is. */
const probes: Readonly<Record<string, { right: string; method: string; path: (type: string) => string; body?: true }>> =
  {
    read: { right: 'r', method: 'GET', path: (type) => `/${type}/nothing` },
    vread: { right: 'r', method: 'GET', path: (type) => `/${type}/nothing/_history/1` },
    'history-instance': { right: 'r', method: 'GET', path: (type) => `/${type}/nothing/_history` },
    'search-type': { right: 's', method: 'GET', path: (type) => `/${type}?_count=1` },
    create: { right: 'c', method: 'POST', path: (type) => `/${type}`, body: true },
    update: { right: 'u', method: 'PUT', path: (type) => `/${type}/nothing`, body: true },
    delete: { right: 'd', method: 'DELETE', path: (type) => `/${type}/nothing` },
  };
export const interactions: readonly string[] = Object.keys(probes);

/** Whether a patient stands behind resources of the type, so that they can be somebody's. */
const isOfPatient = (type: string): boolean =>
  compartmentParameters('Patient', type) !== undefined || parametersOf(type).get('patient')?.type === 'reference';

function isIn(rule: any, type: string): boolean {
  const types: readonly string[] = rule.types ?? [rule.search.split('?')[0]];
  if (!types.includes(type) && !(types.includes('*') && !(rule.except ?? []).includes(type))) return false;
  if (rule.within === 'organization') return type === 'Organization' || isOfPatient(type);
  return rule.within === undefined || isOfPatient(type);
}

/** What the policy says of a user with the role, all scopes, no purpose and no device's permission. */
export const says = (role: string, interaction: string, type: string): boolean =>
  written
    .get(role)!
    .some(
      (rule) =>
        rule.rights.includes(probes[interaction]!.right) &&
        rule.purposeOfUse === undefined &&
        rule.permission === undefined &&
        isIn(rule, type),
    );

/** What is wrong with the answer; undefined where nothing is. */
export async function fault(
  house: AccessHouse,
  role: string,
  interaction: string,
  type: string,
): Promise<string | undefined> {
  const { method, path, body } = probes[interaction]!;
  const at = `${role}: ${interaction} of ${type}`;
  const { status, headers, text } = await house.ask(method, path(type), {
    as: role,
    ...(body && { body: { resourceType: type, ...(method === 'PUT' && { id: 'nothing' }) } }),
  });
  if (!declared(interaction as 'read', type))
    return status === 405 ? undefined : `${at} is not offered, answered ${status}`;
  const isRefused = status === 403 && headers.get('www-authenticate')?.includes('insufficient_scope') === true;
  if (isRefused === says(role, interaction, type))
    return `${at} is ${isRefused ? 'refused' : 'permitted'} against its policy: ${status} ${text.slice(0, 200)}`;
  return undefined;
}
