/** What stands between an app's request and its code: sign in, choose a patient and an encounter, consent. https://hl7.org/fhir/smart-app-launch/app-launch.html */
import type { Request, Response, Router } from 'express';
import { problem } from '../../../fhir/outcome.ts';
import type { Asked } from '../../authorization/interaction.ts';
import { purposeOf } from '../../purposes.ts';
import { mayChange, plain } from '../../scopes/plain.ts';
import { kindOf } from '../../scopes/words.ts';
import type { Session } from '../../users/sessions.ts';
import { aboutUser } from '../../users/user.ts';
import { chooseEncounter, choosePatient, type PatientRow, type PatientSearch } from '../choose.ts';
import { type AskedScope, consent } from '../consent.ts';
import { goingOn } from '../failed.ts';
import { sendPage } from '../serve.ts';
import type { Failed } from '../sign-in.ts';
import type { Desk, Form } from './desk.ts';
import { addSignIn, type Place, type SignInDesk } from './sign-in.ts';
import { type Found, faultsOf, type Subjects, subjectsFor } from './subjects.ts';

const AT = '/interaction/:uid';
const searchedNothing: PatientSearch = { name: '', birthdate: '', identifier: '' };

/** Somebody signed in on the way to an app. */
interface Visitor {
  readonly asked: Asked;
  readonly session: Session;
  readonly subjects: Subjects;
  readonly path: string;
}

/** Ids that were chosen, and what they are called; of no meaning where an EHR named them. */
interface Chosen {
  readonly patient?: PatientRow;
  readonly encounter?: { readonly id: string; readonly words: string };
}

