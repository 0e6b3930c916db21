/** Where messages are laid as they are kept on this server: who sends them need not look for them in the store. docs/escalation.md#delivery */
import { type Bell, createBell } from '../bell.ts';
import type { MessagePut } from './kept.ts';

export interface Tray extends Bell {
  lay(messages: readonly MessagePut[]): void;
  /** What was laid since the last time; nothing is gathered before the first time, and after `leave`. */
  take(): readonly MessagePut[];
  leave(): void;
}

export function createTray(): Tray {
  const bell = createBell();
  let laid: MessagePut[] | undefined;
  return {
    ...bell,
    lay(messages) {
      laid?.push(...messages);
      bell.ring();
    },
    take() {
      const taken = laid ?? [];
      laid = [];
      return taken;
    },
    leave() {
      laid = undefined;
    },
  };
}
