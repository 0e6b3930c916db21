/** Who was told of an alert, over what and when, what the patient answered, and what people noted: Communications and the Task. docs/dashboard.md, docs/escalation.md */
import type { Parameters } from '../../interactions/interaction.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { namesOf } from './people.ts';
import { unlessForbidden } from './unless-forbidden.ts';

export interface AlertMessage {
  readonly what: 'sent' | 'waiting' | 'failed' | 'answer' | 'note';
  /** FHIR dateTime. */
  readonly at: string | null;
  /** Whom it went to; of an answer or a note, whose it is. `patient` where it is the patient. */
  readonly who: string | null;
  readonly channel: 'email' | 'sms' | 'electronic' | null;
  /** Of an answer or a note. */
  readonly text: string | null;
}

const channels: Readonly<Record<string, AlertMessage['channel']>> = {
  EMAILWRIT: 'email',
  TYPEWRIT: 'sms',
  ELECTRONIC: 'electronic',
};
const states: Readonly<Record<string, AlertMessage['what']>> = {
  completed: 'sent',
  'in-progress': 'waiting',
  preparation: 'waiting',
};
const AT_ONCE = 50;

/** None where the caller may not see them. */
async function found(search: Search, type: string, parameters: Parameters): Promise<readonly any[]> {
  const { matches } = await unlessForbidden(search(type, [...parameters, ['_count', '1000']]));
  return matches;
}

/** `Flag/1` → what was said of it, oldest first. */
export async function messagesOf(
  flags: readonly string[],
  search: Search,
): Promise<ReadonlyMap<string, readonly AlertMessage[]>> {
  const messages: any[] = [];
  const tasks: any[] = [];
  for (let i = 0; i < flags.length; i += AT_ONCE) {
    const some = flags.slice(i, i + AT_ONCE).join(',');
    messages.push(...(await found(search, 'Communication', [['about', some]])));
    tasks.push(...(await found(search, 'Task', [['focus', some]])));
  }
  // What answers one of our questions is about the alert as well.
  const isAnswer = ({ inResponseTo }: any): boolean => inResponseTo !== undefined;
  const notes = tasks.flatMap(({ focus, note = [] }) => note.map((one: any) => ({ ...one, flag: focus.reference })));
  const people = [
    ...messages.map((one) => (isAnswer(one) ? one.sender : one.recipient?.[0])?.reference),
    ...notes.map(({ authorReference }) => authorReference?.reference),
  ];
  const named = await namesOf(
    people.filter((one) => one !== undefined),
    search,
  );
  const nameOf = (who: any): string | null =>
    who?.reference?.startsWith('Patient/') ? 'patient' : named(who?.reference, who?.display);

  const said = new Map<string, AlertMessage[]>();
  const add = (flag: string | undefined, message: AlertMessage): void => {
    if (flag !== undefined) said.set(flag, [...(said.get(flag) ?? []), message]);
  };
  const aboutOf = ({ about }: any): string | undefined =>
    about?.map(({ reference }: any) => reference).find((reference: string) => flags.includes(reference));
  for (const one of messages) {
    const { status, sent, meta, recipient, medium, sender, payload } = one;
    const at = sent ?? meta?.lastUpdated ?? null;
    const message: AlertMessage = isAnswer(one)
      ? { what: 'answer', at, who: nameOf(sender), channel: null, text: payload?.[0]?.contentString ?? null }
      : {
          what: states[status] ?? 'failed',
          at,
          who: nameOf(recipient?.[0]),
          channel: channels[medium?.[0]?.coding?.[0]?.code] ?? null,
          text: null,
        };
    add(aboutOf(one), message);
  }
  for (const { flag, time, text, authorReference, authorString } of notes)
    add(flag, {
      what: 'note',
      at: time ?? null,
      who: authorReference ? nameOf(authorReference) : (authorString ?? null),
      channel: null,
      text: text ?? null,
    });
  for (const list of said.values()) list.sort((a, b) => Date.parse(a.at ?? '') - Date.parse(b.at ?? ''));
  return said;
}
