/** Measures of the running server for Prometheus. Labels are route templates and classes, never a path or an id. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type RequestHandler, Router } from 'express';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Measure } from '../measure.ts';

/** What only counts up. */
const counters = {
  commits: 'Commits of the store, each a group of one list of changes or more.',
  changeLists: 'Lists of changes that were committed.',
  conflicts: 'Lists of changes that an expectation refused.',
  auditRows: 'Rows of the audit log.',
  notificationsDelivered: 'Notifications that a receiver accepted.',
  notificationsFailed: 'Attempts to deliver a notification that a receiver refused or did not answer.',
} as const;
export type CounterName = keyof typeof counters;

/** What goes up and down; read when somebody scrapes. */
const gauges = {
  notificationsWaiting: 'Notifications that are not delivered yet.',
  indexProgress: 'Share of the search index that is of the newest kind, from 0 to 1.',
} as const;
export type GaugeName = keyof typeof gauges;

export interface Metrics {
  /** One answered request. `route` is a template, `status` the HTTP status. Under a microsecond; never throws. */
  observeRequest(route: string, method: string, status: number, seconds: number): void;
  /** Adds to a counter, 1 when left out. */
  count(name: CounterName, by?: number): void;
  /** One commit of the store: how many lists of changes it took along, and how long it took. */
  observeCommit(lists: number, seconds: number): void;
  /** Where a gauge is read from. */
  gauge(name: GaugeName, read: () => number): void;
  /** Where a counter that somebody else keeps is read from. */
  counter(name: CounterName, read: () => number | Promise<number>): void;
  /** A measure with labels of its own. */
  rows(of: Measure): void;
  /** The Prometheus text format. https://prometheus.io/docs/instrumenting/exposition_formats/ */
  text(): Promise<string>;
  /** Stops watching the event loop. */
  close(): void;
}

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const durations = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const classes = ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx'];

/** One cell per route, method and status class: filled by plain additions, turned into Prometheus' words at a scrape. */
interface Cell {
  readonly labels: { readonly route: string; readonly method: string; readonly status: string };
  readonly buckets: Float64Array;
  count: number;
  sum: number;
}

/** Requests are counted in plain arrays: the library's own labels cost several hashes for each observation. */
function requestMetric() {
  const name = 'watchfire_http_request_duration_seconds';
  const cells = new Map<string, Cell[]>();

  function observe(route: string, method: string, status: number, seconds: number): void {
    let ofRoute = cells.get(route);
    if (!ofRoute) cells.set(route, (ofRoute = []));
    const knownMethod = methods.has(method) ? method : 'other';
    const statusClass = classes[Math.floor(status / 100)] ?? '5xx';
    let cell = ofRoute.find(({ labels }) => labels.method === knownMethod && labels.status === statusClass);
    if (!cell) {
      const labels = { route, method: knownMethod, status: statusClass };
      cell = { labels, buckets: new Float64Array(durations.length), count: 0, sum: 0 };
      ofRoute.push(cell);
    }
    cell.count++;
    cell.sum += seconds;
    const bucket = durations.findIndex((limit) => seconds <= limit);
    if (bucket >= 0) cell.buckets[bucket]!++;
  }

  function text(): string {
    const lines = [
      `# HELP ${name} Time from a request to its answer; its count is the number of requests.`,
      `# TYPE ${name} histogram`,
    ];
    for (const { labels, buckets, count, sum } of [...cells.values()].flat()) {
      const said = `route="${labels.route}",method="${labels.method}",status="${labels.status}"`;
      let below = 0;
      for (const [index, limit] of durations.entries()) {
        below += buckets[index]!;
        lines.push(`${name}_bucket{${said},le="${limit}"} ${below}`);
      }
      lines.push(`${name}_bucket{${said},le="+Inf"} ${count}`);
      lines.push(`${name}_sum{${said}} ${sum}`, `${name}_count{${said}} ${count}`);
    }
    return `${lines.join('\n')}\n`;
  }

  return { observe, text };
}

