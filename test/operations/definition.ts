/** A SearchParameter of a test: a token of Patients that R4 does not have, with its id for a code. */
export const definition = (id: string, more: object = {}) => ({
  resourceType: 'SearchParameter',
  id,
  url: `https://a.example/SearchParameter/${id}`,
  name: 'Own',
  status: 'active',
  description: 'A parameter of a test',
  code: id,
  base: ['Patient'],
  type: 'token',
  expression: 'Patient.maritalStatus',
  ...more,
});
