/** Whatever a query looks for, wherever in it, is cut down to what the caller may find. */
import { describe, expect, it } from '@jest/globals';
import { resourceTypes } from '../../src/fhir/definitions.ts';
import type { Access } from '../../src/interactions/interaction.ts';
import { narrow } from '../../src/interactions/narrow.ts';
import { type Criterion, plainQuery, type SearchQuery } from '../../src/search/query.ts';
import { fullAccess, noAccess } from '../../src/smart/access.ts';

const nothing: Criterion = { is: 'any', of: [] };
const everything: Criterion = { is: 'all', of: [] };
const own: Criterion = { is: 'id', ids: ['mine'] };
const final: Criterion = { is: 'key', name: 'Observation.status', first: 'final', second: '' };
const family: Criterion = { is: 'text', name: 'Patient.family', match: 'starts', value: 'a' };

/** Finds the Patient `mine`, every Observation and nothing else. */
const access: Access = {
  ...noAccess,
  permits: () => true,
  finds: (type) => (type === 'Patient' ? own : type === 'Observation' ? undefined : nothing),
};
const patientsWith = (where: Criterion): Criterion => ({ is: 'all', of: [where, own] });
const narrowed = (where: Criterion, type = 'Observation') => narrow(plainQuery(type, where), access).where;

const bySubject = (where: Criterion): Criterion => ({
  is: 'refers',
  name: 'Observation.subject',
  type: 'Patient',
  where,
});
const byObservation = (where: Criterion): Criterion => ({
  is: 'referred',
  type: 'Observation',
  name: 'Observation.subject',
  where,
});

describe('A narrowed query', () => {
  it('is the same for those who may find everything', () => {
    const query = plainQuery('Patient', byObservation(final));
    expect(narrow(query, fullAccess)).toBe(query);
  });

  it('asks of each match what the caller may find', () => {
    expect(narrowed(family, 'Patient')).toEqual(patientsWith(family));
    expect(narrowed(everything, 'Patient')).toEqual(patientsWith(everything));
    expect(narrowed(final)).toEqual(final);
    expect(narrowed(everything, 'Encounter')).toEqual({ is: 'all', of: [everything, nothing] });
  });

  it('asks the same of what a chain goes through, however deep it stands', () => {
    expect(narrowed(bySubject(family))).toEqual(bySubject(patientsWith(family)));
    for (const is of ['all', 'any'] as const)
      expect(narrowed({ is, of: [final, bySubject(family)] })).toEqual({
        is,
        of: [final, bySubject(patientsWith(family))],
      });
    expect(narrowed({ is: 'not', of: bySubject(family) })).toEqual({ is: 'not', of: bySubject(patientsWith(family)) });
  });

  it('asks the same of what refers to a match', () => {
    expect(narrowed(byObservation(final), 'Patient')).toEqual(patientsWith(byObservation(final)));
    const byEncounter: Criterion = {
      is: 'referred',
      type: 'Encounter',
      name: 'Encounter.subject',
      where: { is: 'not', of: everything },
    };
    expect(narrowed(byEncounter, 'Patient')).toEqual(
      patientsWith({ ...byEncounter, where: { is: 'all', of: [{ is: 'not', of: everything }, nothing] } } as Criterion),
    );
  });

  it('asks it at every step of a longer chain', () => {
    const twice: Criterion = byObservation(bySubject({ is: 'any', of: [byObservation(bySubject(family))] }));
    expect(narrowed(twice, 'Patient')).toEqual(
      patientsWith(
        byObservation(bySubject(patientsWith({ is: 'any', of: [byObservation(bySubject(patientsWith(family)))] }))),
      ),
    );
  });

  it('asks it of every further type of the same listing', () => {
    const query: SearchQuery = {
      ...plainQuery('Observation', final),
      also: [
        { type: 'Patient', where: family, sort: [] },
        { type: 'Encounter', where: everything, sort: [] },
      ],
    };
    expect(narrow(query, access).also).toEqual([
      { type: 'Patient', where: patientsWith(family), sort: [] },
      { type: 'Encounter', where: { is: 'all', of: [everything, nothing] }, sort: [] },
    ]);
  });

  it('names for every type what of it may be included, and nothing where nothing is', () => {
    const includes = [{ way: 'from', type: 'Observation', iterate: true }] as const;
    const { includable } = narrow({ ...plainQuery('Patient', family), includes }, access);
    expect(Object.keys(includable!).sort()).toEqual([...resourceTypes].sort());
    expect(includable).toMatchObject({ Patient: own, Observation: everything, Encounter: nothing });
    expect(narrow(plainQuery('Patient', family), access).includable).toBeUndefined();
  });

  it('leaves what holds values of the resource itself as it is', () => {
    const grouped: Criterion = { is: 'together', name: 'Observation.code-value-quantity', of: [final] };
    expect(narrowed(grouped)).toEqual(grouped);
  });
});

describe('What a stranger may find', () => {
  it('is nothing', () => {
    for (const type of resourceTypes) expect([type, noAccess.finds(type)]).toEqual([type, nothing]);
  });
});
