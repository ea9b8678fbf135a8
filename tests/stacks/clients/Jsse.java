// SPDX-License-Identifier: BSD-2-Clause
// Java's own TLS; the usage of pipe.h.

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Jsse {
	static void pump(InputStream from, OutputStream to) throws IOException {
		byte[] data = new byte[8192];
		int n;

		while ((n = from.read(data)) > 0) {
			to.write(data, 0, n);
			to.flush();
		}
	}

	static SSLContext context(String ca) throws Exception {
		KeyStore roots = KeyStore.getInstance("PKCS12");
		TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
		SSLContext context = SSLContext.getInstance("TLS");

		roots.load(null, null);
		try (InputStream in = new FileInputStream(ca)) {
			roots.setCertificateEntry("root", CertificateFactory
			    .getInstance("X.509").generateCertificate(in));
		}
		trust.init(roots);
		context.init(null, trust.getTrustManagers(), null);
		return context;
	}

	public static void main(String[] a) throws Exception {
		List<String> options = Arrays.asList(a).subList(4, a.length);
		Socket raw = new Socket(a[0], Integer.parseInt(a[1]));
		SSLSocket link = (SSLSocket) context(a[3]).getSocketFactory()
		    .createSocket(raw, a[2], raw.getPort(), true);
		SSLParameters p = link.getSSLParameters();

		p.setEndpointIdentificationAlgorithm("HTTPS");
		p.setServerNames(List.of(new SNIHostName(a[2])));
		if (options.contains("rsa")) {
			p.setProtocols(new String[] { "TLSv1.2" });
			p.setCipherSuites(new String[] {
			    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" });
		}
		link.setSSLParameters(p);
		try {
			link.startHandshake();
		} catch (IOException e) {
			System.err.println("end: " + e.getMessage());
			System.exit(1);
		}
		Thread out = new Thread(() -> {
			try {
				pump(System.in, link.getOutputStream());
			} catch (IOException e) {
				System.err.println("end: " + e.getMessage());
			}
			System.exit(0);
		});
		out.setDaemon(true);
		out.start();
		pump(link.getInputStream(), System.out);
	}
}
