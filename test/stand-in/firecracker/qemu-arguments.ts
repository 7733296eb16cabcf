import { acceleratorOption } from "../../../src/vmm/qemu/accelerator.ts";
import { optionString } from "../../../src/vmm/qemu/option-string.ts";
import type { Balloon, Configuration, Drive, NetworkInterface, RateLimiter } from "./configuration.ts";

/** Where QEMU finds its control connection. */
export const MONITOR_FD = 3;

/**
 * Of QEMU's microvm, in the order in which a guest finds them. Bus N interrupts on line 5 + N; 8 is the clock's, 12 the
 * i8042's, which Firecracker has and a microvm is given for Ctrl-Alt-Del.
 */
const BUSES = [6, 5, 4, 2, 1, 0] as const;

/** COMMAND_LINE_SIZE of x86, which Firecracker keeps to, less what QEMU adds for its devices. */
const MAX_COMMAND_LINE_BYTES = 2047 - BUSES.length * 38;

export class TooLong extends Error {}

/**
 * The same machine as QEMU's arguments: what Firecracker would show its guest, on QEMU's emulated processor.
 *
 * @param vsockSocket where vhost-device-vsock serves QEMU, if the machine has a vsock.
 * @throws TooLong for a command line that does not fit.
 */
export function qemuArguments(configuration: Configuration, vsockSocket: string | undefined): readonly string[] {
  const { machine, boot, nics, serial } = configuration;
  const buses = BUSES.values();
  const device = (name: string, options: string): readonly string[] => {
    const { value: bus } = buses.next();
    if (bus === undefined) throw new Error("the stand-in's machine has no room for so many devices");
    return ["-device", `${name}-device,${options}bus=virtio-mmio-bus.${bus}`];
  };
  // The root is /dev/vda, whenever it came.
  const drives = configuration.drives.toSorted((a, b) => Number(b.is_root_device) - Number(a.is_root_device));
  return [
    ["-machine", "microvm,acpi=off,rtc=on,isa-serial=on,pit=on,pic=on,x-option-roms=off,memory-backend=memory"],
    ["-accel", acceleratorOption("tcg")],
    ["-cpu", "max"],
    ["-smp", String(machine.vcpu_count)],
    ["-m", `${machine.mem_size_mib}M`],
    // Shared, so that the vsock's program reaches the guest's rings.
    ["-object", `memory-backend-memfd,id=memory,size=${machine.mem_size_mib}M,share=on`],
    ["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
    ["-chardev", `socket,id=monitor,fd=${MONITOR_FD}`, "-mon", "chardev=monitor,mode=control"],
    ["-chardev", serialOption(serial?.serial_out_path), "-serial", "chardev:serial"],
    ["-device", "i8042"],
    ["-kernel", boot?.kernel_image_path ?? ""],
    ...(boot?.initrd_path === undefined ? [] : [["-initrd", boot.initrd_path]]),
    ["-append", commandLine(boot?.boot_args, drives)],
    ...drives.flatMap((drive) => driveOptions(drive, device)),
    ...nics.flatMap((nic, index) => nicOptions(nic, index, device)),
    ...(vsockSocket === undefined
      ? []
      : [
          ["-chardev", optionString("socket", { id: "vsock", path: vsockSocket })],
          device("vhost-user-vsock", "chardev=vsock,"),
        ]),
    ...(configuration.entropy === undefined
      ? []
      : [["-object", "rng-builtin,id=rng"], device("virtio-rng", "rng=rng,")]),
    ...(configuration.balloon === undefined ? [] : [device("virtio-balloon", balloonOptions(configuration.balloon))]),
  ].flat();
}

function balloonOptions({ free_page_reporting: reports = false }: Balloon): string {
  return reports ? "free-page-reporting=on," : "";
}

/** Firecracker's console is its standard input and output, unless it was given a file. */
function serialOption(path: string | undefined): string {
  return path === undefined ? "stdio,id=serial,signal=off" : optionString("file", { id: "serial", path });
}

/** Words that Firecracker puts in place of none, and those that it adds to all (src/vmm/src/builder.rs). */
function commandLine(asked: string | undefined, drives: readonly Drive[]): string {
  const given =
    asked ?? "reboot=k panic=1 nomodule 8250.nr_uarts=0 i8042.noaux i8042.nomux i8042.dumbkbd swiotlb=noforce";
  const root = drives.find((drive) => drive.is_root_device);
  const mode = root?.is_read_only === true ? "ro" : "rw";
  const words = [
    given,
    "pci=off",
    ...(root === undefined
      ? []
      : [root.partuuid === undefined ? "root=/dev/vda" : `root=PARTUUID=${root.partuuid}`, mode]),
    // Not Firecracker's: on a busy host an emulated timer can fail the kernel's check of it.
    "no_timer_check",
  ];
  const line = words.join(" ");
  if (Buffer.byteLength(line) > MAX_COMMAND_LINE_BYTES) throw new TooLong("the command line is too long");
  return line;
}

type PlaceDevice = (name: string, options: string) => readonly string[];

function driveOptions(drive: Drive, device: PlaceDevice): readonly (readonly string[])[] {
  const { drive_id: id, is_read_only: readOnly = false, rate_limiter: limiter } = drive;
  const raw = {
    driver: "raw",
    "node-name": id,
    "read-only": readOnly,
    // Firecracker locks no disk. Unsafe means that the guest's flushes go nowhere.
    file: { driver: "file", filename: drive.path_on_host, locking: "off", "read-only": readOnly },
    cache: { "no-flush": drive.cache_type !== "Writeback" },
  };
  const limits = limiter === undefined ? {} : throttle(limiter);
  if (Object.keys(limits).length === 0) {
    return [["-blockdev", JSON.stringify(raw)], device("virtio-blk", `drive=${id},`)];
  }
  const group = { "qom-type": "throttle-group", id: `limit_${id}`, limits };
  const limited = { driver: "throttle", "node-name": `limited_${id}`, "throttle-group": `limit_${id}`, file: id };
  return [
    ["-object", JSON.stringify(group)],
    ["-blockdev", JSON.stringify(raw)],
    ["-blockdev", JSON.stringify(limited)],
    device("virtio-blk", `drive=limited_${id},`),
  ];
}

/** Token buckets as QEMU's throttling has them: a rate, and what may come at once. */
function throttle({ bandwidth, ops }: RateLimiter): Readonly<Record<string, number>> {
  return {
    ...(bandwidth && { "bps-total": Math.round((bandwidth.size * 1000) / bandwidth.refill_time) }),
    ...(ops && { "iops-total": Math.round((ops.size * 1000) / ops.refill_time) }),
  };
}

/** QEMU has no bound for a card's bandwidth: a rate limiter of a NIC is held to its description, and not kept. */
function nicOptions(nic: NetworkInterface, index: number, device: PlaceDevice): readonly (readonly string[])[] {
  const mac = nic.guest_mac === undefined ? "" : `,mac=${nic.guest_mac}`;
  return [
    ["-netdev", optionString("tap", { id: `net${index}`, ifname: nic.host_dev_name, script: "no", downscript: "no" })],
    device("virtio-net", `netdev=net${index}${mac},`),
  ];
}
