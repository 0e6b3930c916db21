/** What a device calls itself by: the values of Device.identifier. https://hl7.org/fhir/R4/device.html */

/** Each of these is a device_id of it. */
export const deviceIdsOf = ({ identifier = [] }: any): readonly string[] =>
  identifier.flatMap(({ value }: any) => value ?? []);
