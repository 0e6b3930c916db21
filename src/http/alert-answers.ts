/** Where a patient, or who is asked in the patient's place, answers by the link of a message: looking changes nothing, since programs follow links too; a button does. docs/escalation.md#answers */
import { type Request, type Response, Router } from 'express';
import { readAnswerLink } from '../alerts/process/answer-link.ts';
import { processKinds } from '../alerts/process/kept.ts';
import { type Asked, askedNow, type Outcome, outcomeOf } from '../alerts/process/question.ts';
import type { Answer } from '../alerts/process/stages.ts';
import { isOvertaken, Problem } from '../fhir/outcome.ts';
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

/** To a patient, and to who is asked in the patient's place, of somebody else's device and team. */
interface Voice {
  readonly title: string;
  readonly noticed: string;
  /** At the beginning of a sentence, and within. */
  readonly Team: string;
  readonly team: string;
  readonly call: string;
}
const toPatient: Voice = {
  title: 'A question about your device',
  noticed: 'Your device has noticed something. May your care team be told?',
  Team: 'Your care team',
  team: 'your care team',
  call: 'If you feel unwell, call your care team or the emergency number.',
};
const toRelated: Voice = {
  title: 'A question about a device',
  noticed: 'A device of somebody you are related to has noticed something. May the care team be told?',
  Team: 'The care team',
  team: 'the care team',
  call: 'If the person feels unwell, call the care team or the emergency number.',
};
/** Of the Communication that asked; where there is none nobody knows who reads. */
const voiceFor = (message: any): Voice =>
  message?.recipient?.[0]?.reference?.startsWith('RelatedPerson/') ? toRelated : toPatient;

/** What is true of an answer, and no more: how it is sent on is seen by nobody here. */
const thanks: Readonly<Record<Outcome, (voice: Voice) => string>> = {
  over: () =>
    'This question is no longer open: it was answered before, or its time was up, or somebody is looking already. Your answer is kept, and changes nothing.',
  told: ({ Team }) => `${Team} is told now.`,
  'told-before': ({ Team }) => `Your answer is kept. ${Team} has been told already.`,
  'told-anyway': ({ Team }) => `Your answer is kept. ${Team} is told all the same, since this may be dangerous.`,
  listed: ({ Team }) => `Your answer is kept. ${Team} finds it in its list; nobody is sent a message.`,
  nobody: () => 'Nobody is told.',
  'asked-again': () => 'You will be asked again.',
  'told-later': ({ team }) => `You will not be asked again: ${team} is told in a while, unless you answer before.`,
};

/** Goes into the commit of the answer: what is promised is what the process then hears. */
const stillAt = ({ process, revision }: Asked): Change => ({
  op: 'expect',
  of: { kind: processKinds.process, key: process.alert.id },
  at: revision,
});

const page = (title: string, body: Html): string => framed({ title, body });

export function alertAnswersRouter({ store, dispatch, runtime, base, linkKey }: AlertAnswersDoor): Router {
  /** The Communication that asked, where the link is good. */
  async function messageOf(request: Request): Promise<any> {
    const link = readAnswerLink(linkKey, String(request.params['token']), runtime.now());
    if (!link) return undefined;
    const [version] = await store.read([{ type: 'Communication', id: link.communication }]);
    return version && !isDeleted(version) ? JSON.parse(version.text) : undefined;
  }

  const over = (response: Response, message: any, status: number): void =>
    sendPage(response, page('No question here', html`<p>This question is over. ${voiceFor(message).call}</p>`), {
      status,
    });

  async function show(request: Request, response: Response): Promise<void> {
    const message = await messageOf(request);
    if (!message) return over(response, message, 404);
    const standing = await askedNow(message, store);
    if (!standing || outcomeOf(standing, 'allow', runtime.now()) === 'over') return over(response, message, 410);
    const buttons = Object.entries(words).map(
      ([answer, text]) => html`<p><button name="answer" value="${answer}">${text}</button></p>`,
    );
    const { title, noticed } = voiceFor(message);
    sendPage(response, page(title, html`<p>${noticed}</p><form method="post">${buttons}</form>`));
  }

  async function take(request: Request, response: Response): Promise<void> {
    const message = await messageOf(request);
    const form = new URLSearchParams((await readBody(request, FORM_LIMIT)).toString('utf8'));
    const answer = (form.get('answer') ?? '') as Answer;
    if (!message || !Object.hasOwn(words, answer)) return over(response, message, message ? 400 : 404);
    const now = new Date(runtime.now()).toISOString();
    const resource = {
      resourceType: 'Communication',
      inResponseTo: [{ reference: `Communication/${message.id}` }],
      status: 'completed',
      subject: message.subject,
      about: message.about,
      sent: now,
      received: now,
      sender: message.recipient[0],
      payload: [{ contentString: answer }],
    };
    const body = { text: JSON.stringify(resource), resource };
    const entries = [{ fullUrl: '', method: 'POST', url: 'Communication', body, conditions: {} }] as const;
    const origin = { base, requestId: '', address: addressOf(request) };
    const voice = voiceFor(message);
    try {
      const outcome = await settle(
        runtime,
        async () => {
          const standing = await askedNow(message, store);
          const outcome = standing ? outcomeOf(standing, answer, runtime.now()) : 'over';
          const asked = insideRequest(origin, { interaction: 'transaction', type: '', entries });
          await dispatch(asked, caller, standing ? [stillAt(standing)] : []);
          return outcome;
        },
        { isOvertaken },
      );
      const title = outcome === 'over' ? 'This question is over' : 'Thank you';
      const said = html`<p>${thanks[outcome](voice)} ${voice.call}</p>`;
      sendPage(response, page(title, said), { status: outcome === 'over' ? 409 : 200 });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const said = html`<p>Your answer could not be kept. Please try again. ${voice.call}</p>`;
      sendPage(response, page('Not yet', said), { status: 503 });
    }
  }

  const router = Router();
  router.get('/alert-answers/:token', show);
  router.post('/alert-answers/:token', take);
  return router;
}
