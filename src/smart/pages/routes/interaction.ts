/** What stands between an app's request and its code: sign in, choose a patient and an encounter, consent. https://hl7.org/fhir/smart-app-launch/app-launch.html */
import type { Request, Response, Router } from 'express';
import { problem } from '../../../fhir/outcome.ts';
import type { Asked } from '../../authorization/interaction.ts';
import { purposeOf } from '../../purposes.ts';
import { kindOf } from '../../scopes/words.ts';
import type { Session } from '../../users/sessions.ts';
import { aboutUser } from '../../users/user.ts';
import type { PatientRow } from '../choose.ts';
import { goingOn } from '../failed.ts';
import { sendPage } from '../serve.ts';
import type { Failed } from '../sign-in.ts';
import { type Chosen, createDecisions, type Visitor } from './decisions.ts';
import type { Desk, Form } from './desk.ts';
import { addSignIn, type Place, type SignInDesk } from './sign-in.ts';
import { subjectsFor } from './subjects.ts';
import { encounterWords, schemeOf } from './words.ts';

const AT = '/interaction/:uid';

export function addInteraction(router: Router, desk: Desk): SignInDesk {
  const { users, authorization, visitOf } = desk;
  const { interactions } = authorization;
  const pages = createDecisions(desk);

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
      signIn.show(placeFor(asked), request, response, meantFor(asked, session));
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
    if (schemeOf(redirectUri) === undefined) sendPage(response, goingOn(to, client.metadata.client_name));
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

  /** What was chosen, seen again each time: an id in an address or a form proves nothing. Undefined: it has to be chosen still. */
  async function chosenOf(
    { asked, session, subjects }: Visitor,
    ids: { patient: string; encounter: string | undefined },
  ): Promise<Chosen | undefined> {
    const { fhirUser } = session.user;
    const own = fhirUser.startsWith('Patient/') ? fhirUser.slice('Patient/'.length) : '';
    const id = asked.needsPatient ? ids.patient || own : asked.launch?.patient;
    const patient = id ? await subjects.patient(id) : undefined;
    if (asked.needsPatient && !patient) return undefined;
    const encounter =
      asked.needsEncounter && patient && ids.encounter
        ? await subjects.encounter(patient.id, ids.encounter)
        : undefined;
    return { patient, encounter: encounter && { id: encounter.id, words: encounterWords(encounter) } };
  }

  router.get(
    AT,
    desk.shown(async (request, response) => {
      const visitor = await visitorOf(request, response);
      if (!visitor) return;
      const { searchParams } = new URL(request.originalUrl, 'http://here');
      const encounter = searchParams.get('encounter') ?? undefined;
      const chosen = await chosenOf(visitor, { patient: searchParams.get('patient') ?? '', encounter });
      if (!chosen) return pages.patients(visitor, undefined, request, response);
      if (visitor.asked.needsEncounter && chosen.patient && encounter === undefined)
        return pages.encounters(visitor, chosen.patient, '', request, response);
      pages.consent(visitor, chosen, request, response);
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

  step('patients', (visitor, form, request, response) => pages.patients(visitor, form, request, response));

  step('patient', async (visitor, form, request, response) => {
    const patient = await visitor.subjects.patient(form.text('patient'));
    if (patient) response.redirect(303, `${visitor.path}?patient=${encodeURIComponent(patient.id)}`);
    else await pages.patients(visitor, undefined, request, response, 'There is no such patient that you may see.');
  });

  const patientOf = async ({ subjects, asked, session }: Visitor, { originalUrl }: Request): Promise<PatientRow> => {
    const id = new URL(originalUrl, 'http://here').searchParams.get('patient') ?? '';
    const patient = await subjects.patient(asked.launch?.patient ?? id);
    if (!patient) throw problem('not-found', `there is no such patient that ${session.user.login} may see`);
    return patient;
  };

  step('encounters', async (visitor, form, request, response) =>
    pages.encounters(visitor, await patientOf(visitor, request), form.text('page'), request, response),
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
    if (!chosen) return pages.patients(visitor, undefined, request, response);
    const ticked = asked.scopes.filter((scope) => form.all('scope').includes(scope));
    if (form.text('decision') !== 'allow' || ticked.length === 0)
      return pages.consent(visitor, chosen, request, response, 'Nothing was ticked. Tick what you allow, or deny.');
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

/** The launch goes on to wait for who it is for. */
const meantFor = ({ launch }: Asked, session: Session | undefined): Failed => {
  if (launch === undefined || session === undefined || launch.user === session.user.login) return {};
  const whole = `This app was opened for ${launch.user}, and you are signed in as ${session.user.login}. Sign in as ${launch.user} to go on.`;
  return { whole };
};
