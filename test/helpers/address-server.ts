import { createServer } from "node:http";

// usage: address-server.ts SAYS ADDRESS PORT: tells everyone who asks SAYS and the address that they came from.
const [says = "", address, port] = process.argv.slice(2);
const server = createServer((request, response) => response.end(`${says} ${request.socket.remoteAddress}\n`));
server.listen(Number(port), address, () => console.log("listening"));
