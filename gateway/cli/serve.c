/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/serve.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "gateway/admin/admin.h"
#include "gateway/admin/metrics.h"
#include "gateway/cli/exit.h"
#include "gateway/cli/faults.h"
#include "gateway/config/config.h"
#include "gateway/identity/jwks_source.h"
#include "gateway/proxy/event.h"
#include "gateway/proxy/keeper.h"
#include "gateway/proxy/worker.h"

#define SERVE_WORKERS	     63 /* and one journal writer for main */
#define SERVE_LEDGER_STOP_MS 10000
#define SERVE_LEARN_START_MS 10000 /* for the ledger to catch up, before anybody can call */
#define SERVE_LEARN_MS	     1000
#define SERVE_RECORD_BYTES   65535
#define SERVE_DESCRIPTORS    16

struct server {
	const char *config_file;
	struct config *config;	/* the one in force */
	struct config *started; /* the one of the start: what a reload cannot change is from it */
	struct snapshot *snap;
	struct loop *loop;
	struct conn_env env;
	struct log log;
	struct dialects *dialects;
	struct peek_paths *peek_paths;
	struct rows_paths *rows_paths;
	struct journal *journal;
	struct journal_writer *writer;
	struct ledger *ledger;
	struct keeper *keeper;
	struct worker *workers[SERVE_WORKERS];
	size_t worker_count;
	size_t running;
	struct jwks_source **sources;
	size_t source_count;
	struct admin *admin;
	uint64_t reloads, failed_reloads;
	bool is_stopping;
};

/* Without a snapshot the configuration was at fault, with one it was the machine. */
static int print_faults(const struct server *server, const struct diags *all)
{
	faults_print(all);
	return server->snap == NULL ? EXIT_CODE_NO : EXIT_CODE_FAILED;
}

/* Journal ------------------------------------------------------------------------------- */

static enum err on_open_call(void *arg, const struct record *intent, const struct record *progress,
			     struct buf *out_settle)
{
	(void)arg;
	(void)progress;
	return event_recovered(out_settle, intent->payload, clock_wall_ns());
}

static void record_lifecycle(struct server *server, const char *what)
{
	static const struct record_key no_key;
	struct buf text, detail;
	uint64_t position;
	enum err err;

	buf_init(&text, SERVE_RECORD_BYTES);
	buf_init(&detail, SERVE_RECORD_BYTES);
	err = buf_printf(&detail, "\"version\":\"0.1.0\",\"epoch\":%u,\"config_hash\":",
			 journal_epoch(server->journal));
	if (err == OK)
		err = buf_append_json(&detail, server->snap->config_hash);
	if (err == OK)
		err = buf_append(&detail, STR(",\"policy_hash\":"));
	if (err == OK)
		err = buf_append_json(&detail, policy_set_hash(server->snap->rules->policies));
	if (err == OK)
		err = event_lifecycle(&text, server->snap->source, what, clock_wall_ns(),
				      buf_str(&detail));
	if (err == OK)
		err = journal_append(server->writer, RECORD_LIFECYCLE, &no_key, buf_str(&text),
				     &position);
	if (err != OK)
		log_error(&server->log, "lifecycle_unrecorded", "what=%s err=%s", what,
			  err_label(err));
	buf_fini(&detail);
	buf_fini(&text);
}

static enum err open_stores(struct server *server, struct diag *diag)
{
	struct config *config = server->config;
	enum err err;

	config->journal.on_open = on_open_call;
	config->journal.log = &server->log;
	err = journal_open(&config->journal, diag, &server->journal);
	if (err == OK)
		err = journal_writer_new(server->journal, NULL, &server->writer);
	if (err == OK)
		err = ledger_start(&config->ledger, server->journal, diag, &server->ledger);
	return err;
}

/* Snapshots -------------------------------------------------------------------------------- */

static void publish(struct server *server, struct snapshot *snap)
{
	struct snapshot *before = server->snap;

	server->snap = snap;
	keeper_take(server->keeper, snap);
	for (size_t i = 0; i < server->worker_count; i++)
		worker_send_snapshot(server->workers[i], snap);
	snapshot_unref(before);
}

static void on_keys(void *arg, size_t issuer, struct jwks *keys)
{
	struct server *server = arg;

	log_info(&server->log, "keys_changed", "issuer=%zu", issuer);
	publish(server, snapshot_with_keys(server->snap, issuer, keys));
}

