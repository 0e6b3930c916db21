/** Passkeys: WebAuthn credentials of a user, bound to the name that the server is reached by. https://www.w3.org/TR/webauthn-3/ */
import { isIP } from 'node:net';
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';
import { problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';
import type { Change, Store } from '../../store/store.ts';
import { createCeremonies } from './ceremonies.ts';
import { lookUp, type Passkey, type User } from './user.ts';

/** By the credential's id: whose it is. */
const OWNERS = 'user-passkey';
const MOST = 20;
/** Milliseconds that the browser waits for the person. */
const PATIENCE = 120_000;

export type { AuthenticationResponseJSON, RegistrationResponseJSON };

/** The library takes a while to load, and many houses have no passkeys. */
const library = () => import('@simplewebauthn/server');

export const ownedBy = (id: string, login: string): Change => ({
  op: 'put',
  kind: OWNERS,
  key: id,
  value: { login },
  expect: 'absent',
});
export const disowned = (id: string): Change => ({ op: 'drop', kind: OWNERS, key: id });

/** A passkey that was not good enough; the reason is for the audit row. */
export interface RefusedPasskey {
  readonly refused: string;
}

export interface ProvedPasskey {
  readonly user: User;
  /** With its new counter. */
  readonly passkey: Passkey;
  /** Ends the ceremony; belongs into the commit of what it led to. */
  readonly taken: Change;
}

export interface Passkeys {
  /** Whether they can be had here at all: not where the server has an address and no name. */
  readonly areOffered: boolean;
  /** For navigator.credentials.create; what comes of it goes to `register`. */
  beginRegistration(user: User): Promise<PublicKeyCredentialCreationOptionsJSON>;
  /** Checks what the authenticator made. 400 where it is not good. */
  register(user: User, name: string, response: RegistrationResponseJSON): Promise<{ passkey: Passkey; taken: Change }>;
  /** For navigator.credentials.get: of one user, or of whomever the authenticator knows. */
  beginSignIn(user?: User): Promise<PublicKeyCredentialRequestOptionsJSON>;
  prove(response: AuthenticationResponseJSON): Promise<ProvedPasskey | RefusedPasskey>;
}

interface Ceremony {
  readonly is: 'registration' | 'sign-in';
  /** Of whom it must be; any user where left out. */
  readonly login?: string;
}

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));
const notGood = () => problem('value', 'this passkey could not be taken; begin again');

/** The challenge that an answer is to. */
function challengeOf(response: { readonly response?: { readonly clientDataJSON?: unknown } }): string {
  try {
    const { challenge } = JSON.parse(Buffer.from(String(response.response?.clientDataJSON), 'base64url').toString());
    return typeof challenge === 'string' ? challenge : '';
  } catch {
    return '';
  }
}

/** `url` is the public one of the server. */
export function createPasskeys(store: Store, runtime: Runtime, url: string): Passkeys {
  const { hostname, origin } = new URL(url);
  const ceremonies = createCeremonies<Ceremony>('user-ceremony', store, runtime);
  const areOffered = isIP(hostname.replace(/^\[|\]$/g, '')) === 0;

  function demandOffered(): void {
    if (!areOffered) throw problem('not-supported', 'passkeys need a server that is reached by a name');
  }
  /** The handle of the ceremony is the challenge itself. */
  const begin = async (ceremony: Ceremony) => bytesOf(await ceremonies.begin(ceremony));

  async function find(is: Ceremony['is'], response: { readonly response?: { readonly clientDataJSON?: unknown } }) {
    const challenge = challengeOf(response);
    const found = await ceremonies.look(challenge);
    return found?.value.is === is
      ? { challenge, login: found.value.login, taken: ceremonies.taken(challenge, found) }
      : undefined;
  }

  return {
    areOffered,

    async beginRegistration(user) {
      demandOffered();
      if (user.passkeys.length >= MOST) throw problem('business-rule', `a user may have ${MOST} passkeys`);
      const { generateRegistrationOptions } = await library();
      return generateRegistrationOptions({
        rpName: 'Watchfire',
        rpID: hostname,
        userName: user.login,
        userID: bytesOf(user.handle),
        challenge: await begin({ is: 'registration', login: user.login }),
        timeout: PATIENCE,
        attestationType: 'none',
        excludeCredentials: user.passkeys.map(({ id, transports }) => ({
          id,
          transports: transports && [...transports],
        })),
        // One that the authenticator finds by itself, and that asks for a finger or a PIN: then it is both factors.
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      });
    },

    async register(user, name, response) {
      demandOffered();
      const ceremony = await find('registration', response);
      if (ceremony?.login !== user.login) throw notGood();
      const { verifyRegistrationResponse } = await library();
      const checked = await verifyRegistrationResponse({
        response,
        expectedChallenge: ceremony.challenge,
        expectedOrigin: origin,
        expectedRPID: hostname,
        requireUserVerification: true,
      }).catch(() => undefined);
      if (!checked?.verified) throw notGood();
      const { credential, credentialBackedUp } = checked.registrationInfo;
      const passkey: Passkey = {
        id: credential.id,
        publicKey: Buffer.from(credential.publicKey).toString('base64url'),
        counter: credential.counter,
        transports: credential.transports,
        name,
        backedUp: credentialBackedUp,
        created: runtime.now(),
      };
      return { passkey, taken: ceremony.taken };
    },

    async beginSignIn(user) {
      demandOffered();
      const { generateAuthenticationOptions } = await library();
      return generateAuthenticationOptions({
        rpID: hostname,
        allowCredentials: user?.passkeys.map(({ id, transports }) => ({
          id,
          transports: transports && [...transports],
        })),
        challenge: await begin({ is: 'sign-in', login: user?.login }),
        timeout: PATIENCE,
        userVerification: 'required',
      });
    },

    async prove(response) {
      demandOffered();
      const ceremony = await find('sign-in', response);
      if (!ceremony) return { refused: 'passkey without a ceremony' };
      const id = typeof response.id === 'string' ? response.id : '';
      const [owner] = await store.get(OWNERS, [id]);
      const user = owner && (await lookUp(store, owner.value.login))?.user;
      const passkey = user?.passkeys.find((one) => one.id === id);
      if (!user || !passkey) return { refused: 'passkey unknown' };
      if (ceremony.login !== undefined && ceremony.login !== user.login) return { refused: 'passkey of somebody else' };
      if (user.disabled !== undefined) return { refused: 'user disabled' };
      const handle = response.response.userHandle;
      if (handle !== undefined && handle !== user.handle) return { refused: 'passkey of somebody else' };
      const { verifyAuthenticationResponse } = await library();
      const checked = await verifyAuthenticationResponse({
        response,
        expectedChallenge: ceremony.challenge,
        expectedOrigin: origin,
        expectedRPID: hostname,
        credential: { id, publicKey: bytesOf(passkey.publicKey), counter: passkey.counter },
        requireUserVerification: true,
      }).catch((error: unknown) => error);
      if (checked instanceof Error)
        return { refused: /counter/.test(checked.message) ? 'passkey counter went back' : 'passkey wrong' };
      const { verified, authenticationInfo } = checked as Awaited<ReturnType<typeof verifyAuthenticationResponse>>;
      if (!verified) return { refused: 'passkey wrong' };
      const { newCounter, credentialBackedUp } = authenticationInfo;
      const used = { ...passkey, counter: newCounter, backedUp: credentialBackedUp, used: runtime.now() };
      return { user, passkey: used, taken: ceremony.taken };
    },
  };
}
