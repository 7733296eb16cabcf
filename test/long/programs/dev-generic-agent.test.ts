import { devSuite } from "./dev-suite.ts";

devSuite("generic-6.12", "agent");
