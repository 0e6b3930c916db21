/** Whom the data of pages are for: those who look after patients, or those who run the server. docs/dashboard.md */
import type { RequestHandler, Response } from 'express';
import { problem } from '../fhir/outcome.ts';
import { keyOf } from '../fhir/references.ts';
import { visitOf } from '../http/app.ts';

const nobody = () => problem('login', 'sign in first', { headers: { 'WWW-Authenticate': 'Bearer realm="watchfire"' } });

/** Neither devices nor patients, whatever they may read. */
export function demandStaff(response: Response): void {
  const { who } = visitOf(response).caller;
  if (['Device', 'Patient', 'RelatedPerson'].includes(keyOf(who)?.type ?? ''))
    throw problem('forbidden', 'this is not for devices and patients');
}

/** The administrator, or a person whose role opens everything: what is put aside may be anybody's. */
export const onlyWhoMayEverything: RequestHandler = (_request, response, next) => {
  const { caller } = visitOf(response);
  if (caller.who === 'anonymous') throw nobody();
  if (!caller.access.unrestricted) throw problem('forbidden', 'this is for administrators');
  next();
};
