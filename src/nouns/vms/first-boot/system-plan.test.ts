import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError } from "../../../lib/errors.ts";
import { parseOsRelease, systemOf } from "../../images/index.ts";
import { FAMILIES, planSystem, type Family, type SystemPlan } from "./system-plan.ts";
import { STEP_MARK, systemScript } from "./system-script.ts";

const TEXTS = join(import.meta.dirname, "../../../../test/fixtures/os-release");

function planFor(name: string): SystemPlan {
  return planSystem(systemOf(parseOsRelease(readFileSync(join(TEXTS, name), "utf8"))));
}

function unsupported(error: unknown): boolean {
  return error instanceof BangerError && error.code === "GUEST_UNSUPPORTED";
}

/** What each distribution's own os-release leads to. */
const EXPECTED: Readonly<Record<string, Family>> = {
  "debian-11": "debian",
  "debian-12": "debian",
  "debian-13": "debian",
  "ubuntu-22.04": "debian",
  "ubuntu-24.04": "debian",
  "linuxmint-22": "debian",
  kali: "debian",
  "alpine-3.20": "alpine",
  "fedora-41": "fedora",
  "rhel-9": "fedora",
  "rocky-9": "fedora",
  "almalinux-9": "fedora",
  "centos-stream-9": "fedora",
  "centos-7": "fedora",
  "oracle-9": "fedora",
  "amazon-2023": "fedora",
  arch: "arch",
  "opensuse-leap-15.6": "opensuse",
  "opensuse-tumbleweed": "opensuse",
};

for (const [name, family] of Object.entries(EXPECTED)) {
  test(`${name} gets its init by the means of ${family}`, () => {
    const plan = planFor(name);
    assert.equal(plan.family, family);
    assert.equal(plan.init, family === "alpine" ? "openrc" : "systemd");
  });
}

for (const name of ["void", "nixos-24.05", "devuan-5"]) {
  test(`${name} is refused by name`, () => {
    assert.throws(() => planFor(name), unsupported);
  });
}

test("without os-release, or with words that are no distribution's, nothing is guessed", () => {
  for (const os of [{}, { osId: "constructor" }, { osId: "x", osIdLike: "toString __proto__" }]) {
    assert.throws(() => planSystem(os), unsupported);
  }
});

test("a release from before systemd is refused", () => {
  assert.throws(() => planSystem({ osId: "centos", osVersion: "6.10" }), unsupported);
  assert.throws(() => planSystem({ osId: "ubuntu", osVersion: "14.04" }), unsupported);
});

test("the ID counts before its kin, and the closest kin before the rest", () => {
  assert.equal(planSystem({ osId: "ubuntu", osIdLike: "fedora" }).family, "debian");
  assert.equal(planSystem({ osId: "mine", osIdLike: "unknown arch debian" }).family, "arch");
});

test("apt asks nothing, takes no recommendations and starts no services", () => {
  const { env, steps } = planFor("debian-12");
  assert.equal(env["DEBIAN_FRONTEND"], "noninteractive");
  const commands = steps.flatMap((step) => (step.kind === "run" ? step.choices : []));
  const install = commands.find((command) => command.includes("install"));
  assert.deepEqual(install?.slice(-4), ["systemd", "systemd-sysv", "dbus", "openssh-server"]);
  assert.ok(install?.includes("--no-install-recommends"));
  const policy = steps.findIndex((step) => step.kind === "write" && step.path.endsWith("policy-rc.d"));
  const installed = steps.findIndex((step) => step.kind === "run" && step.choices.flat().includes("install"));
  const lifted = steps.findIndex((step) => step.kind === "remove" && step.paths[0]?.endsWith("policy-rc.d"));
  assert.ok(policy < installed && installed < lifted);
});

for (const family of FAMILIES) {
  const name = Object.keys(EXPECTED).find((known) => EXPECTED[known] === family) ?? "";
  test(`the script of ${family} is one that sh can read`, () => {
    const script = systemScript(planFor(name));
    execFileSync("sh", ["-n"], { input: script });
    assert.ok(script.includes(`${STEP_MARK}1/`));
  });
}

test("the script takes the first program that is there, and says which were missing", () => {
  const plan = planFor("fedora-41");
  const choice = plan.steps.find((step) => step.kind === "run" && step.choices.length > 1);
  assert.ok(choice?.kind === "run");
  const run = (choices: readonly (readonly string[])[]): string =>
    execFileSync("sh", ["-s"], {
      input: systemScript({ ...plan, steps: [{ ...choice, choices }] }).split("\n[ -x")[0],
      stdio: ["pipe", "pipe", "pipe"],
    }).toString();
  assert.match(
    run([
      ["no-such-program", "x"],
      ["printf", "%s", "it's $HOME"],
    ]),
    /it's \$HOME$/,
  );
  assert.throws(() => run([["no-such-program"], ["nor-this-one"]]), /none of no-such-program, nor-this-one is here/);
});

test("a status that is no failure lets the script go on, any other ends it with that status", () => {
  const { steps } = planFor("opensuse-tumbleweed");
  const install = steps.find((step) => step.kind === "run" && step.choices.flat().includes("install"));
  assert.ok(install?.kind === "run" && install.passes?.includes(107), "zypper: a package's script failed");
  const ended = (status: number): string => {
    const step = { ...install, choices: [["sh", "-c", `exit ${status}`]] };
    const plan = { ...planFor("opensuse-tumbleweed"), steps: [step] };
    const script = `${systemScript(plan).split("\n[ -x")[0]}\necho went on\n`;
    const { stdout, status: code } = spawnSync("sh", ["-s"], { input: script, encoding: "utf8" });
    return `${code} ${stdout.includes("went on")}`;
  };
  assert.deepEqual([0, 107, 104, 4].map(ended), ["0 true", "0 true", "104 false", "4 false"]);
});
