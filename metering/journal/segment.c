/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   0  "tgjrnl" 0 1 | 8  number u64 | 16 first u64 | 24 open_from u64
 *   32 created i64  | 40 gateway u32 | 44 epoch u32 | 48 zeros | 60 CRC-32C
 */
#include "metering/journal/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crypt.h"

#define MAGIC	    "tgjrnl\0\1"
#define MAGIC_BYTES 8
#define SUFFIX	    ".segment"
#define WANT_FIRST  (16U << 10)

_Static_assert(RECORD_BYTES <= SEGMENT_BUFFER_BYTES, "a frame fits the buffer");

static void put_u64(uint8_t *out, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_u64(const uint8_t *in)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)in[i] << (8 * i);
	return v;
}

void segment_head_encode(const struct segment_head *head, uint8_t out[static SEGMENT_HEAD_BYTES])
{
	ASSERT(head->number > 0 && head->first > 0 && head->open_from <= head->first);
	memset(out, 0, SEGMENT_HEAD_BYTES);
	memcpy(out, MAGIC, MAGIC_BYTES);
	put_u64(out + 8, head->number);
	put_u64(out + 16, head->first);
	put_u64(out + 24, head->open_from);
	put_u64(out + 32, (uint64_t)head->created_ns);
	put_u64(out + 40, head->gateway | (uint64_t)head->epoch << 32);
	put_u64(out + 56, (uint64_t)crypt_crc32c(0, out, 60) << 32);
}

enum err segment_head_decode(const uint8_t in[static SEGMENT_HEAD_BYTES], struct segment_head *out)
{
	struct segment_head head;

	if (memcmp(in, MAGIC, MAGIC_BYTES) != 0)
		return ERR_DAMAGED;
	if (crypt_crc32c(0, in, 60) != (uint32_t)(get_u64(in + 56) >> 32))
		return ERR_DAMAGED;
	head = (struct segment_head){.number = get_u64(in + 8),
				     .first = get_u64(in + 16),
				     .open_from = get_u64(in + 24),
				     .created_ns = (int64_t)get_u64(in + 32),
				     .gateway = (uint32_t)get_u64(in + 40),
				     .epoch = (uint32_t)(get_u64(in + 40) >> 32)};
	if (head.number == 0 || head.first == 0 || head.open_from > head.first)
		return ERR_DAMAGED;
	*out = head;
	return OK;
}

enum err segment_path(const char *dir, uint64_t number, char out[static FILE_PATH_BYTES])
{
	int n = snprintf(out, FILE_PATH_BYTES, "%s/%010llu" SUFFIX, dir,
			 (unsigned long long)number);

	return n < 0 || n >= FILE_PATH_BYTES ? ERR_LIMIT : OK;
}

void segment_list_push(struct segment_list *list, const struct segment_head *head)
{
	if (list->count == list->cap) {
		size_t cap = list->cap == 0 ? 16 : list->cap * 2;
		struct segment_head *heads = base_alloc(cap * sizeof(*heads));

		if (list->count > 0)
			memcpy(heads, list->heads, list->count * sizeof(*heads));
		free(list->heads);
		list->heads = heads;
		list->cap = cap;
	}
	list->heads[list->count++] = *head;
}

void segment_list_shift(struct segment_list *list)
{
	ASSERT(list->count > 0);
	list->count--;
	memmove(list->heads, list->heads + 1, list->count * sizeof(*list->heads));
}

void segment_list_fini(struct segment_list *list)
{
	free(list->heads);
	*list = (struct segment_list){0};
}

size_t segment_list_find(const struct segment_list *list, uint64_t sequence)
{
	for (size_t i = list->count; i > 0; i--)
		if (list->heads[i - 1].first <= sequence)
			return i - 1;
	return list->count;
}

/* Notes the number in a name; other names in the folder are not ours to judge. */
static void on_name(void *arg, const char *name)
{
	struct segment_list *list = arg;
	struct str rest = str_from_c(name);
	struct segment_head head = {0};

	if (!str_has_suffix(rest, STR(SUFFIX)))
		return;
	rest.len -= sizeof(SUFFIX) - 1;
	if (str_to_u64(rest, &head.number) == OK && head.number > 0)
		segment_list_push(list, &head);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = ((const struct segment_head *)a)->number;
	uint64_t y = ((const struct segment_head *)b)->number;

	return (x > y) - (x < y);
}

static enum err list_read_head(struct files files, const char *dir, struct segment_head *head,
			       struct diag *diag)
{
	struct segment segment = {0};
	char path[FILE_PATH_BYTES];
	uint64_t number = head->number;
	enum err err = segment_path(dir, number, path);

	if (err == OK)
		err = segment_open(&segment, files, path, O_RDONLY);
	if (err == OK && segment.head.number != number)
		err = ERR_DAMAGED;
	if (err == OK)
		*head = segment.head;
	else if (err == ERR_DAMAGED)
		err = diag_set(diag, err, path, 0, 0,
			       "the head of this journal segment does not verify; restore the file "
			       "from a copy");
	else if (err != ERR_NOT_FOUND)
		err = diag_set(diag, err, path, 0, 0, "cannot read: %s", strerror(errno));
	segment_close(&segment);
	return err;
}

static enum err list_check(const char *dir, const struct segment_list *list, struct diag *diag)
{
	char path[FILE_PATH_BYTES];
	enum err err;

