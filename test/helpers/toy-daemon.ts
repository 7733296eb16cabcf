import { runDaemon } from "../../src/daemon/daemon.ts";
import { eventNoun } from "../../src/nouns/events/event-noun.ts";
import { toyNoun } from "./toy-noun.ts";

/** A daemon of two nouns: one of banger's, and one that banger does not know. */
process.exit(await runDaemon(process.env, [eventNoun, toyNoun]));
