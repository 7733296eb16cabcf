import { z } from "zod";
import { brokenViewSchema } from "../model/broken-view.ts";
import { orphanSchema, rebuiltSchema } from "../model/orphan.ts";
import { doctorReportSchema } from "../model/doctor.ts";
import { sentImageSchema } from "../model/artefact.ts";
import { imageViewSchema } from "../model/image.ts";
import { kernelSchema } from "../model/kernel.ts";
import { catalogViewSchema } from "../model/kernel-catalog.ts";
import { vmViewSchema } from "../model/vm.ts";
import { type EndpointName, endpoints } from "./endpoints.ts";
import { type Route, route } from "./route.ts";
import * as s from "./schemas.ts";

/**
 * All that banger can be asked for. The server, the typed client, the checks of the CLI and `openapi.json` are made from
 * this table; nothing else defines a field. Ways and paths stand in endpoints.ts.
 */
export const contract = {
  daemonStatus: route({
    ...endpoints.daemonStatus,
    summary: "Tell what the daemon is and does",
    input: s.noInput,
    result: s.daemonStatusSchema,
  }),
  daemonStop: route({
    ...endpoints.daemonStop,
    summary: "Stop the daemon; running VMs go on and are taken back by the next one",
    input: s.noInput,
    result: s.nothing,
  }),
  daemonRecover: route({
    ...endpoints.daemonRecover,
    summary: "Rebuild a state that cannot be used from the folders of VMs, images and kernels; the daemon ends then",
    input: s.noInput,
    result: rebuiltSchema,
  }),
  systemOrphans: route({
    ...endpoints.systemOrphans,
    summary: "List what lies in banger's folders and its state does not know",
    input: s.noInput,
    result: z.array(orphanSchema),
  }),
  systemOrphansDelete: route({
    ...endpoints.systemOrphansDelete,
    summary: "Delete such files, for good",
    input: s.orphansDeleteInput,
    result: z.array(orphanSchema),
  }),
  doctor: route({
    ...endpoints.doctor,
    summary: "Say what this host can and cannot do, and the command that mends it",
    input: s.noInput,
    result: doctorReportSchema,
  }),

  kernelList: route({
    ...endpoints.kernelList,
    summary: "List kernels",
    input: s.noInput,
    result: z.array(z.union([kernelSchema, brokenViewSchema])),
  }),
  kernelInspect: route({
    ...endpoints.kernelInspect,
    summary: "Show a kernel",
    input: s.refInput,
    result: kernelSchema,
  }),
  kernelCatalogs: route({
    ...endpoints.kernelCatalogs,
    summary: "Read the configured catalogs, and say what each offers",
    input: s.noInput,
    result: z.array(catalogViewSchema),
  }),
  kernelPull: route({
    ...endpoints.kernelPull,
    summary: "Get a kernel from where its makers publish it, verified",
    input: s.kernelPullInput,
    result: kernelSchema,
  }),
  kernelBuild: route({
    ...endpoints.kernelBuild,
    summary: "Build a kernel from source, on this host",
    input: s.kernelBuildInput,
    result: kernelSchema,
  }),
  kernelImport: route({
    ...endpoints.kernelImport,
    summary: "Copy a kernel from files on this host",
    input: s.kernelImportInput,
    result: kernelSchema,
  }),
  kernelDelete: route({
    ...endpoints.kernelDelete,
    summary: "Delete a kernel that no image and no VM uses",
    input: s.deleteInput,
    result: s.nothing,
  }),

  imageList: route({
    ...endpoints.imageList,
    summary: "List images",
    input: s.noInput,
    result: z.array(z.union([imageViewSchema, brokenViewSchema])),
  }),
  imageInspect: route({
    ...endpoints.imageInspect,
    summary: "Show an image",
    input: s.refInput,
    result: imageViewSchema,
  }),
  imagePull: route({
    ...endpoints.imagePull,
    summary: "Turn a container image into a VM image",
    input: s.imagePullInput,
    result: imageViewSchema,
  }),
  imagePush: route({
    ...endpoints.imagePush,
    summary: "Send an image to a registry, with its kernel, as another banger pulls it",
    input: s.imagePushInput,
    result: sentImageSchema,
  }),
  imageExport: route({
    ...endpoints.imageExport,
    summary: "Write an image into an archive on the daemon's host, with its kernel",
    input: s.imageExportInput,
    result: sentImageSchema,
  }),
  imageFiles: route({
    ...endpoints.imageFiles,
    summary: "List files in an image, without booting it: one JSON object a line (src/model/image-file.ts)",
    input: s.imageFilesInput,
    result: z.string(),
  }),
  imageFile: route({
    ...endpoints.imageFile,
    summary: "Read a file in an image, without booting it",
    input: s.imageFileInput,
    result: z.string(),
  }),
  imageBuild: route({
    ...endpoints.imageBuild,
    summary: "Make an image of another by running a script in it",
    input: s.imageBuildInput,
    result: imageViewSchema,
  }),
  imageBuildContainerfile: route({
    ...endpoints.imageBuildContainerfile,
    summary: "Build a Containerfile by buildah, docker or buildctl, and make an image of it",
    input: s.imageBuildContainerfileInput,
    result: imageViewSchema,
  }),
  imageRegister: route({
    ...endpoints.imageRegister,
    summary: "Take files on this host as an image, where they lie",
    input: s.imageRegisterInput,
    result: imageViewSchema,
  }),
  imagePromote: route({
    ...endpoints.imagePromote,
    summary: "Copy a registered image's files into what banger owns",
    input: s.refInput,
    result: imageViewSchema,
  }),
  imageRefresh: route({
    ...endpoints.imageRefresh,
    summary: "Put this banger's agent into an image that has another",
    input: s.refInput,
    result: imageViewSchema,
  }),
  imageDelete: route({
    ...endpoints.imageDelete,
    summary: "Delete an image that no VM uses",
    input: s.deleteInput,
    result: s.nothing,
  }),

  vmList: route({
    ...endpoints.vmList,
    summary: "List VMs",
    input: s.noInput,
    result: z.array(z.union([vmViewSchema, brokenViewSchema])),
  }),
  vmInspect: route({
    ...endpoints.vmInspect,
    summary: "Show a VM",
    input: s.refInput,
    result: vmViewSchema,
  }),
  vmCreate: route({
    ...endpoints.vmCreate,
    summary: "Create a VM from an image and start it",
    input: s.vmCreateInput,
    result: vmViewSchema,
  }),
  vmStart: route({
    ...endpoints.vmStart,
    summary: "Start a VM and wait until its agent answers, or longer",
    input: s.vmStartInput,
    result: vmViewSchema,
  }),
  vmStop: route({
    ...endpoints.vmStop,
    summary: "Shut a VM down, gracefully first",
    input: s.vmStopInput,
    result: vmViewSchema,
  }),
  vmPause: route({
    ...endpoints.vmPause,
    summary: "Stop a VM's processors where they are",
    input: s.refInput,
    result: vmViewSchema,
  }),
  vmResume: route({
    ...endpoints.vmResume,
    summary: "Let a paused VM go on",
    input: s.refInput,
    result: vmViewSchema,
  }),
  vmRebase: route({
    ...endpoints.vmRebase,
    summary: "Put a stopped VM on another image; its work disk stays",
    input: s.vmRebaseInput,
    result: vmViewSchema,
  }),
  vmResize: route({
    ...endpoints.vmResize,
    summary: "Make a stopped VM's disks larger; the guest grows their file systems when it starts",
    input: s.vmResizeInput,
    result: vmViewSchema,
  }),
  vmDelete: route({
    ...endpoints.vmDelete,
    summary: "Delete a VM and everything it has",
    input: s.vmDeleteInput,
    result: s.nothing,
  }),
  vmStats: route({
    ...endpoints.vmStats,
    summary: "Show what a guest uses, as its agent sees it",
    input: s.refInput,
    result: s.vmStatsSchema,
  }),
  vmSsh: route({
    ...endpoints.vmSsh,
    summary: "Tell how to reach a VM by SSH",
    input: s.refInput,
    result: s.vmSshSchema,
  }),
  vmLogs: route({
    ...endpoints.vmLogs,
    summary: "Read a VM's console log",
    input: s.vmLogsInput,
    result: z.string(),
  }),
  vmExec: route({
    ...endpoints.vmExec,
    summary: "Run a command in a VM (frames: see src/api/exec-frames.ts)",
    input: s.refInput,
    result: s.nothing,
  }),
  vmConsole: route({
    ...endpoints.vmConsole,
    summary: "Attach to a VM's serial console: raw bytes both ways",
    input: s.refInput,
    result: s.nothing,
  }),
  vmForward: route({
    ...endpoints.vmForward,
    summary: "Open a byte stream to something that listens in a VM: raw bytes both ways",
    input: s.vmForwardInput,
    result: s.nothing,
  }),
} as const satisfies Readonly<Record<EndpointName, Route>>;

export type Contract = typeof contract;
