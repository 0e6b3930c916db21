/** The Flag of an alert that somebody makes inactive has an end: that of the write, where it says none. https://hl7.org/fhir/R4/flag-definitions.html#Flag.period */
import { setMember } from '../fhir/json.ts';
import type { Prepare } from '../interactions/write.ts';
import { isDeleted, type Version } from '../store/store.ts';
import { alertKind } from './alert.ts';

export const prepareFlag: Prepare = async ({ key, before, incoming }, look, { now, canonical }) => {
  const asItIs = { incoming, also: [] };
  const { status, period, identifier } = incoming.resource;
  if (status !== 'inactive' || period?.end !== undefined) return asItIs;
  const isNamed = identifier?.some(({ system }: any) => system === `${canonical}/sid/alert`) === true;
  if (!isNamed && (await look.get(alertKind, [key.id]))[0] === undefined) return asItIs;
  const began = Date.parse(period?.start);
  // Over before it began is none: clocks differ.
  const end = endOf(before) ?? new Date(Number.isNaN(began) ? now : Math.max(now, began)).toISOString();
  const text = setMember(incoming.text, ['period'], JSON.stringify({ ...period, end }));
  return { incoming: { text, resource: JSON.parse(text) }, also: [] };
};

/** Where it was over before. */
function endOf(before: Version | undefined): string | undefined {
  const was = before && !isDeleted(before) ? JSON.parse(before.text) : undefined;
  return was?.status === 'inactive' ? was.period?.end : undefined;
}
