import assert from "node:assert/strict";
import { test } from "node:test";
import { absolutePath, absoluteReference } from "./local-paths.ts";

test("makes the paths of local sources absolute, and leaves references to registries alone", () => {
  assert.equal(absoluteReference("oci:dir:tag", "/home/me"), "oci:/home/me/dir:tag");
  assert.equal(absoluteReference("oci-archive:../app.tar", "/home/me"), "oci-archive:/home/app.tar");
  assert.equal(absoluteReference("docker-archive:/x.tar", "/home/me"), "docker-archive:/x.tar");
  assert.equal(absoluteReference("debian:bookworm", "/home/me"), "debian:bookworm");
  assert.equal(absoluteReference("localhost:5000/oci:1", "/home/me"), "localhost:5000/oci:1");
  assert.equal(absoluteReference("oci:", "/home/me"), "oci:");
  assert.equal(absolutePath("vmlinux", "/boot"), "/boot/vmlinux");
  assert.equal(absolutePath(undefined, "/boot"), undefined);
});
