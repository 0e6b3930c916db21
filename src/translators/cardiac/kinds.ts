/** What the customer calls a reading, and which codes mean it: one name for a code, by our kinds, the terms of implants and the mapping of IoT devices. docs/cardiac.md */
import { kinds } from '../../ingest/feeds/kinds.ts';
import { MDC, termsWithKind } from '../../ingest/implants/terms.ts';
import type { Mapping } from '../../ingest/mapping.ts';

export interface ReadingKinds {
  /** `reading_type` of an Observation. */
  of(observation: any): string;
  /** The codes of a kind as a value of the search parameter `code`; undefined where none has this name. */
  codes(kind: string): string | undefined;
}

export function readingKinds({ spec }: Pick<Mapping, 'spec'>, canonical: string): ReadingKinds {
  const names = new Map<string, string>();
  const codes = new Map<string, Set<string>>();
  const add = (kind: string, code: string): void => {
    if (!names.has(code)) names.set(code, kind);
    codes.set(kind, (codes.get(kind) ?? new Set()).add(code));
  };
  for (const [kind, { code }] of Object.entries(kinds))
    for (const one of typeof code === 'string' ? [code] : Object.values(code)) if (one) add(kind, `${MDC}|${one}`);
  for (const { kind, code, loinc } of termsWithKind) {
    add(kind, `${MDC}|${code}`);
    if (loinc) add(kind, `http://loinc.org|${loinc.code}`);
  }
  for (const { name, value, code } of spec.values())
    for (const coding of value ? code : []) add(name, `${coding.system}|${coding.code}`);
  const ownProfile = `${canonical}/StructureDefinition/cied-measurement`;

  return {
    of({ code = {}, meta }) {
      const codings: readonly any[] = code.coding ?? [];
      const known = codings.map((coding) => names.get(`${coding.system}|${coding.code}`)).find(Boolean);
      if (known !== undefined) return known;
      // The implants' room writes the maker's own word first, and the channel behind it.
      const text: string | undefined = meta?.profile?.includes(ownProfile) ? code.text?.split(' ')[0] : code.text;
      return text ?? codings[0]?.display ?? codings[0]?.code ?? 'unknown';
    },
    codes: (kind) => (codes.has(kind) ? [...codes.get(kind)!].join(',') : undefined),
  };
}
