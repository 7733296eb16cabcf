import type { BUILD_FIELDS, CONTAINERFILE_FIELDS, PULL_FIELDS, REGISTER_FIELDS } from "./image-fields.ts";
import type { KERNEL_BUILD_FIELDS, KERNEL_IMPORT_FIELDS, KERNEL_PULL_FIELDS } from "./kernel-fields.ts";
import type { CREATE_FIELDS, REBASE_FIELDS, RESIZE_FIELDS, START_FIELDS, STOP_FIELDS, VM_FIELDS } from "./vm-fields.ts";
import type { WORKSPACE_FIELDS, WORKSPACE_PULL_FIELDS } from "./workspace-fields.ts";

/** The fields that requests have, as far as errors speak of them. */
export type FieldName =
  | keyof typeof VM_FIELDS
  | keyof typeof CREATE_FIELDS
  | keyof typeof START_FIELDS
  | keyof typeof STOP_FIELDS
  | keyof typeof REBASE_FIELDS
  | keyof typeof RESIZE_FIELDS
  | keyof typeof PULL_FIELDS
  | keyof typeof BUILD_FIELDS
  | keyof typeof CONTAINERFILE_FIELDS
  | keyof typeof REGISTER_FIELDS
  | keyof typeof KERNEL_PULL_FIELDS
  | keyof typeof KERNEL_BUILD_FIELDS
  | keyof typeof KERNEL_IMPORT_FIELDS
  | keyof typeof WORKSPACE_FIELDS
  | keyof typeof WORKSPACE_PULL_FIELDS;

/**
 * The `data` of an error that speaks of fields of the request. Its text names them in backticks: who asked over HTTP reads
 * it as it is, and the command line puts its options in their place.
 */
export function aboutFields(...fields: readonly FieldName[]): { readonly fields: readonly FieldName[] } {
  return { fields };
}
