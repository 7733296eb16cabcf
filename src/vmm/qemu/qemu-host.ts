import type { Accel } from "../../model/vm.ts";

/** How the guest's devices are attached, as this host allows. */
export interface QemuHost {
  readonly accel: Accel;
  /** Context id for vhost-vsock (3 or more; vsock(7)); virtio-serial is used where it is absent. */
  readonly vsockCid?: number;
  /** Whether this QEMU was built with its system call filter; absent, it is left out. */
  readonly sandbox?: boolean;
  /** Rate of the time stamp counter, which is the guest's too under TCG. */
  readonly tscKhz?: number;
}
