/** John Doe and Jane Smith of the demo, and their implants. */

/** As `watchfire simulate boston-scientific --seed 1` tells them: its first poll finds these and adds to them. */
export const cardiac = [
  {
    ...{ id: 'PAT001', family: 'Doe', given: 'John', gender: 'male', birthDate: '1962-02-14' },
    ...{ device: 'BSX-000011', model: 'D433', serial: '510596', mdc: '753666', kind: 'ICD' },
  },
  {
    ...{ id: 'PAT002', family: 'Smith', given: 'Jane', gender: 'female', birthDate: '1955-09-03' },
    ...{ device: 'BSX-000021', model: 'L331', serial: '493584', mdc: '753665', kind: 'Pacemaker' },
  },
] as const;
