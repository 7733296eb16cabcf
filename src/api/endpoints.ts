// Made by scripts/generate.sh from src/api/contract.ts.
import type { Endpoints, RouteKind } from "./route.ts";

/**
 * The ways and paths of the contract, apart from its schemas: a client that trusts its daemon needs no more than this
 * at run time, and starts twice as fast for it.
 */
export const endpoints = {
  daemonStatus: { kind: "call", method: "GET", path: "/v1/daemon" },
  daemonStop: { kind: "call", method: "POST", path: "/v1/daemon/stop" },
  daemonRecover: { kind: "call", method: "POST", path: "/v1/daemon/recover" },
  systemOrphans: { kind: "call", method: "GET", path: "/v1/system/orphans" },
  systemOrphansDelete: { kind: "call", method: "POST", path: "/v1/system/orphans/delete" },
  doctor: { kind: "call", method: "GET", path: "/v1/doctor" },
  events: { kind: "events", method: "GET", path: "/v1/events" },
  eventList: { kind: "call", method: "GET", path: "/v1/events/list" },
  operationList: { kind: "call", method: "GET", path: "/v1/operations" },
  operationCancel: { kind: "call", method: "POST", path: "/v1/operations/{id}/cancel" },
  operationFollow: { kind: "operation", method: "GET", path: "/v1/operations/{id}/follow" },
  kernelList: { kind: "call", method: "GET", path: "/v1/kernels" },
  kernelInspect: { kind: "call", method: "GET", path: "/v1/kernels/{ref}" },
  kernelCatalogs: { kind: "call", method: "GET", path: "/v1/kernel-catalogs" },
  kernelPull: { kind: "operation", method: "POST", path: "/v1/kernels/pull" },
  kernelBuild: { kind: "operation", method: "POST", path: "/v1/kernels/build" },
  kernelImport: { kind: "operation", method: "POST", path: "/v1/kernels/import" },
  kernelDelete: { kind: "call", method: "DELETE", path: "/v1/kernels/{ref}" },
  imageList: { kind: "call", method: "GET", path: "/v1/images" },
  imageInspect: { kind: "call", method: "GET", path: "/v1/images/{ref}" },
  imagePull: { kind: "operation", method: "POST", path: "/v1/images/pull" },
  imagePush: { kind: "operation", method: "POST", path: "/v1/images/{ref}/push" },
  imageExport: { kind: "operation", method: "POST", path: "/v1/images/{ref}/export" },
  imageFiles: { kind: "text", method: "GET", path: "/v1/images/{ref}/files" },
  imageFile: { kind: "text", method: "GET", path: "/v1/images/{ref}/file" },
  imageRegister: { kind: "operation", method: "POST", path: "/v1/images/register" },
  imagePromote: { kind: "operation", method: "POST", path: "/v1/images/{ref}/promote" },
  imageRefresh: { kind: "operation", method: "POST", path: "/v1/images/{ref}/refresh" },
  imageDelete: { kind: "call", method: "DELETE", path: "/v1/images/{ref}" },
  imageBuild: { kind: "operation", method: "POST", path: "/v1/images/build" },
  imageBuildContainerfile: { kind: "operation", method: "POST", path: "/v1/images/build-containerfile" },
  volumeList: { kind: "call", method: "GET", path: "/v1/volumes" },
  volumeInspect: { kind: "call", method: "GET", path: "/v1/volumes/{ref}" },
  volumeCreate: { kind: "operation", method: "POST", path: "/v1/volumes" },
  volumeResize: { kind: "operation", method: "POST", path: "/v1/volumes/{ref}/resize" },
  volumeDelete: { kind: "call", method: "DELETE", path: "/v1/volumes/{ref}" },
  vmList: { kind: "call", method: "GET", path: "/v1/vms" },
  vmInspect: { kind: "call", method: "GET", path: "/v1/vms/{ref}" },
  vmCreate: { kind: "operation", method: "POST", path: "/v1/vms" },
  vmStart: { kind: "operation", method: "POST", path: "/v1/vms/{ref}/start" },
  vmStop: { kind: "operation", method: "POST", path: "/v1/vms/{ref}/stop" },
  vmPause: { kind: "operation", method: "POST", path: "/v1/vms/{ref}/pause" },
  vmResume: { kind: "operation", method: "POST", path: "/v1/vms/{ref}/resume" },
  vmRebase: { kind: "operation", method: "POST", path: "/v1/vms/{ref}/rebase" },
  vmResize: { kind: "operation", method: "POST", path: "/v1/vms/{ref}/resize" },
  vmDelete: { kind: "operation", method: "DELETE", path: "/v1/vms/{ref}" },
  vmStats: { kind: "call", method: "GET", path: "/v1/vms/{ref}/stats" },
  vmSsh: { kind: "call", method: "GET", path: "/v1/vms/{ref}/ssh" },
  sshKey: { kind: "call", method: "GET", path: "/v1/ssh-key" },
  vmLogs: { kind: "text", method: "GET", path: "/v1/vms/{ref}/logs" },
  vmExec: { kind: "socket", method: "GET", path: "/v1/vms/{ref}/exec" },
  vmConsole: { kind: "socket", method: "GET", path: "/v1/vms/{ref}/console" },
  vmForward: { kind: "socket", method: "GET", path: "/v1/vms/{ref}/forward" },
  vmFileRead: { kind: "text", method: "GET", path: "/v1/vms/{ref}/files" },
  vmFileWrite: { kind: "upload", method: "PUT", path: "/v1/vms/{ref}/files" },
  vmFileRemove: { kind: "call", method: "DELETE", path: "/v1/vms/{ref}/files" },
  vmFileStat: { kind: "call", method: "GET", path: "/v1/vms/{ref}/files/stat" },
  vmFileList: { kind: "call", method: "GET", path: "/v1/vms/{ref}/files/list" },
  vmFileMkdir: { kind: "call", method: "POST", path: "/v1/vms/{ref}/files/mkdir" },
  vmFileMove: { kind: "call", method: "POST", path: "/v1/vms/{ref}/files/move" },
  vmFileChange: { kind: "call", method: "POST", path: "/v1/vms/{ref}/files/change" },
  vmFileWatch: { kind: "text", method: "GET", path: "/v1/vms/{ref}/files/watch" },
  vmArchiveRead: { kind: "text", method: "GET", path: "/v1/vms/{ref}/archive" },
  vmArchiveWrite: { kind: "upload", method: "PUT", path: "/v1/vms/{ref}/archive" },
} as const satisfies Endpoints;

export type EndpointName = keyof typeof endpoints;

/** The routes of one kind. */
export type EndpointOf<K extends RouteKind> = {
  [N in EndpointName]: (typeof endpoints)[N]["kind"] extends K ? N : never;
}[EndpointName];
