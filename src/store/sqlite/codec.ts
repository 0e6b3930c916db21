/** What stands in the body column for the text of a version, and back: the seam where compression or encryption can come. */
export const encodeBody = (text: string): string => text;
export const decodeBody = (body: string): string => body;