static void stop_sources(struct server *server)
{
	for (size_t i = 0; i < server->source_count; i++)
		jwks_source_free(server->sources[i]);
	free(server->sources);
	server->sources = NULL;
	server->source_count = 0;
}

/* succeeded_ns, by source: when the keys that a reload carries over were read; NULL: none were. */
static void start_sources(struct server *server, const int64_t *succeeded_ns)
{
	const struct config *config = server->config;

	server->sources = base_alloc(sizeof(struct jwks_source *) * (config->key_source_count + 1));
	for (size_t i = 0; i < config->key_source_count; i++) {
		struct jwks_source_options options = config->key_sources[i];
		struct jwks *initial =
			authenticator_issuer(server->snap->auth, options.issuer)->keys;
		struct jwks_source *source = NULL;

		options.succeeded_ns = succeeded_ns == NULL ? 0 : succeeded_ns[i];
		if (jwks_source_new(&server->env, &server->log, &options, initial, on_keys, server,
				    &source) != OK) {
			log_error(&server->log, "key_source", "issuer=%zu", options.issuer);
			continue;
		}
		server->sources[server->source_count++] = source;
		/* Carried keys or none: the set is read anew. */
		if (str_is_set(options.url))
			jwks_source_refresh(source);
	}
}

static bool reads_same_set(const struct jwks_source_options *a, const struct jwks_source_options *b)
{
	return str_is_set(a->url) && str_eq(a->url, b->url) && str_eq(a->ca_file, b->ca_file) &&
	       a->algorithms == b->algorithms;
}

/* Fail static: a set that was fetched stays good over a reload until it is fetched again, and does
 * not grow younger by it. */
static void carry_keys(const struct server *server, const struct config *config,
		       struct snapshot **snap, int64_t *out_succeeded_ns)
{
	for (size_t i = 0; i < config->key_source_count; i++) {
		const struct jwks_source_options *to = &config->key_sources[i];

		for (size_t j = 0; j < server->source_count; j++) {
			const struct jwks_source_options *from = &server->config->key_sources[j];
			struct jwks *keys =
				authenticator_issuer(server->snap->auth, from->issuer)->keys;
			struct snapshot *with_keys;

			if (keys == NULL || !reads_same_set(from, to))
				continue;
			with_keys = snapshot_with_keys(*snap, to->issuer, keys);
			snapshot_unref(*snap);
			*snap = with_keys;
			out_succeeded_ns[i] =
				jwks_source_read_stat(server->sources[j]).succeeded_ns;
			break;
		}
	}
}

static void log_warnings(struct server *server, const struct config *config)
{
	char quoted[2 * CONFIG_WARNING_BYTES];

	for (size_t i = 0; i < config->warning_count; i++)
		log_warn(&server->log, "config_warning", "what=%s",
			 log_quote(str_from_c(config->warnings[i]), quoted, sizeof(quoted)));
}

/* A reload took the rest. */
static void log_restart(struct server *server, const struct config *config)
{
	char quoted[1024];
	struct buf names;

	buf_init(&names, sizeof(quoted) / 2);
	if (config_restart_options(server->started, config, &names) != OK || names.len > 0)
		log_warn(&server->log, "restart_needed", "options=%s",
			 log_quote(buf_str(&names), quoted, sizeof(quoted)));
	buf_fini(&names);
}

static enum err take_config(struct server *server, struct config *config, struct diags *all,
			    struct snapshot **out)
{
	uint64_t generation = server->snap == NULL ? 1 : server->snap->generation + 1;
	enum err err;

	/* Journal and ledger keep the name they were opened with. */
	config->snapshot.gateway_id = server->started->gateway_id;
	if (server->snap != NULL)
		config->snapshot.budgets_before = server->snap->rules->budgets;
	err = config_snapshot_all(config, generation, all, out);
	if (err != OK)
		return err;
	log_sink_set_level(server->log.sink, config->log_level);
	log_warnings(server, config);
	return OK;
}

static enum err reload(struct server *server, struct diags *all)
{
	struct config *config = NULL;
	struct snapshot *snap = NULL;
	int64_t *succeeded_ns;
	enum err err = config_load_all(server->config_file, all, &config);

