/** Where a patient answers by the link of a message: looking changes nothing, since programs follow links too; a button does. docs/escalation.md#answers */
import { type Request, type Response, Router } from 'express';
import { readAnswerLink } from '../alerts/process/answer-link.ts';
import type { Answer } from '../alerts/process/stages.ts';
import { Problem } from '../fhir/outcome.ts';
import { insideRequest } from '../interactions/inside.ts';
import type { Dispatch } from '../interactions/interaction.ts';
import type { Runtime } from '../runtime.ts';
import { system } from '../smart/access.ts';
import { type Html, html } from '../smart/pages/html.ts';
import { framed } from '../smart/pages/layout.ts';
import { sendPage } from '../smart/pages/serve.ts';
import { isDeleted, type Store } from '../store/store.ts';
import { FORM_LIMIT, readBody } from './body.ts';
import { addressOf } from './incoming.ts';

export interface AlertAnswersDoor {
  readonly store: Pick<Store, 'read'>;
  readonly dispatch: Dispatch;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly base: string;
  /** 32 bytes. */
  readonly linkKey: Uint8Array;
}

const caller = system('alert-answers');
const words: Readonly<Record<Answer, string>> = {
  allow: 'Yes, tell my care team',
  deny: 'No, tell nobody',
  'ask-later': 'Ask me later',
};
const thanks: Readonly<Record<Answer, string>> = {
  allow: 'Your care team is told now.',
  deny: 'Nobody is told. If you feel unwell, call your care team or the emergency number.',
  'ask-later': 'You will be asked again.',
};
const over = 'This question is over. If you feel unwell, call your care team or the emergency number.';

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
    if (!(await asked(request)))
      return sendPage(response, page('No question here', html`<p>${over}</p>`), { status: 404 });
    const buttons = Object.entries(words).map(
      ([answer, text]) => html`<p><button name="answer" value="${answer}">${text}</button></p>`,
    );
    const form = html`<p>Your device has noticed something. May your care team be told?</p><form method="post">${buttons}</form>`;
    sendPage(response, page('A question about your device', form));
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
    const text = JSON.stringify(resource);
    const origin = { base, requestId: '', address: addressOf(request) };
    try {
      const body = { text, resource };
      await dispatch(insideRequest(origin, { interaction: 'create', type: 'Communication', body }), caller);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return sendPage(response, page('Not yet', html`<p>Your answer could not be kept. Please try again.</p>`), {
        status: 503,
      });
    }
    sendPage(response, page('Thank you', html`<p>${thanks[answer]}</p>`));
  }

  const router = Router();
  router.get('/alert-answers/:token', show);
  router.post('/alert-answers/:token', take);
  return router;
}
