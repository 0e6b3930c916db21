/** The official examples that this server refuses, each with its reason. */
const empty = 'its narrative holds white space only, which txt-2 forbids';

/** By type and id: what of R4, or in two cases of the promises of this server, each breaks. */
export const refusedExamples: Readonly<Record<string, string>> = {
  'ActivityDefinition/blood-tubes-supply': empty,
  'ActivityDefinition/heart-valve-replacement': empty,
  'Basic/referral': 'it has modifier extensions that this server does not know; such a resource must not be processed',
  'DeviceMetric/example': 'parent must refer to a Device, it refers to a DeviceDefinition',
  'DeviceUseStatement/example': 'reasonReference must not refer to a Procedure',
  'EventDefinition/example': empty,
  'Media/1.2.840.11361907579238403408700.3.1.04.19970327150033':
    'its narrative fetches an image from another server, which narratives must not depend on',
  'MedicationRequest/medrx0301': 'dispenseRequest.performer must refer to an Organization, it refers to a Practitioner',
  'Observation/clinical-gender': 'performer must not refer to an Encounter',
  'Questionnaire/qs1': 'items have no linkId, which is required',
  'Questionnaire/zika-virus-exposure-assessment': empty,
};
