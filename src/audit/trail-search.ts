/** read and search of AuditEvent: the server's own rows beside the resources that clients created. https://hl7.org/fhir/R4/auditevent.html */

import { problem } from '../fhir/outcome.ts';
import { isSeen, isUnchanged, notFound } from '../interactions/answer.ts';
import { askedOf } from '../interactions/asked.ts';
import type { FhirAnswer, Interaction } from '../interactions/interaction.ts';
import { narrow, reachOf } from '../interactions/narrow.ts';
import { queryOf } from '../interactions/route.ts';
import { renderingOf, searchset } from '../interactions/searchset.ts';
import { shapeOf, shown } from '../interactions/shaping.ts';
import { looksElsewhere } from '../search/match.ts';
import type { PageTokens } from '../search/page-token.ts';
import { sequenceOf } from './audit-event.ts';
import { eventOf, type TrailView, withAgents } from './own-events.ts';
import { cursorOf, positionOf, start, trailPage, withoutRows } from './trail-page.ts';

/** `stored` reads every other resource. Own rows are there for those who may see all; to others they do not exist. */
export const readTrail = (stored: Interaction, view: TrailView): Interaction => ({
  ...stored,
  async handle(request, context): Promise<FhirAnswer> {
    const sequence = request.type === 'AuditEvent' ? sequenceOf(request.id) : undefined;
    if (sequence === undefined) return stored.handle(request, context);
    const shape = shapeOf(request);
    const [row] = context.caller.access.unrestricted ? await context.store.audit({ sequence, count: 1 }) : [];
    if (!row) throw notFound({ type: request.type, id: request.id });
    const { version } = eventOf(row, view);
    return shown(isUnchanged(request, version) ? 304 : 200, version, shape);
  },
});

/** `stored` searches every other type. AuditEvents come newest first and without a total: the trail grows with every look. */
export const searchTrail = (stored: Interaction, tokens: PageTokens, view: TrailView): Interaction => ({
  ...stored,
  async handle(request, context): Promise<FhirAnswer> {
    if (request.type !== 'AuditEvent') return stored.handle(request, context);
    const { caller, store } = context;
    const { access, who } = caller;
    const { base } = request;
    const now = view.runtime.now();
    const asked = { ...request, parameters: withAgents(request.parameters) };
    const { query, used, issues, shape, path, token } = askedOf(asked, caller, now);
    if (used.some(([name, value]) => name === '_sort' && value !== '-date'))
      throw problem('not-supported', 'AuditEvents come newest first; _sort may only be -date');
    if (query.total === 'accurate')
      throw problem('not-supported', 'the audit trail gives no total: neither _total nor _summary=count nor _count=0');
    if (looksElsewhere(query.where))
      throw problem('not-supported', 'AuditEvents are searched without chains, _has and _list');
    if (query.includes.some(({ way, iterate }) => way === 'from' || iterate))
      throw problem('not-supported', 'AuditEvents are searched without _revinclude and without :iterate');

    const bound = `${path}?${queryOf(used)}\n${reachOf(access)}`;
    const first = access.unrestricted ? start : withoutRows;
    const position = token === undefined ? first : positionOf(tokens.open(token, bound, who, now));
    const page = await trailPage(narrow(query, access), position, store, view, base);
    const included = page.included.filter((version) => isSeen(access, version));
    const next = page.next && tokens.seal(cursorOf(page.next), bound, who, now);
    const shown = { address: `${base}/${path}`, used, token, next, matches: page.matches, included, issues };
    // No patients for the row of this look: each look would list those of all looks before.
    return { status: 200, text: searchset(base, shown, renderingOf(shape, access.shows)) };
  },
});
