/** MSH, SFT and EVN: the message itself. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-msh-to-messageheader.html */
import { filled } from '../../intake/entries.ts';
import { codeIn } from './datatypes.ts';
import type { Making } from './making.ts';
import { fill } from './rows.ts';
import { V2 } from './tables.ts';

export function addHeader(making: Making): void {
  const { message, around, drafts, messageKey, focus, subject } = making;
  const said: any = {};
  for (const name of ['MSH', 'SFT', 'EVN']) {
    const segment = message.first(name);
    if (segment) fill(message, segment, around, { into: said });
  }
  // R4 demands an address; HL7 v2 names who and not where.
  const unnamed = { endpoint: `${around.canonical}/sid/hl7v2/unnamed` };
  const about = focus.length > 0 ? focus : [subject];
  drafts.add(
    filled({
      resourceType: 'MessageHeader',
      ...said,
      eventCoding: { system: `${V2}0003`, code: codeIn(message.event) ?? codeIn(message.type) ?? 'unknown' },
      source: { ...unnamed, ...said.source },
      destination: said.destination?.map((one: any) => ({ ...unnamed, ...one })),
      focus: [...new Set(about)].map((reference) => ({ reference })),
    }),
    [messageKey],
    (_existing, next) => next,
  );
}
