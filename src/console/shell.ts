/** The frame of every page that people work on: head, header, disclaimer, sign-in, one main part. No data is in it. https://www.w3.org/TR/WCAG22/ */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { type Html, html } from '../smart/pages/html.ts';
import { assetPath } from './assets.ts';
import { type Look, lookOf } from './look.ts';
import { directionOf, localeNames, ownNames, type Say, words } from './words/words.ts';

export interface PageParts {
  readonly look: Look;
  /** Names below `assets/` without what every page has: `cardiac/triage.js`, as modules. */
  readonly scripts?: readonly string[];
  readonly styles?: readonly string[];
  /** Rooms of words that the script asks for besides `shell`; see `assets/parts/words.js`. */
  readonly rooms?: readonly string[];
  /** Address of the entry of the navigation that is open. */
  readonly open?: string;
  /** What the keys of this page do, for its help: the key, and the key of its words. */
  readonly keys?: readonly (readonly [key: string, words: string])[];
  /** A page that shows nothing of patients says nothing of diagnoses. */
  readonly isWithoutClinicalData?: boolean;
}

/** Pages by their address and the key of their name, in the order of the header. */
export const navigation: readonly (readonly [path: string, name: string])[] = [
  ['/cardiac/', 'nav.cardiac'],
  ['/feeds', 'nav.feeds'],
  ['/quarantine', 'nav.quarantine'],
];

/** Keys that every page has. */
const everywhere: readonly (readonly [key: string, words: string])[] = [
  ['?', 'key.help'],
  ['Esc', 'key.close'],
];

/** A whole document. `title` is also the heading; the body is Html, of which texts of others were escaped by `html`. */
export function page(title: string, body: Html, parts: PageParts): string {
  const { look, scripts = [], styles = [], rooms = [], open, keys = [], isWithoutClinicalData = false } = parts;
  const say = words(look.locale, ...rooms);
  return html`<!doctype html>
<html lang="${look.locale}" dir="${directionOf(look.locale)}" data-theme="${look.theme}" data-density="${look.density}" data-rooms="${rooms.join(' ')}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="robots" content="noindex">
  <title>${title} · Watchfire</title>
  <link rel="icon" type="image/svg+xml" href="${assetPath('flame.svg')}">
  <link rel="stylesheet" href="${assetPath('page.css')}">${styles.map(
    (name) => html`
  <link rel="stylesheet" href="${assetPath(name)}">`,
  )}
  <script type="module" src="${assetPath('page.js')}"></script>${scripts.map(
    (name) => html`
  <script type="module" src="${assetPath(name)}"></script>`,
  )}
</head>
<body>
  <a class="skip" href="#main">${say('skip')}</a>
  ${header(say, look, open)}
  <main id="main" tabindex="-1">
    <div class="headline"><h1>${title}</h1></div>
    ${!isWithoutClinicalData && html`<p class="disclaimer" role="note">${say('disclaimer')}</p>`}
    <p id="printed" hidden></p>
    <noscript><p class="notice">${say('needs-script')}</p></noscript>
    ${signIn(say)}
    <div id="content" hidden>
${body}
    </div>
    <div id="toasts" class="toasts"></div>
  </main>
  <div class="unseen" id="said" role="status" aria-live="polite"></div>
  <div class="unseen" id="shouted" role="alert" aria-live="assertive"></div>
  ${help(say, keys)}
  ${warning(say)}
</body>
</html>
`.markup;
}

