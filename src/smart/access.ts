/** Who may do and see what: the administrator, a device with its key, nobody. SMART scopes join here. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
import { type Resource, type ResourceKey, referenceTo } from '../fhir/references.ts';
import type { Access, Caller } from '../interactions/interaction.ts';
import { none } from '../search/query.ts';

/** Every right on everything: the administrator and the server's own work. */
export const fullAccess: Access = {
  unrestricted: true,
  permits: () => true,
  finds: () => undefined,
  sees: () => true,
  shows: (text) => text,
  mayWrite: () => true,
};

/** No right but to read what the server is. */
export const noAccess: Access = {
  unrestricted: false,
  permits: (interaction) => interaction === 'capabilities',
  finds: () => none,
  sees: () => false,
  shows: (text) => text,
  mayWrite: () => false,
};

export const anonymous: Caller = { who: 'anonymous', access: noAccess };
export const administrator: Caller = { who: 'Client/admin', access: fullAccess };
/** The server itself, for work that no request asked for. */
export const system = (name: string): Caller => ({ who: `System/${name}`, access: fullAccess });

/** Of those who own something kept and came without a token of ours: the administrator alone. */
export const accessOf = (who: string): Access => (who === 'Client/admin' ? fullAccess : noAccess);

export const devicePermissions = ['can_write_vitals', 'can_read_patient'] as const;
export type DevicePermission = (typeof devicePermissions)[number];

/**
 * What a device's key opens under /fhir: `can_write_vitals` writes Observations of its own about the patient it is assigned
 * to; `can_read_patient` reads that Patient. Nothing else.
 */
export function deviceAccess(
  device: ResourceKey,
  patient: ResourceKey | undefined,
  permissions: readonly DevicePermission[],
): Access {
  const writes = permissions.includes('can_write_vitals');
  const reads = permissions.includes('can_read_patient') && patient !== undefined;
  const isOwn = (resource: Resource) =>
    resource.resourceType === 'Observation' &&
    resource.device?.reference === referenceTo(device) &&
    [patient && referenceTo(patient), referenceTo(device)].includes(resource.subject?.reference);
  return {
    unrestricted: false,
    permits: (interaction, type) => {
      if (interaction === 'capabilities') return true;
      if (interaction === 'batch' || interaction === 'transaction') return writes || reads;
      if (interaction === 'create' || interaction === 'update') return writes && type === 'Observation';
      if (interaction === 'read' || interaction === 'search-type') return reads && type === 'Patient';
      return false;
    },
    finds: (type) => (reads && type === 'Patient' ? { is: 'id', ids: [patient.id] } : none),
    sees: (resource) => reads && resource.resourceType === 'Patient' && resource.id === patient.id,
    shows: (text) => text,
    // A new resource with an id of the device's choosing could take the place of a reading that another device will send.
    mayWrite: (before, after) =>
      writes && after !== undefined && isOwn(after) && (before === undefined ? after.id === undefined : isOwn(before)),
  };
}
