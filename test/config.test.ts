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
      mongodbAcceptRelease: undefined,
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
    ['WATCHFIRE_STORE', 'postgres://user:secret@db'],
    ['WATCHFIRE_STORE', 'mongodb://user:secret@'],
    ['WATCHFIRE_STORE', 'mongodb://user:secret@db:27017/a.secret'],
    ['WATCHFIRE_STORE', 'mongodb://user:secret@db/?w=1'],
    ['DATABASE_URL', 'mongodb+srv://user:secret@db'],
    ['WATCHFIRE_MONGODB_ACCEPT_RELEASE', 'secret'],
    ['WATCHFIRE_MONGODB_ACCEPT_RELEASE', '6.0'],
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

  it('take a MongoDB URI as it is', () => {
    const uri = 'mongodb://user:p%40ss@a.example:27017,b.example/records?replicaSet=rs0&authSource=admin';
    expect(readConfig({ WATCHFIRE_STORE: uri, WATCHFIRE_MONGODB_ACCEPT_RELEASE: '6.0.5' })).toMatchObject({
      store: uri,
      mongodbAcceptRelease: '6.0.5',
    });
  });

  it('demand the admin token in production', () => {
    expect(() => readConfig({ WATCHFIRE_PROFILE: 'production' })).toThrow('WATCHFIRE_ADMIN_TOKEN must be set');
    const short = { WATCHFIRE_PROFILE: 'production', WATCHFIRE_ADMIN_TOKEN: 'guessable' };
    expect(() => readConfig(short)).toThrow('WATCHFIRE_ADMIN_TOKEN must have at least 32 characters');
    const copied = { ...short, WATCHFIRE_ADMIN_TOKEN: 'your-super-secret-key-of-32-characters' };
    expect(() => readConfig(copied)).toThrow('WATCHFIRE_ADMIN_TOKEN is one of an example');
    const own = { ...short, WATCHFIRE_ADMIN_TOKEN: '5b1f0e7c9a3d4482b6f1c0d2e4a69733' };
    expect(readConfig(own).adminToken).toBe(own.WATCHFIRE_ADMIN_TOKEN);
    expect(readConfig({ ...short, WATCHFIRE_PROFILE: 'development' }).adminToken).toBe('guessable');
  });
});
