/** The version of the index entries that this program makes. Rises with every change of what `extract` gives, so that older stores are indexed anew. */
export const INDEX_VERSION = 8;
