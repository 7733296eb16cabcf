import { runDaemon } from "./daemon.ts";
import { failure, tellReadiness } from "./readiness.ts";

// The end is ours to say: requests that are still open would keep the process, and what they began is recovered.
try {
  process.exit(await runDaemon(process.env));
} catch (error) {
  tellReadiness(failure(error));
  console.error(error);
  process.exit(1);
}
