/** Tells how a search went: what it asked of the database, without values, by which plans, and how much was looked at. */
import type { Document } from 'mongodb';
import { type Considered, type Explanation, withoutValue, wordFor } from '../explanation.ts';
import type { Page } from '../store.ts';
import { type Deadline, leftOf } from './deadline.ts';
import type { Parts } from './parts.ts';
import type { Question, Step } from './reading.ts';

/** Questions of one shape that are explained; what further ones look at is not counted. */
const ALIKE = 100;

/** `steps` of a search that gave the page. */
export async function told(
  parts: Parts,
  deadline: Deadline,
  steps: readonly Step[],
  page: Page,
): Promise<Omit<Explanation, 'milliseconds'>> {
  const statements = new Map<string, { plan: readonly string[]; runs: number }>();
  let looked = 0;
  for (const step of steps) {
    if (step.is !== 'asked') continue;
    const sql = sentence(step);
    const asked = statements.get(sql);
    if (asked && asked.runs >= ALIKE) {
      asked.runs++;
      continue;
    }
    const explained = await explain(parts, deadline, step);
    looked += examined(explained);
    if (asked) asked.runs++;
    else statements.set(sql, { plan: planLines(explained), runs: 1 });
  }
  return {
    considered: [],
    followed: steps.flatMap((step): Considered[] => {
      if (step.is !== 'followed') return [];
      const { type, part, size, cap } = step;
      return [{ type, by: wordFor(part), cap, ...(size !== undefined && { size }) }];
    }),
    ways: steps.flatMap((step) => {
      if (step.is !== 'read') return [];
      const { type, way, by } = step;
      return [{ type, way, ...(by !== undefined && { by: withoutValue(by) }) }];
    }),
    statements: [...statements].map(([sql, { plan, runs }]) => ({ sql, plan, runs })),
    looked,
    matches: page.matches.length,
    included: page.included.length,
    ...(page.total !== undefined && { total: page.total }),
  };
}

async function explain({ collections, runtime }: Parts, deadline: Deadline, question: Question): Promise<Document> {
  const { filter, sort, limit, projection, pipeline } = question;
  const maxTimeMS = leftOf(deadline, runtime);
  if (pipeline) return collections.resource.aggregate([...pipeline], { maxTimeMS }).explain('executionStats');
  return collections.resource
    .find(filter ?? {}, {
      maxTimeMS,
      ...(sort && { sort }),
      ...(limit && { limit }),
      ...(projection && { projection }),
    })
    .explain('executionStats');
}

/** What was asked, with a question mark for every value. */
const sentence = ({ filter, sort, limit, pipeline }: Question): string =>
  pipeline
    ? `aggregate ${JSON.stringify(shapeOf(pipeline))}`
    : `find ${JSON.stringify(shapeOf(filter))}${sort ? ` sort ${JSON.stringify(sort)}` : ''}${limit ? ' limit ?' : ''}`;

const numbered = new Set(['$sort', '$project']);

function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) {
    const shapes = value.map(shapeOf);
    return shapes.every((one) => one === '?') ? ['?'] : shapes;
  }
  if (typeof value !== 'object' || value === null || '_bsontype' in value) return isPath(value) ? value : '?';
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, numbered.has(key) ? one : shapeOf(one)]));
}
/** Names of fields and variables in expressions. */
const isPath = (value: unknown): boolean => typeof value === 'string' && /^\$\$?[a-z][a-z0-9_.]{0,8}$/.test(value);

/** Every stage of every winning plan, with its index. */
function planLines(explained: unknown): string[] {
  const lines: string[] = [];
  const stages = (plan: Document): void => {
    if (plan['stage']) lines.push(plan['indexName'] ? `${plan['stage']} ${plan['indexName']}` : plan['stage']);
    for (const inner of [plan['inputStage'], ...(plan['inputStages'] ?? []), ...(plan['shards'] ?? [])]) {
      if (inner) stages(inner['winningPlan'] ?? inner);
    }
  };
  visit(explained, (key, value) => {
    if (key !== 'winningPlan') return;
    stages((value as Document)['queryPlan'] ?? value);
  });
  return lines;
}

function examined(explained: unknown): number {
  let sum = 0;
  visit(explained, (key, value) => {
    if (key === 'totalDocsExamined') sum += Number(value);
  });
  return sum;
}

function visit(value: unknown, see: (key: string, value: unknown) => void): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, one] of Object.entries(value)) {
    if (key === 'rejectedPlans' || key === 'allPlansExecution' || key === 'command') continue;
    see(key, one);
    visit(one, see);
  }
}
