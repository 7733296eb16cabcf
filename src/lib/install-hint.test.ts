import assert from "node:assert/strict";
import { test } from "node:test";
import { installHint } from "./install-hint.ts";

test("names the package and the command of the distribution", () => {
  assert.equal(installHint("qemu", "ID=debian\n"), "sudo apt-get install qemu-system-x86");
  assert.equal(
    installHint("qemu", 'NAME="Rocky"\nID="rocky"\nID_LIKE="rhel centos fedora"\n'),
    "sudo dnf install qemu-system-x86-core",
  );
  assert.equal(installHint("ssh", "ID=linuxmint\nID_LIKE='ubuntu debian'\n"), "sudo apt-get install openssh-client");
});

test("names Debian's package where the distribution is unknown", () => {
  assert.equal(installHint("qemu", "ID=mine\n"), "install the package that Debian calls qemu-system-x86");
  assert.equal(installHint("qemu", ""), "install the package that Debian calls qemu-system-x86");
});
