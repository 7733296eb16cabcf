import { createServer } from "node:http";

// usage: leading-server.ts ADDRESS PORT: leads whoever asks elsewhere. GET /to?URL answers with a redirect to the URL; a
// registry's paths want a token, for which the repository's name says where to ask: /v2/HEX-OF-URL/…
const [address, port] = process.argv.slice(2);
const server = createServer((request, response) => {
  const { url = "" } = request;
  if (url.startsWith("/to?")) {
    response.writeHead(302, { location: decodeURIComponent(url.slice(4)) }).end();
    return;
  }
  const [, realm = ""] = /^\/v2\/([0-9a-f]+)\//.exec(url) ?? [];
  const challenge = `Bearer realm="${Buffer.from(realm, "hex").toString()}",service="s"`;
  response.writeHead(401, { "www-authenticate": challenge }).end();
});
server.listen(Number(port), address, () => console.log("listening"));
