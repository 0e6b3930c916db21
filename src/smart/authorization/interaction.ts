/** What the pages of sign-in and consent ask of the authorization server, and tell it: who signed in, what is granted, for which patient. https://hl7.org/fhir/smart-app-launch/app-launch.html */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import type { InteractionResults } from 'oidc-provider';
import { problem } from '../../fhir/outcome.ts';
import type { Store } from '../../store/store.ts';
import type { Client } from '../clients/client.ts';
import { isForUser } from '../scopes/granted.ts';
import { kindOf, wordsOf } from '../scopes/words.ts';
import type { User } from '../users/user.ts';
import type { LaunchContext } from './context.ts';
import { type Launch, openedLaunch } from './launches.ts';
import { dropSession } from './models.ts';

/** What a page shows. */
export interface Asked {
  readonly uid: string;
  readonly prompt: 'login' | 'consent';
  readonly client: Client;
  /** What can be granted of what was asked for, word by word. */
  readonly scopes: readonly string[];
  /** Login of who has signed in; with `consent` alone. */
  readonly user?: string;
  /** What an EHR opened the app with. */
  readonly launch?: Launch;
  /** Whether a patient or an encounter has to be chosen; false where the EHR named it. */
  readonly needsPatient: boolean;
  readonly needsEncounter: boolean;
  readonly loginHint?: string;
  /** Where the browser goes afterwards; registered. */
  readonly redirectUri: string;
  /** A sign-in from before (milliseconds since 1970) counts for nothing: the app sent `prompt=login` or `max_age`. */
  readonly signedInAfter: number;
}

export interface Consented {
  /** Of those that were asked for, those that are granted. */
  readonly scopes: readonly string[];
  /** Ids; of no meaning where an EHR named them. */
  readonly patient?: string;
  readonly encounter?: string;
  /** Id of the session of the browser. */
  readonly session: string;
}

/** Each `finish` gives the URL that the browser goes on to (303). A uid that is not of this browser is to be refused by `details` before. */
export interface Interactions {
  /** Of the browser that asks, by its cookie; a problem with 404 where there is none or it has ended. */
  details(request: IncomingMessage, response: ServerResponse): Promise<Asked>;
  /** `methods` as RFC 8176 names them: `pwd`, `otp`, `hwk`. */
  finishLogin(uid: string, user: Pick<User, 'login'>, methods?: readonly string[]): Promise<string>;
  finishConsent(uid: string, consented: Consented): Promise<string>;
  /** The user says no. */
  deny(uid: string): Promise<string>;
}

export interface InteractionParts {
  readonly store: Store;
  readonly provider: () => Promise<Provider>;
  /** FHIR base. */
  readonly base: string;
  readonly findClient: (clientId: string) => Promise<Client | undefined>;
  readonly findUser: (login: string) => Promise<User | undefined>;
  /** Seconds that a grant lives. */
  readonly lifeOf: (scopes: readonly string[], client: Client) => number;
}

type Kept = InstanceType<Provider['Interaction']>;

const ended = () => problem('not-found', 'this sign-in has ended or is not of this browser; start again from the app');

