import assert from "node:assert/strict";
import { test } from "node:test";
import type { OciConfig } from "../../../model/image.ts";
import type { ExecStart } from "../../../api/exec-frames.ts";
import { planExec } from "./exec-plan.ts";

const config: OciConfig = {
  env: ["PATH=/opt/bin:/bin", "A=image", "EMPTY"],
  user: "app",
  workingDir: "/srv",
  entrypoint: ["/entry"],
  cmd: ["--default"],
  exposedPorts: [],
  volumes: [],
  labels: {},
};
const vm = {
  name: "demo",
  spec: {
    vcpus: 1,
    memoryBytes: 1,
    nat: false,
    publish: [],
    allowHost: false,
    allowVms: false,
    env: { A: "vm", B: "vm" },
    init: "auto",
    vmm: "auto",
  },
} as const;
const start: ExecStart = { type: "start", env: {}, cwd: "", user: "" };

test("a command stands as it is, in the image's environment", () => {
  const plan = planExec({ ...start, argv: ["id"], env: { B: "exec" } }, vm, config);
  assert.deepEqual(plan, {
    argv: ["id"],
    env: { PATH: "/opt/bin:/bin", EMPTY: "", A: "vm", B: "exec" },
    cwd: "/srv",
    user: "app",
  });
});

test("without one the image's own runs, its CMD replaced by the words given", () => {
  assert.deepEqual(planExec(start, vm, config).argv, ["/entry", "--default"]);
  assert.deepEqual(planExec({ ...start, command: ["--other", "x"] }, vm, config).argv, ["/entry", "--other", "x"]);
});

test("an image that has none says so", () => {
  assert.throws(() => planExec(start, vm, { ...config, entrypoint: [], cmd: [] }), { code: "BAD_REQUEST" });
});

test("user and folder given win over the image's", () => {
  const plan = planExec({ ...start, argv: ["id"], user: "root", cwd: "/" }, vm, config);
  assert.equal(plan.user, "root");
  assert.equal(plan.cwd, "/");
});
