/** The users of the house: made, found, listed, changed and deleted by administrators. */
import { appended } from '../../audit/trail.ts';
import { problem } from '../../fhir/outcome.ts';
import { keyOf } from '../../fhir/references.ts';
import { type Change, isAbsent, isConflict } from '../../store/store.ts';
import { createRemembered } from '../remembered.ts';
import { freshWord } from '../secrets.ts';
import { outsideKey, removedOutside } from './outside-link.ts';
import { disowned } from './passkeys.ts';
import { demandPassword } from './password-rules.ts';
import { demandPerson, demandRoles } from './roles.ts';
import type { UsersSetting } from './setting.ts';
import {
  changeUser,
  dropUser,
  type KeptUser,
  laterEpoch,
  lookUp,
  putUser,
  type RowOf,
  readLogin,
  type User,
  usersAfter,
} from './user.ts';

/** Members as they came in; each is checked. */
export interface NewUser {
  readonly login?: unknown;
  /** Left out by those who come from outside alone. */
  readonly password?: unknown;
  readonly fhirUser?: unknown;
  readonly roles?: unknown;
}

export interface UserPatch {
  readonly password?: unknown;
  readonly fhirUser?: unknown;
  readonly roles?: unknown;
  readonly disabled?: unknown;
  /** true: TOTP, passkeys and recovery codes are gone, and the link to an outside provider. */
  readonly resetFactors?: unknown;
}

export interface Directory {
  /** Remembered for 5 s at most, and not on the server where it changed. */
  find(login: string): Promise<User | undefined>;
  /** As the store has it now; 404 where there is none. */
  read(login: string): Promise<User>;
  list(after: string, count: number): Promise<readonly User[]>;
  /** 400 for what is not right about it, 409 where the login is taken. */
  create(asked: NewUser, row: RowOf, outside?: User['outside']): Promise<User>;
  change(login: string, asked: UserPatch, row: RowOf): Promise<User>;
  remove(login: string, row: RowOf): Promise<void>;
  forget(): void;
}

const MOST_REMEMBERED = 10_000;

