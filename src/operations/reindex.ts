/** $reindex and $reindex-status: the index made anew, by a job for whole types and at once for one resource. docs/search-parameters.md */
import { resourceTypes } from '../fhir/definitions.ts';
import { operationOutcome, problem } from '../fhir/outcome.ts';
import { referenceTo } from '../fhir/references.ts';
import { gone, notFound, patientsIn } from '../interactions/answer.ts';
import type { Context, FhirAnswer, FhirRequest } from '../interactions/interaction.ts';
import { freshId, type Runtime } from '../runtime.ts';
import { definitionsWithUrl } from '../search/knowledge.ts';
import type { IndexEntries } from '../search/query.ts';
import { placeOf } from '../search/refusals.ts';
import { everyKept } from '../store/every-kept.ts';
import { type Change, isDeleted, type Kept } from '../store/store.ts';
import { cancelled, isOver, type Job, type KeptParameter, kinds, newJob, putJob } from './kept.ts';
import { namedOnce, type Operation } from './operation.ts';
import { code, instant, number, type Part, parametersText, parts, text } from './parameters.ts';

export interface ReindexOperationParts {
  readonly runtime: Pick<Runtime, 'now' | 'random'>;
  /** The index entries of a stored text. */
  readonly extract: (text: string) => IndexEntries;
  /** A job was asked for. */
  readonly wake: () => void;
  /** Has search know the SearchParameters that are stored now, and which of them are indexed. */
  readonly renew: () => Promise<void>;
}

export function reindex({ runtime, extract, wake }: ReindexOperationParts): Operation {
  async function one({ type, id, parameters }: FhirRequest, context: Context): Promise<FhirAnswer> {
    namedOnce(parameters, []);
    const key = { type, id };
    const [version] = await context.store.read([key]);
    if (version === undefined) throw notFound(key);
    if (isDeleted(version)) throw gone(version);
    const change: Change = { op: 'reindex', key, versionId: version.versionId, index: extract(version.text) };
    const patients = patientsIn(key, version.text).join(' ');
    await context.commit([change], { status: 200, target: referenceTo(key), patients });
    const diagnostics = `version ${version.versionId} of ${referenceTo(key)} was indexed`;
    return {
      status: 200,
      text: JSON.stringify(operationOutcome([{ severity: 'information', code: 'informational', diagnostics }])),
    };
  }

  async function many({ parameters, base }: FhirRequest, { store, commit }: Context): Promise<FhirAnswer> {
    const types = parameters.filter(([name]) => name === 'type').map(([, value]) => value);
    for (const type of types) {
      if (!resourceTypes.has(type))
        throw problem('value', 'type must be a resource type of R4', { expression: placeOf('type') });
    }
    const { url } = namedOnce(
      parameters.filter(([name]) => name !== 'type'),
      ['url'],
    );
    if (url !== undefined && types.length > 0)
      throw problem('invalid', 'give either type or url, not both', { expression: placeOf('url') });
    const id = freshId(runtime);
    const now = runtime.now();
    const asked = types.length > 0 ? [...new Set(types)] : everyType();
    const { job, changes } =
      url === undefined ? { job: newJob(asked, now), changes: [] } : await ofUrl(url, id, now, store);
    await commit([...changes, putJob(id, job, 'absent')], { status: 202, target: '$reindex', patients: '' });
    wake();
    return {
      status: 202,
      headers: { 'Content-Location': `${base}/$reindex-status?job=${id}` },
      text: parametersText(described(id, job)),
    };
  }

  return {
    code: 'reindex',
    levels: ['system', 'instance'],
    types: [],
    right: 'operation',
    changes: true,
    handle: (request, context) => (request.id === '' ? many(request, context) : one(request, context)),
  };
}

const everyType = (): readonly string[] => [...resourceTypes.keys()].sort();

/** The job for one SearchParameter; one of our own then waits for this job instead of its former one. */
async function ofUrl(
  url: string,
  id: string,
  now: number,
  store: Context['store'],
): Promise<{ job: Job; changes: readonly Change[] }> {
  const kept = await everyKept(kinds.parameter, store);
  const custom = kept.find(({ value }) => (value as KeptParameter).definition.url === url);
  if (custom === undefined) {
    const bases = definitionsWithUrl(url).flatMap(({ base }) => base);
    if (bases.length === 0) throw problem('not-found', 'no active SearchParameter here has this url');
    const isOfAll = bases.includes('Resource') || bases.includes('DomainResource');
    return { job: newJob(isOfAll ? everyType() : [...new Set(bases)], now), changes: [] };
  }
  const { kind, key, revision } = custom;
  const value: KeptParameter = custom.value;
  // Searches by it are answered all the while where it is indexed already.
  const waiting: Change = { op: 'put', kind, key, value: { ...value, job: id }, expect: revision };
  return {
    job: newJob(value.definition.base, now, key),
    changes: [waiting, ...(await cancelled(value.job, store, now))],
  };
}

/** Whoever reads here that a job is done finds by its parameter from then on. */
export const reindexStatus = ({ renew }: Pick<ReindexOperationParts, 'renew'>): Operation => ({
  code: 'reindex-status',
  levels: ['system'],
  types: [],
  right: 'operation',
  changes: false,
  async handle({ parameters }, { store }) {
    const { job: id } = namedOnce(parameters, ['job']);
    if (id === undefined) {
      const all: readonly Kept[] = await everyKept(kinds.job, store);
      await renew();
      return { status: 200, text: parametersText(all.map(({ key, value }) => parts('job', described(key, value)))) };
    }
    const [kept] = await store.get(kinds.job, [id]);
    await renew();
    if (kept === undefined) throw problem('not-found', 'no such job; one that is over is known for 30 days');
    const job = kept.value as Job;
    return isOver(job)
      ? { status: 200, text: parametersText(described(id, job)) }
      : {
          status: 202,
          headers: { 'X-Progress': `${job.state}: ${job.done} of ${job.of}`, 'Retry-After': '5' },
          text: parametersText(described(id, job)),
        };
  },
});

const nothing = 'no resource of these types was stored: there was nothing to index';

function described(id: string, job: Job): readonly Part[] {
  const { state, types, parameter, leaving, requested, started, ended, done, of, entries } = job;
  return [
    text('job', id),
    code('state', state),
    ...(parameter === undefined ? [] : [text('parameter', `SearchParameter/${parameter}`)]),
    ...(leaving === undefined ? [] : [text('leaving', `SearchParameter/${leaving}`)]),
    ...types.map((type) => code('type', type)),
    number('done', done),
    number('of', of),
    number('entries', entries),
    ...(isOver(job) && of === 0 ? [text('note', nothing)] : []),
    instant('requested', requested),
    ...(started === undefined ? [] : [instant('started', started)]),
    ...(ended === undefined ? [] : [instant('ended', ended)]),
  ];
}
