/** The pages as text: nothing that came from outside is markup, nothing comes from elsewhere, and a QR code says what it should. */
import { hash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { escaped, html, named } from '../../../src/smart/pages/html.ts';
import { qrCode } from '../../../src/smart/pages/qr.ts';
import { assetsRouter, sendPage } from '../../../src/smart/pages/serve.ts';
import { examples, HOSTILE, leaving } from './examples.ts';

describe('The tag for templates', () => {
  it('escapes texts in elements and in attributes, wherever they stand in lists', () => {
    expect(html`<a title="${HOSTILE}">${[HOSTILE, html`<b>${HOSTILE}</b>`]}</a>`.markup).not.toMatch(
      /<img|<script|"">/,
    );
    expect(html`<i title="${'"'}">${'&lt;'}${false}${undefined}${0}</i>`.markup).toBe(
      '<i title="&quot;">&amp;lt;0</i>',
    );
  });

  it('leaves out what turns the reading order round or cannot be seen', () => {
    expect(escaped('in\u202eexe\u202c.pdf\u0000\u200b\u2066x')).toBe('inexe.pdfx');
    expect(escaped('Å\tb\nc 👩‍⚕️')).toBe('Å\tb\nc 👩‍⚕️');
  });

  it('takes no object that only looks like Html from JSON', () => {
    const parsed: any = JSON.parse('{"markup":"<script>alert(1)</script>"}');
    expect(() => html`<p>${parsed}</p>`).toThrow('no Html of ours');
  });

  it('keeps a long name to a line or two', () => {
    expect(named('𝔸'.repeat(10_000)).markup).toHaveLength('<bdi></bdi>'.length + 119 * 2 + 1);
  });
});

describe('Every page', () => {
  it.each(Object.entries({ ...examples, leaving }))(
    '%s: has a language, a title, one heading, one main part, labels, and nothing inline or from elsewhere',
    (_, page) => {
      expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
      expect(page).toMatch(/<title>[^<]+ · Watchfire<\/title>/);
      expect(page.match(/<h1>/g)).toHaveLength(1);
      expect(page.match(/<main /g)).toHaveLength(1);
      // What stands in quotes is no markup.
      expect(page.replaceAll(/"[^"]*"/g, '""')).not.toMatch(
        /<style|<[^>]*\s(?:style|on\w+)=|<script(?! type="" src=""><\/script>)/,
      );
      expect(page).not.toContain('javascript:');
      for (const [, url] of page.matchAll(/\s(?:src|href|action)="([^"]*)"/g))
        expect(url).toMatch(/^(?:\/(?!\/)|[?#])/);
      for (const [, id] of page.matchAll(/<input id="([^"]+)"/g)) expect(page).toContain(`<label for="${id}">`);
      for (const form of page.match(/<form method="post"[\s\S]*?<\/form>/g) ?? [])
        expect(form).toContain('name="csrf"');
    },
  );

  it('shows the name of an app and of a patient as text, whatever is in them', () => {
    const page = examples['consent-hostile']!;
    expect(page).not.toMatch(/<img src=x|<script>alert|\u202e/);
    expect(page).toContain(
      '<bdi>&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&lt;script&gt;alert(1)&lt;/script&gt;gnp.exe</bdi>',
    );
  });

  it('asks a password manager for what it knows, and says what is wrong beside the field that then has the focus', () => {
    expect(examples['sign-in']).toContain('name="login" type="text" autocomplete="username"');
    expect(examples['second-factor']).toContain('autocomplete="one-time-code"');
    expect(examples.security).toMatch(/autocomplete="current-password"[\s\S]*autocomplete="new-password"/);
    expect(examples['sign-in-failed']).toMatch(
      /<input id="password"[^>]* aria-describedby="password-fault" aria-invalid="true"[^>]* autofocus[^>]*>\s*<p class="fault" id="password-fault" role="alert">/,
    );
    expect(Object.values(examples).join()).not.toMatch(/onpaste|autocomplete="off"[^>]*type="password"/);
  });
});

describe('A QR code', () => {
  it('holds what an independent reader found in it (jsQR 1.4.0 read each length from 1 to 213 bytes when this was written)', () => {
    const texts = Array.from({ length: 213 }, (_, n) =>
      Array.from({ length: n + 1 }, (_, i) => 'otpauth://totp/Watchfire:abcDEF0123?&=%'[(i * 7 + n + 1) % 39]).join(''),
    );
    const codes = texts.map((text) =>
      qrCode(text)!
        .map((row) => row.map(Number).join(''))
        .join('\n'),
    );
    expect(hash('sha256', codes.join('\n\n'))).toBe('dda5d35b6b2419fb5c833e771183eb8f76f36c7533321ee4cb96f9cfe1722f73');
    expect(qrCode('x'.repeat(214))).toBeUndefined();
  });
});

describe('What pages are sent with', () => {
  const app = express()
    .use('/oauth/assets', assetsRouter())
    .get('/page', (_request, response) => sendPage(response, examples.consent!, { returns: 'com.example.growth:' }));

  it('lets nothing in from elsewhere, no frame around it, nothing into a cache or a Referer', async () => {
    const { headers } = await request(app).get('/page').expect(200).expect('Content-Type', /html/);
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self' com.example.growth:; frame-ancestors 'none'",
    );
    expect(headers).toMatchObject({
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
    });
  });

  it('has the files that the pages name, and no others', async () => {
    const named = new Set(Object.values(examples).flatMap((page) => page.match(/\/oauth\/assets\/[^"]+/g) ?? []));
    expect(named.size).toBe(4);
    for (const file of named) await request(app).get(file).expect(200).expect('X-Content-Type-Options', 'nosniff');
    for (const file of ['pages.ts', '..%2fserve.ts', '__proto__', 'constructor'])
      await request(app).get(`/oauth/assets/${file}`).expect(404);
  });
});
