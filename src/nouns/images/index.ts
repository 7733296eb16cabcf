/** What nouns above may use of images. */
export { agentNow } from "./agent/agent-now.ts";
export { AGENT_PATH, readAgent } from "./agent/agent-program.ts";
export type { ImageContext } from "./image-context.ts";
export { IMAGE_ADD } from "./image-intents.ts";
export type { ImageBuilds, VmsOfImages } from "./image-ports.ts";
export { imageTable } from "./image-table.ts";
export { viewOf } from "./image-view.ts";
export { inspectRootfs } from "./inspect/inspect-rootfs.ts";
export { parseOsRelease, systemOf } from "./inspect/os-release.ts";
export { pullImage } from "./pull/pull-image.ts";
export { sweepImageFolder } from "./refresh/image-folder.ts";
export { checkReachable } from "./register/reachable.ts";
export { checkUserFiles } from "./register/user-files.ts";
