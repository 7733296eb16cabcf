import type { Command } from "./command.ts";
import cp from "./cp.ts";
import daemonLogs from "./daemon/logs.ts";
import daemonRecover from "./daemon/recover.ts";
import daemonStart from "./daemon/start.ts";
import daemonStatus from "./daemon/status.ts";
import daemonStop from "./daemon/stop.ts";
import doctor from "./doctor.ts";
import events from "./events.ts";
import help from "./help/help.ts";
import imageCat from "./image/cat.ts";
import imageBuild from "./image/build.ts";
import imageDelete from "./image/delete.ts";
import imageExport from "./image/export.ts";
import imageInspect from "./image/inspect.ts";
import imageList from "./image/list.ts";
import imageLsFiles from "./image/ls-files.ts";
import imagePromote from "./image/promote.ts";
import imagePull from "./image/pull.ts";
import imagePush from "./image/push.ts";
import imageRefresh from "./image/refresh.ts";
import imageRegister from "./image/register.ts";
import kernelBuild from "./kernel/build.ts";
import kernelCatalog from "./kernel/catalog.ts";
import kernelDelete from "./kernel/delete.ts";
import kernelImport from "./kernel/import.ts";
import kernelInspect from "./kernel/inspect.ts";
import kernelList from "./kernel/list.ts";
import kernelPull from "./kernel/pull.ts";
import mount from "./mount.ts";
import openapi from "./openapi.ts";
import operationCancel from "./operation/cancel.ts";
import operationFollow from "./operation/follow.ts";
import operationList from "./operation/list.ts";
import run from "./run.ts";
import sessionAttach from "./session/attach.ts";
import sessionCreate from "./session/create.ts";
import sessionDelete from "./session/delete.ts";
import sessionExport from "./session/export.ts";
import sessionInspect from "./session/inspect.ts";
import sessionKill from "./session/kill.ts";
import sessionList from "./session/list.ts";
import sessionLogs from "./session/logs.ts";
import sessionResize from "./session/resize.ts";
import sessionSend from "./session/send.ts";
import sessionSignal from "./session/signal.ts";
import sessionWait from "./session/wait.ts";
import sync from "./sync.ts";
import systemOrphans from "./system/orphans.ts";
import version from "./version.ts";
import vmConsole from "./vm/console.ts";
import vmCreate from "./vm/create.ts";
import vmDelete from "./vm/delete.ts";
import vmExec from "./vm/exec.ts";
import vmInspect from "./vm/inspect.ts";
import vmList from "./vm/list.ts";
import vmLogs from "./vm/logs.ts";
import vmPause from "./vm/pause.ts";
import vmPort from "./vm/port.ts";
import vmProxy from "./vm/proxy.ts";
import vmRebase from "./vm/rebase.ts";
import vmResize from "./vm/resize.ts";
import vmResume from "./vm/resume.ts";
import vmSshConfig from "./vm/ssh-config.ts";
import vmSsh from "./vm/ssh.ts";
import vmStart from "./vm/start.ts";
import vmStats from "./vm/stats.ts";
import vmStop from "./vm/stop.ts";
import vmWait from "./vm/wait.ts";
import volumeCreate from "./volume/create.ts";
import volumeDelete from "./volume/delete.ts";
import volumeInspect from "./volume/inspect.ts";
import volumeList from "./volume/list.ts";
import volumeResize from "./volume/resize.ts";
import workspaceCreate from "./workspace/create.ts";
import workspaceDelete from "./workspace/delete.ts";
import workspaceDiff from "./workspace/diff.ts";
import workspaceExec from "./workspace/exec.ts";
import workspaceInspect from "./workspace/inspect.ts";
import workspaceList from "./workspace/list.ts";
import workspaceLog from "./workspace/log.ts";
import workspacePull from "./workspace/pull.ts";
import workspacePush from "./workspace/push.ts";
import workspaceSsh from "./workspace/ssh.ts";

/**
 * Every command, in the order of the help.
 *
 * All are loaded: together they are small, and one file that holds them is read sooner than twenty small ones
 * (scripts/bundling/one-start.ts). What is heavy (schemas, WebSockets, child processes) is imported by
 * the code that needs it, when it does.
 */
export const commands: readonly Command[] = [
  run,

  vmCreate,
  vmList,
  vmInspect,
  vmStart,
  vmStop,
  vmWait,
  vmPause,
  vmResume,
  vmRebase,
  vmResize,
  vmDelete,
  vmSsh,
  vmExec,
  cp,
  sync,
  mount,
  vmLogs,
  vmConsole,
  vmStats,
  vmPort,
  vmSshConfig,
  vmProxy,

  sessionCreate,
  sessionList,
  sessionInspect,
  sessionAttach,
  sessionLogs,
  sessionSend,
  sessionWait,
  sessionResize,
  sessionSignal,
  sessionKill,
  sessionExport,
  sessionDelete,

  workspaceCreate,
  workspaceList,
  workspaceInspect,
  workspaceExec,
  workspaceSsh,
  workspaceDiff,
  workspaceLog,
  workspacePull,
  workspacePush,
  workspaceDelete,

  imagePull,
  imageBuild,
  imageRegister,
  imagePromote,
  imageRefresh,
  imageList,
  imageInspect,
  imageLsFiles,
  imageCat,
  imagePush,
  imageExport,
  imageDelete,

  volumeCreate,
  volumeList,
  volumeInspect,
  volumeResize,
  volumeDelete,

  kernelPull,
  kernelCatalog,
  kernelBuild,
  kernelImport,
  kernelList,
  kernelInspect,
  kernelDelete,

  daemonStart,
  daemonStop,
  daemonStatus,
  daemonLogs,
  daemonRecover,

  operationList,
  operationFollow,
  operationCancel,

  systemOrphans,

  events,
  doctor,
  version,
  help,
  openapi,
];