export function addInteraction(router: Router, desk: Desk): SignInDesk {
  const { users, authorization, visitOf } = desk;
  const { interactions } = authorization;

  async function askedBy(request: Request, response: Response): Promise<Asked> {
    const asked = await interactions.details(request, response);
    if (asked.uid !== request.params.uid) throw problem('not-found', 'this sign-in is not of this browser');
    return asked;
  }
  const pathOf = ({ uid }: Asked) => `/oauth/interaction/${uid}`;
  const placeFor = (asked: Asked): Place => ({
    path: pathOf(asked),
    onward: pathOf(asked),
    app: asked.client.metadata.client_name,
    login: asked.loginHint ?? asked.launch?.user,
  });
  const signIn = addSignIn(router, AT, desk, async (request, response) => placeFor(await askedBy(request, response)));

  /** The session, where it is good enough for what the app asks. */
  function isEnough({ created, user }: Session, { signedInAfter, launch }: Asked): boolean {
    return created >= signedInAfter && (launch === undefined || launch.user === user.login);
  }

  /** Who goes on to consent; anybody else is shown where to sign in. */
  async function visitorOf(request: Request, response: Response): Promise<Visitor | undefined> {
    const asked = await askedBy(request, response);
    const session = await desk.session(request);
    if (session && asked.prompt === 'consent' && session.user.login === asked.user) {
      const purpose = purposeOf(asked.client, session.user.roles, asked.launch?.purposeOfUse);
      const subjects = subjectsFor(desk, session.user, request, response, purpose);
      const visitor = { asked, session, subjects, path: pathOf(asked) };
      await demandLaunch(visitor);
      return visitor;
    }
    if (session && isEnough(session, asked)) {
      response.redirect(303, await interactions.finishLogin(asked.uid, session.user, session.methods));
    } else {
      signIn.show(placeFor(asked), request, response, otherUser(asked, session));
    }
    return undefined;
  }

  /** Whom an EHR named is looked at with the user's own rights, as they are now: the EHR's word opens nothing. */
  async function demandLaunch({ asked: { launch }, session, subjects }: Visitor): Promise<void> {
    const { patient, encounter } = launch ?? {};
    const { login } = session.user;
    if (patient !== undefined && !(await subjects.patient(patient)))
      throw problem('forbidden', `the app was opened with a patient whom ${login} may not see`);
    if (encounter !== undefined && !(patient !== undefined && (await subjects.encounter(patient, encounter))))
      throw problem('forbidden', `the app was opened with an encounter that ${login} may not see`);
  }

  /** Leaves for the app: past the policy of our forms, which an address with a scheme of its own stands in by name. */
  function leave({ client, redirectUri }: Asked, to: string, response: Response): void {
    if (/^https?:/.test(redirectUri)) sendPage(response, goingOn(to, client.metadata.client_name));
    else response.redirect(303, to);
  }

  async function deny({ asked, session }: Visitor, response: Response): Promise<void> {
    await visitOf(response).record({
      interaction: 'app-deny',
      status: 200,
      ...aboutUser(session.user),
      reason: `client ${asked.client.clientId}`,
    });
    leave(asked, await interactions.deny(asked.uid), response);
  }

  const wordsFor = (visitor: Visitor, request: Request, response: Response) => ({
    csrf: desk.csrfFor(request, response),
    app: visitor.asked.client.metadata.client_name,
    who: visitor.session.user.login,
  });

  /** What was chosen, seen again each time: an id in an address or a form proves nothing. Undefined: it has to be chosen still. */
  async function chosenOf(
    { asked, session, subjects }: Visitor,
    ids: { patient: string; encounter: string | undefined },
  ) {
    const { fhirUser } = session.user;
    const own = fhirUser.startsWith('Patient/') ? fhirUser.slice('Patient/'.length) : '';
    const id = asked.needsPatient ? ids.patient || own : asked.launch?.patient;
    const patient = id ? await subjects.patient(id) : undefined;
    if (asked.needsPatient && !patient) return undefined;
    const encounter =
      asked.needsEncounter && patient && ids.encounter
        ? await subjects.encounter(patient.id, ids.encounter)
        : undefined;
    return { patient, encounter: encounter && { id: encounter.id, words: wordsOf(encounter) } };
  }

  async function showPatients(
    visitor: Visitor,
    form: Form | undefined,
    request: Request,
    response: Response,
    failed?: string,
  ) {
    const { path, subjects } = visitor;
    const asked = form
      ? {
          name: form.text('name').trim(),
          birthdate: form.text('birthdate').trim(),
          identifier: form.text('identifier').trim(),
        }
      : searchedNothing;
    const page = form?.text('page') ?? '';
    const faults = faultsOf(asked);
    const found: Found<PatientRow> = faults ? { rows: [] } : await subjects.patients(asked, page);
    const isLater = page !== '';
    const words = wordsFor(visitor, request, response);
    const shown = choosePatient({
      ...words,
      action: `${path}/patient`,
      search: `${path}/patients`,
      asked,
      faults,
      ...found,
      isLater,
      failed,
    });
    sendPage(response, shown, {
      status: faults || failed !== undefined ? 400 : 200,
      returns: returnsOf(visitor.asked),
    });
  }

  async function showEncounters(
    visitor: Visitor,
    patient: PatientRow,
    page: string,
    request: Request,
    response: Response,
  ) {
    const { path, subjects } = visitor;
    const found = await subjects.encounters(patient.id, page);
    const query = `?patient=${encodeURIComponent(patient.id)}`;
    const at = { action: `${path}/encounter${query}`, more: `${path}/encounters${query}` };
    const words = wordsFor(visitor, request, response);
    const shown = chooseEncounter({ ...words, ...at, patient: calledBy(patient), ...found, isLater: page !== '' });
    sendPage(response, shown, { returns: returnsOf(visitor.asked) });
  }

  function showConsent(
    visitor: Visitor,
    { patient, encounter }: Chosen,
    request: Request,
    response: Response,
    failed?: string,
  ) {
    const { asked, path } = visitor;
    const page = consent({
      ...wordsFor(visitor, request, response),
      action: `${path}/consent`,
      returnsTo: placeOf(asked.redirectUri),
      patient: patient && calledBy(patient),
      encounter: encounter?.words,
      chosen: {
        ...(asked.needsPatient && patient && { patient: patient.id }),
        ...(asked.needsEncounter && { encounter: encounter?.id ?? '' }),
      },
      scopes: asked.scopes
        .filter((scope) => kindOf(scope) !== 'launch')
        .map((scope) => shownScope(scope, desk.offlineDays)),
      failed,
    });
    sendPage(response, page, { status: failed === undefined ? 200 : 400, returns: returnsOf(asked) });
  }

  router.get(
    AT,
    desk.shown(async (request, response) => {
      const visitor = await visitorOf(request, response);
      if (!visitor) return;
      const { searchParams } = new URL(request.originalUrl, 'http://here');
      const encounter = searchParams.get('encounter') ?? undefined;
      const chosen = await chosenOf(visitor, { patient: searchParams.get('patient') ?? '', encounter });
      if (!chosen) return showPatients(visitor, undefined, request, response);
      if (visitor.asked.needsEncounter && chosen.patient && encounter === undefined)
        return showEncounters(visitor, chosen.patient, '', request, response);
      showConsent(visitor, chosen, request, response);
    }),
  );

  const step = (
    name: string,
    work: (visitor: Visitor, form: Form, request: Request, response: Response) => Promise<void>,
  ) =>
    router.post(
      `${AT}/${name}`,
      ...desk.posted(async (request, response, form) => {
        const visitor = await visitorOf(request, response);
        if (!visitor) return;
        if (form.text('decision') === 'deny') return deny(visitor, response);
        await work(visitor, form, request, response);
      }),
    );

  step('patients', (visitor, form, request, response) => showPatients(visitor, form, request, response));

  step('patient', async (visitor, form, request, response) => {
    const patient = await visitor.subjects.patient(form.text('patient'));
    if (patient) response.redirect(303, `${visitor.path}?patient=${encodeURIComponent(patient.id)}`);
    else await showPatients(visitor, undefined, request, response, 'There is no such patient that you may see.');
  });

  const patientOf = async ({ subjects, asked, session }: Visitor, { originalUrl }: Request): Promise<PatientRow> => {
    const id = new URL(originalUrl, 'http://here').searchParams.get('patient') ?? '';
    const patient = await subjects.patient(asked.launch?.patient ?? id);
    if (!patient) throw problem('not-found', `there is no such patient that ${session.user.login} may see`);
    return patient;
  };

  step('encounters', async (visitor, form, request, response) =>
    showEncounters(visitor, await patientOf(visitor, request), form.text('page'), request, response),
  );

  step('encounter', async (visitor, form, request, response) => {
    const patient = await patientOf(visitor, request);
    const query = new URLSearchParams({ patient: patient.id, encounter: form.text('encounter') });
    response.redirect(303, `${visitor.path}?${query}`);
  });

  step('consent', async (visitor, form, request, response) => {
    const { asked, session, path } = visitor;
    if (form.text('decision') === 'other') {
      await users.sessions.end(session.user.login, session.id, visitOf(response).row);
      response.append('Set-Cookie', users.cookie.clear());
      return response.redirect(303, path);
    }
    const chosen = await chosenOf(visitor, { patient: form.text('patient'), encounter: form.text('encounter') });
    if (!chosen) return showPatients(visitor, undefined, request, response);
    const ticked = asked.scopes.filter((scope) => form.all('scope').includes(scope));
    if (form.text('decision') !== 'allow' || ticked.length === 0)
      return showConsent(visitor, chosen, request, response, 'Nothing was ticked. Tick what you allow, or deny.');
    const scopes = asked.scopes.filter((scope) => kindOf(scope) === 'launch' || ticked.includes(scope));
    const { patient, encounter } = chosen;
    await visitOf(response).record({
      interaction: 'app-allow',
      status: 200,
      ...aboutUser(session.user),
      ...(patient && { patients: `Patient/${patient.id}` }),
      reason: `client ${asked.client.clientId}: ${scopes.join(' ')}`,
    });
    const consented = { scopes, patient: patient?.id, encounter: encounter?.id, session: session.id };
    const to = await interactions.finishConsent(asked.uid, consented);
    leave(asked, to, response);
  });
  return signIn;
}

