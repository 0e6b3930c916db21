/** From an access token to what it grants: the token, its grant, its client and its user must all be good now. https://www.rfc-editor.org/rfc/rfc6750 */
import type { Runtime } from '../../runtime.ts';
import type { Store } from '../../store/store.ts';
import { type Client, kinds as clientKinds, isOn } from '../clients/client.ts';
import type { Grant } from '../grant.ts';
import { mayBeFor, purposeOf } from '../purposes.ts';
import { createRemembered } from '../remembered.ts';
import { isWithin, stillPermitted } from '../scopes/granted.ts';
import { scopesOf, wordsOf } from '../scopes/words.ts';
import { isStillOpen } from '../users/sessions.ts';
import { lookUp, type User } from '../users/user.ts';
import { boundTo, contextOf, type LaunchContext } from './context.ts';
import { grantKeyOf } from './grants.ts';
import { keyOfId, kinds } from './kinds.ts';

/** What a token stands on, as something can be kept that acts in its name later. */
export interface Standing {
  readonly client: string;
  /** Words as granted. */
  readonly scopes: string;
  /** Key of the grant; left out for a client that acts for itself. */
  readonly grant?: string;
  readonly context?: LaunchContext;
  readonly token: string;
}

/** Why a token opens nothing: for the audit row, never for the answer. */
export interface Refused {
  readonly refused: string;
}

/** An access token as it is stored; times in seconds since 1970. */
export interface StoredToken {
  readonly kind: 'AccessToken' | 'ClientCredentials' | 'RefreshToken';
  readonly clientId: string;
  readonly accountId?: string;
  readonly grantId?: string;
  readonly aud?: string;
  readonly scope?: string;
  readonly exp: number;
  readonly iat: number;
  readonly consumed?: number;
  readonly extra?: LaunchContext;
}

export interface Verified {
  readonly grant: Grant;
  readonly standing: Standing;
  readonly stored: StoredToken;
  /** Words that it is good for now. */
  readonly scope: string;
}

export interface Tokens {
  /** At most five seconds old. */
  verify(token: string): Promise<Verified | Refused>;
  /** As the store has it at this moment: undefined once the grant, the client or the user is off, or the grant was narrowed. */
  stillGranted(standing: Standing): Promise<Grant | undefined>;
  /** The token as it is stored, whatever became of its grant. */
  find(token: string): Promise<StoredToken | undefined>;
  forget(): void;
}

const MOST = 50_000;
/** As oidc-provider makes them: 256 random bits. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

export const isAccessToken = (text: string): boolean => TOKEN.test(text);

export function createTokens(store: Store, runtime: Runtime, base: string): Tokens {
  const remembered = createRemembered<Verified | Refused>(runtime, MOST);

  async function find(token: string): Promise<StoredToken | undefined> {
    if (!TOKEN.test(token)) return undefined;
    const key = keyOfId(token);
    const models = ['AccessToken', 'ClientCredentials', 'RefreshToken'] as const;
    const found = await Promise.all(models.map((model) => store.get(kinds.model(model), [key])));
    const at = found.findIndex(([kept]) => kept !== undefined);
    return at < 0 ? undefined : { ...found[at]![0]!.value, kind: models[at]! };
  }

  /** The grant that a standing has now and its words, or why it has none. */
  async function resolve({
    client: clientId,
    grant: grantKey,
    context,
    scopes,
    token,
  }: Standing): Promise<Pick<Verified, 'grant' | 'scope'> | Refused> {
    const bound = context && boundTo(context);
    const [[keptClient], keptGrant, kept, isIn] = await Promise.all([
      store.get(clientKinds.client, [clientId]),
      grantKey === undefined ? undefined : store.get(kinds.model('Grant'), [grantKey]),
      context === undefined ? undefined : lookUp(store, context.user),
      bound === undefined || isStillOpen(store, bound),
    ]);
    const client: Client | undefined = keptClient?.value;
    if (!client || !isOn(client)) return { refused: 'client unknown or disabled' };
    if (grantKey !== undefined) {
      const grant = keptGrant![0]?.value;
      if (!grant || grant.clientId !== clientId) return { refused: 'grant revoked' };
      const now: string = grant.resources?.[base] ?? '';
      if (!wordsOf(scopes).every((word) => wordsOf(now).includes(word))) return { refused: 'grant narrowed' };
      const user: User | undefined = kept?.user;
      if (!user || user.disabled !== undefined) return { refused: 'user unknown or disabled' };
      if (user.epoch !== context!.epoch) return { refused: 'user signed out everywhere' };
      if (!isIn) return { refused: 'user signed out' };
      const named = context!.purposeOfUse;
      if (named !== undefined && !mayBeFor(client, named)) return { refused: 'purpose of use registered no more' };
      const scope = stillPermitted(scopes, client.metadata.scope);
      const ofUser: Grant = {
        who: user.fhirUser,
        client: clientId,
        user: user.login,
        roles: user.roles,
        scopes: scopesOf(scope),
        patient: context!.patient,
        encounter: context!.encounter,
        purposeOfUse: purposeOf(client, user.roles, named),
        id: grantKey,
        token,
      };
      return { grant: ofUser, scope };
    }
    // What it is registered for may have become less since.
    if (!isWithin(scopes, client.metadata.scope)) return { refused: 'registration narrowed' };
    const own = {
      who: `Client/${clientId}`,
      client: clientId,
      roles: client.roles,
      scopes: scopesOf(scopes),
      purposeOfUse: purposeOf(client, client.roles),
      token,
    };
    return { grant: own, scope: scopes };
  }

  async function verified(token: string): Promise<Verified | Refused> {
    const stored = await find(token);
    if (!stored || stored.kind === 'RefreshToken') return { refused: 'token unknown or expired' };
    if (stored.exp * 1_000 <= runtime.now()) return { refused: 'token expired' };
    if (stored.aud !== base) return { refused: 'token of another audience' };
    const standing: Standing = {
      client: stored.clientId,
      scopes: stored.scope ?? '',
      ...(stored.grantId !== undefined && {
        grant: grantKeyOf(stored.grantId),
        context: contextOf({ rar: [stored.extra ?? {}] }),
      }),
      token: keyOfId(token).slice(-32),
    };
    if (standing.grant !== undefined && standing.context === undefined) return { refused: 'token without a user' };
    const resolved = await resolve(standing);
    return 'refused' in resolved ? resolved : { ...resolved, standing, stored };
  }

  return {
    async verify(token) {
      if (!TOKEN.test(token)) return { refused: 'token malformed' };
      const known = await remembered.get(token, () => verified(token));
      if ('refused' in known || known.stored.exp * 1_000 > runtime.now()) return known;
      return { refused: 'token expired' };
    },
    async stillGranted(standing) {
      const resolved = await resolve(standing);
      return 'refused' in resolved ? undefined : resolved.grant;
    },
    find,
    forget: remembered.forget,
  };
}
