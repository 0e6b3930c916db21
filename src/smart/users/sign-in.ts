/** Signing in, step by step: password, then a second factor where there is one or a role demands it; or a passkey, which is both. https://pages.nist.gov/800-63-4/sp800-63b.html */
import { appended } from '../../audit/trail.ts';
import { type Problem, problem } from '../../fhir/outcome.ts';
import { settle } from '../../interactions/settle.ts';
import { isConflict } from '../../store/store.ts';
import { createCeremonies } from './ceremonies.ts';
import { type FactorsDesk, hasSecondFactor } from './factors.ts';
import type { AuthenticationResponseJSON, Passkeys } from './passkeys.ts';
import { afterUse } from './recovery.ts';
import { recordedRefusal, suspectOf, type UsersSetting } from './setting.ts';
import { stepOf } from './totp.ts';
import { aboutUser, changeOnce, changeUser, lookUp, putUser, type RowOf, readLogin, type User } from './user.ts';

export type Offer = 'totp' | 'passkey' | 'recovery';

/** What is to be done next. `handle` is good for five minutes and opens nothing by itself: it may stand in a form. */
export type SignInStep =
  | { readonly step: 'done'; readonly user: User; readonly methods: readonly string[] }
  | { readonly step: 'second-factor'; readonly handle: string; readonly offers: readonly Offer[]; readonly user: User }
  /** A role of the user demands a second factor, and there is none: it has to set one up, then `enrol` goes on. */
  | { readonly step: 'enrol'; readonly handle: string; readonly user: User };

export interface Attempt {
  /** Network address that it comes from. */
  readonly source: string;
  readonly row: RowOf;
}

export interface SignIn {
  /** 401 for a wrong password and for everything else that is wrong, in the same words after the same time; 429 while the source is held. */
  signIn(attempt: Attempt & { login: string; password: string; code?: string }): Promise<SignInStep>;
  /** A TOTP or recovery code. 401 `login` for a wrong one, `expired` where all is to be begun again. */
  secondFactor(attempt: Attempt & { handle: string; code: string }): Promise<SignInStep>;
  /** What the authenticator said, alone or as second factor. */
  passkey(attempt: Attempt & { response: AuthenticationResponseJSON; handle?: string }): Promise<SignInStep>;
  /** Who stands at this step; 401 `expired` where nobody does. */
  waiting(handle: string): Promise<Waiting>;
  /**
   * Goes on from `enrol` with the code of the authenticator app that `factors.beginTotp` has given this user; 400 for a wrong
   * code. Only for who has no second factor still: a password alone must never replace one.
   */
  enrol(handle: string, code: string, row: RowOf): Promise<Enrolled>;
  /** Where somebody comes to whom an outside provider has let in. */
  admit(user: User, methods: readonly string[], hasSecondFactor: boolean): Promise<SignInStep>;
}

interface Pending {
  readonly login: string;
  readonly epoch: number;
  readonly methods: readonly string[];
  readonly tries: number;
  readonly mustEnrol: boolean;
}

export interface Waiting {
  readonly user: User;
  /** What it can prove itself with. */
  readonly offers: readonly Offer[];
  /** True at the step `enrol`. */
  readonly mustEnrol: boolean;
}

export interface Enrolled {
  readonly step: SignInStep;
  /** To be shown now and never again. */
  readonly codes?: readonly string[];
}

/** Wrong codes, after which the password is asked for again. */
const MOST_TRIES = 5;
/** Wrong codes in a row, from any number of passwords typed rightly, after which codes have to wait; the wait doubles up to an hour. */
const FREE_FAILURES = 10;
const holdAfter = (failed: number): number =>
  failed < FREE_FAILURES ? 0 : Math.min(3_600_000, 30_000 * 2 ** (failed - FREE_FAILURES));

/** One sentence for an unknown login, a wrong password and a disabled user. */
const wrong = (): Problem => problem('login', 'the user name, the password or the code is wrong');
const expired = (): Problem => problem('expired', 'signing in took too long; begin again');

