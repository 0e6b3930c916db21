/** Signing in on a page, wherever somebody was going: password or passkey, second factor, or setting one up first. */
import type { Request, Response, Router } from 'express';
import { Problem, problem } from '../../../fhir/outcome.ts';
import type { Offer, SignInStep } from '../../users/sign-in.ts';
import { goingOn } from '../failed.ts';
import { sendPage } from '../serve.ts';
import { recoveryCodes, setUpCodes } from '../set-up.ts';
import { type Failed, secondFactor, signIn } from '../sign-in.ts';
import { type Desk, type Form, sentence } from './desk.ts';

/** Where somebody signs in, and where that leads. */
export interface Place {
  /** Address of this place, below which its steps are; also where it leads once somebody has signed in. */
  readonly path: string;
  readonly onward: string;
  /** Name of the app that waits. */
  readonly app?: string;
  readonly login?: string;
}

type PlaceOf = (request: Request, response: Response) => Promise<Place>;

export interface SignInDesk {
  /** Shows the first page. */
  show(place: Place, request: Request, response: Response, failed?: Failed, status?: number): void;
  /** To what is next after a step that was taken. */
  lead(place: Place, step: SignInStep, request: Request, response: Response): Promise<void>;
}

/** A refusal that belongs beside a field, or a 4xx of another kind thrown on. */
function faultOf(error: unknown): Problem {
  if (error instanceof Problem && ['login', 'expired', 'throttled', 'value'].includes(error.code)) return error;
  throw error;
}

