/** Observation/$lastn: the newest Observations of a patient per code. https://hl7.org/fhir/R4/observation-operation-lastn.html */
import { bundleText } from '../fhir/bundle.ts';
import { problem } from '../fhir/outcome.ts';
import { referenceTo } from '../fhir/references.ts';
import { patientsIn, seenOf } from '../interactions/answer.ts';
import { expansionsFor } from '../interactions/expansions.ts';
import type { Context, Parameters } from '../interactions/interaction.ts';
import { narrowed } from '../interactions/narrow.ts';
import { queryOf } from '../interactions/route.ts';
import type { Runtime } from '../runtime.ts';
import { formsOf, type Parameter } from '../search/parameter.ts';
import { parametersOf } from '../search/parameters.ts';
import { parseSearch } from '../search/parse.ts';
import type { Criterion, SearchQuery } from '../search/query.ts';
import { placeOf, quote } from '../search/refusals.ts';
import { checkFormat, isFormat } from '../search/result-parameters.ts';
import type { Cursor } from '../store/store.ts';
import { createNewest, type Newest } from './newest.ts';
import type { Operation } from './operation.ts';

const MOST_PER_CODE = 100;
/** Observations on a page of the search behind it. */
const PAGE = 500;
/** Observations that may be looked at, and of those the ones that are answered. */
const MOST_LOOKED_AT = 50_000;
const MOST_ANSWERED = 5_000;
/** In milliseconds. */
const DEADLINE = 5_000;

const codeOf = (name: string): string => name.split(/[:.]/, 1)[0]!;

/** Whether a parameter says which kind of Observation is meant: `category`, and all that have a code in their expression. */
function tellsKind(code: string): boolean {
  const parameter = parametersOf('Observation').get(code);
  return code === 'category' || (parameter !== undefined && formsOf(parameter).some(looksAtCode));
}

const looksAtCode = ({ branches, composite }: Parameter): boolean =>
  [...branches, ...(composite?.components ?? []).map(({ expression }) => expression)].some((path) =>
    /(?:^|\.)code(?!\w)/.test(path),
  );

/** The search behind it; refuses what would not name whose Observations are meant and of which kind. */
function criteriaOf(parameters: Parameters): Parameters {
  for (const [name, value] of parameters) checkFormat(name, value);
  const criteria = parameters.filter(([name]) => name !== 'max' && !isFormat(name));
  const shaped = criteria.find(([name]) =>
    /^_(?!id$|lastUpdated|tag|profile|security|source|has|text|content|filter)/.test(name),
  );
  if (shaped)
    throw problem('not-supported', `$lastn takes criteria and max, not ${quote(codeOf(shaped[0]))}`, {
      expression: placeOf(shaped[0]),
    });
  const codes = criteria.map(([name]) => codeOf(name));
  if (!codes.some((code) => code === 'patient' || code === 'subject')) {
    throw problem('required', '$lastn needs patient or subject', { expression: placeOf('patient') });
  }
  if (!codes.some(tellsKind)) {
    const sentence = '$lastn needs category or a parameter that looks at a code, such as code or combo-code';
    throw problem('required', sentence, { expression: placeOf('category') });
  }
  return criteria;
}

function maxOf(parameters: Parameters): number {
  const given = parameters.filter(([name]) => name === 'max');
  if (given.length > 1) throw problem('invalid', 'max may be given once', { expression: placeOf('max') });
  const [, value] = given[0] ?? ['max', '1'];
  if (!/^[1-9]\d{0,2}$/.test(value) || Number(value) > MOST_PER_CODE) {
    throw problem('value', `max must be a number from 1 to ${MOST_PER_CODE}`, { expression: placeOf('max') });
  }
  return Number(value);
}

const notInError: Criterion = {
  is: 'not',
  of: { is: 'key', name: 'Observation.status', first: 'entered-in-error', second: '' },
};

/** As a search would say it, so that it is planned in this order. */
const newestFirst = ['_sort', '-date'] as const;

/** Takes in all that the caller may see. Throws too-costly where that cannot be done by then. */
async function takeAll(
  newest: Newest,
  query: SearchQuery,
  { store, caller }: Pick<Context, 'store' | 'caller'>,
  isLate: () => boolean,
): Promise<void> {
  let looked = 0;
  let after: Cursor | undefined;
  do {
    const page = await store.search(query, after);
    for (const version of await seenOf(caller.access, page.matches)) newest.add(version);
    looked += page.matches.length;
    after = page.next;
    if (after && (looked >= MOST_LOOKED_AT || newest.count() > MOST_ANSWERED || isLate())) {
      throw problem('too-costly', '$lastn has to look at too many Observations; narrow it by code or date');
    }
  } while (after);
}

export const lastn = ({ now }: Pick<Runtime, 'now'>): Operation => ({
  code: 'lastn',
  levels: ['type'],
  types: ['Observation'],
  right: 'search-type',
  changes: false,
  async handle({ parameters, base }, context) {
    const { access } = context.caller;
    const max = maxOf(parameters);
    const criteria = criteriaOf(parameters);
    const begun = now();
    const expansions = await expansionsFor('Observation', criteria, context);
    // Strict: a criterion that is passed over would change whose last values these are.
    const { query: parsed, used } = parseSearch('Observation', [...criteria, newestFirst], {
      strict: true,
      base,
      now: begun,
      expansions,
    });
    const isAskedForStatus = criteria.some(([name]) => codeOf(name) === 'status');
    const where: Criterion = isAskedForStatus ? parsed.where : { is: 'all', of: [parsed.where, notInError] };
    const query = await narrowed({ ...parsed, where, count: PAGE, total: 'none' }, access);
    const newest = createNewest(max, base);
    await takeAll(newest, query, context, () => now() - begun > DEADLINE);
    const versions = newest.versions();
    const shown = [...used.filter((one) => one !== newestFirst), ...parameters.filter(([name]) => name === 'max')];
    const text = bundleText(
      'searchset',
      versions.map(({ key, text: resource }) => ({
        fullUrl: `${base}/${referenceTo(key)}`,
        resource: access.shows(resource),
        mode: 'match',
      })),
      { total: versions.length, links: [{ relation: 'self', url: `${base}/Observation/$lastn?${queryOf(shown)}` }] },
    );
    const patients = new Set(versions.flatMap(({ key, text: resource }) => patientsIn(key, resource)));
    return { status: 200, text, patients: [...patients] };
  },
});