export function createSignIn(
  setting: UsersSetting,
  passkeys: Passkeys,
  factors: Pick<FactorsDesk, 'confirmTotp'>,
): SignIn {
  const { store, runtime, roles, passwords, holds } = setting;
  const pendings = createCeremonies<Pending>('user-sign-in', store, runtime);

  const refused = (row: RowOf, reason: string, user: User | undefined, error = wrong()) =>
    recordedRefusal(
      setting,
      // Whose account it was is known where there is one; who tried is not.
      row({
        interaction: 'sign-in',
        status: error.status,
        reason,
        ...(user && { ...aboutUser(user), who: 'anonymous' }),
      }),
      error,
    );

  const offersTo = ({ totp, passkeys: own, recovery }: User): readonly Offer[] => [
    ...(totp ? (['totp'] as const) : []),
    ...(passkeys.areOffered && own.length > 0 ? (['passkey'] as const) : []),
    ...(recovery.length > 0 ? (['recovery'] as const) : []),
  ];

  async function admit(user: User, methods: readonly string[], isDone: boolean): Promise<SignInStep> {
    if (isDone) return { step: 'done', user, methods };
    const begin = (mustEnrol: boolean) =>
      pendings.begin({ login: user.login, epoch: user.epoch, methods, tries: 0, mustEnrol });
    if (hasSecondFactor(user))
      return { step: 'second-factor', handle: await begin(false), offers: offersTo(user), user };
    if (user.roles.some(roles.demandsSecondFactor)) return { step: 'enrol', handle: await begin(true), user };
    return { step: 'done', user, methods };
  }

  async function look(handle: string) {
    const found = await pendings.look(handle);
    const kept = found && (await lookUp(store, found.value.login));
    if (!found || !kept || kept.user.disabled !== undefined || kept.user.epoch !== found.value.epoch) throw expired();
    return { pending: found.value, found, kept };
  }

  async function signIn({ login: typed, password, code, source, row }: Parameters<SignIn['signIn']>[0]) {
    const login = readLogin(typed) ?? '';
    const suspect = suspectOf(source, login);
    holds.demand(suspect, 'login');
    const kept = login === '' ? undefined : await lookUp(store, login);
    const user = kept?.user;
    const isRight = await passwords.matches(user?.password, password);
    if (!user || !isRight || user.disabled !== undefined) {
      holds.failed(suspect, 'login');
      const reason = !user ? 'user unknown' : !isRight ? 'password wrong' : 'user disabled';
      throw await refused(row, reason, user);
    }
    holds.succeeded(suspect, 'login');
    const renewed = passwords.isOutdated(user.password!) ? await rehash(user, password) : user;
    const step = await admit(renewed, ['pwd'], false);
    return step.step === 'second-factor' && code !== undefined
      ? secondFactor({ handle: step.handle, code, source, row })
      : step;
  }

  /** The password is at hand once in a while only: then its hash is brought to what one costs today. */
  async function rehash(user: User, password: string): Promise<User> {
    const record = await passwords.keep(password);
    return changeUser(store, runtime, user.login, (now) =>
      now.password?.hash === user.password!.hash ? { user: { ...now, password: record } } : undefined,
    );
  }

  /** What is left of the user's codes after this one, or undefined where it is none. */
  function spend(user: User, code: string): { user: User; method: string } | undefined {
    const { totp } = user;
    if (totp && /^\s*(?:\d\s*){6}$/.test(code.normalize('NFKC'))) {
      const step = stepOf(code, totp.secret, totp.lastStep, runtime.now());
      if (step === undefined) return undefined;
      return { user: { ...user, totp: { secret: totp.secret, lastStep: step, failed: 0 } }, method: 'otp' };
    }
    const left = afterUse(user.recovery, code);
    return (
      left && { user: { ...user, recovery: left, ...(totp && { totp: { ...totp, failed: 0 } }) }, method: 'recovery' }
    );
  }

  function missed(user: User): User {
    const { totp } = user;
    if (!totp) return user;
    const failed = totp.failed + 1;
    const hold = holdAfter(failed);
    return { ...user, totp: { ...totp, failed, ...(hold > 0 && { heldUntil: runtime.now() + hold }) } };
  }

  async function secondFactor({
    handle,
    code,
    source,
    row,
  }: Parameters<SignIn['secondFactor']>[0]): Promise<SignInStep> {
    return settle(runtime, async () => {
      const { pending, found, kept } = await look(handle);
      const { user } = kept;
      const suspect = suspectOf(source, user.login);
      holds.demand(suspect, 'code');
      const wait = (user.totp?.heldUntil ?? 0) - runtime.now();
      if (wait > 0) throw await refused(row, 'codes held', user, throttled(wait));
      const spent = spend(user, code);
      if (!spent) {
        holds.failed(suspect, 'code');
        const isOver = pending.tries + 1 >= MOST_TRIES;
        await store.commit([
          putUser(missed(user), kept.revision),
          isOver
            ? pendings.taken(handle, found)
            : pendings.put(handle, { ...pending, tries: pending.tries + 1 }, found),
        ]);
        throw await refused(row, 'code wrong', user, isOver ? expired() : wrong());
      }
      const used = spent.method === 'recovery' ? 'user-recovery-use' : undefined;
      await store.commit([
        putUser(spent.user, kept.revision),
        pendings.taken(handle, found),
        ...(used ? [appended(row({ interaction: used, status: 200, ...aboutUser(user) }))] : []),
      ]);
      holds.succeeded(suspect, 'code');
      return { step: 'done', user: spent.user, methods: [...pending.methods, spent.method] };
    });
  }

  async function passkey({ response, handle, source, row }: Parameters<SignIn['passkey']>[0]): Promise<SignInStep> {
    const suspect = suspectOf(source, typeof response.id === 'string' ? response.id : '');
    holds.demand(suspect, 'passkey');
    const waits = handle === undefined ? undefined : await look(handle);
    const proved = await passkeys.prove(response);
    if ('refused' in proved || (waits && waits.kept.user.login !== proved.user.login)) {
      holds.failed(suspect, 'passkey');
      throw await refused(row, 'refused' in proved ? proved.refused : 'passkey of somebody else', waits?.kept.user);
    }
    try {
      // One try: who loses a race for the ceremony has used it twice.
      const user = await changeOnce(store, proved.user.login, (now) => ({
        user: { ...now, passkeys: now.passkeys.map((one) => (one.id === proved.passkey.id ? proved.passkey : one)) },
        also: [proved.taken, ...(waits ? [pendings.taken(handle!, waits.found)] : [])],
      }));
      holds.succeeded(suspect, 'passkey');
      // RFC 8176: a key that is copied to a person's other devices is no hardware's.
      const proof = [proved.passkey.backedUp ? 'swk' : 'hwk', 'user'];
      return { step: 'done', user, methods: [...(waits?.pending.methods ?? []), ...proof] };
    } catch (error) {
      if (!isConflict(error)) throw error;
      throw await refused(row, 'passkey answer used twice', proved.user);
    }
  }

  return {
    signIn,
    secondFactor,
    passkey,
    admit,
    async waiting(handle) {
      const { pending, kept } = await look(handle);
      return { user: kept.user, offers: offersTo(kept.user), mustEnrol: pending.mustEnrol };
    },
    async enrol(handle, code, row) {
      const { pending, found, kept } = await look(handle);
      if (!pending.mustEnrol) throw expired();
      const { user, codes } = await factors.confirmTotp(kept.user.login, code, row, (now) => {
        if (hasSecondFactor(now)) throw expired();
      });
      await store.commit([pendings.taken(handle, found)]);
      return { step: { step: 'done', user, methods: [...pending.methods, 'otp'] }, codes };
    },
  };
}

const throttled = (wait: number): Problem =>
  problem('throttled', 'too many wrong codes; wait, or use a passkey', {
    headers: { 'Retry-After': String(Math.ceil(wait / 1_000)) },
  });
