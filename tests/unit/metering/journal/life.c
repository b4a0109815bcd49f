/* SPDX-License-Identifier: Apache-2.0 */
#include "life.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static struct log quiet;
static int quiet_fd = -1;

int life_set_up(void **state)
{
	(void)state;
	quiet_fd = open("/dev/null", O_WRONLY);
	log_init(&quiet, NULL, NULL);
	log_set_sink(&quiet, log_sink_new(quiet_fd));
	return 0;
}

int life_tear_down(void **state)
{
	(void)state;
	log_sink_free(quiet.sink);
	close(quiet_fd);
	return 0;
}

struct record_key life_key(unsigned call)
{
	struct record_key key = {.attempt = 1};

	memcpy(key.call + 12, &call, sizeof(call));
	return key;
}

unsigned life_call(const struct record *record)
{
	unsigned call;

	memcpy(&call, record->key.call + 12, sizeof(call));
	return call;
}

static enum err settle_recovered(void *arg, const struct record *intent,
				 const struct record *progress, struct buf *out)
{
	unsigned *count = arg;

	assert_int_equal(intent->type, RECORD_INTENT);
	if (count != NULL)
		(*count)++;
	return buf_printf(out, "{\"recovered\":%u,\"progress\":" STR_FMT "}", life_call(intent),
			  STR_ARG(progress == NULL ? STR("null") : progress->payload));
}

struct journal_options life_options(struct disk *disk, unsigned *recovered)
{
	return (struct journal_options){.state = "state",
					.gateway = STR("gw-1"),
					.segment_bytes = LIFE_SEGMENT,
					.files = disk_files(disk),
					.log = &quiet,
					.on_open = settle_recovered,
					.arg = recovered};
}

enum err life_open(struct disk *disk, unsigned *recovered, struct journal **out)
{
	struct diag diag = {0};
	struct journal_options options = life_options(disk, recovered);
	enum err err = journal_open(&options, &diag, out);

	if (err != OK && !disk_is_dead(disk))
		print_message("# %s: %s\n", diag.file, diag.text);
	return err;
}

uint64_t life_append(struct journal_writer *writer, enum record_type type, unsigned call,
		     size_t len)
{
	struct record_key key = life_key(call);
	uint64_t position = 0;
	char *text = malloc(len);

	memset(text, 'a' + (int)(call % 26), len);
	assert_int_equal(journal_append(writer, type, &key, str_make(text, len), &position), OK);
	free(text);
	return position;
}

void life_append_durably(struct journal_writer *writer, enum record_type type, unsigned call,
			 size_t len)
{
	assert_true(journal_wait(writer, life_append(writer, type, call, len), LIFE_WAIT_MS));
}

void life_see(struct seen *seen, const struct record *record)
{
	unsigned call = life_call(record);

	assert_true(call < LIFE_CALLS);
	if (record->type == RECORD_INTENT)
		seen->intents[call]++;
	if (record->type == RECORD_SETTLE)
		seen->settles[call]++;
	seen->records++;
	for (size_t i = 0; i < record->payload.len; i++)
		seen->digest =
			seen->digest * 1099511628211U + (unsigned char)record->payload.ptr[i];
}

/* Reads it all as another process would, and checks that the sequence has no gap. */
enum io life_read_all(struct disk *disk, struct seen *seen)
{
	struct cursor *cursor = NULL;
	struct record record;
	struct diag diag;
	uint64_t next = 0;
	enum io io;

	memset(seen, 0, sizeof(*seen));
	assert_int_equal(journal_cursor_open_files(disk_files(disk), "state", 0, &diag, &cursor),
			 OK);
	while ((io = cursor_next(cursor, &record)) == IO_DONE) {
		assert_true(next == 0 || record.sequence == next);
		next = record.sequence + 1;
		life_see(seen, &record);
	}
	cursor_free(cursor);
	return io;
}
