import { describe, expect, it } from '@jest/globals';
import { ConfigError, readConfig } from '../src/config.ts';

const token = 'x'.repeat(32);

describe('The settings', () => {
  it('have their defaults where nothing is set, and where something is set to nothing', () => {
    const defaults = {
      port: 8080,
      host: '127.0.0.1',
      data: './data',
      store: 'sqlite',
      adminToken: undefined,
      baseUrl: undefined,
      canonical: 'https://example.org/fhir',
      outboundAllow: [],
      auditReads: 'strict',
      references: 'open',
      profile: 'development',
    };
    expect(readConfig({})).toMatchObject(defaults);
    const empty = ['PORT', 'HOST', 'DATA', 'ADMIN_TOKEN', 'BASE_URL', 'OUTBOUND_ALLOW'];
    expect(readConfig(Object.fromEntries(empty.map((name) => [`WATCHFIRE_${name}`, ''])))).toMatchObject(defaults);
  });

  it('are read in their own words', () => {
    const config = readConfig({
      WATCHFIRE_PORT: '0',
      WATCHFIRE_BASE_URL: 'https://fhir.example/',
      WATCHFIRE_OUTBOUND_ALLOW: '127.0.0.1:9200, [::1]:80',
      WATCHFIRE_PROFILE: 'production',
      WATCHFIRE_ADMIN_TOKEN: token,
      LOG_LEVEL: 'WARN',
      WATCHFIRE_METRICS: 'false',
    });
    expect(config).toMatchObject({
      port: 0,
      baseUrl: 'https://fhir.example',
      outboundAllow: ['127.0.0.1:9200', '[::1]:80'],
      adminToken: token,
      logLevel: 'warn',
      metrics: false,
    });
  });

  it.each([
    ['WATCHFIRE_PORT', '80a'],
    ['WATCHFIRE_PORT', '70000'],
    ['WATCHFIRE_STORE', 'mongodb://secret@db'],
    ['WATCHFIRE_ADMIN_TOKEN', 'a secret'],
    ['WATCHFIRE_BASE_URL', 'ftp://secret'],
    ['WATCHFIRE_CANONICAL', 'secret'],
    ['WATCHFIRE_OUTBOUND_ALLOW', 'secret'],
    ['WATCHFIRE_AUDIT_READS', 'secret'],
    ['WATCHFIRE_REFERENCES', 'secret'],
    ['WATCHFIRE_PROFILE', 'secret'],
    ['METRICS_ENABLED', 'secret'],
    ['WATCHFIRE_SECRET', 'secret'],
  ])('stop the start with a sentence that names %s and not its value', (name, value) => {
    const read = () => readConfig({ [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^${name} `));
    expect(read).not.toThrow(/secret/);
  });

  it('demand the admin token in production', () => {
    expect(() => readConfig({ WATCHFIRE_PROFILE: 'production' })).toThrow('WATCHFIRE_ADMIN_TOKEN must be set');
    const short = { WATCHFIRE_PROFILE: 'production', WATCHFIRE_ADMIN_TOKEN: 'guessable' };
    expect(() => readConfig(short)).toThrow('WATCHFIRE_ADMIN_TOKEN must have at least 16 characters');
    expect(readConfig({ ...short, WATCHFIRE_PROFILE: 'development' }).adminToken).toBe('guessable');
  });
});
