/** What one OBX says of an implant: its text, code and day, and all of it as a Term of the house. docs/implants.md */
import { termOf as specOf } from '../../implants/terms.ts';
import type { Term } from '../../implants/told.ts';
import { clean, filled } from '../../intake/entries.ts';
import type { Result } from './result.ts';
import { dateOf } from './times.ts';

/** What it says in words, or the code or number that it says. */
export const textOf = ({ value }: Result): string | undefined => {
  const [one] = value.values;
  if (!one) return undefined;
  const concept = one['valueCodeableConcept'];
  return clean(
    one['valueString'] ?? concept?.text ?? concept?.coding?.[0]?.code ?? one['valueQuantity']?.value?.toString(),
  );
};

/** The code that it says. */
export const codeOf = ({ value }: Result): string | undefined =>
  value.values[0]?.['valueCodeableConcept']?.coding?.[0]?.code;

/** The number of a term, by which it is known; names have had typing mistakes. */
export const termCode = ({ code }: Result): string => code?.coding?.[0]?.code ?? code?.text ?? 'unnamed';

/** All of it, with how far it can be relied on. */
export function termOf(result: Result): Term | undefined {
  const { segment, code, value, sub, status, interpretation } = result;
  const isOwn = !/^MDC/.test(segment.get(3, 3) ?? '') || !/^\d+$/.test(termCode(result));
  const instance = Number(sub);
  const [one] = value.values;
  const absent = result.absent ?? (one ? undefined : status === 'cancelled' ? 'not-performed' : 'unknown');
  const isQuestionable = interpretation.some((i) => i.coding?.[0]?.code === 'questionable');
  return filled({
    code: termCode(result),
    name: code?.coding?.[0]?.display ?? code?.text,
    instance: sub !== '' && Number.isInteger(instance) && instance >= 0 && instance < 2 ** 31 ? instance : undefined,
    ...(one && absent === undefined ? saidIn(result, one) : { absent: absent ?? 'unknown' }),
    questionable: isQuestionable ? (true as const) : undefined,
    vendor: isOwn ? (true as const) : undefined,
  });
}

function saidIn(result: Result, one: any): Partial<Term> {
  const { valueQuantity: quantity, valueCodeableConcept: concept, valueDateTime: at } = one;
  if (quantity) {
    const { value, comparator, code, unit } = quantity;
    // Some send a day as a number.
    const day = unit === undefined && /^(?:19|20)\d{6}$/.test(value.text) ? dateOf(value.text) : undefined;
    return day ? { dateTime: day } : { quantity: filled({ value: value.text, unit: code ?? unit ?? '', comparator }) };
  }
  if (concept && specOf(termCode(result))?.type !== 'Quantity') {
    const [coding] = concept.coding ?? [];
    return coding
      ? { coded: filled({ code: coding.code, system: coding.system, display: coding.display ?? concept.text }) }
      : { text: concept.text };
  }
  // A number that is none is for the implant's own room to set aside.
  const text = textOf(result);
  const isNumber =
    result.segment.get(2)?.trim().toUpperCase() === 'NM' || specOf(termCode(result))?.type === 'Quantity';
  if (isNumber && text !== undefined) return { quantity: { value: text, unit: result.unit?.get(1) ?? '' } };
  return at ? { dateTime: at } : { text };
}

/** The day that it says, as FHIR has dates. */
export const dayOf = ({ value }: Result): string | undefined => {
  const [one] = value.values;
  const text = one?.['valueDateTime'] ?? one?.['valueString'] ?? one?.['valueQuantity']?.value?.text;
  return text === undefined ? undefined : /^\d{4}-/.test(text) ? text.slice(0, 10) : dateOf(text);
};
