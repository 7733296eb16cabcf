import manifest from "../../package.json" with { type: "json" };

/** The version of banger, of both its programs. */
export const VERSION: string = manifest.version;
