import { devSuite } from "./dev-suite.ts";

devSuite("debian-cloud", "agent");
