/** What readings are applied with, whose they are, and what became of one. */
import type { Thresholds } from '../alerts/thresholds.ts';
import type { ResourceKey } from '../fhir/references.ts';
import type { Caller, Dispatch } from '../interactions/interaction.ts';
import type { Runtime } from '../runtime.ts';
import type { Store } from '../store/store.ts';
import type { Mapping } from './mapping.ts';

export interface IngestRoom {
  readonly mapping: Mapping;
  readonly dispatch: Dispatch;
  readonly store: Pick<Store, 'read' | 'get' | 'commit'>;
  readonly runtime: Runtime;
  readonly canonical: string;
  readonly thresholds: Thresholds;
}

export interface DeviceContext {
  readonly caller: Caller;
  readonly key: ResourceKey;
  /** The value of Device.identifier that it calls itself by. */
  readonly deviceId: string;
}

export interface Applied {
  /** False for a repeat that changed nothing. */
  readonly isNew: boolean;
  /** False where nothing went through the gate, so that nobody has recorded it. */
  readonly isRecorded: boolean;
  readonly vitalSignId: number;
  /** Flags that were opened or raised. */
  readonly alerts: number;
  /** Observations that were not there before. */
  readonly created: number;
}
