import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { debianImage } from "../../test/helpers/test-images.ts";
import { TestRegistry } from "../../test/helpers/test-registry.ts";

const HUB = "https://registry-1.docker.io/v2/";
const HUB_TIMEOUT_MS = 5_000;

/** Where the demo pulls its Debian from. */
export interface DebianSource extends AsyncDisposable {
  readonly reference: string;
  readonly about: string;
  /** Docker Hub's Debian is a bare container image; the one made here has systemd. */
  readonly systemd: boolean;
}

/** Docker Hub where it answers; else a registry of our own on loopback, with a Debian made from Debian's packages. */
export async function debianSource(): Promise<DebianSource> {
  if (await hubAnswers()) {
    return {
      reference: "docker.io/library/debian:bookworm",
      about: "Docker Hub answers: pulling its Debian 12",
      systemd: false,
      [Symbol.asyncDispose]: async () => {},
    };
  }
  console.log("\n# Docker Hub does not answer: making a real Debian 12 from Debian's own packages instead");
  execFileSync(join(import.meta.dirname, "../setup.sh"), ["images"], { stdio: "inherit" });
  const layout = await debianImage("bookworm");
  const registry = await TestRegistry.start();
  await registry.push(layout, "library/debian:bookworm");
  return {
    reference: registry.ref("library/debian:bookworm"),
    about: "pulling the Debian 12 that was made here from a docker-registry on loopback",
    systemd: true,
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

async function hubAnswers(): Promise<boolean> {
  try {
    const { status } = await fetch(HUB, { signal: AbortSignal.timeout(HUB_TIMEOUT_MS) });
    return status === 401 || status === 200; // It asks who we are: it is there.
  } catch {
    return false;
  }
}
