/** batch: every entry on its own, one poisoned entry harms no other. https://hl7.org/fhir/R4/http.html#brules */
import { bundleText } from '../fhir/bundle.ts';
import { problem } from '../fhir/outcome.ts';
import { chainsOf } from './batch-order.ts';
import { answerOf, entryOf, refusalOf, requestOf } from './bundle-answer.ts';
import { entriesOf } from './bundle-entries.ts';
import type { Context, Entry, FhirAnswer, FhirRequest, Interaction } from './interaction.ts';

/** Chains of entries that are worked on at the same time. */
const TOGETHER = 16;

async function answerTo(entry: Entry, i: number, whole: FhirRequest, context: Context): Promise<FhirAnswer> {
  let request: FhirRequest;
  try {
    request = requestOf(entry, whole, `Bundle.entry[${i}]`);
    if (request.type === '' && request.interaction !== 'search-system')
      throw problem('not-supported', 'an entry of a batch may not act on the whole system');
  } catch (error) {
    return refusalOf(error);
  }
  return answerOf(request, context);
}

export const batch: Interaction = {
  code: 'batch',
  right: '',
  async handle(request, context) {
    const entries = request.entries ?? entriesOf(request.body!);
    const answers: FhirAnswer[] = new Array(entries.length);
    const waiting = chainsOf(entries)[Symbol.iterator]();
    const work = async () => {
      for (const chain of waiting) for (const i of chain) answers[i] = await answerTo(entries[i]!, i, request, context);
    };
    await Promise.all(Array.from({ length: TOGETHER }, work));
    const text = bundleText(
      'batch-response',
      answers.map((answer, i) => entryOf(answer, request, /GET|HEAD/.test(entries[i]!.method))),
    );
    return { status: 200, text, entries: answers };
  },
};
