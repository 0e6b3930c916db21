/** POST /cardiac/credentials/{manufacturer}: stores what a maker knows us by, encrypted, never shown again. docs/credentials.md */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { appended } from '../../audit/trail.ts';
import { problem } from '../../fhir/outcome.ts';
import { isoOf, membersOf, onlyAdministrator, reply } from '../../http/admin-desk.ts';
import { visitOf } from '../../http/app.ts';
import { addressOf } from '../../http/incoming.ts';
import type { Dispatch } from '../../interactions/interaction.ts';
import { settle } from '../../interactions/settle.ts';
import type { Credentials, Environment } from '../../outbound/maker.ts';
import { credentialsIn } from '../../protect/credential-words.ts';
import { baseUrlOf, environmentSet, isEnvironment, makerName } from '../../protect/maker-settings.ts';
import type { Vault } from '../../protect/vault.ts';
import type { Runtime } from '../../runtime.ts';
import type { Change } from '../../store/store.ts';
import { endpointRequest } from './endpoint.ts';

export interface CredentialsDoor {
  readonly vault: Vault;
  readonly dispatch: Dispatch;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly canonical: string;
  /** FHIR base. */
  readonly base: string;
  /** Names of the folders of makers. */
  readonly known: readonly string[];
  /** `<MAKER>_BASE_URL` and `<MAKER>_ENVIRONMENT`. */
  readonly makers: Readonly<Record<string, string>>;
  /** Told when a credential was stored or removed. */
  readonly changed?: (maker: string) => void;
}

/** Minutes for which the credential before stays valid where nobody says otherwise, and the most that may be asked for. */
const OVERLAP = 60;
const LONGEST_OVERLAP = 43_200;

function overlapOf(asked: unknown): number {
  if (asked === undefined || asked === null) return OVERLAP * 60_000;
  if (typeof asked === 'number' && asked >= 0 && asked <= LONGEST_OVERLAP) return asked * 60_000;
  throw problem('value', `overlap_minutes must be a number from 0 to ${LONGEST_OVERLAP}`, {
    expression: 'overlap_minutes',
  });
}

function makerIn(known: readonly string[], given: string): string {
  const maker = makerName(given);
  if (known.includes(maker)) return maker;
  throw problem('not-found', `no maker of this name is known; known are ${known.join(', ') || 'none'}`);
}

/** The Endpoint of a maker is written, and with it what is kept, in one commit. */
function writeEndpoint(
  { dispatch, runtime, canonical, base, makers, changed }: CredentialsDoor,
  request: Request,
  response: Response,
  of: { readonly maker: string; readonly environment: Environment; readonly isRemoved?: boolean },
  deed: { readonly interaction: string; readonly action: string; readonly status: number },
  changes: () => Promise<readonly Change[]>,
): Promise<string> {
  const visit = visitOf(response);
  const origin = { base, requestId: visit.requestId, address: addressOf(request) };
  const asked = endpointRequest({ ...of, address: baseUrlOf(of.maker, makers), canonical, origin });
  const endpoint = `Endpoint/${asked.id}`;
  return settle(runtime, async () => {
    await dispatch(asked, visit.caller, [...(await changes()), appended(visit.row({ ...deed, target: endpoint }))]);
    changed?.(of.maker);
    return endpoint;
  });
}

/** The one path below /cardiac; whoever asks has been identified. */
export function credentialsRouter(door: CredentialsDoor): Router {
  const { vault, runtime, known, makers } = door;

  function wordsOf(maker: string, members: Readonly<Record<string, unknown>>): Credentials {
    const environment = members.environment ?? environmentSet(maker, makers);
    const { credentials, fault } = credentialsIn({ ...members, environment });
    if (credentials) return credentials;
    throw problem(fault.code, fault.sentence, { expression: fault.path });
  }

  const router = Router({ caseSensitive: true });
  router.post('/credentials/:manufacturer', onlyAdministrator, async (request, response) => {
    const maker = makerIn(known, request.params.manufacturer as string);
    const { overlap_minutes, ...members } = await membersOf(request);
    const overlap = overlapOf(overlap_minutes);
    const credentials = wordsOf(maker, members);
    const { environment } = credentials;
    const by = visitOf(response).caller.who;
    const deed = { interaction: 'cardiac-credentials', action: 'C', status: 201 };
    const endpoint = await writeEndpoint(door, request, response, { maker, environment }, deed, () =>
      vault.changes(maker, credentials, { by, overlap }),
    );
    const stored = (await vault.list()).find((one) => one.maker === maker && one.environment === environment);
    reply(request, response, 201, {
      success: true,
      message: 'Credentials stored',
      manufacturer: maker,
      environment,
      stored_at: isoOf(stored?.created ?? runtime.now()),
      previous_valid_until: isoOf(stored?.previousUntil),
      endpoint,
    });
  });
  return router;
}

/** GET /credentials, DELETE /credentials/{manufacturer}/{environment}, POST /credentials/rotate-key; stands in the administrator's router. */
export function adminCredentialsRouter(door: CredentialsDoor): RequestHandler {
  const { vault, known } = door;
  const router = Router({ caseSensitive: true });

  router.get('/credentials', async (request, response) => {
    const credentials = await vault.list();
    await visitOf(response).record({ interaction: 'admin-credential-list', action: 'R', status: 200 });
    reply(request, response, 200, {
      credentials: credentials.map(({ maker, environment, members, created, by, key, previousUntil, lost }) => ({
        manufacturer: maker,
        environment,
        members,
        stored_at: isoOf(created),
        stored_by: by,
        key,
        previous_valid_until: isoOf(previousUntil),
        cannot_be_opened: lost.map((one) => ({ stored_at: isoOf(one.created), key: one.key })),
      })),
    });
  });

  router.delete('/credentials/:manufacturer/:environment', async (request, response) => {
    const { manufacturer, environment } = request.params;
    const maker = makerIn(known, manufacturer);
    const absent = () => problem('not-found', 'no credential of this maker and environment is stored');
    if (!isEnvironment(environment)) throw absent();
    const deed = { interaction: 'admin-credential-delete', action: 'D', status: 200 };
    await writeEndpoint(door, request, response, { maker, environment, isRemoved: true }, deed, async () => {
      const drop = await vault.removal(maker, environment);
      if (!drop) throw absent();
      return [drop];
    });
    reply(request, response, 200, { manufacturer: maker, environment, deleted: true });
  });

  router.post('/credentials/rotate-key', async (request, response) => {
    const { rewrapped, already } = await vault.rotateKey();
    await visitOf(response).record({ interaction: 'admin-credential-rotate-key', action: 'U', status: 200 });
    reply(request, response, 200, { rewrapped, already });
  });

  return router;
}