const header = (say: Say, look: Look, open: string | undefined): Html => html`<header class="top">
    <a class="brand" href="/cardiac/"><img src="${assetPath('flame.svg')}" alt="" width="24" height="24"><span>Watchfire</span></a>
    <nav aria-label="${say('nav')}"><ul>${navigation.map(
      ([path, name]) => html`
      <li><a href="${path}"${path === open && html` aria-current="page"`}>${say(name)}</a></li>`,
    )}
    </ul></nav>
    <p class="live" id="live" data-state="off"><span class="dot" aria-hidden="true"></span><span id="live-words">${say('live.off')}</span> <span id="live-age"></span></p>
    <div class="tools">
      <span class="who" id="who"></span>
      <button type="button" class="plain" id="help-open" aria-haspopup="dialog" aria-keyshortcuts="?">${say('help')}</button>
      <button type="button" class="plain" id="sign-out" hidden>${say('sign-out')}</button>
    </div>
    <details class="settings"><summary>${say('settings')}</summary><div class="panel">
      ${choice(say, 'theme', ['auto', 'light', 'dark'], look.theme)}
      ${choice(say, 'density', ['comfortable', 'compact'], look.density)}
      <label>${say('language')} <select id="language">${localeNames.map(
        (name) =>
          html`<option value="${name}" lang="${name}"${name === look.locale && html` selected`}>${ownNames[name]}</option>`,
      )}</select></label>
      <label class="check"><input type="checkbox" id="keys-on" checked> ${say('keys-on')}</label>
    </div></details>
    <p class="stale" id="stale" role="status" hidden></p>
  </header>`;

const choice = (say: Say, name: string, values: readonly string[], chosen: string): Html =>
  html`<label>${say(name)} <select id="${name}">${values.map(
    (value) => html`<option value="${value}"${value === chosen && html` selected`}>${say(`${name}.${value}`)}</option>`,
  )}</select></label>`;

/** Shown by the script to who is not signed in. The token stays in the field until it is exchanged for a cookie. */
const signIn = (say: Say): Html => html`<section id="signed-out" class="card" hidden aria-labelledby="signed-out-title">
      <h2 id="signed-out-title">${say('signed-out')}</h2>
      <p id="signed-out-why">${say('signed-out.why')}</p>
      <p><a class="button primary" id="sign-in" href="/oauth/account/sign-in/apps">${say('sign-in')}</a></p>
      <details><summary>${say('token.open')}</summary>
        <form id="token-form" autocomplete="off">
          <label for="token">${say('token')}</label>
          <input id="token" type="password" autocomplete="off" spellcheck="false" required>
          <p class="hint">${say('token.hint')}</p>
          <p class="fault" id="token-fault" role="alert"></p>
          <button>${say('token.use')}</button>
        </form>
      </details>
    </section>`;

const help = (
  say: Say,
  keys: NonNullable<PageParts['keys']>,
): Html => html`<dialog id="help" aria-labelledby="help-title">
    <h2 id="help-title">${say('help.title')}</h2>
    <dl class="keys">${[...keys, ...everywhere].map(
      ([key, name]) => html`
      <div><dt><kbd>${key}</kbd></dt><dd>${say(name)}</dd></div>`,
    )}
    </dl>
    <p class="hint">${say('help.off')}</p>
    <form method="dialog"><button class="primary">${say('close')}</button></form>
  </dialog>`;

const warning = (say: Say): Html => html`<dialog id="idle" aria-labelledby="idle-title" aria-describedby="idle-text">
    <h2 id="idle-title">${say('idle.title')}</h2>
    <p id="idle-text">${say('idle.text')} <span id="idle-left" role="timer"></span></p>
    <form method="dialog"><button class="primary" id="idle-stay">${say('idle.stay')}</button></form>
  </dialog>`;

/** Nothing from elsewhere, nothing inline, in nobody's frame. https://www.w3.org/TR/CSP3/ */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** Of documents: the same for everybody but for how they like to see them. */
const documentHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': policy,
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
  Vary: 'Cookie, Accept-Language',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
};

/** Answers a GET with a document that is made for how somebody likes to look at it. */
export const shown =
  (make: (look: Look, request: Request) => string): RequestHandler =>
  (request, response: Response) => {
    response
      .set(documentHeaders)
      .type('html')
      .send(make(lookOf(request.headers), request));
  };

/** A room with one document, at its own address and nowhere below. */
export function documentAt(document: RequestHandler): RequestHandler {
  const router = Router({ caseSensitive: true });
  router.get('/', document);
  return router;
}
