/* SPDX-License-Identifier: Apache-2.0 */
#include "certs.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static EVP_PKEY *make_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	ASSERT(key != NULL);
	return key;
}

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	ASSERT(extension != NULL);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

/* Signed by the issuer; without one, by itself as a CA. */
static X509 *make_cert(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
		       const char *alternatives)
{
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	int signed_bytes;

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), name[0]);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
				   -1, 0);
	X509_set_issuer_name(cert, issuer == NULL ? subject : X509_get_subject_name(issuer));
	X509_set_pubkey(cert, key);
	if (issuer == NULL)
		add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
	if (alternatives != NULL)
		add_extension(cert, NID_subject_alt_name, alternatives);
	signed_bytes = X509_sign(cert, issuer_key == NULL ? key : issuer_key, EVP_sha256());
	ASSERT(signed_bytes > 0);
	return cert;
}

static FILE *open_file(const struct certs *certs, const char *name, char path[static 96])
{
	FILE *file;

	snprintf(path, 96, "%s/%s.pem", certs->folder, name);
	file = fopen(path, "w");
	ASSERT(file != NULL);
	return file;
}

static void write_cert(const struct certs *certs, const char *name, X509 *cert,
		       char path[static 96])
{
	FILE *file = open_file(certs, name, path);

	PEM_write_X509(file, cert);
	fclose(file);
}

static void write_key(const struct certs *certs, const char *name, EVP_PKEY *key,
		      char path[static 96])
{
	FILE *file = open_file(certs, name, path);

	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
}

void certs_init(struct certs *certs)
{
	EVP_PKEY *keys[4] = {make_key(), make_key(), make_key(), make_key()};
	X509 *list[4];
	const char *made;

	snprintf(certs->folder, sizeof(certs->folder), "/tmp/test_tls.XXXXXX");
	made = mkdtemp(certs->folder);
	ASSERT(made != NULL);
	list[0] = make_cert("test CA", keys[0], NULL, NULL, NULL);
	list[1] = make_cert("server", keys[1], list[0], keys[0], "DNS:localhost,IP:127.0.0.1");
	list[2] = make_cert("client", keys[2], list[0], keys[0], NULL);
	list[3] = make_cert("stranger CA", keys[3], NULL, NULL, NULL);
	write_cert(certs, "ca", list[0], certs->ca);
	write_cert(certs, "server", list[1], certs->server);
	write_key(certs, "server_key", keys[1], certs->server_key);
	write_cert(certs, "client", list[2], certs->client);
	write_key(certs, "client_key", keys[2], certs->client_key);
	write_cert(certs, "stranger", list[3], certs->stranger);
	for (size_t i = 0; i < 4; i++) {
		X509_free(list[i]);
		EVP_PKEY_free(keys[i]);
	}
}

void certs_fini(struct certs *certs)
{
	unlink(certs->ca);
	unlink(certs->server);
	unlink(certs->server_key);
	unlink(certs->client);
	unlink(certs->client_key);
	unlink(certs->stranger);
	rmdir(certs->folder);
}
