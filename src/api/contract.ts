import { buildRoutes } from "./routes/builds.ts";
import { daemonRoutes } from "./routes/daemon.ts";
import { eventRoutes } from "./routes/events.ts";
import { imageRoutes } from "./routes/images.ts";
import { kernelRoutes } from "./routes/kernels.ts";
import { volumeRoutes } from "./routes/volumes.ts";
import { vmRoutes } from "./routes/vms.ts";
import { workspaceRoutes } from "./routes/workspaces.ts";

/**
 * All that banger can be asked for. The server, the typed client, the checks of the CLI, `openapi.json` and endpoints.ts are
 * made from this table. What a field of a VM or an image is stands in src/model/fields, as data, and nowhere else.
 */
export const contract = {
  ...daemonRoutes,
  ...eventRoutes,
  ...kernelRoutes,
  ...imageRoutes,
  ...buildRoutes,
  ...volumeRoutes,
  ...vmRoutes,
  ...workspaceRoutes,
};

export type Contract = typeof contract;
