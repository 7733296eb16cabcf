import { z } from "zod";

/** What a QMP server sends, one JSON object a line (docs/interop/qmp-spec.txt in QEMU's source). */
const greetingSchema = z.object({
  QMP: z.object({
    version: z.object({
      qemu: z.object({ major: z.number(), minor: z.number(), micro: z.number() }),
      package: z.string(),
    }),
  }),
});
const answerSchema = z.object({ return: z.unknown(), id: z.number() });
const errorSchema = z.object({
  error: z.object({ class: z.string(), desc: z.string() }),
  /** Absent when the server could not even parse what was asked. */
  id: z.number().optional(),
});
const eventSchema = z.object({
  event: z.string(),
  data: z.record(z.string(), z.unknown()).default({}),
});

export type QmpGreeting = z.infer<typeof greetingSchema>["QMP"];
export type QmpEvent = z.infer<typeof eventSchema>;

export type QmpMessage =
  | ({ readonly kind: "greeting" } & QmpGreeting)
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "error"; readonly id: number | undefined; readonly desc: string }
  | ({ readonly kind: "event" } & QmpEvent);

const messageSchema = z.union([
  greetingSchema.transform(({ QMP }): QmpMessage => ({ kind: "greeting", ...QMP })),
  eventSchema.transform((event): QmpMessage => ({ kind: "event", ...event })),
  errorSchema.transform(({ error, id }): QmpMessage => ({ kind: "error", id, desc: error.desc })),
  answerSchema.transform((answer): QmpMessage => ({ kind: "answer", id: answer.id, value: answer.return })),
]);

/** Reads one line; undefined when it is no message of QMP. */
export function parseQmpMessage(line: string): QmpMessage | undefined {
  try {
    return messageSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
