/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scripted-model: a model server that speaks the gateway's dialects, does what
 * the model's name tells it, and keeps its own bill. tests/upstream/README.md is
 * the contract.
 *
 * usage: scripted-model [--listen ADDRESS:PORT] [--prices FILE] [--bill FILE] [--calls FILE]
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "tests/upstream/server.h"

struct settings {
	char address[64];
	uint16_t port;
	const char *prices, *bill, *calls;
};

struct saver {
	struct bill *bill;
	const char *path;
};

static void on_save(void *arg)
{
	struct saver *saver = arg;

	if (saver->path && !bill_save(saver->bill, saver->path))
		perror(saver->path);
}

static bool read_listen(struct settings *settings, const char *value)
{
	const char *colon = strrchr(value, ':');

	if (!colon || (size_t)(colon - value) >= sizeof(settings->address))
		return false;
	memcpy(settings->address, value, (size_t)(colon - value));
	settings->address[colon - value] = '\0';
	settings->port = (uint16_t)span_u64((struct span){colon + 1, strlen(colon + 1)});
	return true;
}

static bool read_settings(struct settings *settings, int argc, char **argv)
{
	static const struct option known[] = {{"listen", required_argument, NULL, 'l'},
					      {"prices", required_argument, NULL, 'p'},
					      {"bill", required_argument, NULL, 'b'},
					      {"calls", required_argument, NULL, 'c'},
					      {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'l':
			if (!read_listen(settings, optarg))
				return false;
			break;
		case 'p': settings->prices = optarg; break;
		case 'b': settings->bill = optarg; break;
		case 'c': settings->calls = optarg; break;
		default: return false;
		}
	}
	return optind == argc;
}

static int serve(const struct settings *settings, struct bill *bill, FILE *calls)
{
	struct saver saver = {bill, settings->bill};
	struct server *server = server_new(&(struct server_options){.address = settings->address,
								    .port = settings->port,
								    .bill = bill,
								    .calls = calls,
								    .on_save = on_save,
								    .arg = &saver});

	if (!server) {
		perror("scripted-model: cannot listen");
		return 3;
	}
	printf("listening %u\n", server_port(server));
	fflush(stdout);
	server_run(server);
	server_free(server);
	on_save(&saver);
	return 0;
}

int main(int argc, char **argv)
{
	struct settings settings = {.address = "127.0.0.1"};
	FILE *calls = NULL;
	struct bill *bill;
	int status = 3;

	if (!read_settings(&settings, argc, argv)) {
		fprintf(stderr, "usage: scripted-model [--listen ADDRESS:PORT] [--prices FILE] "
				"[--bill FILE]"
				" [--calls FILE]\n");
		return 2;
	}
	bill = bill_new();
	if (settings.prices && !bill_load_prices(bill, settings.prices)) {
		perror(settings.prices);
		goto out;
	}
	if (settings.calls) {
		calls = fopen(settings.calls, "a");
		if (!calls) {
			perror(settings.calls);
			goto out;
		}
	}
	status = serve(&settings, bill, calls);
out:
	if (calls)
		fclose(calls);
	bill_free(bill);
	return status;
}
