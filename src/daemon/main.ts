import { runDaemon } from "./daemon.ts";
import { failure, tellReadiness } from "./readiness.ts";

try {
  process.exitCode = await runDaemon(process.env);
} catch (error) {
  tellReadiness(failure(error));
  console.error(error);
  process.exitCode = 1;
}
