/** The portal: Swagger UI from this server alone, under a strict policy. */
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { type Portal, portalRouter } from '../../src/http/portal.ts';
import { openApi } from '../../src/publish/openapi.ts';

const document = openApi('1.2.3');
const appWith = (portal: Partial<Portal> = {}) => express().use(portalRouter({ openApi: () => document, ...portal }));

describe('The portal', () => {
  it('serves its page and the document it shows', async () => {
    const page = await request(appWith()).get('/docs').expect(200).expect('Content-Type', /html/);
    expect(page.text).toContain('<title>Watchfire</title>');
    await request(appWith()).get('/openapi.json').expect(200).expect('Content-Type', /json/).expect(document);
  });

  it('takes everything from this server: no inline code or style, nothing of another host but links', async () => {
    const app = appWith();
    const { text, headers } = await request(app).get('/docs');
    expect(text).not.toMatch(/<style|\sstyle=|\son\w+=|<script>/);
    const loaded = [...text.matchAll(/(?:src|<link[^>]*href)="([^"]+)"/g)].map(([, url]) => url!);
    expect(loaded).toContain('/docs/swagger-ui-bundle.js');
    for (const url of new Set(loaded)) {
      expect(url).toMatch(/^\/docs\//);
      await request(app).get(url).expect(200).expect('X-Content-Type-Options', 'nosniff');
    }
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
  });

  it('hides the rest of the package, whose own page starts on a foreign document', async () => {
    for (const name of [
      'index.html',
      'swagger-initializer.js',
      'package.json',
      'oauth2-redirect.html',
      '..%2fpackage.json',
      'portal.ts',
    ])
      await request(appWith()).get(`/docs/${name}`).expect(404);
  });

  it('makes the document once', async () => {
    let made = 0;
    const app = appWith({ openApi: () => ({ made: ++made }) });
    await request(app).get('/openapi.json').expect({ made: 1 });
    await request(app).get('/openapi.json').expect({ made: 1 });
  });

  it('asks for the token where the profile says so, as a password that a browser can ask for', async () => {
    const app = appWith({ admits: (token) => token === 'right' });
    for (const path of ['/docs', '/docs/portal.js', '/docs/swagger-ui.css', '/openapi.json']) {
      await request(app)
        .get(path)
        .expect(401)
        .expect('WWW-Authenticate', /^Basic /);
      await request(app).get(path).auth('admin', 'wrong').expect(401);
      await request(app).get(path).set('Authorization', 'Bearer wrong').expect(401);
      await request(app).get(path).auth('admin', 'right').expect(200);
      await request(app).get(path).set('Authorization', 'Bearer right').expect(200);
    }
  });
});
