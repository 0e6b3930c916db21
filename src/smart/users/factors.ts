/** What users prove themselves with besides a password, and how they change it: TOTP, passkeys, recovery codes. */
import { appended } from '../../audit/trail.ts';
import { problem } from '../../fhir/outcome.ts';
import { disowned, ownedBy, type Passkeys, type RegistrationResponseJSON } from './passkeys.ts';
import { demandPassword } from './password-rules.ts';
import { freshCodes } from './recovery.ts';
import { recordedRefusal, suspectOf, type UsersSetting } from './setting.ts';
import { base32, provisioningUri, stepOf } from './totp.ts';
import { aboutUser, changeOnce, changeUser, keptUser, laterEpoch, type RowOf, type User } from './user.ts';

/** A secret waits so long for its first code, in seconds. */
const PATIENCE = 900;
const WAITING = 'user-totp';

export interface Factors {
  readonly password: boolean;
  readonly totp: boolean;
  readonly passkeys: readonly { id: string; name: string; backedUp: boolean; created: number; used?: number }[];
  readonly recoveryLeft: number;
}

/** What an authenticator app is given. It counts from the first right code on. */
export interface NewTotp {
  readonly secret: string;
  /** `otpauth://totp/...`: what a QR code of it says. */
  readonly uri: string;
}

export interface FactorsDesk {
  show(user: User): Factors;
  beginTotp(login: string): Promise<NewTotp>;
  /**
   * 400 for a wrong code, 422 where there is an app already. Gives recovery codes to who had none: they are shown now and
   * never again. `demand` may refuse the user as it is at the commit.
   */
  confirmTotp(
    login: string,
    code: string,
    row: RowOf,
    demand?: (user: User) => void,
  ): Promise<{ user: User; codes?: readonly string[] }>;
  removeTotp(login: string, row: RowOf): Promise<User>;
  beginPasskey(login: string): ReturnType<Passkeys['beginRegistration']>;
  addPasskey(
    login: string,
    name: string,
    response: RegistrationResponseJSON,
    row: RowOf,
  ): Promise<{ user: User; codes?: readonly string[] }>;
  removePasskey(login: string, id: string, row: RowOf): Promise<User>;
  /** The old ones are worth nothing any more. */
  newRecoveryCodes(login: string, row: RowOf): Promise<readonly string[]>;
  /** By the user, who knows the old one; 400 where that is wrong, or the new one none. Every session and token is over: start a new one. */
  changePassword(login: string, former: string, password: string, source: string, row: RowOf): Promise<User>;
}

export const hasSecondFactor = ({ totp, passkeys }: User): boolean => totp !== undefined || passkeys.length > 0;

