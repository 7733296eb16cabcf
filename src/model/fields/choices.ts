/** `auto`: systemd where the image has it, else the agent. `systemd` installs it where it is missing. */
export const INIT_POLICIES = ["auto", "agent", "systemd"] as const;

export const VMMS = ["firecracker", "qemu"] as const;

/**
 * Ways to give a VM its own copy of a disk that others read too, cheapest first. A reflink shares blocks in the file
 * system, a qcow2 overlay names its base, device mapper keeps what differs in a file of the VM's, a sparse copy has it all
 * but the holes.
 */
export const DISK_STRATEGIES = ["reflink", "qcow2", "dm-snapshot", "sparse-copy"] as const;

/** How far a start waits: for the agent, for systemd's jobs too, or until the image's own check of its health succeeds. */
export const WAIT_TARGETS = ["agent", "system", "healthy"] as const;

/** When a command that a VM keeps running is run again. */
export const RESTART_POLICIES = ["no", "on-failure", "always"] as const;

/** Where a kernel's source is from. */
export const KERNEL_SOURCES = ["auto", "kernel.org", "debian"] as const;
