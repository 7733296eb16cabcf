import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { childEnvironment } from "./child-environment.ts";
import { failedBefore, launch, launchWords } from "./launch.ts";

const quiet = ["ignore", "ignore", "ignore"] as const;

test("each word executes the next: first the namespaces, then the loss of privileges", () => {
  const request = { program: "/bin/vmm", args: ["-x"], enter: ["nsenter", "--target=1", "--"] };
  assert.equal(
    launchWords(request, "/usr/bin/setpriv").join(" "),
    "nsenter --target=1 -- /usr/bin/setpriv --no-new-privs -- /bin/vmm -x",
  );
  assert.deepEqual(launchWords({ program: "/bin/vmm", args: [] }, undefined), ["/bin/vmm"]);
});

test("a child is told of our environment only what it needs, and what is meant for it", () => {
  const ours = {
    PATH: "/bin",
    HOME: "/home/u",
    AWS_SECRET_ACCESS_KEY: "x",
    NODE_OPTIONS: "--inspect",
    LANG: "C.UTF-8",
  };
  assert.deepEqual(childEnvironment({ MARK: "1" }, ours), {
    PATH: "/bin",
    HOME: "/home/u",
    LANG: "C.UTF-8",
    MARK: "1",
  });
});

test("a child is a leader of its own session, gains no privileges, and its end is told", async () => {
  process.env["BANGER_TEST_SECRET"] = "s3cret";
  const child = await launch({ program: "sleep", args: ["60"], stdio: quiet, session: "own", env: { MARK: "of us" } });
  delete process.env["BANGER_TEST_SECRET"];
  try {
    const proc = (file: string): Promise<string> => readFile(`/proc/${child.pid}/${file}`, "latin1");
    while (!(await proc("cmdline")).startsWith("sleep\0")) await new Promise((resolve) => setImmediate(resolve));
    assert.match(await proc("status"), /^NoNewPrivs:\t1$/m);
    const environment = await proc("environ");
    assert.match(environment, /\0?MARK=of us\0/);
    assert.doesNotMatch(environment, /s3cret/);
    assert.equal((await proc("stat")).split(") ")[1]?.split(" ")[3], String(child.pid), "leads its session");
  } finally {
    child.kill();
  }
  assert.deepEqual(await child.ended, { exitCode: undefined, signal: "SIGKILL" });
});

test("what enters a namespace is blamed for its own failures, and not the program behind it", async () => {
  const absent = launch({ program: "true", args: [], enter: ["banger-no-such-nsenter"], stdio: quiet, session: "own" });
  await assert.rejects(absent, { code: "TOOL_MISSING", what: /banger-no-such-nsenter/ });

  const enter = ["nsenter", "--target=999999999", "--net", "--"];
  const child = await launch({ program: "true", args: [], enter, stdio: ["ignore", "ignore", "pipe"], session: "own" });
  let said = "";
  for await (const chunk of child.stdio[2] as AsyncIterable<Buffer>) said += chunk.toString();
  assert.notEqual((await child.ended).exitCode, 0);
  const error = failedBefore(said, { program: "true", enter });
  assert.equal(error?.code, "NETWORK_FAILED");
  assert.match(error?.message ?? "", /network namespace.*nsenter: /);
  assert.equal(failedBefore("qemu: no such disk\n", { program: "qemu", enter }), undefined);
  assert.equal(failedBefore(said, { program: "true" }), undefined);
});

test("a program that is not there is named, and not what would have executed it", async () => {
  const absent = launch({ program: "banger-no-such-vmm", args: [], stdio: quiet, session: "own" });
  await assert.rejects(absent, { code: "TOOL_MISSING", what: /banger-no-such-vmm/ });
});

test("what cannot be executed is told of as that, and not as the fault of a program that ran", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "banger-launch-"));
  t.after(() => rm(folder, { recursive: true }));
  const program = join(folder, "vmm");
  await writeFile(program, "#!/no/such/interpreter\n", { mode: 0o755 });
  const child = await launch({ program, args: [], stdio: ["ignore", "ignore", "pipe"], session: "own" });
  let said = "";
  for await (const chunk of child.stdio[2] as AsyncIterable<Buffer>) said += chunk.toString();
  assert.notEqual((await child.ended).exitCode, 0);
  const error = failedBefore(said, { program });
  assert.deepEqual([error?.code, error?.what], ["TOOL_FAILED", "vmm could not be started"]);
  assert.match(error?.why ?? "", /^setpriv: /);
  assert.equal(failedBefore("vmm: setpriv: not a word of its own\n", { program }), undefined);
});
