import type { Memory } from "../store.ts";

/** Writes an object's row as it stands, past all steps: as another banger may have left it. */
export function putRow(
  { database }: Pick<Memory, "database">,
  table: string,
  object: { readonly id: string; readonly name: string; readonly [field: string]: unknown },
): void {
  database
    .prepare(`UPDATE ${table} SET name = :name, document = :document WHERE id = :id`)
    .run({ id: object.id, name: object.name, document: JSON.stringify(object) });
}
