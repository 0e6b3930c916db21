/** How somebody likes pages to look: language, theme, density, in a cookie that says nothing else and that the page itself writes. */
import { type Locale, localeFor, localeNames } from './words/words.ts';

export interface Look {
  readonly locale: Locale;
  /** `auto` is what the device says. */
  readonly theme: 'auto' | 'light' | 'dark';
  readonly density: 'comfortable' | 'compact';
}

/** `watchfire-look=de.dark.compact`; each part may be empty. */
const LOOK_COOKIE = 'watchfire-look';

const among = <T extends string>(names: readonly T[], asked: string | undefined): T | undefined =>
  names.find((name) => name === asked);

/** Out of Cookie and Accept-Language; what is none of ours is what nobody chose. */
export function lookOf(headers: { readonly cookie?: string; readonly 'accept-language'?: string }): Look {
  const [, kept = ''] = new RegExp(`(?:^|;\\s*)${LOOK_COOKIE}=([a-z.-]{0,60})(?:;|$)`).exec(headers.cookie ?? '') ?? [];
  const [locale, theme, density] = kept.split('.');
  return {
    locale: among(localeNames, locale) ?? localeFor(headers['accept-language']),
    theme: among(['auto', 'light', 'dark'] as const, theme) ?? 'auto',
    density: among(['comfortable', 'compact'] as const, density) ?? 'comfortable',
  };
}
