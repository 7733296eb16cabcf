import { runDaemon } from "./daemon.ts";
import { failure, tellReadiness } from "./readiness.ts";

// Our launcher means them for this process, which has read them: not for VMMs.
delete process.env["MALLOC_ARENA_MAX"];
delete process.env["MALLOC_TRIM_THRESHOLD_"];

// The end is ours to say: requests that are still open would keep the process, and what they began is recovered.
try {
  process.exit(await runDaemon(process.env));
} catch (error) {
  tellReadiness(failure(error));
  console.error(error);
  process.exit(1);
}
