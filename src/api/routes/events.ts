import { z } from "zod";
import { EVENT_FIELDS } from "../../model/fields/event-fields.ts";
import { shapeOf } from "../../model/fields/schema-of.ts";
import { eventSchema } from "../../model/event.ts";
import { operationViewSchema } from "../../model/operation.ts";
import { route } from "../route.ts";
import * as s from "../schemas.ts";

const eventsInput = z.strictObject(shapeOf(EVENT_FIELDS, {}));

const operationInput = z.strictObject({ id: z.string().min(1).max(60) });

/** What has happened, and what is under way. */
export const eventRoutes = {
  events: route({
    kind: "events",
    method: "GET",
    path: "/v1/events",
    summary: "Follow what happens to kernels, images and VMs, from a number on or from now on",
    input: eventsInput,
    result: eventSchema,
  }),
  eventList: route({
    kind: "call",
    method: "GET",
    path: "/v1/events/list",
    summary: "List what has happened since a number, as far as it is kept",
    input: eventsInput,
    result: z.array(eventSchema),
  }),
  operationList: route({
    kind: "call",
    method: "GET",
    path: "/v1/operations",
    summary: "List what is under way, and what ended last",
    input: s.noInput,
    result: z.array(operationViewSchema),
  }),
  operationCancel: route({
    kind: "call",
    method: "POST",
    path: "/v1/operations/{id}/cancel",
    summary: "Cancel what is under way, whoever began it",
    input: operationInput,
    result: operationViewSchema,
  }),
  operationFollow: route({
    kind: "operation",
    method: "GET",
    path: "/v1/operations/{id}/follow",
    summary: "Follow what another client began, to its end; to stop following cancels nothing",
    input: operationInput,
    result: z.unknown(),
  }),
};
