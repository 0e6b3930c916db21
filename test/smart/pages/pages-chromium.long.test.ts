/** Every page there is, in every state that there is an example of, in a real browser. https://www.w3.org/TR/WCAG22/ */
import { afterAll, beforeAll, it } from '@jest/globals';
import { describeInChromium } from '../../support/chromium.ts';
import { examples } from './examples.ts';
import { expectForEverybody, type Shown, showExamples } from './shown.ts';

describeInChromium('Every page in Chromium', () => {
  let shown: Shown;

  beforeAll(async () => {
    shown = await showExamples();
  });
  afterAll(() => shown?.stop());

  it.each(Object.keys(examples))(
    '%s has nothing that axe finds in light or in dark, fits 320 px and 200 %, and breaks no policy',
    async (name) => expectForEverybody(shown, name),
  );
});
