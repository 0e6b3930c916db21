/** An open stream of events as a client without a browser reads it, block by block. https://html.spec.whatwg.org/multipage/server-sent-events.html */
import { get, type IncomingMessage } from 'node:http';
import { until } from '../../support/until.ts';

export interface SentEvent {
  readonly id: string;
  readonly event: string;
  readonly data: any;
  /** `performance.now()` at which it was there. */
  readonly at: number;
}

export interface EventStream {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** But for signs of life. */
  readonly events: readonly SentEvent[];
  /** All that came, for what is no event. */
  readonly text: () => string;
  /** As a browser keeps it. */
  readonly lastId: () => string;
  readonly isOver: () => boolean;
  /** The first that fulfils it, also of those that came before. */
  first(wanted: (event: SentEvent) => boolean, seconds?: number): Promise<SentEvent>;
  /** Reads no more, as a client that hangs. */
  hang(): void;
  resume(): void;
  close(): void;
}

/** Resolves when the headers are there, and what is no stream is read. */
export async function openEvents(
  url: string,
  query: string,
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const events: SentEvent[] = [];
  let [text, rest, lastId, isOver] = ['', '', '', false];
  const request = get(`${url}/events${query}`, { headers, agent: false });
  request.on('error', () => {
    isOver = true;
  });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const fields = new Map<string, string>();
      for (const line of block.split('\n')) {
        const [, name, value] = /^(\w*): ?(.*)$/.exec(line) ?? [];
        if (name) fields.set(name, value!);
      }
      lastId = fields.get('id') ?? lastId;
      const data = fields.get('data');
      if (data === undefined || fields.get('event') === 'beat') continue;
      events.push({
        id: lastId,
        event: fields.get('event') ?? 'message',
        data: JSON.parse(data),
        at: performance.now(),
      });
    }
  });
  response.on('close', () => {
    isOver = true;
  });
  if (response.statusCode !== 200) await new Promise((resolve) => response.once('close', resolve));
  return {
    status: response.statusCode!,
    headers: response.headers,
    events,
    text: () => text,
    lastId: () => lastId,
    isOver: () => isOver,
    first: (wanted, seconds) => until(() => events.find(wanted), seconds),
    hang: () => response.pause(),
    resume: () => response.resume(),
    close: () => request.destroy(),
  };
}

export const as = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

let number = 0;
/** An active Flag of ours about a patient. */
export const flag = (patient: string, more: object = {}) => ({
  resourceType: 'Flag',
  id: `flag-${++number}`,
  status: 'active',
  category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/flag-category', code: 'clinical' }] }],
  code: {
    coding: [{ system: 'https://example.org/fhir/CodeSystem/alert-type', code: 'heart-rate' }],
    text: 'Heart rate',
  },
  subject: { reference: `Patient/${patient}` },
  ...more,
});

export const priority = (code: 'PL' | 'PM' | 'PH') => ({
  extension: [
    {
      url: 'http://hl7.org/fhir/StructureDefinition/flag-priority',
      valueCodeableConcept: { coding: [{ system: 'http://hl7.org/fhir/flag-priority-code', code }] },
    },
  ],
});
