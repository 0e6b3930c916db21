/** Reports of a patient's implants: which there are, and the document of one. docs/dashboard.md */
import { problem } from '../../fhir/outcome.ts';
import { keyOf, referenceTo } from '../../fhir/references.ts';
import { isPart, mostParts } from '../../ingest/implants/report.ts';
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
 * The PDF of a report that the caller may read: its parts put together, or the first of several forms. A Binary counts only where it says
 * that it belongs to this very report (`securityContext`, https://hl7.org/fhir/R4/binary.html#security-considerations): whoever may write a
 * report could name any.
 */
export async function documentOf(report: any, canonical: string, store: Pick<Look, 'read'>): Promise<Buffer> {
  const { system, code } = codeOf(canonical);
  const isOurs = report.code?.coding?.some((one: any) => one.system === system && one.code === code);
  const all: readonly any[] = report.presentedForm ?? [];
  if (!isOurs || all.length === 0) throw problem('not-found', 'this is no report of an implant with a document');
  const isInParts = all.every(({ title, url }) => url && isPart(title));
  const forms = isInParts ? all : all.slice(0, 1);
  if (forms.some(({ contentType }) => contentType?.toLowerCase() !== PDF))
    throw problem('not-supported', 'the document is no PDF; its DiagnosticReport has it', { status: 422 });
  if (forms.length > mostParts) throw problem('too-costly', `a report has ${mostParts} parts at most`, { status: 422 });
  const parts = await partsOf(report.id, forms, store);
  const texts = forms.map(({ data, url }) => data ?? parts.get(url));
  if (texts.includes(undefined)) throw problem('not-found', 'the document of this report is not there');
  return Buffer.concat(texts.map((text: string) => Buffer.from(text, 'base64')));
}

/** By their address the texts of the Binaries that belong to the report. */
async function partsOf(
  id: string,
  forms: readonly any[],
  store: Pick<Look, 'read'>,
): Promise<ReadonlyMap<string, string>> {
  const keys = forms.flatMap(({ url }) => keyOf(url ?? '') ?? []).filter(({ type }) => type === 'Binary');
  const parts = new Map<string, string>();
  for (const one of await store.read(keys)) {
    if (!one || isDeleted(one)) continue;
    const { securityContext, data }: any = JSON.parse(one.text);
    if (securityContext?.reference === `DiagnosticReport/${id}`) parts.set(referenceTo(one.key), data);
  }
  return parts;
}
