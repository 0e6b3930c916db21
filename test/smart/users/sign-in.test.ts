/** Signing in: password, second factor, what is refused and how, and what the trail says of it. promises I54, O27 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { codeAt, stepAt } from '../../../src/smart/users/totp.ts';
import { attempt, cheap, nurse, openUsersHouse, password, row, type UsersHouse, wrongCode } from './users-house.ts';

let house: UsersHouse;
beforeAll(async () => {
  house = await openUsersHouse();
});
afterAll(() => house.stop());

const MINUTE = 60_000;
const STEP = 30_000;
const refused = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  );
const trying = (login: string, typed: string, more: object = {}) =>
  house.signIn.signIn({ ...attempt, login, password: typed, ...more });

/** Gives the user an authenticator app; answers with its secret and the recovery codes. */
async function withTotp(login: string) {
  const { secret } = await house.factors.beginTotp(login);
  const { codes } = await house.factors.confirmTotp(login, codeAt(secret, stepAt(house.runtime.now())), row);
  house.pass(STEP);
  return {
    codes: codes!,
    code: () => codeAt(secret, stepAt(house.runtime.now())),
    wrong: () => wrongCode(secret, house.runtime.now()),
  };
}

describe('A password alone', () => {
  it('lets in whoever needs no more, however the login is written', async () => {
    await nurse(house);
    expect(await trying(' Jackie ', password)).toMatchObject({
      step: 'done',
      methods: ['pwd'],
      user: { login: 'jackie' },
    });
  });

  it('is refused in the same words for a wrong one, an unknown login, a disabled user and one without a password', async () => {
    await nurse(house, 'gone');
    await house.directory.change('gone', { disabled: true }, row);
    await house.directory.create({ login: 'outsider', fhirUser: 'Practitioner/8', roles: ['nurse'] }, row, {
      issuer: 'https://id.example',
      subject: '1',
    });
    const tries = [
      ['jackie', 'four otters at dawn', 'password wrong'],
      ['nobody', password, 'user unknown'],
      ['gone', password, 'user disabled'],
      ['outsider', password, 'password wrong'],
      ['__proto__', password, 'user unknown'],
      ['a/../b', password, 'user unknown'],
      ['jackie', 'x'.repeat(100_000), 'password wrong'],
    ] as const;
    const errors = [];
    for (const [login, typed, reason] of tries) {
      const error = await refused(trying(login, typed));
      errors.push({ status: error.status, code: error.code, message: error.message, headers: error.headers });
      const [newest] = await house.rows(1);
      expect(newest).toMatchObject({ interaction: 'sign-in', status: 401, reason, who: 'anonymous' });
      expect(house.setting.recorded.has(error)).toBe(true);
    }
    expect(new Set(errors.map((error) => JSON.stringify(error))).size).toBe(1);
    expect(errors[0]!.status).toBe(401);
  });

  it('costs the same work whether the login exists or not', async () => {
    const dear = house.another({ cost: { memory: 32_768, passes: 1, parallelism: 1 } });
    await nurse(dear, 'timed');
    const times: Record<string, number[]> = { timed: [], nobody: [] };
    for (let i = 0; i < 7; i++)
      for (const login of ['timed', 'nobody']) {
        const before = process.cpuUsage();
        await refused(dear.signIn.signIn({ ...attempt, source: `198.51.100.${i}`, login, password: 'not this one' }));
        const { user, system } = process.cpuUsage(before);
        times[login]!.push(user + system);
      }
    // Work and not time: what else the machine does is none of it.
    const [known, unknown] = ['timed', 'nobody'].map((login) => Math.min(...times[login]!));
    expect(unknown! / known!).toBeGreaterThan(0.5);
    expect(unknown! / known!).toBeLessThan(2);
  });

  it('is hashed anew with the parameters of today once it is at hand', async () => {
    await nurse(house, 'growing');
    const stronger = house.another({ cost: { ...cheap, passes: 2 } });
    expect((await house.directory.read('growing')).password).toMatchObject({ passes: 1 });
    await stronger.signIn.signIn({ ...attempt, login: 'growing', password });
    expect((await house.directory.read('growing')).password).toMatchObject({ passes: 2 });
    expect(await stronger.signIn.signIn({ ...attempt, login: 'growing', password })).toMatchObject({ step: 'done' });
    expect(
      (await refused(stronger.signIn.signIn({ ...attempt, login: 'growing', password: 'another one' }))).status,
    ).toBe(401);
  });

  it('that is guessed at holds who guesses and nobody else: not the owner elsewhere, not another login', async () => {
    await nurse(house, 'guessed');
    await nurse(house, 'neighbour');
    const source = '203.0.113.9';
    for (let i = 0; i < 10; i++) expect((await refused(trying('guessed', `guess ${i}`, { source }))).status).toBe(401);
    const held = await refused(trying('guessed', password, { source }));
    expect(held).toMatchObject({ status: 429, code: 'throttled' });
    expect(Number(held.headers['Retry-After'])).toBeGreaterThan(0);
    expect(await trying('guessed', password)).toMatchObject({ step: 'done' });
    expect(await trying('neighbour', password, { source })).toMatchObject({ step: 'done' });
    house.pass(2 * MINUTE);
    expect(await trying('guessed', password, { source })).toMatchObject({ step: 'done' });
  });
});

