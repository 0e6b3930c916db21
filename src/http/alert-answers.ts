/** Where a patient answers by the link of a message: looking changes nothing, since programs follow links too; a button does. docs/escalation.md#answers */
import { type Request, type Response, Router } from 'express';
import { readAnswerLink } from '../alerts/process/answer-link.ts';
import { processKinds } from '../alerts/process/kept.ts';
import { type Asked, askedNow, type Outcome, outcomeOf } from '../alerts/process/question.ts';
import type { Answer } from '../alerts/process/stages.ts';
import { Problem } from '../fhir/outcome.ts';
import { insideRequest } from '../interactions/inside.ts';
import type { Dispatch } from '../interactions/interaction.ts';
import { settle } from '../interactions/settle.ts';
import type { Runtime } from '../runtime.ts';
import { system } from '../smart/access.ts';
import { type Html, html } from '../smart/pages/html.ts';
import { framed } from '../smart/pages/layout.ts';
import { sendPage } from '../smart/pages/serve.ts';
import { type Change, isDeleted, type Store } from '../store/store.ts';
import { FORM_LIMIT, readBody } from './body.ts';
import { addressOf } from './incoming.ts';

export interface AlertAnswersDoor {
  readonly store: Pick<Store, 'read' | 'get' | 'search'>;
  readonly dispatch: Dispatch;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly base: string;
  /** 32 bytes. */
  readonly linkKey: Uint8Array;
}

const caller = system('alert-answers');
const words: Readonly<Record<Answer, string>> = {
  allow: 'Yes, tell the care team',
  deny: 'No, tell nobody',
  'ask-later': 'Ask me later',
};
const call = 'If you feel unwell, call your care team or the emergency number.';
const over = `This question is over. ${call}`;
/** What is true of an answer, and no more: how it is sent on is seen by nobody here. */
const thanks: Readonly<Record<Outcome, string>> = {
  over: `This question is no longer open: it was answered before, or its time was up, or somebody is looking already. Your answer is kept, and changes nothing. ${call}`,
  told: `Your care team is told now. ${call}`,
  'told-before': `Your answer is kept. Your care team has been told already. ${call}`,
  'told-anyway': `Your answer is kept. Your care team is told all the same, since this may be dangerous. ${call}`,
  listed: `Your answer is kept. Your care team finds it in its list; nobody is sent a message. ${call}`,
  nobody: `Nobody is told. ${call}`,
  'asked-again': `You will be asked again. ${call}`,
  'told-later': `You will not be asked again: your care team is told in a while, unless you answer before. ${call}`,
};

const isOvertaken = (error: unknown): boolean => error instanceof Problem && [409, 412].includes(error.status);

/** Goes into the commit of the answer: what is promised is what the process then hears. */
const stillAt = ({ process, revision }: Asked): Change => ({
  op: 'expect',
  of: { kind: processKinds.process, key: process.alert.id },
  at: revision,
});

const page = (title: string, body: Html): string => framed({ title, body });

export function alertAnswersRouter({ store, dispatch, runtime, base, linkKey }: AlertAnswersDoor): Router {
  /** The Communication that asked, where the link is good. */
  async function asked(request: Request): Promise<any> {
    const question = readAnswerLink(linkKey, String(request.params['token']), runtime.now());
    if (!question) return undefined;
    const [version] = await store.read([{ type: 'Communication', id: question.communication }]);
    return version && !isDeleted(version) ? JSON.parse(version.text) : undefined;
  }

  async function show(request: Request, response: Response): Promise<void> {
    const question = await asked(request);
    if (!question) return sendPage(response, page('No question here', html`<p>${over}</p>`), { status: 404 });
    const standing = await askedNow(question, store);
    if (!standing || outcomeOf(standing, 'allow', runtime.now()) === 'over')
      return sendPage(response, page('No question here', html`<p>${over}</p>`), { status: 410 });
    const buttons = Object.entries(words).map(
      ([answer, text]) => html`<p><button name="answer" value="${answer}">${text}</button></p>`,
    );
    const isRelated = question.recipient?.[0]?.reference?.startsWith('RelatedPerson/') === true;
    const noticed = isRelated
      ? 'A device of somebody you are related to has noticed something. May the care team be told?'
      : 'Your device has noticed something. May your care team be told?';
    const title = isRelated ? 'A question about a device' : 'A question about your device';
    sendPage(response, page(title, html`<p>${noticed}</p><form method="post">${buttons}</form>`));
  }

  async function take(request: Request, response: Response): Promise<void> {
    const question = await asked(request);
    const form = new URLSearchParams((await readBody(request, FORM_LIMIT)).toString('utf8'));
    const answer = (form.get('answer') ?? '') as Answer;
    if (!question || !Object.hasOwn(words, answer))
      return sendPage(response, page('No question here', html`<p>${over}</p>`), { status: question ? 400 : 404 });
    const patient = question.recipient[0];
    const resource = {
      resourceType: 'Communication',
      inResponseTo: [{ reference: `Communication/${question.id}` }],
      status: 'completed',
      subject: question.subject,
      about: question.about,
      sent: new Date(runtime.now()).toISOString(),
      received: new Date(runtime.now()).toISOString(),
      sender: patient,
      payload: [{ contentString: answer }],
    };
    const body = { text: JSON.stringify(resource), resource };
    const entries = [{ fullUrl: '', method: 'POST', url: 'Communication', body, conditions: {} }] as const;
    const origin = { base, requestId: '', address: addressOf(request) };
    try {
      const outcome = await settle(
        runtime,
        async () => {
          const standing = await askedNow(question, store);
          const outcome = standing ? outcomeOf(standing, answer, runtime.now()) : 'over';
          const asked = insideRequest(origin, { interaction: 'transaction', type: '', entries });
          await dispatch(asked, caller, standing ? [stillAt(standing)] : []);
          return outcome;
        },
        { isOvertaken },
      );
      const title = outcome === 'over' ? 'This question is over' : 'Thank you';
      sendPage(response, page(title, html`<p>${thanks[outcome]}</p>`), { status: outcome === 'over' ? 409 : 200 });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      sendPage(response, page('Not yet', html`<p>Your answer could not be kept. Please try again. ${call}</p>`), {
        status: 503,
      });
    }
  }

  const router = Router();
  router.get('/alert-answers/:token', show);
  router.post('/alert-answers/:token', take);
  return router;
}
