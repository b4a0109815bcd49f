/* SPDX-License-Identifier: Apache-2.0 */
/* The publication: a real redis-server that is killed, cut, filled up and emptied. */
#include <arpa/inet.h>
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "metering/ledger/ledger.h"
#include "metering/ledger/report.h"
#include "metering/ledger/sheet.h"
#include "tape.h"

#define SERVER	 "/usr/bin/redis-server"
#define DRAIN_MS 60000
#define PASSWORD "s3cret/@"

/* A server and the state folder of one gateway, both in one folder. */
struct rig {
	struct tape tape;
	char folder[64];
	char url[64];
	char port[8];
	pid_t pid;
};

static void free_port(char out[static 8])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(out, 8, "%u", (unsigned)ntohs(at.sin_port));
	close(fd);
}

static redisContext *dial(const struct rig *rig)
{
	struct timeval limit = {.tv_sec = 2};
	uint64_t port = 0;
	redisContext *conn;
	redisReply *reply;

	assert_int_equal(str_to_u64(str_from_c(rig->port), &port), OK);
	conn = redisConnectWithTimeout("127.0.0.1", (int)port, limit);
	if (conn != NULL && conn->err == 0) {
		reply = redisCommand(conn, "AUTH %s", PASSWORD);
		if (reply != NULL)
			freeReplyObject(reply);
	}
	return conn;
}

static long long ask(const struct rig *rig, const char *fmt, ...)
{
	redisContext *conn = dial(rig);
	redisReply *reply = NULL;
	long long answer = -1;
	va_list list;

	va_start(list, fmt);
	if (conn != NULL && conn->err == 0)
		reply = redisvCommand(conn, fmt, list);
	va_end(list);
	if (reply != NULL && reply->type != REDIS_REPLY_ERROR)
		answer = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
	if (reply != NULL)
		freeReplyObject(reply);
	if (conn != NULL)
		redisFree(conn);
	return answer;
}

static void server_start(struct rig *rig)
{
	rig->pid = fork();
	assert_true(rig->pid >= 0);
	if (rig->pid == 0) {
		if (freopen("/dev/null", "w", stdout) == NULL)
			_exit(126);
		execl(SERVER, SERVER, "--port", rig->port, "--bind", "127.0.0.1", "--dir",
		      rig->folder, "--appendonly", "yes", "--appendfsync", "always", "--save", "",
		      "--requirepass", PASSWORD, "--aof-load-truncated", "yes",
		      "--auto-aof-rewrite-percentage", "0", "--logfile", "", (char *)NULL);
		_exit(127);
	}
	for (unsigned i = 0; i < 1000; i++) {
		if (ask(rig, "DBSIZE") >= 0)
			return;
		usleep(5000);
	}
	fail_msg("redis-server did not come up");
}

static void server_kill(struct rig *rig)
{
	if (rig->pid > 0) {
		kill(rig->pid, SIGKILL);
		waitpid(rig->pid, NULL, 0);
	}
	rig->pid = 0;
}

/* Takes the last bytes off the append-only file, as a lost write does. */
static void cut_tail(const struct rig *rig, off_t bytes)
{
	char folder[128], path[512];
	struct dirent *entry;
	struct stat file;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/appendonlydir", rig->folder);
	dir = opendir(folder);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (strstr(entry->d_name, ".incr.aof") != NULL && stat(path, &file) == 0)
			assert_int_equal(truncate(path, MAX(file.st_size - bytes, 0)), 0);
	}
	if (dir != NULL)
		closedir(dir);
}

static bool rig_init(struct rig *rig, size_t records, uint64_t seed)
{
	memset(rig, 0, sizeof(*rig));
	if (access(SERVER, X_OK) != 0) {
		printf("# SKIP redis: 1 case skipped, " SERVER " absent\n");
		return false;
	}
	tape_folder(rig->folder);
	tape_init(&rig->tape, records, seed);
	free_port(rig->port);
	snprintf(rig->url, sizeof(rig->url), "redis://127.0.0.1:%s", rig->port);
	server_start(rig);
	return true;
}