	if (err == OK)
		err = take_config(server, config, all, &snap);
	if (err != OK) {
		config_free(config);
		server->failed_reloads++;
		return err;
	}
	succeeded_ns = base_alloc((config->key_source_count + 1) * sizeof(*succeeded_ns));
	carry_keys(server, config, &snap, succeeded_ns);
	stop_sources(server);
	keeper_learn(server->keeper, snap, SERVE_LEARN_MS);
	publish(server, snap);
	keeper_tell(server->keeper, &config->webhook);
	log_restart(server, config);
	if (server->config != server->started)
		config_free(server->config);
	server->config = config;
	start_sources(server, succeeded_ns);
	free(succeeded_ns);
	server->reloads++;
	record_lifecycle(server, "reload");
	log_info(&server->log, "reloaded", "config_hash=" STR_FMT, STR_ARG(snap->config_hash));
	return OK;
}

static void log_faults(struct server *server, const struct diags *all)
{
	char text[FAULT_BYTES], quoted[FAULT_BYTES + 100];

	for (size_t i = 0; i < all->count; i++) {
		(void)diag_print(&all->items[i], text, sizeof(text));
		log_error(&server->log, "reload_refused", "fault=%zu of=%zu why=%s", i + 1,
			  all->total, log_quote(str_from_c(text), quoted, sizeof(quoted)));
	}
}

static void on_hup(void *arg)
{
	struct server *server = arg;
	struct diags all;

	if (server->keeper == NULL)
		return; /* all workers have ended */
	diags_init(&all, CONFIG_FAULTS);
	if (reload(server, &all) != OK)
		log_faults(server, &all);
	diags_fini(&all);
}

struct key_message {
	struct loop_message message;
	size_t issuer;
};

static void take_unknown_key(struct loop_message *message, void *arg)
{
	struct server *server = arg;
	struct key_message *own = (struct key_message *)message;

	for (size_t i = 0; i < server->source_count && i < server->config->key_source_count; i++)
		if (server->config->key_sources[i].issuer == own->issuer)
			jwks_source_want(server->sources[i]);
	free(own);
}

/* On a worker's thread. */
static void on_unknown_key(void *arg, size_t issuer)
{
	struct server *server = arg;
	struct key_message *own = base_alloc(sizeof(*own));

	own->message.run = take_unknown_key;
	own->message.arg = server;
	own->issuer = issuer;
	loop_send(server->loop, &own->message);
}

/* Workers ------------------------------------------------------------------------------------ */

static void take_done(struct loop_message *message, void *arg)
{
	struct server *server = arg;

	free(message);
	if (--server->running > 0)
		return;
	admin_free(server->admin);
	server->admin = NULL;
	keeper_free(server->keeper);
	server->keeper = NULL;
	stop_sources(server);
	loop_stop(server->loop);
}

/* On the worker's thread, as its last act. */
static void on_worker_done(void *arg, struct worker *worker)
{
	struct server *server = arg;
	struct loop_message *message = base_alloc(sizeof(*message));

	(void)worker;
	message->run = take_done;
	message->arg = server;
	loop_send(server->loop, message);
}

/* Every worker has an own socket on every address; the kernel spreads the connections. */
static enum err bind_listener(struct server *server, struct str address, const char *name,
			      size_t count, int *out_fds, struct diag *diag)
{
	char text[128];
	struct str host = str_sub(address, 0, address.len);
	enum err err = listener_bind(address, diag, &out_fds[0]);

	if (err != OK)
		return err;
	while (host.len > 0 && host.ptr[host.len - 1] != ':')
		host.len--;
	(void)snprintf(text, sizeof(text), STR_FMT "%u", STR_ARG(host), listener_port(out_fds[0]));
	for (size_t i = 1; err == OK && i < count; i++)
		err = listener_bind(str_from_c(text), diag, &out_fds[i]);
	log_info(&server->log, "listening", "listener=%s address=%s", name, text);
	return err;
}

static enum err bind_listeners(struct server *server, struct worker_options *options, size_t count,
			       struct diag *diag)
{
	const struct config *config = server->config;

	for (size_t l = 0; l < config->listener_count; l++) {
		const struct config_listener *listener = &config->listeners[l];
		struct tls_context *tls = NULL;
		int fds[SERVE_WORKERS];
		enum err err = OK;

		if (listener->has_tls)
			err = tls_server_context_new(&listener->tls, diag, &tls);
		if (err == OK)
			err = bind_listener(server, listener->address,
					    listener->has_tls ? "https" : "http", count, fds, diag);
		if (err != OK) {
			tls_context_unref(tls);
			return err;
		}
		for (size_t w = 0; w < count; w++) {
			struct worker_listener *out = &options[w].listeners[l];

			out->fd = fds[w];
			out->tls = tls == NULL ? NULL : tls_context_ref(tls);
			options[w].listener_count = l + 1;
		}
		tls_context_unref(tls);
	}
	return OK;
}