/** The process itself. The library's own collection fails Prometheus' lint in three names, so these few are ours. */
function watchProcess(registry: Registry) {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const registers = [registry];
  const read = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  let memory = process.memoryUsage();
  read('process_resident_memory_bytes', 'Memory of the process that is in RAM.', () => {
    memory = process.memoryUsage();
    return memory.rss;
  });
  read('nodejs_heap_used_bytes', 'Memory that JavaScript values take.', () => memory.heapUsed);
  read('nodejs_external_memory_bytes', 'Memory of buffers outside the JavaScript heap.', () => memory.external);
  read('process_uptime_seconds', 'Time since the process started.', () => process.uptime());
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process, user and system.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'nodejs_eventloop_lag_seconds',
    help: 'How late the event loop turned since the last scrape, by quantile.',
    labelNames: ['quantile'],
    registers,
    collect() {
      const late = (nanoseconds: number) => Math.max(0, (Number.isFinite(nanoseconds) ? nanoseconds : 0) / 1e9 - 0.01);
      this.set({ quantile: '0.5' }, late(delay.percentile(50)));
      this.set({ quantile: '0.99' }, late(delay.percentile(99)));
      this.set({ quantile: '1' }, late(delay.max));
      delay.reset();
    },
  });
  return { stop: () => delay.disable() };
}

/** Opens a registry of its own: two servers in one process do not share a measure. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = requestMetric();
  const counts = Object.fromEntries(
    Object.entries(counters).map(([name, help]) => [
      name,
      new Counter({ name: `watchfire_${snake(name)}_total`, help, registers }),
    ]),
  ) as Record<CounterName, Counter>;
  const groupSize = new Histogram({
    name: 'watchfire_commit_group_size',
    help: 'Lists of changes that one commit of the store took along.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    registers,
  });
  const commitSeconds = new Histogram({
    name: 'watchfire_commit_duration_seconds',
    help: 'Time of one commit of the store, with its wait for the disk.',
    buckets: durations,
    registers,
  });
  const { stop } = watchProcess(registry);
  return {
    observeRequest: requests.observe,
    count: (name, by = 1) => counts[name].inc(by),
    observeCommit: (lists, seconds) => {
      counts.commits.inc();
      counts.changeLists.inc(lists);
      groupSize.observe(lists);
      commitSeconds.observe(seconds);
    },
    gauge: (name, read) => {
      new Gauge({
        name: `watchfire_${snake(name)}`,
        help: gauges[name],
        registers,
        collect() {
          this.set(read());
        },
      });
    },
    counter: (name, read) => {
      registry.removeSingleMetric(`watchfire_${snake(name)}_total`);
      new Counter({
        name: `watchfire_${snake(name)}_total`,
        help: counters[name],
        registers,
        async collect() {
          const value = await read();
          this.reset();
          this.inc(value);
        },
      });
    },
    rows: ({ name, help, kind, labels, read }) => {
      if (kind === 'gauge') {
        new Gauge({
          name: `watchfire_${name}`,
          help,
          labelNames: [...labels],
          registers,
          async collect() {
            const values = await read();
            this.reset();
            for (const row of values) this.set(row.labels, row.value);
          },
        });
        return;
      }
      new Counter({
        name: `watchfire_${name}_total`,
        help,
        labelNames: [...labels],
        registers,
        async collect() {
          const values = await read();
          this.reset();
          for (const row of values) this.inc(row.labels, row.value);
        },
      });
    },
    text: async () => `${await registry.metrics()}${requests.text()}`,
    close: stop,
  };
}

/** `GET /metrics`; `guard` lets the administrator through and refuses everybody else. */
export function metricsRouter({ metrics, guard }: { metrics: Metrics; guard: RequestHandler }): Router {
  const router = Router();
  router.get('/metrics', guard, async (_request, response) => {
    response
      .set('Cache-Control', 'no-store')
      .type('text/plain; version=0.0.4; charset=utf-8')
      .send(await metrics.text());
  });
  return router;
}
