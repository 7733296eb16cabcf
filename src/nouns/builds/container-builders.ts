import { basename, dirname } from "node:path";
import { BangerError } from "../../lib/errors.ts";
import { run } from "../../lib/process.ts";

/** What a container builder is told: paths on this host, and a name that nothing else has. */
export interface ContainerBuild {
  readonly containerfile: string;
  /** The folder whose files COPY may take. */
  readonly context: string;
  /** Where the archive goes. */
  readonly archive: string;
  readonly tag: string;
}

export interface ToolCall {
  readonly file: string;
  readonly args: readonly string[];
}

/** How a program builds a Containerfile into an archive that banger reads. */
export interface ContainerBuilder {
  readonly name: string;
  /** Succeeds where the program can build: a client without its daemon cannot. */
  readonly probe: readonly string[];
  /** Kind of the archive, as in a reference. */
  readonly archive: "oci-archive" | "docker-archive";
  plan(build: ContainerBuild): readonly ToolCall[];
  /** What takes the image out of the program's own store again, whatever became of the build. None where it keeps none. */
  readonly forget?: (tag: string) => ToolCall;
}

/** What they say of an image that they do not have: buildah's common/libimage, docker's daemon/images. */
const UNKNOWN_IMAGE = /image not known|no such image/i;

/** In the order of preference: what needs no daemon comes first. */
export const CONTAINER_BUILDERS: readonly ContainerBuilder[] = [
  {
    // buildah-build(1), buildah-push(1)
    name: "buildah",
    probe: ["version"],
    archive: "oci-archive",
    plan: ({ containerfile, context, archive, tag }) => [
      { file: "buildah", args: ["build", "--format", "oci", "--tag", tag, "--file", containerfile, context] },
      { file: "buildah", args: ["push", "--quiet", tag, `oci-archive:${archive}`] },
    ],
    forget: (tag) => ({ file: "buildah", args: ["rmi", tag] }),
  },
  {
    // `docker version` asks the daemon, and fails where none answers.
    name: "docker",
    probe: ["version"],
    archive: "docker-archive",
    plan: ({ containerfile, context, archive, tag }) => [
      { file: "docker", args: ["build", "--tag", tag, "--file", containerfile, context] },
      { file: "docker", args: ["save", "--output", archive, tag] },
    ],
    forget: (tag) => ({ file: "docker", args: ["rmi", tag] }),
  },
  {
    // buildctl(1): https://github.com/moby/buildkit#oci-tarball
    name: "buildctl",
    probe: ["debug", "workers"],
    archive: "oci-archive",
    plan: ({ containerfile, context, archive }) => [
      {
        file: "buildctl",
        args: [
          "build",
          "--frontend",
          "dockerfile.v0",
          "--local",
          `context=${context}`,
          "--local",
          `dockerfile=${dirname(containerfile)}`,
          "--opt",
          `filename=${basename(containerfile)}`,
          "--output",
          `type=oci,dest=${archive}`,
        ],
      },
    ],
  },
];

const FORGET_MS = 20_000;

/**
 * Takes an image out of the store of the program that built it. One that is not there is none to take out, and so is one of
 * a program that is gone.
 *
 * @throws BangerError `TOOL_FAILED` where the program says anything else.
 */
export async function forgetContainer({ builder, tag }: { builder: string; tag: string }): Promise<void> {
  const call = CONTAINER_BUILDERS.find(({ name }) => name === builder)?.forget?.(tag);
  if (call === undefined) return;
  try {
    await run(call.file, call.args, { timeoutMs: FORGET_MS });
  } catch (error) {
    if (!(error instanceof BangerError)) throw error;
    if (error.code !== "TOOL_MISSING" && !UNKNOWN_IMAGE.test(error.why ?? "")) throw error;
  }
}