describe('A second factor', () => {
  it('is asked for once there is one, and its code counts once', async () => {
    await nurse(house, 'careful');
    const { code } = await withTotp('careful');
    const step: any = await trying('careful', password);
    expect(step).toMatchObject({ step: 'second-factor', offers: ['totp', 'recovery'] });
    const used = code();
    expect(await house.signIn.secondFactor({ ...attempt, handle: step.handle, code: used })).toMatchObject({
      step: 'done',
      methods: ['pwd', 'otp'],
    });
    const again: any = await trying('careful', password);
    expect((await refused(house.signIn.secondFactor({ ...attempt, handle: again.handle, code: used }))).status).toBe(
      401,
    );
    house.pass(STEP);
    expect(await house.signIn.secondFactor({ ...attempt, handle: again.handle, code: code() })).toMatchObject({
      step: 'done',
    });
  });

  it('may come along with the password', async () => {
    await nurse(house, 'swift');
    const { code, wrong } = await withTotp('swift');
    expect(await trying('swift', password, { code: code() })).toMatchObject({ step: 'done', methods: ['pwd', 'otp'] });
    expect((await refused(trying('swift', password, { code: wrong() }))).status).toBe(401);
  });

  it('lets one of two in that use the same code at the same time', async () => {
    await nurse(house, 'twins');
    const { code } = await withTotp('twins');
    const steps: any[] = [await trying('twins', password), await trying('twins', password)];
    const tries = steps.map(({ handle }) => refused(house.signIn.secondFactor({ ...attempt, handle, code: code() })));
    expect((await Promise.all(tries)).map((error) => error?.status ?? 200).sort()).toEqual([200, 401]);
  });

  it('is not reached by a handle that is used, old, invented, or of before the password changed', async () => {
    await nurse(house, 'handles');
    const { code } = await withTotp('handles');
    const begin = async (): Promise<string> => ((await trying('handles', password)) as any).handle;
    const after = async (handle: string) =>
      (await refused(house.signIn.secondFactor({ ...attempt, handle, code: code() })))?.code;
    const used = await begin();
    expect(await after(used)).toBeUndefined();
    house.pass(STEP);
    expect(await after(used)).toBe('expired');
    expect(await after('invented')).toBe('expired');
    const superseded = await begin();
    await house.directory.change('handles', { password: 'seven herons at noon' }, row);
    expect(await after(superseded)).toBe('expired');
    await house.directory.change('handles', { password }, row);
    const old = await begin();
    house.pass(6 * MINUTE);
    expect(await after(old)).toBe('expired');
  });

  it('may be missed five times, then the password is asked for again', async () => {
    await nurse(house, 'clumsy');
    const { wrong } = await withTotp('clumsy');
    const { handle }: any = await trying('clumsy', password);
    const codes = [];
    for (let i = 0; i < 6; i++)
      codes.push((await refused(house.signIn.secondFactor({ ...attempt, handle, code: wrong() }))).code);
    expect(codes).toEqual(['login', 'login', 'login', 'login', 'expired', 'expired']);
    expect((await house.rows(6)).filter(({ reason }) => reason === 'code wrong')).toHaveLength(5);
  });

  it('makes whoever knows the password and guesses codes from everywhere wait', async () => {
    await nurse(house, 'besieged');
    const { code, codes, wrong } = await withTotp('besieged');
    let source = 0;
    const guess = async (guessed: string) => {
      const from = { ...attempt, source: `198.51.100.${source++}` };
      const { handle }: any = await house.signIn.signIn({ ...from, login: 'besieged', password });
      return refused(house.signIn.secondFactor({ ...from, handle, code: guessed }));
    };
    for (let i = 0; i < 10; i++) expect((await guess(wrong())).status).toBe(401);
    expect(await guess(code())).toMatchObject({ status: 429, code: 'throttled' });
    house.pass(31_000);
    expect(await guess(code())).toBeUndefined();
    expect((await house.directory.read('besieged')).totp).toMatchObject({ failed: 0 });
    expect(codes).toHaveLength(10);
  });

  it('has recovery codes in its place, each once', async () => {
    await nurse(house, 'lost');
    const { codes } = await withTotp('lost');
    const use = async (code: string) => {
      const { handle }: any = await trying('lost', password);
      return house.signIn.secondFactor({ ...attempt, handle, code });
    };
    expect(await use(codes[0]!)).toMatchObject({ step: 'done', methods: ['pwd', 'recovery'] });
    expect((await house.rows(1))[0]).toMatchObject({ interaction: 'user-recovery-use', who: 'Practitioner/7' });
    expect((await refused(use(codes[0]!))).status).toBe(401);
    expect(house.factors.show(await house.directory.read('lost')).recoveryLeft).toBe(9);
  });

  it('has to be set up by who holds a role that demands one, before anything is open', async () => {
    await nurse(house, 'root', { roles: ['administrator'] });
    const step: any = await trying('root', password);
    expect(step.step).toBe('enrol');
    const { user, mustEnrol } = await house.signIn.waiting(step.handle);
    expect(mustEnrol).toBe(true);
    const { secret } = await house.factors.beginTotp(user.login);
    const code = codeAt(secret, stepAt(house.runtime.now()));
    expect((await refused(house.signIn.enrol(step.handle, wrongCode(secret, house.runtime.now()), row))).status).toBe(
      400,
    );
    const enrolled = await house.signIn.enrol(step.handle, code, row);
    expect(enrolled).toMatchObject({ step: { step: 'done', methods: ['pwd', 'otp'] } });
    expect(enrolled.codes).toHaveLength(10);
    expect((await refused(house.signIn.enrol(step.handle, code, row))).code).toBe('expired');
    expect(await trying('root', password)).toMatchObject({ step: 'second-factor' });
  });
});

