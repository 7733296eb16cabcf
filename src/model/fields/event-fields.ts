import type { Fields } from "./field.ts";
import { REF } from "./names.ts";

/** Which events are wanted. */
export const EVENT_FIELDS = {
  after: {
    kind: "number",
    min: 0,
    option: "after",
    help: "only what came after the event of this number",
    says: "those after this number; where it is absent, those from now on, or all that are kept",
  },
  noun: {
    kind: "text",
    max: 40,
    option: "noun",
    value: "NOUN",
    help: "only what happened to things of this kind: vm, image, kernel",
    says: "only what happened to things of this kind, as in `vm`",
  },
  ref: {
    ...REF,
    option: "of",
    value: "NAME",
    help: "only what happened to this one, by name or id",
  },
  step: {
    kind: "text",
    max: 40,
    option: "step",
    value: "STEP",
    help: "only events of this name, as in started, failed, deleted",
  },
} as const satisfies Fields;
