/** What a session list calls a browser: two words out of its User-Agent, nothing that needs a database. https://www.rfc-editor.org/rfc/rfc9110#name-user-agent */

/** The first that is found counts: browsers name those that they want to be taken for, too. */
const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bChrome\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const systems: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

/** `Firefox on Linux`; `an unknown browser` where it says nothing that we know. */
export function deviceWords(userAgent = ''): string {
  const [browser, system] = [browsers, systems].map((table) => table.find(([sign]) => sign.test(userAgent))?.[1]);
  return system === undefined ? (browser ?? 'an unknown browser') : `${browser ?? 'a browser'} on ${system}`;
}
