/** Amounts in canonical units. https://ucum.org/ucum */
import { describe, expect, it, jest } from '@jest/globals';
import { canonical } from '../../src/fhir/units.ts';

describe('canonical units', () => {
  it.each([
    [98.6, '[degF]', 37, 'Cel'],
    [100.4, '[degF]', 38, 'Cel'],
    [-40, '[degF]', -40, 'Cel'],
    [310.15, 'K', 37, 'Cel'],
    [150, '[lb_av]', 68.0388555, 'kg'],
    [1, 'kg', 1000, 'g'],
    [5.5, 'mmol/L', 0.0055, 'mol/L'],
    [100, 'mg/dL', 1, 'g/L'],
    [72, '{beats}/min', 72, '/min'],
    [60, '/min', 1, 'Hz'],
    [120, 'mm[Hg]', 12, 'cm[Hg]'],
    [98, '%', 0.98, '1'],
    [1, '[in_i]', 2.54, 'cm'],
    [90, 'min', 1.5, 'h'],
  ])('%s %s is %s %s', (value, code, same, unit) => {
    expect(canonical(value, code)).toEqual(canonical(same, unit));
  });

  it('keeps apart what cannot be compared', () => {
    const unit = (code: string) => canonical(1, code)!.code;
    expect(unit('mmol/L')).not.toBe(unit('mg/dL'));
    expect(unit('mol')).not.toBe(unit('%'));
    expect(unit('[iU]/L')).not.toBe(unit("[arb'U]/L"));
    expect(unit('[pH]')).not.toBe(unit('mol/L'));
    expect(canonical(7.4, '[pH]')).toEqual({ value: 7.4, code: '[pH]' });
  });

  it('knows no units that are not UCUM', () => {
    for (const code of ['bogus', '', 'beats/minute', 'constructor', 'm'.repeat(100)]) {
      expect(canonical(1, code)).toBeUndefined();
    }
  });

  it('says nothing of a code, whatever it is: a code is a value of a resource', () => {
    const said = (['log', 'info', 'warn', 'error'] as const).map((method) =>
      jest.spyOn(console, method).mockImplementation(() => undefined),
    );
    const written = jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
    for (const code of ['{|}1', '{}1', '{x}2', '{a}.{b}2', '{secret}3']) expect(canonical(1, code)).toBeUndefined();
    const pieces = ['{', '}', '|', 'm', 'g', '2', '-', '.', '/', '(', ')', '[', ']', '*', '^', ' ', '%', "'", 'é'];
    for (const first of pieces) {
      for (const second of pieces) for (const third of pieces) canonical(1, `{s}${first}${second}${third}`);
    }
    for (const spy of [...said, written]) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  it('is a multiplication once a code is known', () => {
    for (let i = 0; i < 20_000; i++) canonical(i, '[lb_av]');
    const before = performance.now();
    for (let i = 0; i < 20_000; i++) canonical(i, '[lb_av]');
    expect(((performance.now() - before) / 20_000) * 1000).toBeLessThan(20); // 0.3 alone on the machine
  });
});
