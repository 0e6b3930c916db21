/** /metrics says how the server does, in Prometheus' words, to the administrator alone; the health routes say it to everybody. */
import { afterEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { type Check, healthRouter, type Phase } from '../../src/http/health.ts';
import { createMetrics, type Metrics, metricsRouter } from '../../src/http/metrics.ts';

const open: Metrics[] = [];
function measures() {
  const metrics = createMetrics();
  open.push(metrics);
  return metrics;
}
afterEach(() => {
  for (const metrics of open.splice(0)) metrics.close();
});

/** Value of one sample line. */
const sample = (text: string, name: string) =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1),
  );

describe('The measures', () => {
  it('count requests by route template, method and class of status, with their duration', async () => {
    const metrics = measures();
    metrics.observeRequest('/fhir/:type/:id', 'GET', 200, 0.004);
    metrics.observeRequest('/fhir/:type/:id', 'GET', 206, 0.03);
    metrics.observeRequest('/fhir/:type/:id', 'GET', 404, 9);
    metrics.observeRequest('/fhir/:type/:id', 'BREW', 200, 0.001);

    const text = await metrics.text();
    const name = 'watchfire_http_request_duration_seconds';
    const ok = 'route="/fhir/:type/:id",method="GET",status="2xx"';
    expect(sample(text, `${name}_count{${ok}}`)).toBe(2);
    expect(sample(text, `${name}_sum{${ok}}`)).toBeCloseTo(0.034);
    expect(sample(text, `${name}_bucket{${ok},le="0.002"}`)).toBe(0);
    expect(sample(text, `${name}_bucket{${ok},le="0.005"}`)).toBe(1);
    expect(sample(text, `${name}_bucket{${ok},le="0.05"}`)).toBe(2);
    const missing = 'route="/fhir/:type/:id",method="GET",status="4xx"';
    expect(sample(text, `${name}_bucket{${missing},le="5"}`)).toBe(0);
    expect(sample(text, `${name}_bucket{${missing},le="+Inf"}`)).toBe(1);
    expect(text).toContain('method="other"');
    expect(text).not.toContain('BREW');
  });

  it('count commits, their group size, audit rows and notifications', async () => {
    const metrics = measures();
    metrics.observeCommit(3, 0.002);
    metrics.observeCommit(1, 0.002);
    metrics.count('auditRows', 4);
    metrics.count('notificationsDelivered');
    metrics.count('notificationsFailed', 2);
    let waiting = 7;
    metrics.gauge('notificationsWaiting', () => waiting);

    const text = await metrics.text();
    expect(sample(text, 'watchfire_commits_total')).toBe(2);
    expect(sample(text, 'watchfire_change_lists_total')).toBe(4);
    expect(sample(text, 'watchfire_commit_group_size_bucket{le="1"}')).toBe(1);
    expect(sample(text, 'watchfire_audit_rows_total')).toBe(4);
    expect(sample(text, 'watchfire_notifications_delivered_total')).toBe(1);
    expect(sample(text, 'watchfire_notifications_failed_total')).toBe(2);
    expect(sample(text, 'watchfire_notifications_waiting')).toBe(7);
    waiting = 0;
    expect(sample(await metrics.text(), 'watchfire_notifications_waiting')).toBe(0);
  });

  it('watch the process: memory, processor, event loop', async () => {
    const text = await measures().text();
    expect(sample(text, 'process_resident_memory_bytes')).toBeGreaterThan(1e7);
    expect(sample(text, 'process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(sample(text, 'nodejs_eventloop_lag_seconds{quantile="0.99"}')).toBeGreaterThanOrEqual(0);
  });

  it('are well formed: each family once with its help and type, only counters end in _total', async () => {
    const metrics = measures();
    metrics.observeRequest('/metrics', 'GET', 200, 0.1);
    const lines = (await metrics.text()).split('\n');
    const types = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ').slice(2));
    expect(new Set(types.map(([name]) => name)).size).toBe(types.length);
    for (const [name, type] of types) expect(name!.endsWith('_total')).toBe(type === 'counter');
    for (const line of lines.filter((line) => line !== '' && !line.startsWith('#'))) {
      expect(line).toMatch(/^[a-z_]+(\{([a-z]+="[^"\\\n]*",?)+\})? -?[\d.e+-]+$/);
      expect(types.some(([name]) => line.startsWith(name!))).toBe(true);
    }
  });

  it('are for those whom the guard lets through', async () => {
    const app = express();
    app.use(
      metricsRouter({
        metrics: measures(),
        guard: (asked, response, next) => (asked.get('authorization') ? next() : response.sendStatus(401)),
      }),
    );
    await request(app).get('/metrics').expect(401);
    const answer = await request(app).get('/metrics').set('Authorization', 'Bearer x').expect(200);
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.text).toContain('# TYPE watchfire_commits_total counter');
  });
});

describe('Health', () => {
  const serve = (phase: Phase, checks: Record<string, Check> = { store: { ok: true }, notifier: { ok: true } }) => {
    const app = express();
    app.use(healthRouter({ phase: () => phase, checks: () => checks }));
    return request(app);
  };

  it('is live in every phase', async () => {
    for (const phase of ['starting', 'ready', 'draining'] as const) {
      await serve(phase).get('/health/live').expect(200, { status: 'live' });
    }
  });

  it('is ready when the phase says so and every check is ok; an index being rebuilt does not hinder', async () => {
    const index = { ok: true, progress: 0.25 };
    await serve('ready', { store: { ok: true }, index })
      .get('/health/ready')
      .expect('Cache-Control', 'no-store')
      .expect(200, { status: 'ready', checks: { store: { ok: true }, index } });
  });

  it('is not ready while it starts or drains, or when a part is down', async () => {
    await serve('starting').get('/health/ready').expect(503, { status: 'starting', checks: {} });
    const drained = await serve('draining').get('/health/ready').expect(503);
    expect(drained.body.status).toBe('draining');
    const down = await serve('ready', { store: { ok: true }, notifier: { ok: false } })
      .get('/health/ready')
      .expect(503);
    expect(down.body).toEqual({ status: 'degraded', checks: { store: { ok: true }, notifier: { ok: false } } });
  });
});
