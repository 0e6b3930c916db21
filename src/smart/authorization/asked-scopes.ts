/** What an authorization request may ask for: its audience, its scopes, its launch, its state. https://hl7.org/fhir/smart-app-launch/app-launch.html#obtain-authorization-code */
import type { errors as Errors, KoaContextWithOIDC } from 'oidc-provider';
import { type Client, isConfidential } from '../clients/client.ts';
import { granted } from '../scopes/granted.ts';
import { kindOf, wordsOf } from '../scopes/words.ts';

export interface Demands {
  readonly errors: typeof Errors;
  /** FHIR base. */
  readonly base: string;
  readonly findClient: (clientId: string) => Promise<Client | undefined>;
  readonly useLaunch: (handle: string, clientId: string) => Promise<boolean>;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

export function createDemands({ errors, base, findClient, useLaunch }: Demands) {
  /** Checks the audience and leaves of the scopes only what can be granted: the answer says what was. */
  async function narrow(ctx: KoaContextWithOIDC): Promise<Client> {
    const { params, client: known, route } = ctx.oidc;
    const client = await findClient(known!.clientId);
    if (!client) throw new errors.InvalidClient('client is invalid');
    if (params!.grant_type !== undefined && params!.grant_type !== 'client_credentials') return client;
    const asked = textOf(params!.scope);
    if (route === 'authorization') demandAudience(params!.aud, asked);
    // A client that names nothing gets what it is registered for.
    const words = asked === '' && route === 'token' ? client.metadata.scope : asked;
    const by = route === 'token' ? 'client' : 'user';
    const scope = granted(words, client.metadata.scope, { by, isConfidential: isConfidential(client) });
    if (scope === '') throw new errors.InvalidScope('none of these scopes can be granted to this client', asked);
    params!.scope = scope;
    return client;
  }

  /** Exactly the FHIR base, as soon as anything is asked that is about data. */
  function demandAudience(aud: unknown, scope: string): void {
    if (aud === undefined && wordsOf(scope).every((word) => ['identity', 'unknown'].includes(kindOf(word)))) return;
    if (aud === undefined) throw new errors.InvalidRequest('aud is required; it is the FHIR base URL of this server');
    if (aud !== base) throw new errors.InvalidRequest('aud is not the FHIR base URL of this server');
  }

  return {
    narrow,
    /** For oidc-provider's `extraParams`. */
    parameters: {
      aud: async () => undefined,
      state: async (_ctx: unknown, state: unknown) => {
        if (textOf(state) === '') throw new errors.InvalidRequest('state is required');
      },
      launch: async (ctx: KoaContextWithOIDC, launch: unknown) => {
        const isAsked = wordsOf(textOf(ctx.oidc.params!.scope)).includes('launch');
        if (launch === undefined && isAsked)
          throw new errors.InvalidRequest('the scope launch needs the parameter launch');
        if (launch !== undefined && !(await useLaunch(textOf(launch), ctx.oidc.client!.clientId)))
          throw new errors.InvalidRequest('the launch is not known, too old, used already or of another client');
      },
    },
  };
}