	for (size_t i = 1; i < list->count; i++) {
		const struct segment_head *before = &list->heads[i - 1];
		const struct segment_head *head = &list->heads[i];

		err = segment_path(dir, before->number + 1, path);
		if (err != OK)
			return err;
		if (head->number != before->number + 1)
			return diag_set(diag, ERR_DAMAGED, path, 0, 0,
					"this journal segment is missing; restore the file from a "
					"copy");
		if (head->gateway != before->gateway || head->first < before->open_from)
			return diag_set(diag, ERR_DAMAGED, path, 0, 0,
					"this journal segment does not follow the one before it "
					"(another gateway id?)");
	}
	return OK;
}

enum err segment_list_load(struct files files, const char *dir, struct diag *diag,
			   struct segment_list *out)
{
	struct segment_list list = {0};
	enum err err = OK;

	if (files.ops->list(files.arg, dir, on_name, &list) != 0) {
		err = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
		err = diag_set(diag, err, dir, 0, 0, "cannot list the journal: %s",
			       strerror(errno));
		goto out;
	}
	if (list.count > 1)
		qsort(list.heads, list.count, sizeof(*list.heads), by_number);
	for (size_t i = 0; i < list.count && err == OK;) {
		err = list_read_head(files, dir, &list.heads[i], diag);
		if (err == ERR_NOT_FOUND && i == 0) {
			segment_list_shift(&list); /* deleted by age since it was listed */
			err = OK;
			continue;
		}
		i++;
	}
	if (err == OK)
		err = list_check(dir, &list, diag);
	if (err == OK) {
		*out = list;
		return OK;
	}
out:
	segment_list_fini(&list);
	return err;
}

enum err segment_open(struct segment *segment, struct files files, const char *path, int flags)
{
	uint8_t head[SEGMENT_HEAD_BYTES];
	struct segment opened = {.files = files, .offset = SEGMENT_HEAD_BYTES, .want = WANT_FIRST};
	size_t len = 0;
	enum err err;

	opened.fd = files.ops->open(files.arg, path, flags);
	if (opened.fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	err = files_read(files, opened.fd, head, sizeof(head), 0, &len);
	if (err == OK)
		err = len == sizeof(head) ? segment_head_decode(head, &opened.head) : ERR_DAMAGED;
	if (err != OK) {
		files.ops->close(files.arg, opened.fd);
		return err;
	}
	snprintf(opened.path, sizeof(opened.path), "%s", path);
	*segment = opened;
	return OK;
}

void segment_close(struct segment *segment)
{
	if (segment->files.ops == NULL)
		return;
	segment->files.ops->close(segment->files.arg, segment->fd);
	free(segment->buffer);
	*segment = (struct segment){0};
}

static enum err segment_fill(struct segment *segment, size_t len)
{
	if (segment->buffer == NULL)
		segment->buffer = base_alloc(SEGMENT_BUFFER_BYTES);
	ASSERT(len <= SEGMENT_BUFFER_BYTES);
	segment->buffer_offset = segment->offset;
	segment->buffer_len = 0;
	return files_read(segment->files, segment->fd, segment->buffer, len, segment->offset,
			  &segment->buffer_len);
}

static enum err segment_decode(const struct segment *segment, struct record *out, size_t *out_size)
{
	size_t from = (size_t)(segment->offset - segment->buffer_offset);
	struct str view;

	if (segment->buffer == NULL || from >= segment->buffer_len)
		return ERR_NOT_FOUND;
	view = str_make((const char *)segment->buffer + from, segment->buffer_len - from);
	return record_decode(view, out, out_size);
}

/* What does not decode may only be read too early, or cut by the buffer: look again on the disk. */
enum err segment_next(struct segment *segment, struct record *out)
{
	struct record record;
	size_t size = 0;
	enum err err = segment_decode(segment, &record, &size);

	if (err != OK) {
		if (segment_fill(segment, segment->want) != OK)
			return ERR_IO;
		err = segment_decode(segment, &record, &size);
		if (err == ERR_LIMIT && segment->buffer_len == segment->want) {
			if (segment_fill(segment, SEGMENT_BUFFER_BYTES) != OK)
				return ERR_IO;
			err = segment_decode(segment, &record, &size);
		}
		segment->want =
			err == OK ? MIN(segment->want * 2, SEGMENT_BUFFER_BYTES) : WANT_FIRST;
	}
	if (err != OK)
		return err;
	*out = record;
	segment->offset += (off_t)size;
	return OK;
}

/* Payloads are JSON text, which holds no control bytes: a frame cannot be forged inside one. */
static bool is_proof(const struct segment *segment, struct str rest, uint64_t sequence)
{
	struct record record;
	size_t size;

	return record_decode(rest, &record, &size) == OK &&
	       record.gateway == segment->head.gateway && record.sequence - record.lead > sequence;
}

enum err segment_search(struct segment *segment, uint64_t sequence, bool *out_is_proved,
			off_t *out_end)
{
	off_t size = segment->files.ops->size(segment->files.arg, segment->fd);
	size_t len;
	char *bytes;
	bool is_proved = false;
	enum err err;

	if (size < 0)
		return ERR_IO;
	if (size <= segment->offset) {
		*out_is_proved = false;
		*out_end = segment->offset;
		return OK;
	}
	len = (size_t)(size - segment->offset);
	bytes = base_alloc(len);
	err = files_read(segment->files, segment->fd, bytes, len, segment->offset, &len);
	while (err == OK && len > 0 && bytes[len - 1] == 0)
		len--;
	for (size_t i = 0; err == OK && i < len && !is_proved; i++)
		is_proved = is_proof(segment, str_make(bytes + i, len - i), sequence);
	free(bytes);
	if (err != OK)
		return err;
	*out_is_proved = is_proved;
	*out_end = segment->offset + (off_t)len;
	return OK;
}
