/** What a token is good for, told to who has it, and its end. https://www.rfc-editor.org/rfc/rfc7662 https://www.rfc-editor.org/rfc/rfc7009 */
import { appended } from '../../audit/trail.ts';
import type { AuditRow, Store } from '../../store/store.ts';
import { isStillOpen } from '../users/sessions.ts';
import { boundTo, contextOf } from './context.ts';
import { grantKeyOf, revokeGrant } from './grants.ts';
import { keyOfId, kinds } from './kinds.ts';
import type { Tokens } from './tokens.ts';

/** Of another client, ended, or no token at all: nobody learns which. */
const inactive = { active: false } as const;

/** For the client that it was given to, or the administrator (`client` left out). */
export async function introspect(
  { store, tokens, url, base }: { store: Pick<Store, 'get'>; tokens: Tokens; url: string; base: string },
  token: string,
  client: string | undefined,
): Promise<object> {
  const stored = await tokens.find(token);
  if (!stored || (client !== undefined && stored.clientId !== client)) return inactive;
  if (stored.kind === 'RefreshToken') {
    const [grant] = await store.get(kinds.model('Grant'), [grantKeyOf(stored.grantId!)]);
    if (!grant || stored.consumed !== undefined) return inactive;
    const context = contextOf(grant.value);
    const bound = context && boundTo(context);
    if (bound !== undefined && !(await isStillOpen(store, bound))) return inactive;
    const { clientId: client_id, scope, accountId: sub, iat, exp } = stored;
    return { active: true, client_id, scope, sub, iat, exp, iss: url };
  }
  const verified = await tokens.verify(token);
  if ('refused' in verified) return inactive;
  const { grant, scope } = verified;
  return {
    active: true,
    client_id: stored.clientId,
    scope,
    sub: grant.user ?? stored.clientId,
    ...(grant.user !== undefined && { username: grant.user, fhirUser: `${base}/${grant.who}` }),
    ...(grant.patient !== undefined && { patient: grant.patient }),
    ...(grant.encounter !== undefined && { encounter: grant.encounter }),
    iat: stored.iat,
    exp: stored.exp,
    iss: url,
    aud: stored.aud,
    token_type: 'Bearer',
  };
}

/** Ends a token and, where a user granted it, all that came of the same grant. False, and nothing is done, where it is not this client's. */
export async function revokeToken(
  { store, tokens }: { store: Store; tokens: Tokens },
  token: string,
  client: string,
  rows: readonly AuditRow[],
): Promise<boolean> {
  const stored = await tokens.find(token);
  if (stored?.clientId !== client) return false;
  if (stored.grantId !== undefined) await revokeGrant(store, grantKeyOf(stored.grantId), rows);
  else await store.commit([{ op: 'drop', kind: kinds.model(stored.kind), key: keyOfId(token) }, ...rows.map(appended)]);
  tokens.forget();
  return true;
}
