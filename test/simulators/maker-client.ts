/** A simulated maker at a clock that the test holds, and the plainest client of it. */
import type { Runtime } from '../../src/runtime.ts';
import { dialects, type MakerName } from '../../src/simulators/makers/dialects.ts';
import { type MakerOptions, type MakerSimulator, startMakerSimulator } from '../../src/simulators/makers/maker.ts';

export interface HeldClock extends Runtime {
  set(at: number): void;
}

/** Random bytes count up: the same calls give the same tokens. */
export function heldClock(at = Date.UTC(2026, 2, 10, 12)): HeldClock {
  let count = 0;
  return {
    now: () => at,
    set: (to) => {
      at = to;
    },
    random: (bytes) => Uint8Array.from({ length: bytes }, () => (count = (count + 41) % 251)),
    sleep: () => Promise.resolve(),
  };
}

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: any;
}

export interface MakerVisit {
  readonly simulator: MakerSimulator;
  readonly clock: HeldClock;
  /** With a token of its own and the key. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Told>;
  /** As it is given. */
  ask(path: string, request?: RequestInit): Promise<Told>;
  /** All rows of Boston Scientific's way of paging. */
  all(path: string): Promise<readonly any[]>;
}

const tell = async (response: Response): Promise<Told> => {
  const text = await response.text();
  let body: any;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  return { status: response.status, headers: response.headers, text, body };
};

export async function visit(options: Omit<Partial<MakerOptions>, 'runtime'> = {}): Promise<MakerVisit> {
  const clock = heldClock();
  const maker: MakerName = options.maker ?? 'boston-scientific';
  const { keyHeader, tokenPath } = dialects[maker];
  const simulator = await startMakerSimulator({ seed: 1, ...options, maker, runtime: clock });
  const key = { [keyHeader]: 'demo-key' };
  const ask = async (path: string, request?: RequestInit) => tell(await fetch(`${simulator.url}${path}`, request));
  let token = '';
  let until = 0;
  const get = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
    if (clock.now() >= until) {
      until = clock.now() + 3_000_000;
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'demo',
        client_secret: 'demo-secret',
      });
      token = (await ask(tokenPath, { method: 'POST', headers: key, body })).body.access_token;
    }
    return ask(path, { headers: { Authorization: `Bearer ${token}`, ...key, ...headers } });
  };
  return {
    simulator,
    clock,
    get,
    ask,
    async all(path) {
      const rows: any[] = [];
      for (let next: string | null = ''; next !== null; ) {
        const { body }: Told = await get(
          `${path}${path.includes('?') ? '&' : '?'}limit=200${next && `&cursor=${next}`}`,
        );
        rows.push(...body.items);
        next = body.next;
      }
      return rows;
    },
  };
}
