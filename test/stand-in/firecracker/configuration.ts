/** The bodies of requests, as the official description has them. Fields that nobody here reads are left out. */
export interface TokenBucket {
  readonly size: number;
  readonly refill_time: number;
}

export interface RateLimiter {
  readonly bandwidth?: TokenBucket;
  readonly ops?: TokenBucket;
}

export interface Drive {
  readonly drive_id: string;
  readonly path_on_host: string;
  readonly socket?: string;
  readonly is_root_device: boolean;
  readonly is_read_only?: boolean;
  readonly cache_type?: "Unsafe" | "Writeback";
  readonly partuuid?: string;
  readonly rate_limiter?: RateLimiter;
}

export interface NetworkInterface {
  readonly iface_id: string;
  readonly host_dev_name: string;
  readonly guest_mac?: string;
  readonly rx_rate_limiter?: RateLimiter;
  readonly tx_rate_limiter?: RateLimiter;
}

export interface BootSource {
  readonly kernel_image_path: string;
  readonly boot_args?: string;
  readonly initrd_path?: string;
}

export interface MachineConfiguration {
  readonly vcpu_count: number;
  readonly mem_size_mib: number;
  readonly smt?: boolean;
  readonly track_dirty_pages?: boolean;
  readonly huge_pages?: string;
}

export interface Vsock {
  readonly guest_cid: number;
  readonly uds_path: string;
}

export interface Balloon {
  readonly amount_mib: number;
  readonly deflate_on_oom: boolean;
  readonly stats_polling_interval_s?: number;
  readonly free_page_reporting?: boolean;
}

export interface MmdsConfig {
  readonly version?: "V1" | "V2";
  readonly network_interfaces: readonly string[];
  readonly ipv4_address?: string;
}

/** All that a microVM was told before it started, in the order in which its devices came. */
export interface Configuration {
  readonly machine: MachineConfiguration;
  readonly boot?: BootSource;
  readonly drives: readonly Drive[];
  readonly nics: readonly NetworkInterface[];
  readonly vsock?: Vsock;
  readonly balloon?: Balloon;
  readonly entropy?: { readonly rate_limiter?: RateLimiter };
  readonly serial?: { readonly serial_out_path?: string };
  readonly metrics?: { readonly metrics_path: string };
  readonly mmdsConfig?: MmdsConfig;
  readonly mmds?: unknown;
}

export const EMPTY: Configuration = { machine: { vcpu_count: 1, mem_size_mib: 128 }, drives: [], nics: [] };

/** The list with this item in place of the one of the same id, or behind the others. */
export function placed<T>(list: readonly T[], item: T, idOf: (item: T) => string): readonly T[] {
  const at = list.findIndex((other) => idOf(other) === idOf(item));
  return at === -1 ? [...list, item] : list.with(at, item);
}
