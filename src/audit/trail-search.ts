/** read and search of AuditEvent: the server's own rows beside the resources that clients created. https://hl7.org/fhir/R4/auditevent.html */
import { isUnchanged, notFound, seenOf } from '../interactions/answer.ts';
import { askedOf } from '../interactions/asked.ts';
import type { FhirAnswer, Interaction, Parameters } from '../interactions/interaction.ts';
import { narrow, reachOf } from '../interactions/narrow.ts';
import { queryOf } from '../interactions/route.ts';
import { renderingOf, searchset } from '../interactions/searchset.ts';
import { shapeOf, shown } from '../interactions/shaping.ts';
import { looksElsewhere } from '../search/match.ts';
import type { PageTokens } from '../search/page-token.ts';
import type { SearchQuery } from '../search/query.ts';
import { unsupported } from '../search/refusals.ts';
import { ofTrail } from '../search/trail-type.ts';
import { sequenceOf } from './audit-event.ts';
import { eventOf, type TrailView, withAgents } from './own-events.ts';
import { ownAlong, seesTrail } from './trail-along.ts';
import { trailPage, trailPageBefore } from './trail-page.ts';
import { cursorOf, type Position, positionOf, start, type Way, withoutRows } from './trail-position.ts';

/** `stored` reads every other resource. Own rows are there for those who may see every AuditEvent; to others they do not exist. */
export const readTrail = (stored: Interaction, view: TrailView): Interaction => ({
  ...stored,
  async handle(request, context): Promise<FhirAnswer> {
    const sequence = request.type === ofTrail ? sequenceOf(request.id) : undefined;
    if (sequence === undefined) return stored.handle(request, context);
    const shape = shapeOf(request);
    const [row] = seesTrail(context.caller.access, 'r') ? await context.store.audit({ sequence, count: 1 }) : [];
    if (!row) throw notFound({ type: request.type, id: request.id });
    const { version } = eventOf(row, view);
    return shown(isUnchanged(request, version) ? 304 : 200, version, shape, context.caller.access);
  },
});

/** `stored` searches every other type. AuditEvents come newest first and without a total: the trail grows with every look. */
export const searchTrail = (stored: Interaction, tokens: PageTokens, view: TrailView): Interaction => ({
  ...stored,
  async handle(request, context): Promise<FhirAnswer> {
    if (request.type !== ofTrail) return stored.handle(request, context);
    const { caller, store } = context;
    const { access, who } = caller;
    const { base } = request;
    const now = view.runtime.now();
    const asked = { ...request, parameters: withAgents(request.parameters) };
    const { query, used, issues, shape, path, token } = askedOf(asked, caller, now);
    refuse(query, used);
    const bound = `${path}?${queryOf(used)}\n${reachOf(access)}`;
    const first = seesTrail(access, 's') ? start : withoutRows;
    const { way, position } =
      token === undefined ? { way: 'on', position: first } : positionOf(tokens.open(token, bound, who, now));
    const pageOf = way === 'back' ? trailPageBefore : trailPage;
    const page = await pageOf(narrow(query, access), position, store, view, base);
    const others = await seenOf(access, page.included);
    const seen = { includes: query.includes, matches: page.matches, included: others, base };
    const included = [...others, ...(await ownAlong(view)(seen, context))];
    const sealed = (at: Position | undefined, to: Way) => at && tokens.seal(cursorOf(at, to), bound, who, now);
    const around = { next: sealed(page.next, 'on'), previous: sealed(page.previous, 'back') };
    const shown = { address: `${base}/${path}`, used, token, ...around, matches: page.matches, included, issues };
    // No patients for the row of this look: each look would list those of all looks before.
    return { status: 200, text: searchset(base, shown, renderingOf(shape, access.shows)) };
  },
});

/** What is not done over two streams, told by the parameter that asks for it. */
function refuse({ total, where, includes }: SearchQuery, used: Parameters): void {
  const named = (isMeant: (name: string, value: string) => boolean): string | undefined =>
    used.find(([name, value]) => isMeant(name, value))?.[0];
  const isTotal = (name: string, value: string) => name === '_total' && value !== 'none';
  const isCount = (name: string, value: string) => name === '_summary' && value === 'count';
  const isElsewhere = (name: string) => name === '_list' || name.startsWith('_has:') || name.includes('.');
  const isFrom = (name: string) => name.startsWith('_revinclude') || /:(?:iterate|recurse)$/.test(name);
  if (used.some(([name, value]) => name === '_sort' && value !== '-date'))
    throw unsupported('_sort', 'may only be -date: AuditEvents come newest first');
  if (total === 'accurate')
    throw unsupported(named(isTotal) ?? named(isCount) ?? '_count', 'asks for a total: not supported on AuditEvent');
  if (looksElsewhere(where))
    throw unsupported(named(isElsewhere) ?? '_filter', 'looks at other resources: not supported on AuditEvent');
  if (includes.some(({ way, iterate }) => way === 'from' || iterate))
    throw unsupported(named(isFrom) ?? '_include', 'is not supported on AuditEvent');
}
