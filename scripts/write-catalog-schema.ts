import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { catalogJsonSchema } from "../src/model/kernel-catalog.ts";

/** Writes kernel/catalog.schema.json anew; its test tells when that is due. */
const path = join(import.meta.dirname, "../kernel/catalog.schema.json");
writeFileSync(path, `${JSON.stringify(catalogJsonSchema(), null, 2)}\n`);