/* A tenth of them, and sixteen of a few, are not for clients. */
static int descriptor_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= INT_MAX)
		return INT_MAX;
	return (int)limit.rlim_cur - MAX((int)limit.rlim_cur / 10, SERVE_DESCRIPTORS);
}

static enum err start_workers(struct server *server, struct diag *diag)
{
	struct worker_options *options;
	const struct config *config = server->config;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t count = config->workers > 0 ? config->workers : (size_t)MAX(cores, 1);
	enum err err;

	count = MIN(count, SERVE_WORKERS);
	options = base_alloc(count * sizeof(*options));
	err = bind_listeners(server, options, count, diag);
	for (size_t i = 0; err == OK && i < count; i++) {
		options[i].number = (unsigned)i;
		options[i].log = &server->log;
		options[i].session = config->session;
		options[i].connections = config->connections;
		options[i].descriptor_max = descriptor_max();
		options[i].token_cache = config->token_cache;
		options[i].dialects = server->dialects;
		options[i].peek_paths = server->peek_paths;
		options[i].rows_paths = server->rows_paths;
		options[i].on_unknown_key = on_unknown_key;
		options[i].on_done = on_worker_done;
		options[i].arg = server;
		err = worker_new(&options[i], server->snap, server->journal, &server->workers[i]);
		if (err == OK)
			server->worker_count++;
	}
	for (size_t i = 0; err == OK && i < count; i++) {
		err = worker_start(server->workers[i]);
		server->running++;
	}
	/* Each worker took references of its own. */
	for (size_t i = 0; i < count; i++)
		for (size_t l = 0; l < options[i].listener_count; l++)
			tls_context_unref(options[i].listeners[l].tls);
	free(options);
	return err;
}

/* Admin -----------------------------------------------------------------------------------------
 */

static bool on_is_ready(void *arg)
{
	struct server *server = arg;

	return !server->is_stopping && journal_admits(server->journal);
}

static enum err on_write_metrics(void *arg, struct buf *out)
{
	struct server *server = arg;
	struct metrics_sources sources = {
		.workers = server->workers,
		.worker_count = server->worker_count,
		.journal = server->journal,
		.ledger = server->ledger,
		.keeper = keeper_stats(server->keeper),
		.budgets = server->snap->rules->budgets,
		.reloads = server->reloads,
		.failed_reloads = server->failed_reloads,
		.authzen = admin_authzen_stats(server->admin),
	};

	return metrics_write(out, &sources);
}

static enum err on_reload(void *arg, struct diags *all)
{
	return reload(arg, all);
}

static const struct snapshot *on_snapshot(void *arg)
{
	const struct server *server = arg;

	return server->snap;
}

static const struct admin_ops admin_ops = {
	.snapshot = on_snapshot,
	.is_ready = on_is_ready,
	.write_metrics = on_write_metrics,
	.reload = on_reload,
};

static enum err start_admin(struct server *server, struct diag *diag)
{
	enum err err;
	int fd;

	if (!str_is_set(server->config->admin_address))
		return OK;
	err = bind_listener(server, server->config->admin_address, "admin", 1, &fd, diag);
	if (err == OK)
		server->admin = admin_new(&server->env, fd, &admin_ops, server);
	return err;
}

/* Life
 * --------------------------------------------------------------------------------------------- */