static void rig_fini(struct rig *rig)
{
	server_kill(rig);
	tape_fini(&rig->tape);
	tape_remove(rig->folder);
}

static struct ledger_options rig_options(struct rig *rig)
{
	return (struct ledger_options){
		.store = LEDGER_REDIS,
		.state = rig->folder,
		.gateway = "gw-1",
		.interval_ms = 5,
		.redis = {.url = rig->url, .password = PASSWORD, .timeout_ms = 500},
	};
}

static struct ledger *start_with(struct rig *rig, const struct ledger_options *options)
{
	struct ledger_source source = tape_source(&rig->tape);
	struct ledger *ledger = NULL;
	struct diag diag = {.line = 0};
	enum err err = ledger_start_from(options, &source, &diag, &ledger);

	if (err != OK)
		printf("# %s\n", diag.text);
	assert_int_equal(err, OK);
	return ledger;
}

static struct ledger *start(struct rig *rig)
{
	struct ledger_options options = rig_options(rig);

	return start_with(rig, &options);
}

static void assert_totals(struct rig *rig, struct str gateway)
{
	struct ledger_options options = rig_options(rig);
	void *store = NULL;

	assert_int_equal(ledger_redis_ops.open(&options, true, NULL, &store), OK);
	assert_int_equal(tape_compare(&rig->tape, &ledger_redis_ops, store, gateway), 0);
	ledger_redis_ops.close(store);
}

/* The itemised stream holds each settle record once, in order. */
static void assert_stream(struct rig *rig)
{
	redisContext *conn = dial(rig);
	redisReply *reply = redisCommand(conn, "XRANGE e:{gw-1} - +");
	size_t at = 0;

	assert_non_null(reply);
	assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
	for (size_t i = 0; i < rig->tape.count; i++) {
		const redisReply *item;
		char id[48];

		if (!str_is_set(rig->tape.payloads[i]))
			continue;
		assert_true(at < reply->elements);
		item = reply->element[at++];
		snprintf(id, sizeof(id), "%d-%zu", TAPE_EPOCH, i + 1);
		assert_string_equal(item->element[0]->str, id);
		assert_true(str_eq(str_from_c(item->element[1]->element[1]->str),
				   rig->tape.payloads[i]));
	}
	assert_int_equal(at, reply->elements);
	freeReplyObject(reply);
	redisFree(conn);
}

static void assert_all(struct rig *rig)
{
	assert_totals(rig, STR("gw-1"));
	assert_stream(rig);
}

static void test_redis__publishes_totals_and_items(void **state)
{
	static struct rig rig;

	(void)state;
	if (!rig_init(&rig, 3000, 11))
		skip();
	assert_true(ledger_stop(start(&rig), DRAIN_MS));
	assert_all(&rig);
	/* Once more: nothing changes. */
	assert_true(ledger_stop(start(&rig), DRAIN_MS));
	assert_all(&rig);
	rig_fini(&rig);
}

/* Kills with and without loss of the file's tail, which is mostly inside a transaction.
 * TOLLGATE_LEDGER_ROUNDS asks for more of them. */
static void kill_rounds(uint64_t rounds, off_t tail_bytes, uint64_t seed)
{
	static struct rig rig;
	const char *wanted = getenv("TOLLGATE_LEDGER_ROUNDS");
	struct ledger *ledger;

	if (wanted != NULL)
		assert_int_equal(str_to_u64(str_from_c(wanted), &rounds), OK);
	if (!rig_init(&rig, rounds * 200 + 500, seed))
		skip();
	atomic_store(&rig.tape.durable, 0);
	ledger = start(&rig);
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < 40; i++) {
			atomic_store(&rig.tape.durable,
				     MIN(rig.tape.count, atomic_load(&rig.tape.durable) + 5));
			ledger_wake(ledger);
			usleep(1000 + (useconds_t)(tape_random(&seed) % 1000));
		}
		server_kill(&rig);
		if (tail_bytes > 0)
			cut_tail(&rig, (off_t)(tape_random(&seed) % (uint64_t)tail_bytes));
		server_start(&rig);
	}
	atomic_store(&rig.tape.durable, rig.tape.count);
	printf("# rewinds %llu, errors %llu\n",
	       (unsigned long long)stat_read(&ledger_stats(ledger)->rewinds),
	       (unsigned long long)stat_read(&ledger_stats(ledger)->errors));
	assert_true(ledger_stop(ledger, DRAIN_MS));
	assert_all(&rig);
	/* What the file says after one more start, when a torn transaction would run. */
	server_kill(&rig);
	server_start(&rig);
	assert_all(&rig);
	rig_fini(&rig);
}

