/** MDM: TXA and the OBX under it are a document. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-txa-to-documentreference.html */
import { hash } from 'node:crypto';
import { filled } from '../../intake/entries.ts';
import type { Segment } from '../wire/message.ts';
import type { Making } from './making.ts';
import { resultOf } from './result.ts';
import { fill } from './rows.ts';
import { attachmentOf, type Document } from './value.ts';

const CANCELS = 'T11';

export function addDocument(txa: Segment, rest: readonly Segment[], making: Making): void {
  const { message, around, drafts, subject, encounter, messageKey } = making;
  const said = fill(message, txa, around).resource;
  const { masterIdentifier: number } = said;
  const key = number ? `${number.system}|${number.value}` : messageKey;
  const lines: string[] = [];
  const documents: { readonly document: Document; readonly title?: string }[] = [];
  for (const segment of rest.filter(({ name }) => name === 'OBX')) {
    const { value, code } = resultOf(message, segment, around);
    const title = code?.text ?? code?.coding?.[0]?.display;
    documents.push(...value.documents.map((document) => ({ document, title })));
    if (value.fault) {
      around.warn(value.fault);
      message.leave(segment, 5, value.fault);
    }
    for (const one of value.values) {
      const text = one['valueString'] ?? one['valueCodeableConcept']?.text ?? one['valueQuantity']?.value?.toString();
      if (text !== undefined) lines.push(text);
    }
  }
  if (lines.length > 0)
    documents.unshift({ document: { contentType: 'text/plain', bytes: Buffer.from(lines.join('\n'), 'utf8') } });
  const keep = (contentType: string, data: string) =>
    drafts.add({ resourceType: 'Binary', contentType, data }, [key, 'binary', hash('sha1', data)]);
  const title = said.description ?? said.type?.text ?? said.type?.coding?.[0]?.display ?? 'Document';
  const content = documents.map(({ document, title: own }) => ({
    attachment: attachmentOf(document, own ?? title, keep, making.raw),
  }));
  const { context, ...elements } = said;
  const about = filled({ ...context, encounter: encounter && [{ reference: encounter }] });
  const reference = drafts.add(
    filled({
      resourceType: 'DocumentReference',
      ...elements,
      status: message.event === CANCELS ? 'entered-in-error' : (said.status ?? 'current'),
      subject: { reference: subject },
      content: content.length > 0 ? content : [{ attachment: { title } }],
      context: Object.keys(about).length > 0 ? about : undefined,
    }),
    [key],
    // T01 and T11 bring no text: what is here stays.
    (existing, next) => (content.length > 0 ? next : { ...next, content: existing.content }),
  );
  making.focus.push(reference);
  making.occurred ??= said.date ?? context?.period?.start;
}
