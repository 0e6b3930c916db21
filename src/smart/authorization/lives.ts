/** How long tokens and grants live, in seconds, by what kind of client has them. docs/configuration.md */
import type { Config } from '../../config.ts';
import type { Client } from '../clients/client.ts';

export type LifeSettings = Pick<
  Config,
  'tokenSeconds' | 'backendTokenSeconds' | 'deviceTokenSeconds' | 'refreshDays' | 'offlineDays'
>;

export const CODE = 60;
export const ID_TOKEN = 3_600;
const DAY = 86_400;

export function tokenLife(client: Client, settings: LifeSettings): number {
  if (client.class === 'device') return settings.deviceTokenSeconds;
  return client.class === 'backend' ? settings.backendTokenSeconds : settings.tokenSeconds;
}

/** From the consent to the last token that can come of it, however often it is refreshed. */
export function grantLife(scopes: readonly string[], client: Client, settings: LifeSettings): number {
  if (client.metadata.grant_types.includes('refresh_token')) {
    if (scopes.includes('offline_access')) return settings.offlineDays * DAY;
    if (scopes.includes('online_access')) return settings.refreshDays * DAY;
  }
  return CODE + tokenLife(client, settings);
}