export const calledBy = ({ name, birthDate }: PatientRow): string =>
  [name === '' ? 'No name' : name, birthDate !== '' && `born ${birthDate}`].filter(Boolean).join(', ');

/** The launch goes on to wait for who it is for. */
const otherUser = ({ launch }: Asked, session: Session | undefined): Failed => {
  if (launch === undefined || session === undefined || launch.user === session.user.login) return {};
  const whole = `This app was opened for ${launch.user}, and you are signed in as ${session.user.login}. Sign in as ${launch.user} to go on.`;
  return { whole };
};

const wordsOf = ({ kind, period }: { readonly kind: string; readonly period: string }): string =>
  [kind === '' ? 'Encounter' : kind, period].filter((part) => part !== '').join(', ');

/** What a person knows an address by. */
const placeOf = (uri: string): string => (/^https?:/.test(uri) ? new URL(uri).origin : new URL(uri).protocol);

/** For our policy: a scheme of an app on this device, that a form may end at. */
const returnsOf = ({ redirectUri }: Asked): string | undefined =>
  /^https?:/.test(redirectUri) ? undefined : new URL(redirectUri).protocol;

export function shownScope(scope: string, offlineDays: number): AskedScope {
  if (scope === 'offline_access') {
    return { scope, words: `Keep this access for ${offlineDays} days, also when you are not there.`, kind: 'lasting' };
  }
  const kind =
    scope === 'online_access'
      ? 'lasting'
      : kindOf(scope) === 'identity'
        ? 'identity'
        : mayChange(scope)
          ? 'write'
          : 'read';
  return { scope, words: plain(scope), kind };
}
