import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { contract } from "../src/api/contract.ts";
import { endpointsFile } from "../src/api/endpoints-file.ts";

/** Writes src/api/endpoints.ts anew; its test tells when that is due. */
writeFileSync(join(import.meta.dirname, "../src/api/endpoints.ts"), endpointsFile(contract));
