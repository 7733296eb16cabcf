import { z } from "zod";
import { doctorReportSchema } from "../../model/doctor.ts";
import { orphanSchema, rebuiltSchema } from "../../model/orphan.ts";
import { route } from "../route.ts";
import * as s from "../schemas.ts";

/** What the daemon and its state are asked. */
export const daemonRoutes = {
  daemonStatus: route({
    kind: "call",
    method: "GET",
    path: "/v1/daemon",
    always: true,
    summary: "Tell what the daemon is and does",
    input: s.noInput,
    result: s.daemonStatusSchema,
  }),
  daemonStop: route({
    kind: "call",
    method: "POST",
    path: "/v1/daemon/stop",
    always: true,
    summary: "Stop the daemon; running VMs go on and are taken back by the next one",
    input: s.noInput,
    result: s.nothing,
  }),
  daemonRecover: route({
    kind: "call",
    method: "POST",
    path: "/v1/daemon/recover",
    always: true,
    summary: "Rebuild a state that cannot be used from the folders of VMs, images and kernels; the daemon ends then",
    input: s.noInput,
    result: rebuiltSchema,
  }),
  systemOrphans: route({
    kind: "call",
    method: "GET",
    path: "/v1/system/orphans",
    summary: "List what lies in banger's folders and its state does not know",
    input: s.noInput,
    result: z.array(orphanSchema),
  }),
  systemOrphansDelete: route({
    kind: "call",
    method: "POST",
    path: "/v1/system/orphans/delete",
    summary: "Delete such files, for good",
    input: s.orphansDeleteInput,
    result: z.array(orphanSchema),
  }),
  doctor: route({
    kind: "call",
    method: "GET",
    path: "/v1/doctor",
    always: true,
    summary: "Say what this host can and cannot do, and the command that mends it",
    input: s.noInput,
    result: doctorReportSchema,
  }),
};
