/**
 * Writes src/fhir/r4/compartments.json.zst: which search parameters lead into the compartments of R4. Run with the official
 * package: `node scripts/build-compartments.ts hl7.fhir.r4.core-4.0.1.tgz`. https://hl7.org/fhir/R4/compartmentdefinition.html
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { constants, zstdCompressSync } from 'node:zlib';

const [archive] = process.argv.slice(2);
if (archive === undefined) throw new Error('say where the package hl7.fhir.r4.core lies');

const definitionOf = (name: string): any =>
  JSON.parse(execFileSync('tar', ['-xzOf', archive, `package/CompartmentDefinition-${name}.json`]).toString());

/** By compartment and type: codes of search parameters. */
const compartments: Record<string, Record<string, readonly string[]>> = {};
for (const name of ['patient', 'encounter', 'relatedPerson', 'practitioner', 'device']) {
  const { code, resource } = definitionOf(name);
  const types = resource.filter(({ param }: any) => param?.length > 0);
  compartments[code] = Object.fromEntries(types.map(({ code: type, param }: any) => [type, param]));
}

const target = new URL('../src/fhir/r4/compartments.json.zst', import.meta.url);
const text = JSON.stringify(compartments);
writeFileSync(target, zstdCompressSync(text, { params: { [constants.ZSTD_c_compressionLevel]: 19 } }));
