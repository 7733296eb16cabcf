import { z } from "zod";
import { INIT_POLICIES } from "./fields/choices.ts";

export const initPolicySchema = z.enum(INIT_POLICIES);
export type InitPolicy = z.infer<typeof initPolicySchema>;
