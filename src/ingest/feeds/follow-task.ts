/** Whoever accepts the Task of a maker's alert, by whatever write, has seen it: the maker is told, as where it is acknowledged by its name. docs/feeds.md */
import { alertOfTask, isTaken, wasTaken } from '../../alerts/process/follow.ts';
import { keyOf } from '../../fhir/references.ts';
import type { Derive } from '../../interactions/interaction.ts';
import { resourceNow } from '../../interactions/pending.ts';
import { acknowledgementChange } from './acknowledgements.ts';

export const tellMakerOfTask: Derive = async ({ key, before, after: written }, pending, look, setting) => {
  const { now, canonical, caller } = setting;
  // What a feed says of it comes from the maker.
  if (!written || caller.who.startsWith('System/') || wasTaken(before) || !isTaken(written)) return [];
  const name: string | undefined = written['identifier']?.find(
    ({ system }: any) => system === `${canonical}/sid/alert-task`,
  )?.value;
  const [maker, ...own] = name?.split(':') ?? [];
  if (own.length === 0) return [];
  const device = keyOf((await alertOfTask(key, written, pending, look))?.device ?? '');
  if (device?.type !== 'Device') return [];
  const system = `${canonical}/sid/maker-device/${maker}`;
  const named = (await resourceNow(device, pending, look))?.resource.identifier;
  const id: string | undefined = named?.find((one: any) => one.system === system)?.value;
  return id === undefined ? [] : [acknowledgementChange(maker!, own.join(':'), id, now)];
};
