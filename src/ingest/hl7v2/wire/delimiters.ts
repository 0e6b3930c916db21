/** The five characters that structure a message, as its own header says. HL7 v2.5.1 section 2.5.4 */
import { problem } from '../../../fhir/outcome.ts';

export interface Delimiters {
  readonly field: string;
  readonly component: string;
  readonly repetition: string;
  readonly escape: string;
  readonly subcomponent: string;
  /** Since v2.7; '' where the header names none. */
  readonly truncation: string;
}

export const usual: Delimiters = {
  field: '|',
  component: '^',
  repetition: '~',
  escape: '\\',
  subcomponent: '&',
  truncation: '',
};

const HEADERS = new Set(['MSH', 'BHS', 'FHS']);

/** Whether fields 1 and 2 of the segment are the delimiters themselves. */
export const isHeader = (name: string): boolean => HEADERS.has(name);

/** Throws `structure` where the header line does not name delimiters that can be told apart. */
export function delimitersOf(header: string): Delimiters {
  const field = header[3];
  if (!isHeader(header.slice(0, 3)) || field === undefined)
    throw problem('structure', 'the message has no MSH segment');
  const end = header.indexOf(field, 4);
  const [component, repetition = '', mark = '', subcomponent = '', truncation = ''] = header.slice(
    4,
    end < 0 ? undefined : end,
  );
  const said = [field, component ?? '', repetition, mark, subcomponent, truncation].filter((c) => c !== '');
  if (component === undefined) throw problem('structure', 'MSH-2 names no delimiters');
  if (new Set(said).size < said.length) throw problem('structure', 'MSH-1 and MSH-2 name one delimiter twice');
  if (said.some((c) => !/[!-/:-@[-`{-~\u00a1-\u00bf]/.test(c))) {
    throw problem('structure', 'MSH-1 and MSH-2 name a delimiter that is a letter, a digit or a control character');
  }
  return { field, component, repetition, escape: mark, subcomponent, truncation };
}
