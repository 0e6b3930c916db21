/** What is about several patients at once, or about what is somebody else's. */

const to = (reference: string) => ({ reference });

/** Groups of the two patients and a third, and Provenances about the one, the other, and what is theirs. */
export const entangled = (one: string, other: string): readonly any[] => [
  ...[[one, other], [other, 'Patient/3'], [one]].map((members, n) => ({
    resourceType: 'Group',
    id: `group-${n}`,
    type: 'person',
    actual: true,
    member: members.map((key) => ({ entity: to(key) })),
  })),
  ...[
    [one, 'Observation/1'],
    [other, 'Observation/2'],
    ['Encounter/1', 'Encounter/2'],
    [other, one],
  ].map((targets, n) => ({
    resourceType: 'Provenance',
    id: `provenance-${n}`,
    recorded: '2026-01-01T00:00:00Z',
    agent: [{ who: to(n % 2 ? one : other) }],
    target: targets.map(to),
  })),
];
