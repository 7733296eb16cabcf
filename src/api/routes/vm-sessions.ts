import { z } from "zod";
import { guestSessionSchema, sessionNameSchema, terminalSizeSchema } from "../../model/session.ts";
import { route } from "../route.ts";
import { nothing, refInput } from "../schemas.ts";

const name = z.string().min(1).max(200).describe("of the session");
const sessionInput = z.strictObject({ ...refInput.shape, name });

/** What can be asked of the sessions in a running VM: commands that live there by themselves. */
export const vmSessionRoutes = {
  vmSessionCreate: route({
    kind: "call",
    method: "POST",
    path: "/v1/vms/{ref}/sessions",
    summary: "Start a session in a running VM: a command that goes on without client, daemon or agent",
    input: z.strictObject({
      ...refInput.shape,
      name: sessionNameSchema.optional().describe("made from the program's where it is absent"),
      command: z.array(z.string()).min(1).describe("its words, as they are"),
      env: z.record(z.string(), z.string()).default({}),
      cwd: z.string().default("").describe("the image's folder, or the user's home, where it is absent"),
      user: z.string().default("").describe("of the guest; the image's where it is absent"),
      terminal: z
        .strictObject({ ...terminalSizeSchema.shape, term: z.string().max(64).default("xterm-256color") })
        .optional()
        .describe("give it one of this size"),
      stdin: z.boolean().default(false).describe("keep its stdin open, to be sent to; a terminal always is"),
    }),
    result: guestSessionSchema,
  }),
  vmSessionList: route({
    kind: "call",
    method: "GET",
    path: "/v1/vms/{ref}/sessions",
    summary: "List the sessions in a running VM, those that have ended too",
    input: refInput,
    result: z.array(guestSessionSchema),
  }),
  vmSessionInspect: route({
    kind: "call",
    method: "GET",
    path: "/v1/vms/{ref}/sessions/{name}",
    summary: "Show a session",
    input: sessionInput,
    result: guestSessionSchema,
  }),
  vmSessionWait: route({
    kind: "call",
    method: "GET",
    path: "/v1/vms/{ref}/sessions/{name}/wait",
    summary: "Answer when a session has ended, with how it did",
    input: sessionInput,
    result: guestSessionSchema,
  }),
  vmSessionAttach: route({
    kind: "socket",
    method: "GET",
    path: "/v1/vms/{ref}/sessions/{name}/attach",
    summary: "Attach to a session (frames: see src/api/attach-frames.ts)",
    input: sessionInput,
    result: nothing,
  }),
  vmSessionLogs: route({
    kind: "text",
    method: "GET",
    path: "/v1/vms/{ref}/sessions/{name}/logs",
    summary: "Read what a session has printed, as far as that is kept",
    media: "application/octet-stream",
    input: sessionInput.extend({
      follow: z.boolean().default(false).describe("go on with what comes, until it ends"),
      since: z.iso.datetime({ offset: true }).optional().describe("leave out what is older, by the guest's clock"),
      stream: z.enum(["stdout", "stderr"]).optional().describe("only this one; both where it is absent"),
    }),
    result: z.string(),
  }),
  vmSessionExport: route({
    kind: "text",
    method: "GET",
    path: "/v1/vms/{ref}/sessions/{name}/asciicast",
    summary: "Read what a session has printed as a recording for asciinema (asciicast v2)",
    media: "application/x-asciicast",
    input: sessionInput,
    result: z.string(),
  }),
  vmSessionSend: route({
    kind: "upload",
    method: "PUT",
    path: "/v1/vms/{ref}/sessions/{name}/input",
    summary: "Write to a session's stdin or terminal, whoever is attached",
    media: "application/octet-stream",
    input: sessionInput.extend({
      end: z.boolean().default(false).describe("then end its stdin, or send the terminal's character for that"),
    }),
    result: z.strictObject({ bytes: z.number().int() }),
  }),
  vmSessionResize: route({
    kind: "call",
    method: "POST",
    path: "/v1/vms/{ref}/sessions/{name}/resize",
    summary: "Give a session's terminal another size",
    input: sessionInput.extend(terminalSizeSchema.shape),
    result: nothing,
  }),
  vmSessionSignal: route({
    kind: "call",
    method: "POST",
    path: "/v1/vms/{ref}/sessions/{name}/signal",
    summary: "Send a signal to the process group of a session's command",
    input: sessionInput.extend({
      signal: z.string().min(1).max(20).describe("by its name, with or without SIG, or its number"),
    }),
    result: nothing,
  }),
  vmSessionKill: route({
    kind: "call",
    method: "POST",
    path: "/v1/vms/{ref}/sessions/{name}/kill",
    summary: "Kill a session's command, and answer when it has ended",
    input: sessionInput,
    result: guestSessionSchema,
  }),
  vmSessionDelete: route({
    kind: "call",
    method: "DELETE",
    path: "/v1/vms/{ref}/sessions/{name}",
    summary: "Forget a session that has ended, with its log",
    input: sessionInput.extend({ force: z.boolean().default(false).describe("kill it first, if it runs") }),
    result: nothing,
  }),
};
