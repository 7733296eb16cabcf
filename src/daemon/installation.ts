import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Installation } from "../nouns/installation.ts";

/** The checkout that banger was built in or runs from: above `build/lib` of a bundle, above `src` of the sources. */
function checkout(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const bundle = here.lastIndexOf("/build/lib");
  return bundle === -1 ? join(here, "..", "..") : here.slice(0, bundle);
}

/** Where `make build` left the guest's program. */
function agentBinaryPath(env: NodeJS.ProcessEnv): string {
  const told = env["BANGER_AGENT"];
  return told !== undefined && told !== "" ? told : join(checkout(), "build", "bin", "banger-vsock-agent");
}

/** The program that makes root file systems: beside our own bundle, or from the sources as we are. */
function rootfsProgramPath(): string {
  const isBundle = import.meta.url.includes("/build/lib/");
  const path = isBundle ? ["build", "lib", "banger-rootfs.js"] : ["src", "nouns", "images", "rootfs", "main.ts"];
  return join(checkout(), ...path);
}

/** Where the parts of this banger lie. */
export function installation(env: NodeJS.ProcessEnv): Installation {
  return {
    agentPath: agentBinaryPath(env),
    rootfsProgram: rootfsProgramPath(),
    recipes: {
      builtInCatalog: join(checkout(), "kernel", "catalog.json"),
      makeGenericKernel: join(checkout(), "scripts", "make-generic-kernel.sh"),
    },
  };
}
