/** Reports of a patient's implants: which there are, and the document of one. docs/dashboard.md */
import { problem } from '../../fhir/outcome.ts';
import { keyOf, type Resource, referenceTo } from '../../fhir/references.ts';
import { isDeleted, type Look } from '../../store/store.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { unlessForbidden } from './unless-forbidden.ts';

const SHOWN = '10';
const PDF = 'application/pdf';

const codeOf = (canonical: string) =>
  ({ system: `${canonical}/CodeSystem/cardiac-device-kind`, code: 'interrogation-report' }) as const;

/** The newest first, without what is in them. */
export async function reportsOf(reference: string, search: Search, canonical: string): Promise<readonly object[]> {
  const { system, code } = codeOf(canonical);
  const found = await unlessForbidden(
    search('DiagnosticReport', [
      ['patient', reference],
      ['code', `${system}|${code}`],
      ['status:not', 'entered-in-error'],
      ['_elements', 'effective,issued'],
      ['_sort', '-date'],
      ['_count', SHOWN],
    ]),
  );
  return found.matches.map(({ id, effectiveDateTime, issued }) => ({ id, at: effectiveDateTime ?? issued ?? null }));
}

/**
 * The PDF of a report that the caller may read, its parts put together. A Binary counts only where it says that it belongs to this
 * very report (`securityContext`, https://hl7.org/fhir/R4/binary.html#security-considerations): whoever may write a report could name any.
 */
export async function documentOf(report: any, canonical: string, store: Pick<Look, 'read'>): Promise<Buffer> {
  const { system, code } = codeOf(canonical);
  const isOurs = report.code?.coding?.some((one: any) => one.system === system && one.code === code);
  const forms: readonly any[] = report.presentedForm ?? [];
  if (!isOurs || forms.length === 0) throw problem('not-found', 'this is no report of an implant with a document');
  if (forms.some(({ contentType }) => contentType !== PDF))
    throw problem('not-supported', 'the document is no PDF; its DiagnosticReport has it', { status: 422 });
  const keys = forms.flatMap(({ url }) => keyOf(url ?? '') ?? []);
  const versions = await store.read(keys.filter(({ type }) => type === 'Binary'));
  const parts = new Map(
    versions.flatMap((one) => {
      if (!one || isDeleted(one)) return [];
      const { securityContext, data }: any = JSON.parse(one.text) as Resource;
      return securityContext?.reference === `DiagnosticReport/${report.id}` ? [[referenceTo(one.key), data]] : [];
    }),
  );
  return Buffer.concat(
    forms.map(({ data, url }) => {
      const text: unknown = data ?? parts.get(url);
      if (typeof text !== 'string') throw problem('not-found', 'the document of this report is not there');
      return Buffer.from(text, 'base64');
    }),
  );
}
