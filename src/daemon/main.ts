import { runDaemon } from "./daemon.ts";
import { failure, tellReadiness } from "./readiness.ts";

// Our launcher means it for this process, which has read it: not for VMMs.
delete process.env["MALLOC_ARENA_MAX"];

// The end is ours to say: requests that are still open would keep the process, and what they began is recovered.
try {
  process.exit(await runDaemon(process.env));
} catch (error) {
  tellReadiness(failure(error));
  console.error(error);
  process.exit(1);
}
