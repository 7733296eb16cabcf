/** A part of all tests that is run in one go. */
export interface NodeSuite {
  readonly name: string;
  readonly about: string;
  /** Globs of its test files, from the repository's root. */
  readonly files: readonly string[];
  /** Files that run at once. Each virtual machine may take two processors. */
  readonly concurrency: number;
  /** For one file; a hanging test fails with its name. */
  readonly timeoutMs: number;
}

const minutes = (n: number): number => n * 60_000;

/** In the order in which they run: the quick ones first. */
export const NODE_SUITES: readonly NodeSuite[] = [
  {
    name: "unit",
    about: "pure functions and single parts, and the architecture",
    files: ["src/**/*.test.ts", "scripts/**/*.test.ts", "test/*.test.ts", "test/bench/**/*.test.ts"],
    concurrency: 2,
    timeoutMs: minutes(5),
  },
  {
    name: "integration",
    about: "parts together, with real registries, file systems and kernels",
    files: ["test/integration/**/*.test.ts"],
    concurrency: 2,
    timeoutMs: minutes(15),
  },
  {
    name: "attack",
    about: "hostile input",
    files: ["test/attack/**/*.test.ts"],
    concurrency: 2,
    timeoutMs: minutes(15),
  },
  {
    name: "e2e",
    about: "the command line as a user has it, with virtual machines",
    files: ["test/e2e/**/*.test.ts"],
    concurrency: 1,
    timeoutMs: minutes(30),
  },
];

export const GO_SUITE = { name: "go", about: "the program inside the guest (go test)", directory: "agent" } as const;
