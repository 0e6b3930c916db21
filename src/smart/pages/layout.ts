/** The frame of every page that people sign in and decide on: head, our name, one main part. https://www.w3.org/TR/WCAG22/ */
import { type Html, html } from './html.ts';

/** Where the one style sheet, the one script and the flame are. */
export const ASSETS = '/oauth/assets';

export interface Frame {
  /** Also the heading; says what the page is for. */
  readonly title: string;
  readonly body: Html;
  /** Puts ` · title` of the failed attempt first, so that it is heard first. */
  readonly hasFailed?: boolean;
  /** Markup between heading and body that belongs to the heading: for whom, for which app. */
  readonly lead?: Html;
  /** Wide pages hold lists and settings; the others a single form. */
  readonly isWide?: boolean;
  /** Navigation between the pages of an account; the one that is open is marked. */
  readonly account?: { readonly open: string; readonly csrf: string; readonly who: string };
  /** Loads the script for passkeys. */
  readonly needsScript?: boolean;
  /** The browser goes there at once. */
  readonly goesTo?: string;
}

const accountPages = [
  ['/oauth/account/apps', 'Apps'],
  ['/oauth/account/security', 'Security'],
] as const;

/** A form of one button that sends what it must: each carries the token that only our own pages know. */
export const press = (action: string, csrf: string, button: Html): Html =>
  html`<form method="post" action="${action}" class="press">${secret(csrf)}${button}</form>`;

export const secret = (csrf: string): Html => html`<input type="hidden" name="csrf" value="${csrf}">`;

const navigation = ({ open, csrf, who }: NonNullable<Frame['account']>): Html => html`
    <nav aria-label="Your account">
      <ul>${accountPages.map(
        ([path, name]) => html`
        <li><a href="${path}"${name === open && html` aria-current="page"`}>${name}</a></li>`,
      )}
      </ul>
      <div class="who"><span>${who}</span>${press('/oauth/account/sign-out', csrf, html`<button class="plain">Sign out</button>`)}</div>
    </nav>`;

/** A whole page. What is in it was escaped by `html`. */
export function framed({ title, body, hasFailed, lead, isWide, account, needsScript, goesTo }: Frame): string {
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="robots" content="noindex">${
    goesTo !== undefined &&
    html`
  <meta http-equiv="refresh" content="0;url=${goesTo}">`
  }
  <title>${hasFailed && 'Not yet: '}${title} · Watchfire</title>
  <link rel="icon" type="image/svg+xml" href="${ASSETS}/flame.svg">
  <link rel="stylesheet" href="${ASSETS}/pages.css">${
    needsScript &&
    html`
  <script type="module" src="${ASSETS}/passkey.js"></script>`
  }
</head>
<body${isWide && html` class="wide"`}>
  <a class="skip" href="#main">Skip to the content</a>
  <header>
    <p class="brand"><img src="${ASSETS}/flame.svg" alt="" width="32" height="32"><span>Watchfire</span></p>${account && navigation(account)}
  </header>
  <main id="main" tabindex="-1">
    <h1>${title}</h1>
${lead}${body}
  </main>
</body>
</html>
`.markup;
}

/** What went wrong as a whole; heard as soon as the page is there. */
export const alert = (text: string | Html | undefined): Html =>
  text === undefined ? html`` : html`<p class="alert" role="alert">${text}</p>`;

/** What was done; read out without interrupting. */
export const notice = (text: string | Html | undefined): Html =>
  text === undefined ? html`` : html`<p class="notice" role="status">${text}</p>`;

/** An instant for people, as the server knows no zone but UTC. */
export function instant(milliseconds: number): Html {
  const iso = new Date(milliseconds).toISOString();
  const shown = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
  return html`<time datetime="${iso}">${shown.format(milliseconds)} UTC</time>`;
}
