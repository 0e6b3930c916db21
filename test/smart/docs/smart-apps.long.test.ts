/** docs/smart-apps.md does what it says: its files and commands, as they stand there, lead from nothing to data. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeInChromium, openChromium } from '../../support/chromium.ts';
import { freePort } from '../../support/free-ports.ts';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { textOf } from '../../support/sources.ts';

const program = fileURLToPath(new URL('../../../bin/watchfire.mjs', import.meta.url));
const fhirclient = fileURLToPath(new URL('../../../node_modules/fhirclient/build/fhir-client.min.js', import.meta.url));

/** Language, the rest of the line, the text. */
const blocks = [...textOf('docs/smart-apps.md').matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, language, about, text]) => ({ language: language!, about: about!, text: text! }),
);
const commands = blocks.filter(({ language, about }) => language === 'sh' && !about.startsWith('not run'));
const files = blocks.filter(({ language }) => language !== 'sh');

let house: TestHouse;
let folder: string;
let pages: string;
let shell: ChildProcess;
let said = '';

beforeAll(async () => {
  house = await openHouse();
  folder = mkdtempSync(join(tmpdir(), 'watchfire-app-'));
  pages = `127.0.0.1:${await freePort()}`;
  const here = (text: string) =>
    text
      .replaceAll('http://127.0.0.1:8080', house.url)
      .replaceAll('127.0.0.1:3000', pages)
      .replaceAll('listen(3000,', `listen(${pages.split(':')[1]},`);
  for (const { about, text } of files) writeFileSync(join(folder, about), here(text));
  copyFileSync(fhirclient, join(folder, 'fhir-client.min.js'));
  const script = [
    'set -eu',
    `watchfire() { "${process.execPath}" "${program}" "$@"; }`,
    ...commands.map(({ text }) => here(text)),
    'echo "all done"',
    'wait',
  ].join('\n');
  shell = spawn('bash', ['-c', script], {
    cwd: folder,
    detached: true, // so that what it left running can be ended with it
    env: { PATH: process.env.PATH, WATCHFIRE_DATA: house.dataFolder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await new Promise<void>((resolve, reject) => {
    const hear = (bytes: Buffer) => {
      said += bytes;
      if (said.includes('all done')) resolve();
    };
    shell.stdout!.on('data', hear);
    shell.stderr!.on('data', hear);
    shell.on('exit', () => reject(new Error(`the commands of docs/smart-apps.md failed:\n${said}`)));
  });
}, 120_000);

afterAll(async () => {
  if (shell?.pid && shell.exitCode === null) process.kill(-shell.pid, 'SIGKILL');
  await house?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const fileOf = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));

describe('The program of docs/smart-apps.md', () => {
  it('gets a token for what it is registered for, and reads with it', () => {
    expect(commands.length).toBeGreaterThan(5);
    const token = fileOf('token.json');
    expect(token).toMatchObject({ token_type: 'Bearer', expires_in: 300 });
    expect(token.scope.split(' ').sort()).toEqual(['system/Observation.rs', 'system/Patient.rs']);
    expect(textOf('docs/smart-apps.md')).toContain(`"scope":"${token.scope}"`);
    expect(token).not.toHaveProperty('refresh_token');
    const found = fileOf('found.json');
    expect(found.entry.map(({ resource }: any) => resource.id)).toEqual(['pulse']);
  });
});

describeInChromium('The page of docs/smart-apps.md', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openChromium();
  });
  afterAll(() => browser?.close());

  /** Signs in as the page asks, and allows what the app asks for; what the consent page said. */
  async function throughTheDoor(page: Page): Promise<string> {
    await page.fill('input[name=login]', 'ada');
    await page.fill('input[name=password]', 'engine of brass and steam');
    await page.click('main button.primary');
    const allow = page.locator('button[name=decision][value=allow]');
    await allow.waitFor();
    const words = (await page.locator('main').textContent()) ?? '';
    await allow.click();
    await page.waitForURL(/index\.html/);
    await page.locator('#readings li').first().waitFor();
    return words;
  }

  it('opened by a person, shows what was granted and nothing more', async () => {
    const page = await browser.newPage();
    await page.goto(`http://${pages}/launch.html`);
    const words = await throughTheDoor(page);
    expect(words).toContain('Pulse');
    expect(words).toMatch(/measurements, vital signs and test results of the chosen patient, only where category is/);
    expect(await page.locator('#who').textContent()).toBe('Lovelace');
    expect(await page.locator('#readings').textContent()).toContain('72 beats/min');
    expect(await page.locator('#granted').textContent()).toContain('patient/Patient.read');
    await page.close();
  }, 60_000);

  it('opened by an EHR, comes with the patient that the EHR named', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(readFileSync(join(folder, 'launch-url.txt'), 'utf8').trim());
    await throughTheDoor(page);
    expect(await page.locator('#who').textContent()).toBe('Lovelace');
    await context.close();
  }, 60_000);
});
