import manifest from "../../package.json" with { type: "json" };

/** The version of banger, of all its programs. */
export const VERSION: string = manifest.version;
