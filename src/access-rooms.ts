/** Who may do what, on one page: clients, users, policies and the authorization server, and what of them the doors need. Stands beside core.ts; docs/decisions/0011-two-pages-of-wiring.md */
import type { RequestHandler } from 'express';
import { endingPushOf } from './alerts/channels/push-subscriptions.ts';
import type { Trail } from './audit/trail.ts';
import type { Config } from './config.ts';
import { adminClientsRouter } from './http/admin-clients.ts';
import { adminLaunchesRouter } from './http/admin-launches.ts';
import { adminSigningKeysRouter } from './http/admin-signing-keys.ts';
import { adminUsersRouter } from './http/admin-users.ts';
import { visitOf } from './http/app.ts';
import { cors } from './http/cors.ts';
import { discoveryRouter } from './http/discovery.ts';
import { addressOf } from './http/incoming.ts';
import { oauthRouter, openidRouter } from './http/oauth.ts';
import { registrationRouter } from './http/register-client.ts';
import type { Access, Dispatch } from './interactions/interaction.ts';
import type { Log } from './log.ts';
import type { GuardedClient } from './outbound/guarded-client.ts';
import type { Runtime } from './runtime.ts';
import { accessOf, noAccess } from './smart/access.ts';
import { createAuthorization } from './smart/authorization/authorization.ts';
import type { Tokens } from './smart/authorization/tokens.ts';
import { openClients } from './smart/clients/open.ts';
import type { Offered } from './smart/discovery.ts';
import { createIdentify, isAdministrator } from './smart/identify.ts';
import { failed } from './smart/pages/failed.ts';
import { pagesRouter } from './smart/pages/routes/router.ts';
import { readPolicies, roleRules } from './smart/policies/policy.ts';
import type { AccessRoom } from './smart/policies/room.ts';
import { readProviders } from './smart/users/outside/settings.ts';
import { createUsers, type UsersRoom } from './smart/users/room.ts';
import type { Store } from './store/store.ts';
import type { KeptOwner } from './subscriptions/kept.ts';

export interface AccessParts {
  readonly store: Store;
  readonly runtime: Runtime;
  /** Public URL without a path, and the FHIR base below it. */
  readonly url: string;
  readonly base: string;
  readonly config: Config;
  readonly adminToken: string;
  readonly client: GuardedClient;
  readonly trail: Trail;
  /** Of the core. */
  readonly access: AccessRoom;
  readonly dispatch: Dispatch;
  readonly log: Log;
}

export interface AccessRooms {
  readonly identify: ReturnType<typeof createIdentify>['identify'];
  /** Nothing that is remembered of keys, tokens and rights is gone by any more. */
  forget(): void;
  readonly isAdministrator: (authorization: string | undefined) => Promise<boolean>;
  /** See `accessOfOwners`. */
  accessOf(owner: KeptOwner): Promise<Access>;
  /** Who is signed in at a browser. */
  readonly users: Pick<UsersRoom, 'sessions' | 'cookie'>;
  /** For the administrator, below /admin. */
  readonly adminRooms: readonly RequestHandler[];
  readonly rooms: readonly { readonly path: string; readonly room: RequestHandler }[];
  readonly publicRooms: readonly RequestHandler[];
}

/** What discovery and the CapabilityStatement tell; nothing without an authorization server. */
export const offeredBy = (config: Config, url: string): Offered | undefined =>
  config.oauth ? { issuer: url, takesRegistrations: config.registration === 'approval' } : undefined;

/** What somebody may see now in whose name something was kept; nothing once what it came with is revoked. */
export const accessOfOwners =
  (tokens: Pick<Tokens, 'stillGranted'>, access: Pick<AccessRoom, 'accessFor'>) =>
  async ({ who, standing }: KeptOwner): Promise<Access> => {
    if (standing === undefined) return accessOf(who);
    const grant = await tokens.stillGranted(standing);
    return grant === undefined ? noAccess : access.accessFor(grant);
  };

export function openAccess(parts: AccessParts): AccessRooms {
  const { store, runtime, url, base, config, adminToken, client, trail, access, dispatch, log } = parts;
  const roles = roleRules(readPolicies());
  const clients = openClients({ store, runtime, client, roles: roles.names });
  const users = createUsers({
    store,
    runtime,
    url,
    roles,
    limits: { idle: config.sessionIdleMinutes * 60_000, absolute: config.sessionHours * 3_600_000 },
    holds: clients.holds,
    recorded: trail.recorded,
    client,
    providers: config.openidProviders === undefined ? [] : readProviders(config.openidProviders),
    onChange: () => forget(),
    endingWith: (session, next) => endingPushOf(session, next, store),
  });
  const authorization = createAuthorization({
    store,
    runtime,
    url,
    base,
    clients,
    findUser: users.directory.find,
    useSession: users.sessions.use,
    settings: config,
    failedPage: (code, words) => failed({ code, words }),
    log,
  });
  const { tokens } = authorization;
  const identified = createIdentify({
    store,
    runtime,
    adminToken,
    holds: clients.holds,
    deviceAccess: access.deviceAccess,
    ...(config.oauth && { tokens, accessFor: access.accessFor }),
  });
  const { identify } = identified;
  function forget(): void {
    identified.forget();
    access.forget();
  }
  async function isFromAdministrator(authorizing: string | undefined): Promise<boolean> {
    const caller = await identify(authorizing).catch(() => undefined);
    return caller !== undefined && isAdministrator(caller);
  }

  const common = {
    identify,
    forget,
    isAdministrator: isFromAdministrator,
    accessOf: accessOfOwners(tokens, access),
    users,
  };
  const offered = offeredBy(config, url);
  if (offered === undefined) return { ...common, adminRooms: [], rooms: [], publicRooms: [] };
  const shared = cors(clients.clients.isOrigin);
  const pages = pagesRouter({
    users,
    authorization,
    findClient: clients.clients.find,
    accessFor: access.accessFor,
    dispatch,
    base,
    offlineDays: config.offlineDays,
    visitOf,
    addressOf,
  });
  return {
    ...common,
    adminRooms: [
      adminClientsRouter({ clients: clients.clients, forget }),
      adminUsersRouter(users),
      adminLaunchesRouter({
        authorization,
        clients: clients.clients,
        users: users.directory,
        sees: { accessFor: access.accessFor, dispatch, base },
      }),
      adminSigningKeysRouter(authorization),
    ],
    rooms: [
      { path: '/fhir', room: shared },
      { path: '/events', room: shared },
      ...['/oauth/token', '/oauth/revoke', '/oauth/jwks', '/.well-known/openid-configuration'].map((path) => ({
        path,
        room: shared,
      })),
      ...(offered.takesRegistrations
        ? [{ path: '/oauth', room: registrationRouter({ clients: clients.clients, holds: clients.holds }) }]
        : []),
      { path: '/oauth', room: pages },
      { path: '/oauth', room: oauthRouter({ authorization, store, url, base, isAdministrator: isFromAdministrator }) },
    ],
    publicRooms: [discoveryRouter(offered), openidRouter({ authorization })],
  };
}
