import type { HostCheck } from "../../model/doctor.ts";
import type { FoundAuthorities } from "../authorities.ts";

/** @param find what this host trusts beyond its distribution. */
export function hostCaCheck(find: () => Promise<FoundAuthorities>): HostCheck {
  return {
    name: "host-ca",
    why: "guests trust what their image trusts; with --host-ca they are given the host's own authorities, too",
    essential: false,
    async look() {
      const { authorities, left } = await find();
      const names = authorities.map(({ name }) => name);
      const shown = names.slice(0, 3).join("; ");
      const more = names.length > 3 ? `; and ${names.length - 3} more` : "";
      const found = names.length === 0 ? "none beyond the distribution's" : `--host-ca would give ${shown}${more}`;
      const data = { authorities: names, left };
      if (left.length === 0) return { result: "ok", summary: found, data };
      return {
        result: "warn",
        summary: `${found}; left out: ${left.slice(0, 3).join("; ")}`,
        fix: "remove or mend what is left out, if guests are to have it",
        data,
      };
    },
  };
}