static void on_stop(void *arg)
{
	struct server *server = arg;

	if (server->is_stopping)
		return;
	server->is_stopping = true;
	log_info(&server->log, "draining", "timeout_ms=%lld",
		 (long long)server->config->drain_timeout_ms);
	for (size_t i = 0; i < server->worker_count; i++)
		worker_send_drain(server->workers[i], server->config->drain_timeout_ms);
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Before anybody can call: the ledger has what recovery settled. */
static void start_keeper(struct server *server)
{
	struct keeper_options options = {
		.env = &server->env,
		.log = &server->log,
		.journal = server->journal,
		.ledger = &server->started->ledger,
	};

	server->keeper = keeper_new(&options);
	keeper_tell(server->keeper, &server->config->webhook);
	keeper_learn(server->keeper, server->snap, SERVE_LEARN_START_MS);
	keeper_take(server->keeper, server->snap);
}

/* Journal, ledger and sockets: what the machine must give. */
static enum err start_threads(struct server *server, struct diag *diag)
{
	enum err err = open_stores(server, diag);

	if (err == OK)
		start_keeper(server);
	if (err == OK)
		err = loop_signal(server->loop, SIGHUP, on_hup, server);
	if (err == OK)
		err = loop_signal(server->loop, SIGTERM, on_stop, server);
	if (err == OK)
		err = loop_signal(server->loop, SIGINT, on_stop, server);
	if (err == OK)
		err = start_workers(server, diag);
	return err != OK ? err : start_admin(server, diag);
}

static enum err server_start(struct server *server, struct diags *all)
{
	struct diag diag = {0};
	enum err err = config_load_all(server->config_file, all, &server->config);

	server->started = server->config;
	if (err == OK)
		err = take_config(server, server->config, all, &server->snap);
	if (err != OK)
		return err;
	err = start_threads(server, &diag);
	if (err != OK)
		return diags_add(all, err, &diag);
	start_sources(server, NULL);
	record_lifecycle(server, "start");
	log_info(&server->log, "ready", "workers=%zu models=%zu policies=%zu epoch=%u",
		 server->worker_count, model_count(server->snap->rules->models),
		 policy_set_count(server->snap->rules->policies), journal_epoch(server->journal));
	return OK;
}

static int server_stop(struct server *server)
{
	int code = EXIT_CODE_FINE;

	for (size_t i = 0; i < server->worker_count; i++) {
		pthread_join(server->workers[i]->thread, NULL);
		worker_free(server->workers[i]);
	}
	record_lifecycle(server, "stop");
	(void)journal_wait(server->writer, UINT64_MAX, 0);
	if (!ledger_stop(server->ledger, SERVE_LEDGER_STOP_MS))
		log_warn(&server->log, "ledger_behind", "what=%s", "books on at the next start");
	if (journal_close(server->journal) != OK)
		code = EXIT_CODE_FAILED;
	log_info(&server->log, "stopped", "code=%d", code);
	return code;
}

static void server_init(struct server *server, const char *config_file)
{
	server->config_file = config_file;
	log_init(&server->log, NULL, NULL);
	log_set_sink(&server->log, log_sink_new(STDERR_FILENO));
	server->loop = loop_new();
	server->env = (struct conn_env){
		.loop = server->loop,
		.pool = queue_pool_new(64),
		.read_buffer = base_alloc(CONN_READ_BYTES),
		.log = &server->log,
	};
	server->dialects = dialects_new();
	server->peek_paths = peek_paths_new();
	server->rows_paths = rows_paths_new();
}

static void server_fini(struct server *server)
{
	snapshot_unref(server->snap);
	if (server->config != server->started)
		config_free(server->config);
	config_free(server->started);
	rows_paths_free(server->rows_paths);
	peek_paths_free(server->peek_paths);
	dialects_free(server->dialects);
	free(server->env.read_buffer);
	queue_pool_free(server->env.pool);
	loop_free(server->loop);
	log_sink_free(server->log.sink);
}

static const char usage[] = "usage: tollgate serve [--config FILE]\n"
			    "\n"
			    "Runs the gateway until SIGTERM or SIGINT; SIGHUP reloads.\n"
			    "  --config FILE  the main file (default tollgate.yaml)\n";

int cli_serve(int argc, char **argv)
{
	static const struct option longopts[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *file = "tollgate.yaml";
	struct server server = {0};
	struct diags all;
	int c, code;

	while ((c = getopt_long(argc, argv, "c:h", longopts, NULL)) != -1) {
		if (c == 'c') {
			file = optarg;
		} else {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_CODE_FINE : EXIT_CODE_USAGE;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return EXIT_CODE_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	server_init(&server, file);
	diags_init(&all, CONFIG_FAULTS);
	if (server_start(&server, &all) != OK) {
		/* Threads may run and sockets stand open: the process is the clean-up. */
		code = print_faults(&server, &all);
		exit(code);
	}
	diags_fini(&all);
	loop_run(server.loop);
	code = server_stop(&server);
	server_fini(&server);
	return code;
}