static void test_redis__survives_kills(void **state)
{
	(void)state;
	kill_rounds(8, 0, 12);
}

static void test_redis__survives_a_torn_tail(void **state)
{
	(void)state;
	kill_rounds(12, 6000, 13);
}

static void test_redis__survives_losing_everything(void **state)
{
	static struct rig rig;
	struct ledger *ledger;

	(void)state;
	if (!rig_init(&rig, 2000, 14))
		skip();
	atomic_store(&rig.tape.durable, rig.tape.count / 2);
	ledger = start(&rig);
	while (stat_read(&ledger_stats(ledger)->published_seq) < rig.tape.count / 2)
		usleep(1000);
	assert_int_equal(ask(&rig, "FLUSHALL"), 0);
	atomic_store(&rig.tape.durable, rig.tape.count);
	assert_true(ledger_stop(ledger, DRAIN_MS));
	assert_all(&rig);
	rig_fini(&rig);
}

/* Found by the kill loop: a tail lost while there was nothing to send was missed until the next
 * call. */
static void test_redis__finds_a_loss_while_nothing_is_sent(void **state)
{
	static struct rig rig;
	const struct ledger_stats *stats;
	struct ledger *ledger;

	(void)state;
	if (!rig_init(&rig, 500, 17))
		skip();
	ledger = start(&rig);
	stats = ledger_stats(ledger);
	while (stat_read(&stats->published_seq) < rig.tape.count)
		usleep(1000);
	assert_int_equal(ask(&rig, "FLUSHALL"), 0);
	for (unsigned i = 0; i < 20000 && stat_read(&stats->rewinds) == 0; i++)
		usleep(1000);
	assert_int_equal(stat_read(&stats->rewinds), 1);
	assert_true(ledger_stop(ledger, DRAIN_MS));
	assert_all(&rig);
	rig_fini(&rig);
}

static void test_redis__books_while_it_is_away(void **state)
{
	static struct rig rig;
	struct ledger *ledger;

	(void)state;
	if (!rig_init(&rig, 2000, 15))
		skip();
	server_kill(&rig);
	ledger = start(&rig);
	while (stat_read(&ledger_stats(ledger)->booked_seq) < rig.tape.count)
		usleep(1000);
	assert_false(ledger_stop(ledger, 300));
	server_start(&rig);
	assert_true(ledger_stop(start(&rig), DRAIN_MS));
	assert_all(&rig);
	rig_fini(&rig);
}