export function createInteractions(parts: InteractionParts): Interactions {
  const { store, base } = parts;

  const launchOf = async ({ params }: Kept): Promise<Launch | undefined> =>
    typeof params.launch === 'string' && scopesOf(params).includes('launch')
      ? openedLaunch(store, params.launch)
      : undefined;

  async function opened(uid: string): Promise<{ provider: Provider; interaction: Kept }> {
    const provider = await parts.provider();
    const interaction = await provider.Interaction.find(uid);
    if (!interaction) throw ended();
    return { provider, interaction };
  }

  async function finish(interaction: Kept, result: InteractionResults): Promise<string> {
    interaction.result = 'error' in result ? result : { ...interaction.lastSubmission, ...result };
    await interaction.persist();
    return interaction.returnTo;
  }

  /** What is asked for and this user can have. */
  async function scopesFor(login: string | undefined, params: Kept['params']): Promise<readonly string[]> {
    const user = login === undefined ? undefined : await parts.findUser(login);
    return scopesOf(params).filter((scope) => user === undefined || isForUser(scope, user.fhirUser));
  }

  async function asked(interaction: Kept): Promise<Asked> {
    const { params, prompt, session, uid } = interaction;
    const client = await parts.findClient(String(params.client_id));
    if (!client) throw ended();
    const scopes = await scopesFor(session?.accountId, params);
    const launch = await launchOf(interaction);
    const isOfPatient = scopes.includes('launch/patient') || scopes.some((scope) => scope.startsWith('patient/'));
    return {
      uid,
      prompt: prompt.name as Asked['prompt'],
      client,
      scopes,
      user: session?.accountId,
      launch,
      needsPatient: isOfPatient && launch?.patient === undefined,
      needsEncounter: scopes.includes('launch/encounter') && launch?.encounter === undefined,
      loginHint: typeof params.login_hint === 'string' ? params.login_hint : undefined,
      redirectUri: String(params.redirect_uri),
      signedInAfter: signedInAfter(interaction),
    };
  }

  return {
    async details(request, response) {
      const provider = await parts.provider();
      const interaction = await provider.interactionDetails(request, response).catch(() => undefined);
      if (!interaction) throw ended();
      return asked(interaction);
    },
    async finishLogin(uid, { login }, methods = []) {
      const { interaction } = await opened(uid);
      const launch = await launchOf(interaction);
      if (launch && launch.user !== login)
        return finish(interaction, { error: 'invalid_request', error_description: 'the launch is for another user' });
      if ((await scopesFor(login, interaction.params)).length === 0)
        return finish(interaction, {
          error: 'invalid_scope',
          error_description: 'nothing of it can be granted to this user',
        });
      if (interaction.session && interaction.session.accountId !== login) {
        await dropSession(store, interaction.session.uid);
        interaction.session = undefined;
      }
      return finish(interaction, { login: { accountId: login, amr: [...methods], remember: false } });
    },
    async finishConsent(uid, consented) {
      const { provider, interaction } = await opened(uid);
      const { client, scopes, launch, user: login, needsPatient, needsEncounter } = await asked(interaction);
      const user = login === undefined ? undefined : await parts.findUser(login);
      if (!user || user.disabled !== undefined) throw ended();
      const patient = needsPatient ? consented.patient : launch?.patient;
      const encounter = needsEncounter ? consented.encounter : launch?.encounter;
      // Without a patient what is asked of one means nothing.
      const isPossible = (scope: string) => patient !== undefined || !/^(patient\/|launch\/patient$)/.test(scope);
      const granted = scopes.filter((scope) => consented.scopes.includes(scope) && isPossible(scope));
      if (granted.length === 0)
        return finish(interaction, { error: 'access_denied', error_description: 'nothing was granted' });
      const context: LaunchContext = {
        type: 'smart-launch',
        user: user.login,
        epoch: user.epoch,
        fhirUser: user.fhirUser,
        ...(patient !== undefined && { patient }),
        ...(encounter !== undefined && { encounter }),
        ...(launch?.intent !== undefined && { intent: launch.intent }),
        ...(launch?.purposeOfUse !== undefined && { purposeOfUse: launch.purposeOfUse }),
        needPatientBanner: launch?.needPatientBanner ?? true,
        ...(isOnlineOnly(granted) && { session: consented.session }),
      };
      const grant = new provider.Grant({
        accountId: user.login,
        clientId: client.clientId,
        expiresIn: parts.lifeOf(granted, client),
      } as ConstructorParameters<Provider['Grant']>[0]);
      const refused = scopesOf(interaction.params).filter((scope) => !granted.includes(scope));
      if (interaction.params.resource !== undefined) {
        grant.addResourceScope(base, granted.join(' '));
        if (refused.length > 0) grant.rejectResourceScope(base, refused.join(' '));
      }
      const ofIdentity = (list: readonly string[]) => list.filter((scope) => kindOf(scope) === 'identity').join(' ');
      if (ofIdentity(granted)) grant.addOIDCScope(ofIdentity(granted));
      if (ofIdentity(refused)) grant.rejectOIDCScope(ofIdentity(refused));
      grant.addRar({ ...context });
      return finish(interaction, { consent: { grantId: await grant.save() } });
    },
    async deny(uid) {
      const { interaction } = await opened(uid);
      return finish(interaction, { error: 'access_denied', error_description: 'the user said no' });
    },
  };
}

function signedInAfter({ params, prompt, iat }: Kept): number {
  if (prompt.reasons.some((reason) => reason !== 'no_sign_in' && reason !== 'max_age')) return iat * 1_000;
  return params.max_age === undefined ? 0 : (iat - Number(params.max_age)) * 1_000;
}

const isOnlineOnly = (scopes: readonly string[]): boolean =>
  scopes.includes('online_access') && !scopes.includes('offline_access');

const scopesOf = ({ scope }: Kept['params']): readonly string[] => wordsOf(typeof scope === 'string' ? scope : '');
