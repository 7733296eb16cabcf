import { basename, dirname } from "node:path";

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
  /** What takes the image out of the program's own store again, whatever became of the build. */
  cleanUp(build: ContainerBuild): readonly ToolCall[];
}

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
    cleanUp: ({ tag }) => [{ file: "buildah", args: ["rmi", tag] }],
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
    cleanUp: ({ tag }) => [{ file: "docker", args: ["rmi", tag] }],
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
    cleanUp: () => [],
  },
];
