/** Those who may do and see everything, or nothing; whatever is between is in policies/. docs/security.md */
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

/** What a device's key may be made for; capability/access/device.json says what that opens. */
export const devicePermissions = ['can_write_vitals', 'can_read_patient'] as const;
export type DevicePermission = (typeof devicePermissions)[number];
