/** Documents of pages: the same for everybody, nothing inline, nothing of others as markup. https://www.w3.org/TR/CSP3/ */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { lookOf } from '../../src/console/look.ts';
import { page } from '../../src/console/shell.ts';
import { html } from '../../src/smart/pages/html.ts';
import { openHouse, type TestHouse } from '../support/house.ts';

const look = lookOf({});

describe('A document', () => {
  let house: TestHouse;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.stop());

  it('needs nobody, holds nothing inline, and is in nobody’s frame', async () => {
    const { status, headers, text } = await house.ask('GET', '/console', undefined, { authorization: '' });

    expect(status).toBe(200);
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    );
    expect(text).not.toMatch(/<script(?![^>]* src=")|<style|\sstyle=|\son\w+=|https?:\/\//);
    expect(headers.get('vary')).toBe('Cookie, Accept-Language');
  });

  it('is in the language and look that are asked for, and English where nobody knows', async () => {
    const ask = async (headers: Record<string, string>) =>
      /<html[^>]*>/.exec((await house.ask('GET', '/console', undefined, headers)).text)![0];

    expect(await ask({ 'accept-language': 'de-AT,de;q=0.9' })).toContain('lang="de" dir="ltr" data-theme="auto"');
    expect(await ask({ 'accept-language': 'de', cookie: 'a=b; watchfire-look=en.dark.compact' })).toContain(
      'lang="en" dir="ltr" data-theme="dark" data-density="compact"',
    );
    expect(await ask({ cookie: 'watchfire-look=xx.<script>.y' })).toContain(
      'lang="en" dir="ltr" data-theme="auto" data-density="comfortable"',
    );
  });
});

describe('The frame', () => {
  it('takes a title for text, and says everywhere that it is for display only, but where nothing clinical is', () => {
    const shown = page('<img src=x onerror=alert(1)>', html`<p>x</p>`, { look });

    expect(shown).not.toContain('<img src=x');
    expect(shown).toContain('class="disclaimer" role="note"');
    expect(page('x', html``, { look, isWithoutClinicalData: true })).not.toContain('class="disclaimer"');
  });

  it('names a page that is open, the keys that it has, and no file that there is none of', () => {
    const shown = page('x', html``, { look, open: '/cardiac/', keys: [['r', 'help']] });

    expect(shown.match(/aria-current="page"/g)).toHaveLength(1);
    expect(shown).toContain('<dt><kbd>r</kbd></dt><dd>Help</dd>');
    expect(() => page('x', html``, { look, scripts: ['none.js'] })).toThrow('the console has no asset none.js');
  });
});
