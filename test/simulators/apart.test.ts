/** Simulators stand apart: no line of the server knows them, and the production profile refuses them. seeds-design.md 0-069 */
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cardiac } from '../../src/commands/demo-cardiac.ts';
import { simulatedMakers } from '../../src/commands/simulate-commands.ts';
import { createCast } from '../../src/simulators/makers/cast.ts';
import { dialects, makerNames } from '../../src/simulators/makers/dialects.ts';
import { faultNames, faults } from '../../src/simulators/makers/faults.ts';
import { runCommand } from '../support/process.ts';
import { codeOf, filesBelow, textOf } from '../support/sources.ts';

const importsOf = (path: string, pattern: RegExp) =>
  [...codeOf(path).matchAll(pattern)].map(([, target]) => normalize(join(dirname(path), target!)));

describe('The simulators', () => {
  it('are imported by nothing but the command, and only when it is given (0-069)', () => {
    const outside = filesBelow('src', '.ts').filter((path) => !path.startsWith('src/simulators/'));
    const named = outside.filter((path) =>
      importsOf(path, /['"](\.{1,2}\/[^'"]+)['"]/g).some((target) => target.startsWith('src/simulators/')),
    );
    expect(named).toEqual(['src/commands/simulate-commands.ts']);
    const fixed = importsOf(named[0]!, /^(?:import|export)\b[^'";]*?from\s*'(\.[^']+)'/gm);
    expect(fixed.length).toBeGreaterThan(1);
    expect(fixed.filter((target) => target.startsWith('src/simulators/'))).toEqual([]);
  });

  it('are refused in the production profile (0-069)', async () => {
    const production = { WATCHFIRE_PROFILE: 'production', WATCHFIRE_ADMIN_TOKEN: 'f3'.repeat(24) };
    const { code, stderr } = await runCommand(['simulate', 'boston-scientific', '--port', '0'], production);
    expect([code, stderr]).toEqual([1, 'watchfire: nothing is simulated with WATCHFIRE_PROFILE=production\n']);
  });

  it('have each fault described in docs/simulators.md', () => {
    const rows = [
      ...textOf('docs/simulators.md').matchAll(/^\| `([a-z-]+)` \| (wire|row|world) \| (\d+) \| (.+) \|$/gm),
    ];
    const described = rows.map(([, name, kind, every, meaning]) => ({ name, kind, every: Number(every), meaning }));
    expect(described).toEqual(
      faultNames.map((name) => {
        const { kind, every, meaning } = faults[name];
        return { name, kind, every, meaning };
      }),
    );
  });

  it('have a command each', () => {
    expect(simulatedMakers).toEqual(makerNames);
  });

  it('tell of the patients of the demo what the demo tells (0-077, 0-078)', () => {
    const { patientOf } = createCast(dialects['boston-scientific'].house, 1, 0, 1);
    for (const { id, family, given, birthDate, gender, device, model, serial } of cardiac) {
      expect(patientOf(id)).toMatchObject({ family, given, birthDate, gender });
      expect(patientOf(id)!.devices[0]).toMatchObject({ id: device, model, serial });
    }
  });
});
