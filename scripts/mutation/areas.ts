import { globSync } from "node:fs";
import { join, matchesGlob } from "node:path";

/** Modules that the unit tests are to hold by themselves, and the tests that are to do it. */
export interface Area {
  readonly name: string;
  /** Globs of the modules, from the repository's root. */
  readonly modules: readonly string[];
  /** Globs of the tests that judge their mutants. */
  readonly tests: readonly string[];
  /** A run fails where fewer are killed than `FLOOR` (scores.ts) asks. */
  readonly floor: boolean;
}

/** Modules whose mutants are not made, and why. */
export interface LeftOut {
  readonly modules: readonly string[];
  readonly why: string;
}

function area(name: string): Area {
  return { name, modules: [`src/${name}/**/*.ts`], tests: [`src/${name}/**/*.test.ts`], floor: true };
}

/**
 * A folder's mutants are judged by the folder's own tests: those say what the folder promises, and a mutant of `lib` need
 * not run the tests of all that use it.
 */
export const AREAS: readonly Area[] = [
  ...["core", "nouns", "model", "net", "disk", "kernel", "store"].map(area),
  // The others start processes and wait for them, and what they judge is left out below.
  { ...area("vmm"), tests: ["src/vmm/**/!(bounded-log|end-process|find-strays|start-vmm).test.ts"] },
  // The others speak to an agent, real or lying, for seconds, and what they judge is left out below.
  {
    ...area("guest"),
    tests: ["src/guest/!(agent-client|agent-files|agent-secret|lying-agent|lying-streams|vsock-line).test.ts"],
  },
  // The endpoints' test asks oxfmt, which formats nothing below build/, where the mutants are run.
  { ...area("api"), tests: ["src/api/!(endpoints).test.ts"] },
  ...["lib", "formats", "http", "oci", "ext4", "host", "daemon", "client", "cli"].map((name) => ({
    ...area(name),
    floor: false,
  })),
];

export const LEFT_OUT: readonly LeftOut[] = [
  {
    modules: ["src/**/*.test.ts", "src/**/testing/**", "src/guest/agent-under-test.ts"],
    why: "tests and what they share",
  },
  { modules: ["src/guest/gen/**", "src/api/{endpoints,endpoints-file}.ts"], why: "generated, or what generates" },
  {
    modules: ["src/lib/{destroy,launch,process,process-identity,lock-holder,inherited-descriptors}.ts"],
    why: "deletes files, starts and ends processes: a mutant could do so to those of this machine",
  },
  {
    modules: [
      "src/vmm/{end-process,find-strays,start-vmm,bounded-log}.ts",
      "src/vmm/qemu/{machine,qemu-driver,qemu-host}.ts",
      "src/vmm/firecracker/{fifo,console,machine,firecracker-driver,await-socket,keep-metrics}.ts",
    ],
    why: "runs VMMs and ends them; test/integration/driver-conformance.ts judges it",
  },
  {
    modules: [
      "src/net/{steps,free-ports,find-ways,tool-path}.ts",
      "src/net/host/{device,host-networks,host-facts,foreign-firewall}.ts",
      "src/net/namespace/{follow-addresses,launch-keeper,marked-processes,namespace,slirp-api}.ts",
    ],
    why: "changes the host's network, or asks it; test/integration does so for real",
  },
  {
    modules: [
      "src/guest/{dial,serial-line,vsock-line,agent-session,agent-client,agent-exec,agent-forward}.ts",
      "src/guest/{agent-files,agent-file-streams,agent-clock,agent-world,agent-secret}.ts",
    ],
    why: "speaks to the agent over its line; src/guest/*.test.ts do so with the real one, seconds for each mutant",
  },
  {
    modules: ["src/kernel/{pull-debian,debian/debian-index,catalog/kernel-archive}.ts"],
    why: "fetches over the network and unpacks; test/integration does so from a mirror of its own",
  },
  {
    modules: [
      "src/nouns/vms/commands/{exec-socket,raw-socket}.ts",
      "src/nouns/vms/files/file-handlers.ts",
      "src/nouns/vms/vm-verbs.ts",
      "src/nouns/kernels/{kernel-verbs,catalogs,read-catalog}.ts",
    ],
    why: "hands sockets, downloads and machines on to what does the work; test/integration and test/e2e judge it",
  },
  {
    modules: ["src/disk/{apply-clone,apply-snapshot,clone-disk,mapper-host,probe-clone}.ts"],
    why: "makes devices and reflinks; test/integration does so for real",
  },
  {
    modules: [
      "src/nouns/*/*-noun.ts",
      "src/nouns/*/*-context.ts",
      "src/nouns/*/index.ts",
      "src/nouns/{built-in-nouns,installation}.ts",
    ],
    why: "puts parts together and decides nothing",
  },
  {
    modules: [
      "src/nouns/vms/{start,stop,pause,delete,first-boot,live,take-back,disks,network,ready}/**/!(*-plan|plan-*|*-arguments).ts",
      "src/nouns/vms/create/{create-vm,rebase-vm,resize-vm}.ts",
      "src/nouns/vms/{vm-service,settle-vms}.ts",
      "src/nouns/builds/{build-containerfile,build-image,build-vm,container-builders,guest-command,install-init}.ts",
      "src/nouns/images/{rootfs,pull,pack,register,refresh,inspect,kernel,agent}/**",
      "src/nouns/images/{image-service,settle-images}.ts",
      "src/nouns/kernels/{build-kernel,fetch-archive,kernel-service,modules-disk,settle-kernels,update-kernel}.ts",
      "src/nouns/system/**",
    ],
    why: "applies plans to processes, disks and registries; test/integration and test/e2e judge it with virtual machines",
  },
];

/**
 * Modules of an area that are mutated, of those that are wanted.
 *
 * @param wanted files, folders or globs from the root; all modules where there is none.
 */
export function modulesOf({ modules }: Area, wanted: readonly string[], root: string): readonly string[] {
  const leftOut = LEFT_OUT.flatMap((left) => left.modules);
  const isWanted = (file: string): boolean =>
    wanted.length === 0 || wanted.some((glob) => matchesGlob(file, glob) || matchesGlob(file, join(glob, "**")));
  return globSync([...modules], { cwd: root })
    .filter((file) => isWanted(file) && !leftOut.some((glob) => matchesGlob(file, glob)))
    .toSorted();
}
