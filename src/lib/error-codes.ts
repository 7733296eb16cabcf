/**
 * Every error that banger tells a user about, in one table.
 *
 * `status` is the HTTP status of the API, `exit` the exit status of the CLI:
 * 1 something went wrong, 2 bad usage or input, 3 no such object, 4 conflict with what exists,
 * 5 the host lacks something, 6 the outside world (registry, mirror) failed, 7 the guest failed, 130 cancelled.
 */
export const ERROR_CODES = {
  // Requests
  BAD_REQUEST: { status: 400, exit: 2 },
  BAD_USAGE: { status: 400, exit: 2 },
  NAME_INVALID: { status: 400, exit: 2 },
  NAME_TAKEN: { status: 409, exit: 4 },
  CONFIG_INVALID: { status: 400, exit: 2 },
  CANCELLED: { status: 499, exit: 130 },
  TIMED_OUT: { status: 504, exit: 1 },
  INTERNAL: { status: 500, exit: 1 },
  OUTPUT_FAILED: { status: 500, exit: 1 },

  // Daemon
  DAEMON_UNREACHABLE: { status: 503, exit: 1 },
  DAEMON_START_FAILED: { status: 503, exit: 1 },
  DAEMON_ALREADY_RUNNING: { status: 409, exit: 4 },
  STATE_CORRUPT: { status: 500, exit: 1 },
  STATE_MISMATCH: { status: 409, exit: 4 },
  RECORD_BROKEN: { status: 409, exit: 4 },
  ORPHAN_NOT_FOUND: { status: 404, exit: 3 },
  EVENTS_GONE: { status: 410, exit: 1 },
  OPERATION_NOT_FOUND: { status: 404, exit: 3 },

  // Host
  TOOL_MISSING: { status: 503, exit: 5 },
  TOOL_FAILED: { status: 500, exit: 1 },
  DISK_FULL: { status: 507, exit: 5 },
  DISK_NO_STRATEGY: { status: 500, exit: 5 },
  PATH_TOO_LONG: { status: 400, exit: 2 },
  FILE_UNREADABLE: { status: 400, exit: 2 },

  // Kernels
  KERNEL_NOT_FOUND: { status: 404, exit: 3 },
  KERNEL_INVALID: { status: 400, exit: 2 },
  KERNEL_IN_USE: { status: 409, exit: 4 },
  KERNEL_NOT_SERVED: { status: 404, exit: 3 },
  KERNEL_UNTRUSTED: { status: 502, exit: 6 },
  KERNEL_BUILD_FAILED: { status: 500, exit: 1 },
  CATALOG_INVALID: { status: 502, exit: 6 },
  CATALOG_UNTRUSTED: { status: 502, exit: 6 },
  CATALOG_DOWNGRADED: { status: 502, exit: 6 },
  MIRROR_FAILED: { status: 502, exit: 6 },
  MIRROR_UNTRUSTED: { status: 502, exit: 6 },

  // Volumes
  VOLUME_NOT_FOUND: { status: 404, exit: 3 },
  VOLUME_IN_USE: { status: 409, exit: 4 },
  VOLUME_UNCLEAN: { status: 409, exit: 4 },

  // Images
  IMAGE_NOT_FOUND: { status: 404, exit: 3 },
  IMAGE_IN_USE: { status: 409, exit: 4 },
  IMAGE_UNMANAGED: { status: 409, exit: 4 },
  IMAGE_OUTDATED: { status: 409, exit: 4 },
  IMAGE_FILES_CHANGED: { status: 409, exit: 4 },
  BUILD_FAILED: { status: 500, exit: 7 },
  REFERENCE_INVALID: { status: 400, exit: 2 },
  REGISTRY_FAILED: { status: 502, exit: 6 },
  REGISTRY_UNREACHABLE: { status: 502, exit: 6 },
  REGISTRY_DENIED: { status: 502, exit: 6 },
  MANIFEST_NOT_FOUND: { status: 404, exit: 3 },
  MANIFEST_INVALID: { status: 502, exit: 6 },
  PLATFORM_MISSING: { status: 404, exit: 3 },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, exit: 6 },
  DIGEST_MISMATCH: { status: 502, exit: 6 },
  SIZE_MISMATCH: { status: 502, exit: 6 },
  LAYER_INVALID: { status: 502, exit: 6 },
  LAYER_TOO_LARGE: { status: 502, exit: 6 },
  ARCHIVE_INVALID: { status: 400, exit: 2 },
  ARTEFACT_INVALID: { status: 502, exit: 6 },

  // File systems
  EXT4_LIMIT: { status: 422, exit: 6 },
  EXT4_FULL: { status: 507, exit: 5 },
  EXT4_INVALID: { status: 422, exit: 2 },
  PATH_NOT_FOUND: { status: 404, exit: 3 },

  // VMs
  VM_NOT_FOUND: { status: 404, exit: 3 },
  VM_IN_USE: { status: 409, exit: 4 },
  VM_WRONG_STATE: { status: 409, exit: 4 },
  VM_NOT_READY: { status: 500, exit: 7 },
  VM_START_FAILED: { status: 500, exit: 7 },
  VM_SPEC_INVALID: { status: 400, exit: 2 },
  VM_UNRESPONSIVE: { status: 504, exit: 7 },
  VMM_FAILED: { status: 500, exit: 7 },
  VMM_CANNOT: { status: 409, exit: 4 },

  // Workspaces
  WORKSPACE_NOT_FOUND: { status: 404, exit: 3 },
  WORKSPACE_UNPULLED: { status: 409, exit: 4 },
  WORKSPACE_CONFLICT: { status: 409, exit: 4 },
  WORKSPACE_REFUSED: { status: 422, exit: 7 },
  WORKSPACE_WRONG_STATE: { status: 409, exit: 4 },
  REPOSITORY_UNFIT: { status: 422, exit: 2 },
  BRANCH_TAKEN: { status: 409, exit: 4 },
  GIT_FAILED: { status: 500, exit: 1 },
  GUEST_LACKS_GIT: { status: 422, exit: 7 },
  GUEST_GIT_FAILED: { status: 502, exit: 7 },

  // Networks
  NETWORK_UNAVAILABLE: { status: 503, exit: 5 },
  NETWORK_FAILED: { status: 500, exit: 1 },
  PORT_TAKEN: { status: 409, exit: 4 },

  // Guest
  AGENT_UNREACHABLE: { status: 502, exit: 7 },
  AGENT_PROTOCOL: { status: 502, exit: 7 },
  GUEST_UNSUPPORTED: { status: 422, exit: 2 },
  FIRST_BOOT_FAILED: { status: 500, exit: 7 },
  EXEC_FAILED: { status: 502, exit: 7 },
  FILE_DENIED: { status: 403, exit: 7 },
  FILE_EXISTS: { status: 409, exit: 4 },
  FILE_UNFIT: { status: 409, exit: 4 },
  FILE_FAILED: { status: 502, exit: 7 },
  GUEST_FULL: { status: 507, exit: 7 },

  // Sessions
  SESSION_NOT_FOUND: { status: 404, exit: 3 },
  SESSION_WRONG_STATE: { status: 409, exit: 4 },
  SESSION_BUSY: { status: 409, exit: 4 },
  SESSION_TAKEN: { status: 409, exit: 4 },
} as const satisfies Record<string, { status: number; exit: number }>;

export type ErrorCode = keyof typeof ERROR_CODES;

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