export function createFactors(setting: UsersSetting, passkeys: Passkeys): FactorsDesk {
  const { store, runtime, roles, passwords, holds, onChange } = setting;

  const userOf = async (login: string): Promise<User> => (await keptUser(store, login)).user;

  const change: typeof changeUser = async (...asked) => {
    const user = await changeUser(...asked);
    onChange(user.login);
    return user;
  };

  /** Codes for who has none yet and now needs them. */
  function withCodes(user: User): { user: User; codes?: readonly string[] } {
    if (user.recovery.length > 0) return { user };
    const { codes, kept } = freshCodes(runtime);
    return { user: { ...user, recovery: kept }, codes };
  }

  /** Refuses to leave somebody without a second factor whose role demands one; recovery codes go with the last. */
  function withoutLast(user: User): User {
    if (hasSecondFactor(user)) return user;
    if (user.roles.some(roles.demandsSecondFactor))
      throw problem('business-rule', 'your role demands a second factor: add another before you remove this one');
    return { ...user, recovery: [] };
  }

  const row = (rowOf: RowOf, interaction: string, user: User) =>
    appended(rowOf({ interaction, status: 200, ...aboutUser(user) }));

  /** Adds a factor and, to who had none, recovery codes. */
  async function add(login: string, adding: (user: User) => { user: User; also: Parameters<typeof store.commit>[0] }) {
    let codes: readonly string[] | undefined;
    // One try: what proved the factor is taken once.
    const user = await changeOnce(store, login, (before) => {
      const { user: after, also } = adding(before);
      const given = withCodes(after);
      codes = given.codes;
      return { user: given.user, also };
    });
    onChange(login);
    return { user, ...(codes && { codes }) };
  }

  return {
    show: (user) => ({
      password: user.password !== undefined,
      totp: user.totp !== undefined,
      passkeys: user.passkeys.map(({ id, name, backedUp, created, used }) => ({ id, name, backedUp, created, used })),
      recoveryLeft: user.recovery.length,
    }),

    async beginTotp(login) {
      const user = await userOf(login);
      const secret = base32(runtime.random(20));
      await store.commit([{ op: 'put', kind: WAITING, key: user.login, value: { secret }, expiresIn: PATIENCE }]);
      return { secret, uri: provisioningUri(secret, user.login, `Watchfire ${new URL(setting.url).hostname}`) };
    },

    async confirmTotp(login, code, rowOf, demand) {
      const [waiting] = await store.get(WAITING, [login]);
      if (!waiting) throw problem('value', 'this took too long; begin again');
      const { secret } = waiting.value;
      const step = stepOf(code, secret, 0, runtime.now());
      if (step === undefined) throw problem('value', 'this is not the code that the app shows now');
      return add(login, (user) => {
        demand?.(user);
        if (user.totp)
          throw problem('business-rule', 'there is an authenticator app; remove it before you set up another');
        return {
          user: { ...user, totp: { secret, lastStep: step, failed: 0 } },
          also: [
            { op: 'drop', kind: WAITING, key: login, expect: waiting.revision },
            row(rowOf, 'user-totp-add', user),
          ],
        };
      });
    },

    removeTotp: (login, rowOf) =>
      change(store, runtime, login, (user) => {
        if (!user.totp) return undefined;
        const { totp: _totp, ...rest } = user;
        return { user: withoutLast(rest), also: [row(rowOf, 'user-totp-remove', user)] };
      }),

    beginPasskey: async (login) => passkeys.beginRegistration(await userOf(login)),

    async addPasskey(login, name, response, rowOf) {
      const called = name.trim().slice(0, 100) || 'passkey';
      const { passkey, taken } = await passkeys.register(await userOf(login), called, response);
      return add(login, (user) => ({
        user: { ...user, passkeys: [...user.passkeys, passkey] },
        also: [taken, ownedBy(passkey.id, login), row(rowOf, 'user-passkey-add', user)],
      }));
    },

    removePasskey: (login, id, rowOf) =>
      change(store, runtime, login, (user) => {
        const left = user.passkeys.filter((one) => one.id !== id);
        if (left.length === user.passkeys.length) throw problem('not-found', 'there is no such passkey');
        const after = withoutLast({ ...user, passkeys: left });
        return { user: after, also: [disowned(id), row(rowOf, 'user-passkey-remove', user)] };
      }),

    async newRecoveryCodes(login, rowOf) {
      const { codes, kept } = freshCodes(runtime);
      await change(store, runtime, login, (user) => {
        if (!hasSecondFactor(user))
          throw problem('business-rule', 'recovery codes stand in for a second factor; add one first');
        return { user: { ...user, recovery: kept }, also: [row(rowOf, 'user-recovery-new', user)] };
      });
      return codes;
    },

    async changePassword(login, former, password, source, rowOf) {
      const user = await userOf(login);
      const suspect = suspectOf(source, login);
      holds.demand(suspect, 'login');
      if (!(await passwords.matches(user.password, former))) {
        holds.failed(suspect, 'login');
        const failed = rowOf({
          interaction: 'user-password',
          status: 400,
          reason: 'password wrong',
          ...aboutUser(user),
        });
        throw await recordedRefusal(setting, failed, problem('value', 'the password that you have now is another'));
      }
      holds.succeeded(suspect, 'login');
      const record = await passwords.keep(demandPassword(password, login));
      return change(store, runtime, login, (now) => ({
        user: { ...now, password: record, epoch: laterEpoch(now, runtime.now()) },
        also: [row(rowOf, 'user-password', now)],
      }));
    },
  };
}