export function createDirectory(setting: Omit<UsersSetting, 'holds' | 'recorded'>): Directory {
  const { store, runtime, roles: rules, passwords, onChange } = setting;
  const remembered = createRemembered<User | undefined>(runtime, MOST_REMEMBERED);
  const changed = (login: string) => {
    remembered.forget();
    onChange(login);
  };

  const find = (login: string): Promise<User | undefined> =>
    remembered.get(login, async () => (await lookUp(store, login))?.user);

  /** However the login is written. */
  async function keptAs(typed: string): Promise<KeptUser> {
    const kept = await lookUp(store, readLogin(typed) ?? '');
    if (!kept) throw problem('not-found', 'there is no user with this login');
    return kept;
  }
  const read = async (typed: string): Promise<User> => (await keptAs(typed)).user;

  /** That the person is there, and stays so until the commit. */
  async function expectedPerson(fhirUser: string): Promise<Change> {
    const key = keyOf(fhirUser)!;
    const [version] = await store.read([key]);
    if (!version || isAbsent(version)) throw problem('value', `fhirUser: ${fhirUser} does not exist`);
    return { op: 'expect', of: key, at: version.versionId };
  }

  async function create(asked: NewUser, row: RowOf, outside?: User['outside']): Promise<User> {
    const login = typeof asked.login === 'string' ? readLogin(asked.login) : undefined;
    if (login === undefined)
      throw problem(
        'value',
        'login must be 1 to 100 letters a to z, digits and . _ @ + -, beginning with a letter or digit',
      );
    const fhirUser = demandPerson(asked.fhirUser);
    const roles = demandRoles(asked.roles, fhirUser, rules);
    const isWithout = outside !== undefined && asked.password === undefined;
    const password = isWithout ? undefined : demandPassword(asked.password, login);
    const person = await expectedPerson(fhirUser);
    const now = runtime.now();
    const user: User = {
      login,
      fhirUser,
      roles,
      ...(password !== undefined && { password: await passwords.keep(password) }),
      passkeys: [],
      recovery: [],
      handle: freshWord(runtime, 16),
      ...(outside && { outside }),
      epoch: now,
      created: now,
    };
    const taken = () => problem('duplicate', 'there is a user with this login');
    if (await lookUp(store, login)) throw taken();
    try {
      await store.commit([
        putUser(user, 'absent'),
        person,
        ...(outside ? [outsideKey(outside, login)] : []),
        appended(row({ interaction: 'admin-user-create', action: 'C', status: 201, target: fhirUser })),
      ]);
    } catch (error) {
      if (isConflict(error) && (await lookUp(store, login))) throw taken();
      throw error;
    }
    changed(login);
    return user;
  }

  /** The changed user, what expects the person to be there, and whether it may less or proves itself otherwise than before. */
  async function patched(
    user: User,
    asked: UserPatch,
  ): Promise<{ user: User; also: readonly Change[]; isOver: boolean }> {
    const fhirUser = asked.fhirUser === undefined ? user.fhirUser : demandPerson(asked.fhirUser);
    // A person of another type may not hold the roles that this one has; a role that is no more must not keep anybody from disabling its holder.
    const isOther = asked.roles !== undefined || fhirUser !== user.fhirUser;
    const roles = isOther ? demandRoles(asked.roles ?? user.roles, fhirUser, rules) : user.roles;
    const password = asked.password === undefined ? undefined : demandPassword(asked.password, user.login);
    const { disabled: isDisabled = user.disabled !== undefined, resetFactors = false } = asked;
    if (typeof isDisabled !== 'boolean') throw problem('value', 'disabled must be true or false');
    if (typeof resetFactors !== 'boolean') throw problem('value', 'resetFactors must be true or false');
    const { disabled, totp, outside, ...rest } = user;
    const after: User = {
      ...rest,
      fhirUser,
      roles,
      ...(password !== undefined && { password: await passwords.keep(password) }),
      ...(isDisabled && { disabled: disabled ?? runtime.now() }),
      ...(resetFactors ? { passkeys: [], recovery: [] } : { ...(totp && { totp }), ...(outside && { outside }) }),
    };
    const gone = resetFactors ? user.passkeys.map(({ id }) => disowned(id)) : [];
    const unlinked = resetFactors && outside ? [removedOutside(outside)] : [];
    const person = fhirUser === user.fhirUser ? [] : [await expectedPerson(fhirUser)];
    const isOver =
      password !== undefined ||
      resetFactors ||
      (isDisabled && disabled === undefined) ||
      fhirUser !== user.fhirUser ||
      user.roles.some((role) => !roles.includes(role));
    return { user: after, also: [...gone, ...unlinked, ...person], isOver };
  }

  return {
    find,
    read,
    list: (after, count) => usersAfter(store, after, count),
    create,

    async change(typed, asked, row) {
      const { login } = await read(typed);
      const user = await changeUser(store, runtime, login, async (before) => {
        const { user: after, also, isOver } = await patched(before, asked);
        const epoch = isOver ? laterEpoch(before, runtime.now()) : before.epoch;
        const what = Object.keys(asked).filter((name) => asked[name as keyof UserPatch] !== undefined);
        const deed = { interaction: 'admin-user-change', action: 'U', status: 200, target: before.fhirUser };
        return {
          user: { ...after, epoch },
          also: [...also, appended(row({ ...deed, reason: `changed ${what.join(', ')}` }))],
        };
      });
      changed(login);
      return user;
    },

    async remove(typed, row) {
      const kept = await keptAs(typed);
      const { user } = kept;
      await store.commit([
        dropUser(kept),
        ...user.passkeys.map(({ id }) => disowned(id)),
        ...(user.outside ? [removedOutside(user.outside)] : []),
        appended(row({ interaction: 'admin-user-delete', action: 'D', status: 200, target: user.fhirUser })),
      ]);
      changed(user.login);
    },

    forget: remembered.forget,
  };
}
