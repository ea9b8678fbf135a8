// SPDX-License-Identifier: BSD-2-Clause
// Node's tls; the usage of pipe.h.  It judges the chain after the handshake.
"use strict";
const fs = require("fs");
const tls = require("tls");

const [host, port, name, ca, ...options] = process.argv.slice(2);
const settings = { host, port, servername: name, ca: fs.readFileSync(ca) };
if (options.includes("rsa")) {
	settings.maxVersion = "TLSv1.2";
	settings.ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
}
if (options.includes("tls1.0")) {
	settings.minVersion = settings.maxVersion = "TLSv1";
	settings.ciphers = "DEFAULT:@SECLEVEL=0";
}
const link = tls.connect(settings, () => {
	process.stdin.pipe(link);
	link.pipe(process.stdout);
});
link.on("error", (e) => {
	console.error("end: " + e.message);
	process.exit(1);
});
link.on("close", () => process.exit(0));
