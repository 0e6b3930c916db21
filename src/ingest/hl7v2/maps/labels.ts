/** Test messages are told from others on everything that they become. https://hl7.org/fhir/R4/v3/ActReason/cs.html#v3-ActReason-HTEST */
import { parseExact, writeExact } from '../../../fhir/json.ts';
import type { Entry } from '../../../interactions/interaction.ts';
import type { ReadMessage } from './reading.ts';
import { HTEST } from './result.ts';
import { V2 } from './tables.ts';

/** Puts the labels on what others made of the message. */
export const withLabels =
  (message: ReadMessage) =>
  (entry: Entry): Entry => {
    if (!entry.body || entry.url.startsWith('Binary/')) return entry;
    const resource = parseExact(entry.body.text);
    const code = message.first('MSH')?.get(11)?.trim().toUpperCase() ?? 'T';
    const security = [...(resource.meta?.security ?? []), HTEST];
    const tag = [...(resource.meta?.tag ?? []), { system: `${V2}0103`, code }];
    const text = writeExact({ ...resource, meta: { ...resource.meta, security, tag } });
    return { ...entry, body: { text, resource: JSON.parse(text) } };
  };
