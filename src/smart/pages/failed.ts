/** Pages that end something: a request that may not go back to where it says it came from (O1, O2), signed out, going on to the app. */
import { type Html, html, named } from './html.ts';
import { framed } from './layout.ts';

export interface FailedPage {
  readonly title?: string;
  /** Sentences of this server, for the person and for who wrote the app. */
  readonly words: string;
  /** Code of RFC 6749 or our own. */
  readonly code?: string;
  /** For the question to whoever runs this server. */
  readonly requestId?: string;
  /** Where to go on, on this server. */
  readonly onward?: { readonly href: string; readonly words: string };
}

export function failed({ title = 'This cannot go on', words, code, requestId, onward }: FailedPage): string {
  const body = html`
    <p class="alert" role="alert">${words}</p>${
      (code !== undefined || requestId !== undefined) &&
      html`
    <dl class="facts small">${
      code !== undefined &&
      html`
      <div><dt>Error</dt><dd><code>${code}</code></dd></div>`
    }${
      requestId !== undefined &&
      html`
      <div><dt>Request</dt><dd><code>${requestId}</code></dd></div>`
    }
    </dl>`
    }
    <p>${onward === undefined ? 'Close this page and start again from the app that you came from.' : html`<a class="button" href="${onward.href}">${onward.words}</a>`}</p>`;
  return framed({ title, body });
}

export const signedOut = (): string =>
  framed({
    title: 'You are signed out',
    body: html`
    <p>On a device that others use, close this window too.</p>
    <p><a class="button" href="/oauth/account/apps">Sign in again</a></p>`,
  });

/**
 * Stands between a form and an app of another origin: our policy lets forms go to this server alone, and browsers hold redirects
 * after a form to that as well.
 */
export function goingOn(href: string, to?: string): string {
  const whereTo: Html = to === undefined ? html`Go on` : html`Go on to ${named(to)}`;
  const body = html`
    <p>If nothing happens: <a href="${href}">${whereTo}</a></p>`;
  return framed({ title: 'One moment', body, goesTo: href });
}