/** Adds the steps below `at` to the router. */
export function addSignIn(router: Router, at: string, desk: Desk, placeOf: PlaceOf): SignInDesk {
  const { users, visitOf, addressOf } = desk;
  const attemptOf = (request: Request, response: Response) => ({
    source: addressOf(request),
    row: visitOf(response).row,
  });
  const passkeyOf = ({ path }: Place) =>
    users.passkeys.areOffered ? { options: `${path}/passkey-options`, action: `${path}/passkey` } : undefined;

  function show(place: Place, request: Request, response: Response, failedBy: Failed = {}, status = 200): void {
    const { path, app, login } = place;
    const csrf = desk.csrfFor(request, response);
    const providers = users.providers.list.map(({ name, title }) => ({ name: title, href: `${path}/outside/${name}` }));
    const page = signIn({
      action: `${path}/login`,
      csrf,
      app,
      login,
      failed: failedBy,
      passkey: passkeyOf(place),
      providers,
    });
    sendPage(response, page, { status });
  }

  /** What went wrong is recorded, unless it is already, and told on the page that it happened on. */
  async function told(error: unknown, response: Response): Promise<Problem> {
    const fault = await visitOf(response).refusal(faultOf(error), { interaction: 'sign-in' });
    response.set(fault.headers);
    return fault;
  }

  async function lead(place: Place, step: SignInStep, request: Request, response: Response): Promise<void> {
    if (step.step === 'done') {
      await desk.startSession(step.user, step.methods, request, response);
      return sendPage(response, goingOn(place.onward, place.app));
    }
    if (step.step === 'second-factor') {
      const offers = offersOf(step.offers, place);
      return sendPage(response, secondFactor({ ...provingAt(place, request, response), handle: step.handle, offers }));
    }
    await showSetUp(place, step.handle, request, response);
  }

  const provingAt = ({ path, app }: Place, request: Request, response: Response) => ({
    action: `${path}/second-factor`,
    csrf: desk.csrfFor(request, response),
    app,
  });
  const offersOf = (offers: readonly Offer[], place: Place) => ({
    codes: offers.includes('totp'),
    recovery: offers.includes('recovery'),
    ...(offers.includes('passkey') && { passkey: passkeyOf(place) }),
  });

  async function showSetUp(place: Place, handle: string, request: Request, response: Response): Promise<void> {
    const { user } = await users.signIn.waiting(handle);
    const { secret, uri } = await users.factors.beginTotp(user.login);
    const csrf = desk.csrfFor(request, response);
    sendPage(response, setUpCodes({ action: `${place.path}/set-up`, csrf, app: place.app, handle, key: secret, uri }));
  }

  /** Each step knows its place first: an address that is none of this browser is refused before anything is tried. */
  const step = (
    name: string,
    work: (place: Place, form: Form, request: Request, response: Response) => Promise<void>,
  ) =>
    router.post(
      `${at}/${name}`,
      ...desk.posted(async (request, response, form) =>
        work(await placeOf(request, response), form, request, response),
      ),
    );

  step('login', async (place, form, request, response) => {
    const [login, password] = [form.text('login').trim(), form.text('password')];
    const typed = { ...place, login };
    if (login === '') return show(typed, request, response, { login: 'Type your user name.' }, 400);
    if (password === '') return show(typed, request, response, { password: 'Type your password.' }, 400);
    try {
      const next = await users.signIn.signIn({ ...attemptOf(request, response), login, password });
      await lead(place, next, request, response);
    } catch (error) {
      const fault = await told(error, response);
      const failedBy =
        fault.code === 'login' ? { password: 'User name or password is not right.' } : { whole: sentence(fault) };
      show(typed, request, response, failedBy, fault.status);
    }
  });

  step('second-factor', async (place, form, request, response) => {
    const [handle, code] = [form.text('handle'), form.text('code').trim()];
    const isRecovery = (form.text('with') || form.text('kind')) === 'recovery';
    const again = async (fault: string | undefined, status: number) => {
      const offers = offersOf((await users.signIn.waiting(handle)).offers, place);
      const page = secondFactor({ ...provingAt(place, request, response), handle, fault, offers, isRecovery });
      sendPage(response, page, { status });
    };
    try {
      if (form.text('with') !== '') return await again(undefined, 200);
      if (code === '') return await again('Type the code.', 400);
      await lead(
        place,
        await users.signIn.secondFactor({ ...attemptOf(request, response), handle, code }),
        request,
        response,
      );
    } catch (error) {
      const fault = await told(error, response);
      if (fault.code === 'expired') return show(place, request, response, { whole: sentence(fault) }, 401);
      await again(fault.code === 'login' ? 'That code is not right, or no longer.' : sentence(fault), fault.status);
    }
  });

  router.post(
    `${at}/passkey-options`,
    ...desk.posted(async (request, response, form) => {
      await placeOf(request, response);
      if (!users.passkeys.areOffered) throw problem('not-found', 'passkeys are not offered at this address');
      const handle = form.text('handle');
      const user = handle === '' ? undefined : (await users.signIn.waiting(handle)).user;
      response.set('Cache-Control', 'no-store').json(await users.passkeys.beginSignIn(user));
    }),
  );

  router.get(
    `${at}/outside/:name`,
    desk.shown(async (request, response) => {
      const { path, onward } = await placeOf(request, response);
      const cookie = desk.cookieOf(request, response);
      response.redirect(
        303,
        await users.providers.begin(String(request.params.name), { cookie, to: { path, onward } }),
      );
    }),
  );

  step('passkey', async (place, form, request, response) => {
    const handle = form.text('handle') || undefined;
    try {
      const next = await users.signIn.passkey({
        ...attemptOf(request, response),
        response: credentialOf(form),
        handle,
      });
      await lead(place, next, request, response);
    } catch (error) {
      const fault = await told(error, response);
      const whole = fault.code === 'login' ? 'That passkey opens nothing here.' : sentence(fault);
      show(place, request, response, { whole }, fault.status);
    }
  });

  step('set-up', async (place, form, request, response) => {
    const [handle, uri] = [form.text('handle'), form.text('uri')];
    const csrf = desk.csrfFor(request, response);
    try {
      const { step: next, codes } = await users.signIn.enrol(handle, form.text('code'), visitOf(response).row);
      if (next.step !== 'done' || codes === undefined) return await lead(place, next, request, response);
      await desk.startSession(next.user, next.methods, request, response);
      sendPage(response, recoveryCodes({ codes, onward: place.onward }));
    } catch (error) {
      const fault = faultOf(error);
      const asked = { action: `${place.path}/set-up`, csrf, app: place.app, handle, key: keyIn(uri), uri };
      sendPage(response, setUpCodes({ ...asked, fault: sentence(fault) }), { status: fault.status });
    }
  });

  return { show, lead };
}

/** What the authenticator said; text that is no JSON object opens nothing. */
export function credentialOf(form: Form): any {
  try {
    const credential: unknown = JSON.parse(form.text('credential'));
    if (typeof credential === 'object' && credential !== null) return credential;
  } catch {
    // As below.
  }
  throw problem('value', 'the browser sent no passkey; try again');
}

/** The key in base32 out of what a page was given for its QR code. */
export const keyIn = (uri: string): string =>
  /^otpauth:\/\/totp\/[^?]*\?secret=([A-Z2-7]{16,64})&/.exec(uri)?.[1] ?? '';
