/** A part of all tests that is run in one go. */
export interface NodeSuite {
  readonly name: string;
  readonly about: string;
  /** Globs of its test files, from the repository's root. */
  readonly files: readonly string[];
  /** Files that run at once. Each virtual machine may take two processors. */
  readonly concurrency: number;
  /**
   * Files of these that take one processor as given, each with its reason: they run after the others, one at a time.
   */
  readonly alone?: Readonly<Record<string, string>>;
  /** For one file; a hanging test fails with its name. */
  readonly timeoutMs: number;
  /**
   * Scripts that build what its tests share, once on a machine: minutes that no test's time is to pay for. One that fails
   * is left to the tests, which run it too and say what they miss.
   */
  readonly builds?: readonly string[];
  /**
   * Its files' modules are kept as Node has compiled them, in build/compile-cache: in a suite of many small files, half of
   * the time is stripping the same types again.
   */
  readonly compileCache?: true;
  /** Run only when it is named: minutes to hours, or downloads that a change does not need. */
  readonly onDemand?: true;
}

const minutes = (n: number): number => n * 60_000;

const GUEST_BUILDS = [
  ...(process.env["BANGER_TEST_KERNEL"] === undefined ? ["scripts/make-generic-kernel.sh"] : []),
  "scripts/make-vhost-device-vsock.sh",
];

/** In the order in which they run: the quick ones first. */
export const NODE_SUITES: readonly NodeSuite[] = [
  {
    name: "unit",
    about: "pure functions and single parts, and the architecture",
    files: ["src/**/*.test.ts", "scripts/**/*.test.ts", "test/*.test.ts", "test/bench/**/*.test.ts"],
    concurrency: 2,
    timeoutMs: minutes(5),
    compileCache: true,
  },
  {
    name: "integration",
    about: "parts together, with real registries, file systems and kernels",
    files: ["test/integration/**/*.test.ts"],
    concurrency: 2,
    timeoutMs: minutes(15),
    builds: GUEST_BUILDS,
  },
  {
    name: "attack",
    about: "hostile input",
    files: ["test/attack/**/*.test.ts"],
    concurrency: 2,
    timeoutMs: minutes(15),
    builds: GUEST_BUILDS,
  },
  {
    name: "e2e",
    about: "the command line as a user has it, with virtual machines",
    files: ["test/e2e/**/*.test.ts"],
    concurrency: 2,
    alone: {
      "test/e2e/daemon-socket.test.ts": "bounds how long commands take while the daemon does not answer",
      "test/e2e/freed-memory.test.ts": "measures the memory of a VMM within seconds of what the guest does",
      "test/e2e/opencode.test.ts": "its program has patience of its own",
      "test/e2e/unresponsive.test.ts": "bounds how long each verb takes beside a VM that stands still",
    },
    timeoutMs: minutes(30),
    builds: GUEST_BUILDS,
  },
  {
    name: "long",
    about: "what takes long or fetches much: run by name",
    files: ["test/long/**/*.test.ts"],
    concurrency: 1,
    timeoutMs: minutes(60),
    onDemand: true,
  },
];

export const GO_SUITE = { name: "go", about: "the program inside the guest (go test)", directory: "agent" } as const;
