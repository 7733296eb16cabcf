import { z } from "zod";
import { doctorReportSchema } from "../model/doctor.ts";
import { imageSchema } from "../model/image.ts";
import { kernelSchema } from "../model/kernel.ts";
import { vmSchema } from "../model/vm.ts";
import { route } from "./route.ts";
import * as s from "./schemas.ts";

/**
 * All that banger can be asked for. The server, the typed client, the checks of the CLI and `openapi.json` are made from
 * this table; nothing else defines a path or a field.
 */
export const contract = {
  daemonStatus: route({
    kind: "call",
    method: "GET",
    path: "/v1/daemon",
    summary: "Tell what the daemon is and does",
    input: s.noInput,
    result: s.daemonStatusSchema,
  }),
  daemonStop: route({
    kind: "call",
    method: "POST",
    path: "/v1/daemon/stop",
    summary: "Stop the daemon; running VMs go on and are taken back by the next one",
    input: s.noInput,
    result: s.nothing,
  }),
  doctor: route({
    kind: "call",
    method: "GET",
    path: "/v1/doctor",
    summary: "Say what this host can and cannot do, and the command that mends it",
    input: s.noInput,
    result: doctorReportSchema,
  }),

  kernelList: route({
    kind: "call",
    method: "GET",
    path: "/v1/kernels",
    summary: "List kernels",
    input: s.noInput,
    result: z.array(kernelSchema),
  }),
  kernelInspect: route({
    kind: "call",
    method: "GET",
    path: "/v1/kernels/{ref}",
    summary: "Show a kernel",
    input: s.refInput,
    result: kernelSchema,
  }),
  kernelPull: route({
    kind: "operation",
    method: "POST",
    path: "/v1/kernels/pull",
    summary: "Get a kernel from where its makers publish it, verified",
    input: s.kernelPullInput,
    result: kernelSchema,
  }),
  kernelImport: route({
    kind: "operation",
    method: "POST",
    path: "/v1/kernels/import",
    summary: "Copy a kernel from files on this host",
    input: s.kernelImportInput,
    result: kernelSchema,
  }),
  kernelDelete: route({
    kind: "call",
    method: "DELETE",
    path: "/v1/kernels/{ref}",
    summary: "Delete a kernel that no image and no VM uses",
    input: s.refInput,
    result: s.nothing,
  }),

  imageList: route({
    kind: "call",
    method: "GET",
    path: "/v1/images",
    summary: "List images",
    input: s.noInput,
    result: z.array(imageSchema),
  }),
  imageInspect: route({
    kind: "call",
    method: "GET",
    path: "/v1/images/{ref}",
    summary: "Show an image",
    input: s.refInput,
    result: imageSchema,
  }),
  imagePull: route({
    kind: "operation",
    method: "POST",
    path: "/v1/images/pull",
    summary: "Turn a container image into a VM image",
    input: s.imagePullInput,
    result: imageSchema,
  }),
  imageDelete: route({
    kind: "call",
    method: "DELETE",
    path: "/v1/images/{ref}",
    summary: "Delete an image that no VM uses",
    input: s.refInput,
    result: s.nothing,
  }),

  vmList: route({
    kind: "call",
    method: "GET",
    path: "/v1/vms",
    summary: "List VMs",
    input: s.noInput,
    result: z.array(vmSchema),
  }),
  vmInspect: route({
    kind: "call",
    method: "GET",
    path: "/v1/vms/{ref}",
    summary: "Show a VM",
    input: s.refInput,
    result: vmSchema,
  }),
  vmCreate: route({
    kind: "operation",
    method: "POST",
    path: "/v1/vms",
    summary: "Create a VM from an image and start it",
    input: s.vmCreateInput,
    result: vmSchema,
  }),
  vmStart: route({
    kind: "operation",
    method: "POST",
    path: "/v1/vms/{ref}/start",
    summary: "Start a VM and wait until its agent answers",
    input: s.refInput,
    result: vmSchema,
  }),
  vmStop: route({
    kind: "operation",
    method: "POST",
    path: "/v1/vms/{ref}/stop",
    summary: "Shut a VM down, gracefully first",
    input: s.vmStopInput,
    result: vmSchema,
  }),
  vmDelete: route({
    kind: "operation",
    method: "DELETE",
    path: "/v1/vms/{ref}",
    summary: "Delete a VM and everything it has",
    input: s.vmDeleteInput,
    result: s.nothing,
  }),
  vmStats: route({
    kind: "call",
    method: "GET",
    path: "/v1/vms/{ref}/stats",
    summary: "Show what a guest uses, as its agent sees it",
    input: s.refInput,
    result: s.vmStatsSchema,
  }),
  vmSsh: route({
    kind: "call",
    method: "GET",
    path: "/v1/vms/{ref}/ssh",
    summary: "Tell how to reach a VM by SSH",
    input: s.refInput,
    result: s.vmSshSchema,
  }),
  vmLogs: route({
    kind: "text",
    method: "GET",
    path: "/v1/vms/{ref}/logs",
    summary: "Read a VM's console log",
    input: s.vmLogsInput,
    result: z.string(),
  }),
  vmExec: route({
    kind: "socket",
    method: "GET",
    path: "/v1/vms/{ref}/exec",
    summary: "Run a command in a VM (frames: see src/api/exec-frames.ts)",
    input: s.refInput,
    result: s.nothing,
  }),
  vmConsole: route({
    kind: "socket",
    method: "GET",
    path: "/v1/vms/{ref}/console",
    summary: "Attach to a VM's serial console: raw bytes both ways",
    input: s.refInput,
    result: s.nothing,
  }),
  vmForward: route({
    kind: "socket",
    method: "GET",
    path: "/v1/vms/{ref}/forward",
    summary: "Open a byte stream to something that listens in a VM: raw bytes both ways",
    input: s.vmForwardInput,
    result: s.nothing,
  }),
} as const;

export type Contract = typeof contract;
export type RouteName = keyof Contract;
