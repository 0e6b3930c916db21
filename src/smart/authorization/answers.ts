/** What our house adds to the answers of oidc-provider: the launch context beside a token, an audit row for each, no CORS but ours. https://hl7.org/fhir/smart-app-launch/app-launch.html#obtain-access-token */
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { AuditRow } from '../../store/store.ts';
import { authMethods, type Client } from '../clients/client.ts';
import { signingAlgorithms } from '../clients/key-set.ts';
import { type Offered, oauthPaths, offeredScopes } from '../discovery.ts';
import { stillPermitted } from '../scopes/granted.ts';
import type { RowOf } from '../users/user.ts';
import { contextOf, type LaunchContext } from './context.ts';

/** Of the request that oidc-provider has in hand. */
export interface Asking {
  row: RowOf;
  /** Resolves when the row is as safe as the settings say; the answer waits for it. */
  record(deed: Parameters<RowOf>[0]): Promise<void>;
}

const aboutContext = (context: LaunchContext | undefined, clientId: string | undefined): Partial<AuditRow> => ({
  ...(context ? { who: context.fhirUser } : clientId !== undefined && { who: `Client/${clientId}` }),
  ...(clientId !== undefined && { target: `Client/${clientId}` }),
  ...(context?.patient !== undefined && { patients: `Patient/${context.patient}` }),
});

const grantContext = ({ oidc }: KoaContextWithOIDC): LaunchContext | undefined =>
  contextOf((oidc.entities.Grant as { rar?: readonly unknown[] } | undefined) ?? {});

type FindClient = (clientId: string) => Promise<Client | undefined>;

/** Middleware around oidc-provider; its answer has not left when it is done. */
export const completeAnswer =
  (offered: Offered, findClient: FindClient, asking: () => Asking | undefined) =>
  async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    const isOurs = ctx.res.hasHeader('Access-Control-Allow-Origin');
    await next();
    if (!isOurs) {
      ctx.remove('Access-Control-Allow-Origin');
      ctx.remove('Access-Control-Expose-Headers');
    }
    switch (ctx.oidc?.route) {
      case 'token':
        await narrowTold(ctx, findClient);
        return completeToken(ctx, offered.issuer, asking());
      case 'authorization':
      case 'resume':
        return recordAuthorization(ctx, asking());
      case 'discovery':
        completeDiscovery(ctx, offered);
    }
  };

/** A refresh gives what was granted once, as far as the registration still permits it: see tokens.ts. */
async function narrowTold(ctx: KoaContextWithOIDC, findClient: FindClient): Promise<void> {
  const told = ctx.body as { scope?: string } | undefined;
  if (ctx.status !== 200 || !told?.scope) return;
  const client = await findClient(ctx.oidc.client!.clientId);
  ctx.body = { ...told, scope: stillPermitted(told.scope, client?.metadata.scope ?? '') };
}

async function completeToken(ctx: KoaContextWithOIDC, url: string, asking: Asking | undefined): Promise<void> {
  const body = ctx.body as Record<string, unknown>;
  const context = grantContext(ctx);
  if (ctx.status === 200 && context !== undefined) {
    const { patient, encounter, intent, needPatientBanner } = context;
    ctx.body = {
      ...body,
      ...(patient !== undefined && { patient, need_patient_banner: needPatientBanner }),
      ...(encounter !== undefined && { encounter }),
      ...(intent !== undefined && { intent }),
      smart_style_url: `${url}/oauth/smart-style.json`,
    };
  }
  ctx.set('Cache-Control', 'no-store');
  ctx.set('Pragma', 'no-cache');
  if (ctx.status === 200 && ctx.oidc.entities.ClientCredentials) return; // see models.ts
  await asking?.record({
    interaction: 'oauth-token',
    status: ctx.status,
    ...aboutContext(context, ctx.oidc.client?.clientId),
    reason: ctx.status === 200 ? '' : String(body?.error ?? ''),
  });
}

/** Where it ends: back at the app or on a page of ours. On its way to the sign-in nothing has been decided. */
async function recordAuthorization(ctx: KoaContextWithOIDC, asking: Asking | undefined): Promise<void> {
  const location = ctx.response.get('Location') ?? '';
  if (ctx.status < 400 && /\/oauth\/interaction\/[^/]+$/.test(location)) return;
  const error = URL.canParse(location) ? new URL(location).searchParams.get('error') : undefined;
  await asking?.record({
    interaction: 'oauth-authorize',
    status: ctx.status,
    ...aboutContext(grantContext(ctx), ctx.oidc.client?.clientId),
    reason: error ?? (ctx.status >= 400 ? 'not sent back' : ''),
  });
}

/** oidc-provider knows neither what stands before it nor what stands beside it. */
function completeDiscovery(ctx: KoaContextWithOIDC, { issuer, takesRegistrations }: Offered): void {
  ctx.body = {
    ...(ctx.body as object),
    introspection_endpoint: issuer + oauthPaths.introspect,
    revocation_endpoint: issuer + oauthPaths.revoke,
    ...(takesRegistrations && { registration_endpoint: issuer + oauthPaths.register }),
    token_endpoint_auth_methods_supported: authMethods,
    token_endpoint_auth_signing_alg_values_supported: signingAlgorithms,
    response_modes_supported: ['query', 'fragment'],
    scopes_supported: offeredScopes,
  };
}
