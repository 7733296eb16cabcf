import { z } from "zod";

/** `auto`: systemd where the image has it, else the agent. `systemd` installs it where it is missing. */
export const initPolicySchema = z.enum(["auto", "agent", "systemd"]);
export type InitPolicy = z.infer<typeof initPolicySchema>;
