import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Where `make build` left the guest's program: beside the bundle (`build/lib` → `build/bin`), or, when bangerd runs from
 * its sources, in the checkout's build folder.
 */
export function agentBinaryPath(env: NodeJS.ProcessEnv): string {
  const told = env["BANGER_AGENT"];
  if (told !== undefined && told !== "") return told;
  const here = dirname(fileURLToPath(import.meta.url));
  const inBuild = here.includes("/build/lib");
  return inBuild
    ? join(here.slice(0, here.indexOf("/build/lib")), "build", "bin", "banger-vsock-agent")
    : join(here, "..", "..", "build", "bin", "banger-vsock-agent");
}