describe('Setting up a second factor with a password alone', () => {
  it('is not for who has one, nor for who got one meanwhile', async () => {
    await nurse(house, 'owner', { roles: ['administrator'] });
    const thief: any = await trying('owner', password);
    const owner: any = await trying('owner', password);
    const begun = await house.factors.beginTotp('owner');
    await house.signIn.enrol(owner.handle, codeAt(begun.secret, stepAt(house.runtime.now())), row);
    const other = await house.factors.beginTotp('owner');
    const code = codeAt(other.secret, stepAt(house.runtime.now()));
    expect((await refused(house.signIn.enrol(thief.handle, code, row))).code).toBe('expired');
    const later: any = await trying('owner', password);
    expect(later.step).toBe('second-factor');
    expect((await refused(house.signIn.enrol(later.handle, code, row))).code).toBe('expired');
    expect((await refused(house.factors.confirmTotp('owner', code, row))).status).toBe(422);
    expect((await house.directory.read('owner')).totp!.secret).toBe(begun.secret);
  });
});

describe('Factors', () => {
  it('count from their first right code on', async () => {
    await nurse(house, 'tentative');
    const { secret } = await house.factors.beginTotp('tentative');
    const wrong = wrongCode(secret, house.runtime.now());
    expect((await refused(house.factors.confirmTotp('tentative', wrong, row))).status).toBe(400);
    expect(await trying('tentative', password)).toMatchObject({ step: 'done' });
  });

  it('cannot lose the last one where a role demands it, and otherwise take the recovery codes along', async () => {
    await nurse(house, 'strict', { roles: ['administrator'] });
    await withTotp('strict');
    expect((await refused(house.factors.removeTotp('strict', row))).status).toBe(422);
    await nurse(house, 'easy');
    await withTotp('easy');
    await house.factors.removeTotp('easy', row);
    expect(house.factors.show(await house.directory.read('easy'))).toMatchObject({ totp: false, recoveryLeft: 0 });
    expect((await house.rows(1))[0]).toMatchObject({ interaction: 'user-totp-remove', who: 'Practitioner/7' });
    expect((await refused(house.factors.newRecoveryCodes('easy', row))).status).toBe(422);
  });

  it('have new recovery codes that make the old ones worthless', async () => {
    await nurse(house, 'renewing');
    const { codes } = await withTotp('renewing');
    const fresh = await house.factors.newRecoveryCodes('renewing', row);
    const { handle }: any = await trying('renewing', password);
    expect((await refused(house.signIn.secondFactor({ ...attempt, handle, code: codes[0]! }))).status).toBe(401);
    expect(await house.signIn.secondFactor({ ...attempt, handle, code: fresh[0]! })).toMatchObject({ step: 'done' });
  });

  it('include a password that its user changes, who knows the old one', async () => {
    const { epoch } = await nurse(house, 'changing');
    const change = (former: string, next: string) =>
      house.factors.changePassword('changing', former, next, '192.0.2.1', row);
    expect((await refused(change('not this one', 'seven herons at noon'))).status).toBe(400);
    expect((await refused(change(password, 'password1'))).status).toBe(400);
    const user = await change(password, 'seven herons at noon');
    expect(user.epoch).toBeGreaterThan(epoch);
    expect(house.told).toContain('changing');
    expect((await refused(trying('changing', password))).status).toBe(401);
    expect(await trying('changing', 'seven herons at noon')).toMatchObject({ step: 'done' });
  });
});

describe('What is kept and written down', () => {
  it('holds no password, code or handle', async () => {
    await nurse(house, 'secretive');
    const { codes } = await withTotp('secretive');
    const { handle }: any = await trying('secretive', password);
    const rows = await house.rows(10_000);
    const kept = await Promise.all(['user', 'user-sign-in', 'user-session'].map((kind) => house.kept(kind)));
    const all = JSON.stringify([rows, kept]);
    for (const secret of [password, handle, codes[0]!, codes[0]!.replaceAll('-', '')])
      expect(all).not.toContain(secret);
  });
});
