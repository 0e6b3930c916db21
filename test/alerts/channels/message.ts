/** A message as the outbox gives it to a channel. */
import type { Message } from '../../../src/alerts/channels/channel.ts';

export const message = (to: Message['to'], more: Partial<Message> = {}): Message => ({
  id: '01-message',
  to,
  subject: 'Watchfire: a critical alert waits for you',
  text: 'A critical alert waits for somebody to look.',
  link: 'https://clinic.example.org/cardiac/?alert=1',
  priority: 'stat',
  about: 'Flag/1',
  ...more,
});
