import { z } from "zod";
import { isDigest, type Digest } from "./digest.ts";

/** Apart from what else is done with digests: whoever only unpacks loads no zod. */
export const digestSchema = z.custom<Digest>((value) => typeof value === "string" && isDigest(value), {
  error: "not a sha256 or sha512 digest",
});
