/** Live events as an OpenAPI route. docs/live-events.md */
import { outcome, type Route } from './routes.ts';

const text = { type: 'string' } as const;

export const liveRoutes: readonly Route[] = [
  {
    method: 'get',
    path: '/events',
    tag: 'Subscription',
    operationId: 'followEvents',
    summary: 'Follow live events',
    description:
      'An open stream (server-sent events) of what the caller may see at the moment of each event. It goes on by itself after a cut: a client sends the id of the last event as `Last-Event-ID`, or as `after`.',
    security: ['accessToken', 'deviceKey', 'adminToken'],
    parameters: [
      {
        name: 'topics',
        in: 'query',
        description:
          'Some of `device-alert`, `device-alert-resolved`, `vital-sign-recorded`, `device-status-changed`, `task-assigned`, `cied-transmission`, separated by commas.',
        schema: text,
        example: 'device-alert,device-alert-resolved',
      },
      { name: 'patient', in: 'query', description: 'Id of the one Patient that is meant.', schema: text },
      { name: 'after', in: 'query', description: 'Id of the last event that was heard.', schema: text },
    ],
    answers: {
      200: {
        description:
          'The stream. Each event has the topic as its name, and JSON with `reference`, `versionId`, `at`, and mostly `resource`.',
        content: [{ mediaType: 'text/event-stream', schema: text }],
      },
      400: outcome('No topic, or one that is unknown; the answer names the known.'),
      401: outcome('Nobody, or a token that is not good.'),
      403: outcome('None of the topics may be read with these rights.'),
      429: outcome('Too many streams are open already.'),
    },
  },
];