static const struct {
	const char *name;
	const char *make;
	const char *mend;
} refusals[] = {
	{"OOM", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"},
	{"READONLY", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"},
	{"NOREPLICAS", "CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"},
	{"NOSCRIPT", "SCRIPT FLUSH", "PING"},
	{"killed connections", "CLIENT KILL TYPE normal", "PING"},
	{"no answer in time", "CLIENT PAUSE 900 ALL", "CLIENT UNPAUSE"},
	{"NOAUTH", "CONFIG SET requirepass other", "CONFIG SET requirepass s3cret/@"},
};

/* Each refusal counts as not applied: the totals are right once it is over. */
static void test_redis__takes_every_error_as_not_applied(void **state)
{
	static struct rig rig;
	struct ledger *ledger;
	size_t part;

	(void)state;
	if (!rig_init(&rig, 2100, 16))
		skip();
	part = rig.tape.count / ARRAY_LEN(refusals);
	atomic_store(&rig.tape.durable, 0);
	ledger = start(&rig);
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		redisContext *conn = dial(&rig);
		redisReply *reply = redisCommand(conn, refusals[i].make);

		printf("# %s\n", refusals[i].name);
		if (reply != NULL)
			freeReplyObject(reply);
		atomic_fetch_add(&rig.tape.durable, part);
		usleep(150000);
		reply = redisCommand(conn, refusals[i].mend);
		if (reply != NULL)
			freeReplyObject(reply);
		redisFree(conn);
		while (stat_read(&ledger_stats(ledger)->published_seq) < (i + 1) * part)
			usleep(1000);
	}
	atomic_store(&rig.tape.durable, rig.tape.count);
	assert_true(stat_read(&ledger_stats(ledger)->errors) >= ARRAY_LEN(refusals) - 1);
	assert_true(ledger_stop(ledger, DRAIN_MS));
	assert_all(&rig);
	rig_fini(&rig);
}

/* A second book under the same id that is behind: it must not lower anything. */
static void test_redis__a_shorter_book_of_the_same_id_is_fenced(void **state)
{
	static struct rig rig;
	struct ledger_options options;
	char other[64];

	(void)state;
	if (!rig_init(&rig, 1000, 17))
		skip();
	assert_true(ledger_stop(start(&rig), DRAIN_MS));
	tape_folder(other);
	options = rig_options(&rig);
	options.state = other;
	atomic_store(&rig.tape.durable, 300);
	assert_false(ledger_stop(start_with(&rig, &options), 400));
	assert_all(&rig);
	tape_remove(other);
	rig_fini(&rig);
}

static void test_redis__two_gateways_stand_beside_each_other(void **state)
{
	static struct rig rig;
	struct ledger_options options;
	char other[64];

	(void)state;
	if (!rig_init(&rig, 600, 18))
		skip();
	assert_true(ledger_stop(start(&rig), DRAIN_MS));
	tape_folder(other);
	options = rig_options(&rig);
	options.state = other;
	options.gateway = "gw-2";
	assert_true(ledger_stop(start_with(&rig, &options), DRAIN_MS));
	assert_totals(&rig, STR("gw-1"));
	assert_totals(&rig, STR("gw-2"));
	tape_remove(other);
	rig_fini(&rig);
}

static void write_report(const struct ledger_options *options, struct buf *out)
{
	struct report_query query = {.by_count = 0};
	struct report *report = NULL;
	struct diag diag = {.line = 0};

	assert_int_equal(report_parse_by(STR("bu,principal,model,meter,price,rate"), &diag, &query),
			 OK);
	assert_int_equal(report_parse_month(STR("2026-11"), &diag, &query), OK);
	assert_int_equal(report_new(&query, options, &diag, &report), OK);
	assert_true(report->group_count > 100);
	report->standing.as_of_s = 1;
	assert_int_equal(sheet_print(report, SHEET_JSON, SHEET_DECIMALS, out), OK);
	report_free(report);
}

static void test_redis__reports_what_the_book_reports(void **state)
{
	static struct rig rig;
	struct ledger_options options;
	struct buf here, there;

	(void)state;
	if (!rig_init(&rig, 3000, 19))
		skip();
	buf_init(&here, 1U << 24);
	buf_init(&there, 1U << 24);
	assert_true(ledger_stop(start(&rig), DRAIN_MS));
	options = rig_options(&rig);
	write_report(&options, &there);
	options.store = LEDGER_SQLITE;
	write_report(&options, &here);
	assert_true(str_eq(buf_str(&here), buf_str(&there)));
	buf_fini(&here);
	buf_fini(&there);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redis__publishes_totals_and_items),
		cmocka_unit_test(test_redis__survives_kills),
		cmocka_unit_test(test_redis__survives_a_torn_tail),
		cmocka_unit_test(test_redis__survives_losing_everything),
		cmocka_unit_test(test_redis__finds_a_loss_while_nothing_is_sent),
		cmocka_unit_test(test_redis__books_while_it_is_away),
		cmocka_unit_test(test_redis__takes_every_error_as_not_applied),
		cmocka_unit_test(test_redis__a_shorter_book_of_the_same_id_is_fenced),
		cmocka_unit_test(test_redis__two_gateways_stand_beside_each_other),
		cmocka_unit_test(test_redis__reports_what_the_book_reports),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
