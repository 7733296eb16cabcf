import type { Fields } from "./field.ts";

/** What a VM may be given of its host's world. What is absent is left to the configuration. */
export const WORLD_FIELDS = {
  hostCa: {
    kind: "own",
    option: "host-ca",
    help: "give it the authorities that this host trusts beyond its distribution's",
    says: "whether it is given the certificate authorities that the host trusts beyond its distribution's",
  },
  hostCaFiles: {
    kind: "own",
    option: "host-ca",
    help: "files in which more of them are looked for, as whoever asks has them in SSL_CERT_FILE and the like",
  },
  hostProxy: {
    kind: "own",
    option: "host-proxy",
    help: "give it the proxies of this environment (http_proxy and so on)",
    says: "the proxies that it is given; false: none, whatever the configuration says",
  },
  timeZone: {
    kind: "text",
    max: 80,
    rules: [
      {
        pattern: /^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+){0,2}$/,
        refusal: "must be host, none, or a time zone as in Europe/Berlin",
      },
    ],
    option: "time-zone",
    value: "ZONE",
    help: "as in Europe/Berlin; host: this host's; none: the image's",
    says: "a zone of the time zone data base; host: that of the host, as each start finds it; none: the image's own",
  },
  locale: {
    kind: "text",
    max: 80,
    rules: [
      {
        pattern: /^[A-Za-z][A-Za-z0-9]{0,15}(?:_[A-Za-z0-9]{1,8})?(?:\.[A-Za-z0-9-]{1,20})?(?:@[A-Za-z0-9]{1,20})?$/,
        refusal: "must be host, none, or a locale as in de_DE.UTF-8",
      },
    ],
    option: "locale",
    value: "LANG",
    help: "as in de_DE.UTF-8; host: as it is here; none: the image's",
    says: "LANG, as in de_DE.UTF-8; none: the image's own",
  },
} as const satisfies Fields;
