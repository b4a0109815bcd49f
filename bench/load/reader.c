/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/reader.h"

#include <string.h>

#include "base/str.h"

void reader_reset(struct reader *reader)
{
	reader->state = READER_HEAD;
	reader->status = 0;
	reader->head_len = 0;
	reader->events = 0;
	reader->chunk_size = 0;
	reader->is_at_line_start = false;
}

static void break_off(struct reader *reader)
{
	reader->state = READER_BROKEN;
}

static void read_field(struct reader *reader, struct str line)
{
	struct str name;
	uint64_t size;

	if (!str_cut(&line, ':', &name))
		return;
	line = str_trim(line);
	if (str_eq_nocase(name, STR("content-length")) && str_to_u64(line, &size) == OK) {
		reader->state = size == 0 ? READER_DONE : READER_SIZED;
		reader->left = size;
	} else if (str_eq_nocase(name, STR("transfer-encoding"))) {
		reader->state = READER_CHUNK_LINE;
	} else if (str_eq_nocase(name, STR("connection"))) {
		reader->is_closing = str_eq_nocase(line, STR("close"));
	}
}

static void read_head(struct reader *reader)
{
	struct str rest = str_make(reader->head, reader->head_len);
	struct str line;
	uint64_t status;

	reader->state = READER_BROKEN;
	reader->is_closing = false;
	if (rest.len < 12 || str_to_u64(str_sub(rest, 9, 3), &status) != OK)
		return;
	reader->status = (unsigned)status;
	while (str_cut(&rest, '\n', &line))
		read_field(reader, str_sub(line, 0, line.len - (line.len > 0)));
}

static size_t feed_head(struct reader *reader, const char *in, size_t len)
{
	size_t room = sizeof(reader->head) - reader->head_len;
	size_t taken = len < room ? len : room;
	size_t before = reader->head_len;
	size_t from = before < 3 ? 0 : before - 3;
	const char *end;

	memcpy(reader->head + before, in, taken);
	end = memmem(reader->head + from, before + taken - from, "\r\n\r\n", 4);
	if (end == NULL) {
		reader->head_len += taken;
		if (reader->head_len == sizeof(reader->head))
			break_off(reader);
		return taken;
	}
	reader->head_len = (size_t)(end - reader->head) + 4;
	read_head(reader);
	return reader->head_len - before;
}

/* An event ends with an empty line. */
static void count_events(struct reader *reader, const char *ptr, size_t len)
{
	const char *end = ptr + len;

	while (ptr < end) {
		const char *feed = memchr(ptr, '\n', (size_t)(end - ptr));

		if (feed == NULL) {
			reader->is_at_line_start = false;
			return;
		}
		if (feed == ptr && reader->is_at_line_start)
			reader->events++;
		reader->is_at_line_start = true;
		ptr = feed + 1;
	}
}

static size_t feed_body(struct reader *reader, const char *in, size_t len, reader_piece_fn on_piece,
			void *arg)
{
	size_t taken = len < reader->left ? len : (size_t)reader->left;

	if (reader->state == READER_CHUNK_DATA)
		count_events(reader, in, taken);
	if (on_piece != NULL)
		on_piece(arg, in, taken);
	reader->left -= taken;
	if (reader->left == 0)
		reader->state = reader->state == READER_SIZED ? READER_DONE : READER_CHUNK_END;
	return taken;
}

static void feed_chunk_line(struct reader *reader, char c)
{
	unsigned digit;

	if (c == '\r')
		return;
	if (c == '\n') {
		reader->left = reader->chunk_size;
		reader->state = reader->left == 0 ? READER_TRAILER : READER_CHUNK_DATA;
		reader->chunk_size = 0;
		return;
	}
	digit = (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	if (digit > 15)
		break_off(reader);
	reader->chunk_size = reader->chunk_size << 4 | digit;
}

size_t reader_feed(struct reader *reader, const char *in, size_t len, reader_piece_fn on_piece,
		   void *arg)
{
	size_t at = 0;

	while (at < len && reader->state != READER_DONE && reader->state != READER_BROKEN) {
		switch (reader->state) {
		case READER_HEAD: at += feed_head(reader, in + at, len - at); break;
		case READER_SIZED:
		case READER_CHUNK_DATA:
			at += feed_body(reader, in + at, len - at, on_piece, arg);
			break;
		case READER_CHUNK_LINE: feed_chunk_line(reader, in[at++]); break;
		case READER_CHUNK_END:
			if (in[at++] == '\n')
				reader->state = READER_CHUNK_LINE;
			break;
		case READER_TRAILER:
			/* No trailers are expected: the empty line's feed ends the answer. */
			if (in[at++] == '\n')
				reader->state = READER_DONE;
			break;
		case READER_DONE:
		case READER_BROKEN: break;
		}
	}
	return at;
}
