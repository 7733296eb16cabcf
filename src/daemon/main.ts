import { closeInheritedDescriptors } from "../lib/inherited-descriptors.ts";
import { allFaultPoints } from "../core/faults.ts";
import { openStore } from "../nouns/store.ts";
import { builtInNouns } from "../nouns/built-in-nouns.ts";
import { runDaemon } from "./daemon.ts";
import { installation } from "./installation.ts";
import { failure, readyDescriptor, tellReadiness } from "./readiness.ts";

// Our launcher means them for this process, which has read them: not for VMMs.
delete process.env["MALLOC_ARENA_MAX"];
delete process.env["MALLOC_TRIM_THRESHOLD_"];

// VMMs outlive us: what somebody's shell had open here, a lock perhaps, is not theirs to keep.
closeInheritedDescriptors(new Set([readyDescriptor(process.env) ?? -1]));

// Tests hold this list against the places that they have visited.
if (process.argv[2] === "--fault-points") {
  builtInNouns(process.env, installation(process.env));
  openStore(":memory:")[Symbol.dispose]();
  console.log(allFaultPoints().join("\n"));
  process.exit(0);
}

// The end is ours to say: requests that are still open would keep the process, and what they began is recovered.
try {
  process.exit(await runDaemon(process.env, builtInNouns(process.env, installation(process.env))));
} catch (error) {
  tellReadiness(failure(error));
  console.error(error);
  process.exit(1);
}
